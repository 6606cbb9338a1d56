#include "visit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "check.h"
#include "pattern.h"

enum {
    VISIT_KEPT_BYTES = 65536,
    VISIT_STALL_MS = 300,
    VISIT_CHUNK_BYTES = 16000,
};

/* How far the body of a request was read. */
struct intake {
    struct stub_request *request;
    uint64_t left; /* bytes of the body, or of the chunk */
    bool chunked;
    bool done;
    bool counted;
};

/* Waits for `events` on the socket, at most `ms` (-1: no limit): >0 when they are there, 0 when the
 * time is over, -1 when the stub stops. A gate that opens ends the wait with `events` 0. */
static int visit_poll(struct visit *v, short events, int ms)
{
    struct pollfd polled[2] = {{v->channel.fd, events, 0}, {v->wake, POLLIN, 0}};
    for (;;) {
        if (stub_is_stopping(v->stub))
            return -1;
        int n = poll(polled, 2, ms);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n <= 0)
            return 0;
        if (polled[1].revents) {
            eventfd_t ignored;
            eventfd_read(v->wake, &ignored);
            if (!polled[0].revents && stub_is_stopping(v->stub))
                return -1;
        }
        if (polled[0].revents)
            return 1;
        if (events == POLLRDHUP)
            return 0;
    }
}

/* Reads more into v->in; false at the end of the connection. */
static bool visit_fill(struct visit *v)
{
    if (v->in_start == v->in_end)
        v->in_start = v->in_end = 0;
    if (v->in_end == sizeof(v->in)) {
        memmove(v->in, v->in + v->in_start, v->in_end - v->in_start);
        v->in_end -= v->in_start;
        v->in_start = 0;
    }
    for (;;) {
        ssize_t n = channel_read(&v->channel, v->in + v->in_end, sizeof(v->in) - v->in_end);
        if (n > 0) {
            v->in_end += (size_t)n;
            return true;
        }
        if (n != CHANNEL_AGAIN || visit_poll(v, v->channel.wants, -1) < 0)
            return false;
    }
}

/* Reads a line with its CRLF and adds it to `to`. */
static bool visit_line(struct visit *v, struct bytes *to)
{
    for (;;) {
        char *from = v->in + v->in_start;
        char *end = memchr(from, '\n', v->in_end - v->in_start);
        size_t n = end ? (size_t)(end - from) + 1 : v->in_end - v->in_start;
        bytes_add(to, from, n);
        v->in_start += n;
        if (end)
            return true;
        if (!visit_fill(v))
            return false;
    }
}

static bool visit_send(struct visit *v, const char *bytes, size_t n)
{
    bool stalled = false;
    while (n > 0) {
        ssize_t taken = channel_write(&v->channel, bytes, n);
        if (taken > 0) {
            bytes += taken;
            n -= (size_t)taken;
            stalled = false;
            continue;
        }
        if (taken != CHANNEL_AGAIN)
            return false;
        int ready = visit_poll(v, v->channel.wants, VISIT_STALL_MS);
        if (ready < 0)
            return false;
        if (ready == 0 && !stalled) {
            stalled = true;
            stub_add(v->stub, STUB_STALLS, 1);
        }
    }
    return true;
}

static bool visit_send_pattern(struct visit *v, uint64_t bytes, bool chunked)
{
    for (uint64_t sent = 0; sent < bytes;) {
        uint64_t left = bytes - sent;
        size_t most = chunked ? VISIT_CHUNK_BYTES : PATTERN_PIECE;
        size_t n = left < most ? (size_t)left : most;
        char size[32];
        int size_len = chunked ? snprintf(size, sizeof(size), "%zx\r\n", n) : 0;
        if (!visit_send(v, size, (size_t)size_len) || !visit_send(v, pattern_at(sent), n) ||
            !visit_send(v, "\r\n", chunked ? 2 : 0))
            return false;
        sent += n;
        stub_add(v->stub, STUB_SENT, n);
    }
    return true;
}

/* Whoever is asked for new keys answers each time: he is read, or he could not go on. */
static bool visit_send_keys(struct visit *v, uint64_t n)
{
    while (n > 0) {
        int result = channel_new_keys(&v->channel);
        if (result != 1 && (result != CHANNEL_AGAIN || visit_poll(v, v->channel.wants, -1) < 0))
            return false;
        n -= result == 1;
        ssize_t got = channel_read(&v->channel, v->in, sizeof(v->in));
        if (got == CHANNEL_CLOSED || got == CHANNEL_BROKEN)
            return false;
    }
    return true;
}

static bool visit_await(struct visit *v, uint64_t gate)
{
    while (!stub_gate_is_open(v->stub, gate))
        if (visit_poll(v, POLLRDHUP, -1) != 0)
            return false;
    return true;
}

static void visit_take(struct visit *v, struct intake *in, size_t n)
{
    struct stub_request *r = in->request;
    const char *bytes = v->in + v->in_start;
    r->body_is_pattern = r->body_is_pattern && pattern_matches(r->body_bytes, bytes, n);
    bytes_add_up_to(&r->body, bytes, n, VISIT_KEPT_BYTES);
    bytes_add_up_to(&r->raw, bytes, n, VISIT_KEPT_BYTES);
    r->body_bytes += n;
    v->in_start += n;
    in->left -= n;
    stub_add(v->stub, STUB_READ, n);
}

/* Reads the lines between two chunks: the end of the last one, the size of the next, trailers. */
static bool visit_chunk(struct visit *v, struct intake *in)
{
    struct stub_request *r = in->request;
    struct bytes line = {0};
    bool fine = (r->body_bytes == 0 || visit_line(v, &line));
    size_t skipped = line.len;
    fine = fine && visit_line(v, &line);
    if (fine)
        in->left = strtoull(bytes_text(&line) + skipped, NULL, 16);
    if (fine && in->left == 0) {
        size_t start = line.len, before;
        do {
            before = line.len;
            fine = visit_line(v, &line);
        } while (fine && line.len - before > 2);
        fieldset_parse(&r->trailers, bytes_text(&line) + start);
        in->done = true;
    }
    bytes_add_up_to(&r->raw, line.ptr, line.len, VISIT_KEPT_BYTES);
    bytes_fini(&line);
    return fine;
}

/* Reads `n` bytes of the body, or all of it if `n` is 0. */
static bool visit_read_body(struct visit *v, struct intake *in, uint64_t n)
{
    uint64_t until = n ? in->request->body_bytes + n : UINT64_MAX;
    while (!in->done && in->request->body_bytes < until) {
        if (in->left == 0) {
            if (!in->chunked)
                in->done = true;
            else if (!visit_chunk(v, in))
                return false;
            continue;
        }
        if (v->in_start == v->in_end && !visit_fill(v))
            return false;
        uint64_t piece = v->in_end - v->in_start;
        if (piece > in->left)
            piece = in->left;
        if (piece > until - in->request->body_bytes)
            piece = until - in->request->body_bytes;
        visit_take(v, in, (size_t)piece);
    }
    if (!in->chunked && in->left == 0)
        in->done = true;
    if (in->done && !in->counted) {
        in->counted = true;
        stub_add(v->stub, STUB_BODIES, 1);
    }
    return true;
}

/* Does one step; false when the connection is over. */
static bool visit_do(struct visit *v, struct intake *in, const struct stub_step *step)
{
    switch (step->what) {
    case STUB_SEND:
        return visit_send(v, step->text, step->n);
    case STUB_BYTEWISE:
        for (uint64_t i = 0; i < step->n; i++)
            if (!visit_send(v, step->text + i, 1))
                return false;
        return true;
    case STUB_SLOWLY:
        for (uint64_t i = 0; i < step->n; i++)
            if (!visit_send(v, step->text + i, 1) || visit_poll(v, POLLRDHUP, STUB_SLOW_MS) != 0)
                return false;
        return true;
    case STUB_PATTERN:
    case STUB_CHUNKS:
        return visit_send_pattern(v, step->n, step->what == STUB_CHUNKS);
    case STUB_BODY:
        return visit_read_body(v, in, step->n);
    case STUB_AWAIT:
        return visit_await(v, step->n);
    case STUB_CLOSE:
        channel_close(&v->channel);
        return true;
    case STUB_RESET:
        channel_reset(&v->channel);
        return true;
    case STUB_SHUT_WRITE:
        return shutdown(v->channel.fd, SHUT_WR) == 0;
    case STUB_SHUT_READ:
        return shutdown(v->channel.fd, SHUT_RD) == 0;
    case STUB_NEW_KEYS:
        return visit_send_keys(v, step->n);
    case STUB_END:
        break;
    }
    return true;
}

static bool visit_script(struct visit *v, struct intake *in, const struct stub_step *steps)
{
    bool reads_by_itself = false;
    for (const struct stub_step *step = steps; step->what != STUB_END; step++)
        reads_by_itself = reads_by_itself || step->what == STUB_BODY;
    if (!reads_by_itself && !visit_read_body(v, in, 0))
        return false;
    for (const struct stub_step *step = steps; step->what != STUB_END; step++)
        if (!visit_do(v, in, step))
            return false;
    return true;
}

/* Splits the request line and the fields; false if it is none. */
static bool visit_parse(struct stub_request *r, struct intake *in)
{
    const char *space = strchr(r->head, ' ');
    const char *end = strstr(r->head, "\r\n");
    const char *second = space ? strchr(space + 1, ' ') : NULL;
    if (!second || !end || second > end)
        return false;
    r->method = check_copy(r->head, (size_t)(space - r->head));
    r->target = check_copy(space + 1, (size_t)(second - space - 1));
    fieldset_parse(&r->fields, end + 2);
    const char *coding = fieldset_get(&r->fields, "transfer-encoding");
    const char *length = fieldset_get(&r->fields, "content-length");
    r->chunked = coding && strcasecmp(coding, "chunked") == 0;
    r->body_is_pattern = true;
    in->request = r;
    in->chunked = r->chunked;
    in->left = length && !r->chunked ? strtoull(length, NULL, 10) : 0;
    return true;
}

static struct stub_request *visit_head(struct visit *v)
{
    struct bytes head = {0};
    size_t before;
    do {
        before = head.len;
        if (!visit_line(v, &head)) {
            bytes_fini(&head);
            return NULL;
        }
        v->idle = false;
    } while (head.len - before > 2);
    struct stub_request *r = check_alloc(sizeof(*r));
    r->head = head.ptr;
    r->connection = v->number;
    return r;
}

/* Reads one request and answers it; false when the connection is over. */
static bool visit_serve(struct visit *v)
{
    struct stub_request *r = visit_head(v);
    if (!r)
        return false;
    struct intake in = {0};
    bool fine = visit_parse(r, &in);
    if (!fine) {
        r->method = check_copy("", 0);
        r->target = check_copy("", 0);
    }
    const struct stub_step *steps = stub_begin(v, r);
    fine = fine && visit_script(v, &in, steps);
    stub_finish(v, !fine);
    return fine && v->channel.fd >= 0;
}

void *visit_run(void *arg)
{
    struct visit *v = arg;
    int result;
    while ((result = channel_handshake(&v->channel)) == CHANNEL_AGAIN)
        if (visit_poll(v, v->channel.wants, -1) < 0)
            break;
    if (result == 1 && v->channel.ssl && SSL_session_reused(v->channel.ssl))
        stub_add(v->stub, STUB_RESUMED, 1);
    while (result == 1 && visit_serve(v))
        continue;
    stub_leave(v);
    return NULL;
}
