#include "service.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "ask.h"
#include "ledger.h"
#include "pattern.h"

enum {
    HEAD_FAULT_BYTES = 300, /* a fault that is to hit the head comes before that */
    STALL_MS = 12000,       /* longer than any time-out for origins in the soak's proxy.conf */
    DRIP_PIECES = 500,
    MAX_CHUNK_BYTES = 9000,
    HELD_BYTES = 16000, /* a system call sends so many at once */
};

static const struct {
    const char *bytes;
    size_t len;
} garbage[] = {
#define G(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    G("garbage\r\n\r\n"),
    G("\0\377\0\377"),
    G("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
    G("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
    G("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    G("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    G("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
#undef G
};

/* Reading. */

/* Reads more; false at the end of the connection. */
static bool service_fill(struct service *s)
{
    if (s->start > 0) {
        memmove(s->in, s->in + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    if (s->end == sizeof(s->in))
        return false;
    ssize_t n = recv(s->fd, s->in + s->end, sizeof(s->in) - s->end, 0);
    if (n > 0)
        s->end += (size_t)n;
    return n > 0;
}

/* The text up to `mark`, which is taken too. Free with free(); NULL at the end. */
static char *service_until(struct service *s, const char *mark)
{
    for (;;) {
        char *from = s->in + s->start;
        char *at = memmem(from, s->end - s->start, mark, strlen(mark));
        if (at) {
            s->start += (size_t)(at - from) + strlen(mark);
            return check_copy(from, (size_t)(at - from));
        }
        if (!service_fill(s))
            return NULL;
    }
}

/* A body as it comes in. */
struct intake {
    bool chunked;
    uint64_t left; /* of the body, or of the chunk */
    uint64_t bytes, from;
    bool over, fine;
};

/* The value of a field line in `head`, or NULL. */
static const char *service_field(const char *head, const char *name)
{
    for (const char *line = head; (line = strstr(line, "\r\n"));) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0)
            return line + strlen(name) + strspn(line + strlen(name), " ");
    }
    return NULL;
}

static struct intake service_intake(const char *head, uint64_t from)
{
    const char *length = service_field(head, "content-length:");
    struct intake in = {
        .chunked = service_field(head, "transfer-encoding:") != NULL, .from = from, .fine = true};
    in.left = length ? strtoull(length, NULL, 10) : 0;
    in.over = !in.chunked && in.left == 0;
    return in;
}

/* Reads the head of a chunk, and all behind the last one; false at the end of the connection. */
static bool service_chunk(struct service *s, struct intake *in)
{
    char *line = service_until(s, "\r\n");
    if (!line)
        return false;
    char *end = line;
    in->left = strtoull(line, &end, 16);
    if (end == line)
        soak_fail("the daemon sent \"%s\" for a chunk's size", line);
    free(line);
    if (in->left > 0)
        return true;
    while ((line = service_until(s, "\r\n")) && *line)
        free(line); /* trailers, up to the empty line */
    in->over = line != NULL;
    free(line);
    return in->over;
}

/* Reads a piece of the body: its bytes, or 0 at the body's or the connection's end. */
static size_t service_take(struct service *s, struct intake *in, const char **piece)
{
    if (!in->over && in->left == 0 && !service_chunk(s, in))
        return 0;
    if (in->over || (s->start == s->end && !service_fill(s)))
        return 0;
    size_t n = s->end - s->start;
    if (n > in->left)
        n = (size_t)in->left;
    *piece = s->in + s->start;
    in->fine = in->fine && pattern_matches(in->from + in->bytes, *piece, n);
    s->start += n;
    in->left -= n;
    in->bytes += n;
    soak_count(SOAK_BYTES_UP, n);
    in->over = in->left == 0 && !in->chunked;
    return n;
}

/* Takes the end of the line behind a chunk's data, when the piece is no longer needed. */
static bool service_end_chunk(struct service *s, const struct intake *in)
{
    if (!in->chunked || in->left > 0 || in->over)
        return true;
    char *rest = service_until(s, "\r\n");
    bool fine = rest && *rest == 0;
    if (rest && *rest)
        soak_fail("the daemon sent bytes behind a chunk: \"%s\"", rest);
    free(rest);
    return fine;
}

/* Writing. */

static bool service_push_out(struct service *s, const char *bytes, size_t n)
{
    if (s->fault == FAULT_TOO_MUCH) {
        bytes_add(&s->held, bytes, n);
        return true;
    }
    while (n > 0) {
        ssize_t taken = send(s->fd, bytes, n, MSG_NOSIGNAL);
        if (taken <= 0)
            return false;
        bytes += taken;
        n -= (size_t)taken;
    }
    return true;
}

/* Waits for the peer's end, at most `ms`; what it says is dropped. */
static void service_await_end(struct service *s, int ms)
{
    uint64_t deadline = check_now_ms() + (uint64_t)ms;
    struct pollfd polled = {s->fd, POLLIN, 0};
    while (poll(&polled, 1, check_left(deadline)) > 0 && recv(s->fd, s->in, sizeof(s->in), 0) > 0) {
    }
}

static void service_break(struct service *s)
{
    soak_count(SOAK_FAULTS, 1);
    switch (s->fault) {
    case FAULT_RESET:
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        break;
    case FAULT_HALF_CLOSE:
        shutdown(s->fd, SHUT_WR);
        service_await_end(s, STALL_MS);
        break;
    case FAULT_STALL:
        service_await_end(s, STALL_MS);
        break;
    default:
        break;
    }
}

/* In pieces of a few bytes, with pauses; `left` counts the pieces, since an answer is to end. */
static bool service_drip(struct service *s, const char *bytes, size_t n)
{
    for (; s->left > 0 && n > 0; s->left--) {
        size_t piece = dice_between(&s->dice, 1, 40);
        if (piece > n)
            piece = n;
        if (!service_push_out(s, bytes, piece))
            return false;
        bytes += piece;
        n -= piece;
        poll(NULL, 0, 1);
    }
    return service_push_out(s, bytes, n);
}

/* Sends bytes of an answer; false when the connection is to end, by fault or by the peer. */
static bool service_send(struct service *s, const void *bytes, size_t n)
{
    if (s->fault == FAULT_DRIP)
        return service_drip(s, bytes, n);
    bool cuts = s->fault >= FAULT_CLOSE && s->fault <= FAULT_STALL;
    if (!cuts || s->left >= n) {
        s->left -= cuts ? n : 0;
        return service_push_out(s, bytes, n);
    }
    if (service_push_out(s, bytes, (size_t)s->left))
        service_break(s);
    return false;
}

static bool service_send_pattern(struct service *s, uint64_t from, uint64_t n)
{
    while (n > 0) {
        size_t piece = n < PATTERN_PIECE ? (size_t)n : PATTERN_PIECE;
        if (!service_send(s, pattern_at(from), piece))
            return false;
        from += piece;
        n -= piece;
    }
    return true;
}

static bool service_send_chunk(struct service *s, const char *bytes, size_t n)
{
    char size[32];
    int len = snprintf(size, sizeof(size), "%zx\r\n", n);
    if (s->fault == FAULT_BAD_CHUNK && dice_once_in(&s->dice, 4)) {
        soak_count(SOAK_FAULTS, 1);
        service_send(s, "-1\r\n", 4);
        return false;
    }
    return service_send(s, size, (size_t)len) && service_send(s, bytes, n) &&
           service_send(s, "\r\n", 2);
}

static bool service_send_chunks(struct service *s, uint64_t from, uint64_t n)
{
    while (n > 0) {
        uint64_t piece = dice_between(&s->dice, 1, MAX_CHUNK_BYTES);
        if (piece > n)
            piece = n;
        if (!service_send_chunk(s, pattern_at(from), (size_t)piece))
            return false;
        from += piece;
        n -= piece;
    }
    return service_send(s, "0\r\n\r\n", 5);
}

/* Answers. */

static bool service_send_head(struct service *s, const char *target, const struct ask *a,
                              const char *framing, const char *more)
{
    unsigned status = ask_status(a);
    const char *last = s->closing ? "Connection: close\r\n" : "";
    char *head = check_printf("HTTP/1.1 %u Whatever\r\nX-Target: %s\r\nX-Body-From: %llu\r\n%s%s%s"
                              "\r\n",
                              status, target, (unsigned long long)a->from, framing, more, last);
    bool fine = service_send(s, head, strlen(head));
    free(head);
    return fine;
}

static bool service_answer_length(struct service *s, const char *target, const struct ask *a,
                                  const char *more)
{
    char *framing = check_printf("Content-Length: %llu\r\n", (unsigned long long)a->bytes);
    bool fine = service_send_head(s, target, a, framing, more) &&
                service_send_pattern(s, a->from, ask_answer_bytes(a));
    free(framing);
    return fine;
}

/* One field with all links, or one for each. */
static char *service_links(struct service *s, const struct ask *page)
{
    bool many = dice_once_in(&s->dice, 2);
    char *all = check_printf("%s", "");
    for (unsigned n = 0; n < page->links; n++) {
        struct ask asset = ask_asset(page, n);
        char *target = ask_target(&asset);
        bool starts = many || n == 0, ends = many || n + 1 == page->links;
        char *longer = check_printf("%s%s<%s>; rel=preload%s", all, starts ? "Link: " : ", ",
                                    target, ends ? "\r\n" : "");
        free(target);
        free(all);
        all = longer;
    }
    return all;
}

static bool service_answer_page(struct service *s, const char *target, const struct ask *a)
{
    bool fine = true;
    char *links = service_links(s, a);
    if (a->kind == ASK_HINTED) {
        char *hint = check_printf("HTTP/1.1 103 Early Hints\r\n%s\r\n", links);
        fine = service_send(s, hint, strlen(hint));
        free(hint);
        poll(NULL, 0, (int)dice_below(&s->dice, 10)); /* the origin thinks */
    }
    fine = fine && service_answer_length(s, target, a, links);
    free(links);
    return fine;
}

static bool service_echo(struct service *s, const char *target, const struct ask *a,
                         struct intake *in)
{
    const char *piece;
    size_t n;
    if (!service_send_head(s, target, a, "Transfer-Encoding: chunked\r\n", ""))
        return false;
    while ((n = service_take(s, in, &piece)) > 0)
        if (!service_send_chunk(s, piece, n) || !service_end_chunk(s, in))
            return false;
    return in->over && service_send(s, "0\r\n\r\n", 5);
}

static bool service_digest(struct service *s, const char *target, struct ask *a, struct intake *in)
{
    const char *piece;
    while (service_take(s, in, &piece) > 0)
        if (!service_end_chunk(s, in))
            return false;
    if (!in->over)
        return false;
    if (in->bytes != a->bytes || !in->fine)
        soak_fail("an origin got %llu of %llu bytes, %s: %s", (unsigned long long)in->bytes,
                  (unsigned long long)a->bytes, in->fine ? "right ones" : "wrong ones", target);
    return service_send_head(s, target, a, "Content-Length: 0\r\n", "");
}

static bool service_answer(struct service *s, const char *target, struct ask *a, struct intake *in)
{
    switch (a->kind) {
    case ASK_ECHO:
        return service_echo(s, target, a, in);
    case ASK_DIGEST:
        return service_digest(s, target, a, in);
    case ASK_CHUNKED:
        return service_send_head(s, target, a, "Transfer-Encoding: chunked\r\n", "") &&
               service_send_chunks(s, a->from, a->bytes);
    case ASK_EMPTY:
        return service_send_head(s, target, a, "", "");
    case ASK_PAGE:
    case ASK_HINTED:
        return service_answer_page(s, target, a);
    case ASK_CLOSING:
        return service_send_head(s, target, a, "", "") &&
               service_send_pattern(s, a->from, a->bytes);
    default:
        return service_answer_length(s, target, a, "");
    }
}

static void service_draw_fault(struct service *s, const struct ask *a)
{
    s->fault = FAULT_NONE;
    bytes_clear(&s->held);
    s->closing = a->kind == ASK_CLOSING || dice_once_in(&s->dice, 20);
    if (!s->flapping || !dice_once_in(&s->dice, 3))
        return;
    s->fault = (enum fault)dice_between(&s->dice, FAULT_CLOSE, FAULTS);
    if (s->fault == FAULT_TOO_MUCH && a->bytes > HELD_BYTES)
        s->fault = FAULT_CLOSE;
    if (s->fault == FAULT_STALL && !dice_once_in(&s->dice, 4))
        s->fault = FAULT_RESET; /* stalls last too long to be many */
    uint64_t most = dice_once_in(&s->dice, 2) ? HEAD_FAULT_BYTES : HEAD_FAULT_BYTES + a->bytes;
    if (s->fault == FAULT_DRIP) {
        soak_count(SOAK_FAULTS, 1);
        most = DRIP_PIECES;
    }
    s->left = dice_below(&s->dice, most);
}

/* Too much, and in the form of an answer to the next request. It leaves together with the answer
 * before it: if it came later, it could pass for what it seems to be. */
static bool service_overdo(struct service *s)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    if (s->fault != FAULT_TOO_MUCH)
        return true;
    soak_count(SOAK_FAULTS, 1);
    bytes_add(&s->held, text, sizeof(text) - 1);
    s->fault = FAULT_NONE;
    return service_push_out(s, s->held.ptr, s->held.len);
}

static bool service_spoil(struct service *s)
{
    size_t n = dice_below(&s->dice, CHECK_LEN(garbage));
    if (s->fault != FAULT_GARBAGE)
        return false;
    soak_count(SOAK_FAULTS, 1);
    service_push_out(s, garbage[n].bytes, garbage[n].len);
    shutdown(s->fd, SHUT_WR);
    service_await_end(s, STALL_MS);
    return true;
}

/* One request and its answer; true when another may come. */
static bool service_serve(struct service *s)
{
    struct ask a;
    char *head = service_until(s, "\r\n\r\n");
    char *target = head ? strchr(head, ' ') : NULL;
    bool fine = target != NULL;
    if (fine) {
        target = check_copy(target + 1, strcspn(target + 1, " "));
        fine = ask_read(&a, target);
        if (!fine)
            soak_fail("a request came to an origin that no client made: %s", target);
        ledger_saw(s->ledger, a.kind == ASK_ASSET ? 0 : a.id);
        service_draw_fault(s, &a);
        struct intake in = service_intake(head, a.from);
        fine = !service_spoil(s) && service_answer(s, target, &a, &in) && service_overdo(s) &&
               !s->closing;
        free(target);
    }
    free(head);
    return fine;
}

void service_run(struct service *s)
{
    while (service_serve(s)) {
    }
    bytes_fini(&s->held);
}
