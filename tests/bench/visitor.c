#include "visitor.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "pattern.h"

enum {
    VISITOR_WINDOW = (1 << 30) - 1,
    VISITOR_STREAMS = 1000, /* pushes that we take at once */
    VISITOR_READ_BYTES = 64 << 10,
    VISITOR_RECORD_BYTES = 16 << 10,
};

struct visit_stream {
    struct visit_stream *next_spare;
    uint64_t began_ns;
    struct body want;
    uint64_t got;
    unsigned promises;
    bool is_push;
    bool is_good;  /* :status was 200 */
    bool is_whole; /* END_STREAM has come */
};

struct visitor_tally visitor_tally;

static struct visit_stream *visitor_stream_new(struct visitor *v)
{
    struct visit_stream *s = v->spare;
    if (s)
        v->spare = s->next_spare;
    else
        s = malloc(sizeof(*s));
    if (!s)
        dial_die("out of memory");
    *s = (struct visit_stream){0};
    return s;
}

static void visitor_check_body(const struct visit_stream *s, const uint8_t *bytes, size_t n)
{
    if (s->got + n > s->want.bytes)
        dial_die("a body is longer than its %llu bytes", (unsigned long long)s->want.bytes);
    if (!pattern_matches(s->want.offset + s->got, bytes, n))
        dial_die("a body has other bytes than the origin sent");
}

static int visitor_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                           const uint8_t *bytes, size_t n, void *arg)
{
    (void)flags, (void)arg;
    struct visit_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (!s)
        dial_die("DATA on a stream that nobody knows");
    visitor_check_body(s, bytes, n);
    s->got += n;
    visitor_tally.bytes += n;
    return 0;
}

/* A promise belongs to the page that it came with, and names each asset once. */
static void visitor_on_promised_path(struct visitor *v, struct visit_stream *push,
                                     const uint8_t *path, size_t len)
{
    if (!body_of_path((const char *)path, len, &push->want) ||
        push->want.offset >= VISITOR_MAX_PUSHES)
        dial_die("a promise of %.*s", (int)len, (const char *)path);
    uint64_t bit = UINT64_C(1) << (push->want.offset % 64);
    uint64_t *word = &v->seen[push->want.offset / 64];
    if (*word & bit)
        dial_die("%.*s was promised twice", (int)len, (const char *)path);
    *word |= bit;
}

static int visitor_on_field(nghttp2_session *session, const nghttp2_frame *frame,
                            const uint8_t *name, size_t name_len, const uint8_t *value,
                            size_t value_len, uint8_t flags, void *arg)
{
    (void)flags;
    if (name_len == 0 || name[0] != ':')
        return 0;
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        if (name_len == 5 && memcmp(name, ":path", 5) == 0)
            visitor_on_promised_path(arg,
                                     nghttp2_session_get_stream_user_data(
                                         session, frame->push_promise.promised_stream_id),
                                     value, value_len);
        return 0;
    }
    struct visit_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (value_len == 3 && memcmp(value, "103", 3) == 0)
        return 0;
    if (value_len != 3 || memcmp(value, "200", 3) != 0)
        dial_die("status %.*s instead of 200", (int)value_len, (const char *)value);
    if (s)
        s->is_good = true;
    return 0;
}

static int visitor_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct visitor *v = arg;
    if (frame->hd.type != NGHTTP2_PUSH_PROMISE)
        return 0;
    struct visit_stream *page = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!page || page->is_push)
        dial_die("a promise without a page");
    page->promises++;
    struct visit_stream *push = visitor_stream_new(v);
    push->is_push = true;
    v->promised++;
    nghttp2_session_set_stream_user_data(session, frame->push_promise.promised_stream_id, push);
    return 0;
}

static int visitor_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct visitor *v = arg;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        v->greeted = true;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        dial_die("GOAWAY with error %u", frame->goaway.error_code);
    bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!may_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    struct visit_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (s)
        s->is_whole = true;
    return 0;
}

static void visitor_check_end(const struct visitor *v, const struct visit_stream *s, uint32_t error)
{
    if (error != NGHTTP2_NO_ERROR)
        dial_die("a stream was closed with error %u", error);
    if (!s->is_good || !s->is_whole || s->got != s->want.bytes)
        dial_die("%s ended after %llu of %llu bytes", s->is_push ? "a push" : "a response",
                 (unsigned long long)s->got, (unsigned long long)s->want.bytes);
    if (!s->is_push && s->promises != v->target->pushes)
        dial_die("%u promises instead of %u", s->promises, v->target->pushes);
}

static int visitor_on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
    struct visitor *v = arg;
    struct visit_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (!s)
        return 0;
    visitor_check_end(v, s, error);
    if (s->is_push) {
        v->promised--;
        visitor_tally.pushes++;
    } else {
        v->active--;
        visitor_tally.answers++;
        v->target->answered(v->target->arg, s->began_ns);
    }
    s->next_spare = v->spare;
    v->spare = s;
    return 0;
}

static nghttp2_session *visitor_session(struct visitor *v)
{
    static nghttp2_session_callbacks *callbacks;
    if (!callbacks) {
        if (nghttp2_session_callbacks_new(&callbacks))
            dial_die("out of memory");
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                                visitor_on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, visitor_on_field);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, visitor_on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, visitor_on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, visitor_on_close);
    }
    static nghttp2_option *option;
    if (!option) {
        if (nghttp2_option_new(&option))
            dial_die("out of memory");
        nghttp2_option_set_max_reserved_remote_streams(option, VISITOR_STREAMS);
    }
    nghttp2_session *session;
    if (nghttp2_session_client_new2(&session, callbacks, v, option))
        dial_die("out of memory");
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 1},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, VISITOR_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, VISITOR_WINDOW},
    };
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 3);
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, VISITOR_WINDOW);
    return session;
}

void visitor_open(struct visitor *v, const struct target *target, void *crowd)
{
    struct visit_stream *spare = v->spare;
    *v = (struct visitor){.target = target, .crowd = crowd, .spare = spare};
    v->began_ns = dial_now_ns();
    v->state = VISITOR_HANDSHAKE;
    v->fd = dial_socket(target->port);
    v->ssl = dial_tls(target->tls, v->fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = v};
    if (epoll_ctl(target->epoll, EPOLL_CTL_ADD, v->fd, &event))
        dial_die("epoll_ctl: %s", strerror(errno));
    v->awaits_room = true;
}

void visitor_close(struct visitor *v)
{
    if (v->state == VISITOR_CLOSED)
        return;
    SSL_shutdown(v->ssl);
    SSL_free(v->ssl);
    close(v->fd);
    nghttp2_session_del(v->session);
    free(v->unsent);
    v->unsent = NULL;
    v->session = NULL;
    v->state = VISITOR_CLOSED;
}

static void visitor_await_room(struct visitor *v, bool wanted)
{
    if (v->awaits_room == wanted)
        return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = v};
    if (epoll_ctl(v->target->epoll, EPOLL_CTL_MOD, v->fd, &event))
        dial_die("epoll_ctl: %s", strerror(errno));
    v->awaits_room = wanted;
}

static void visitor_shake_hands(struct visitor *v)
{
    int done = SSL_do_handshake(v->ssl);
    if (done != 1) {
        int error = SSL_get_error(v->ssl, done);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
            visitor_await_room(v, error == SSL_ERROR_WANT_WRITE);
            return;
        }
        dial_die("the TLS handshake failed: %s", ERR_reason_error_string(ERR_peek_error()));
    }
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(v->ssl, &protocol, &len);
    if (len != 2 || memcmp(protocol, "h2", 2) != 0)
        dial_die("the proxy does not speak h2");
    visitor_await_room(v, false);
    v->session = visitor_session(v);
    v->state = VISITOR_OPEN;
}

void visitor_on_event(struct visitor *v)
{
    static uint8_t in[VISITOR_READ_BYTES];
    if (v->state == VISITOR_HANDSHAKE)
        visitor_shake_hands(v);
    if (v->state != VISITOR_OPEN)
        return;
    for (;;) {
        int n = SSL_read(v->ssl, in, sizeof(in));
        if (n <= 0) {
            if (SSL_get_error(v->ssl, n) == SSL_ERROR_WANT_READ)
                return;
            dial_die("the proxy closed a connection with %u requests under way", v->active);
        }
        ssize_t taken = nghttp2_session_mem_recv(v->session, in, (size_t)n);
        if (taken != n)
            dial_die("not HTTP/2: %s", nghttp2_strerror((int)taken));
    }
}

static nghttp2_nv visitor_nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

void visitor_ask(struct visitor *v, uint64_t began_ns)
{
    nghttp2_nv fields[] = {
        visitor_nv(":method", "GET"),          visitor_nv(":scheme", "https"),
        visitor_nv(":authority", "localhost"), visitor_nv(":path", v->target->path),
        visitor_nv("user-agent", "bench"),     visitor_nv("accept", "*/*"),
    };
    struct visit_stream *s = visitor_stream_new(v);
    s->began_ns = began_ns;
    s->want = v->target->body;
    if (v->target->pushes)
        memset(v->seen, 0, sizeof(v->seen));
    if (nghttp2_submit_request(v->session, NULL, fields, 6, NULL, s) < 0)
        dial_die("cannot submit a request");
    v->asked++;
    v->active++;
}

/* Writes, and keeps what the socket does not take; false then. */
static bool visitor_write(struct visitor *v, const char *bytes, size_t n)
{
    while (n > 0) {
        int taken = SSL_write(v->ssl, bytes, (int)n);
        if (taken > 0) {
            bytes += taken;
            n -= (size_t)taken;
            continue;
        }
        if (SSL_get_error(v->ssl, taken) != SSL_ERROR_WANT_WRITE)
            dial_die("the proxy closed a connection while it was written to");
        char *kept = malloc(n);
        if (!kept)
            dial_die("out of memory");
        memcpy(kept, bytes, n);
        free(v->unsent);
        v->unsent = kept;
        v->unsent_bytes = n;
        visitor_await_room(v, true);
        return false;
    }
    return true;
}

/* What has waited goes first. */
static bool visitor_write_unsent(struct visitor *v)
{
    if (!v->unsent)
        return true;
    char *bytes = v->unsent;
    v->unsent = NULL;
    bool done = visitor_write(v, bytes, v->unsent_bytes);
    free(bytes);
    if (done)
        visitor_await_room(v, false);
    return done;
}

void visitor_flush(struct visitor *v)
{
    static char out[VISITOR_RECORD_BYTES];
    size_t len = 0;
    if (v->state != VISITOR_OPEN || !visitor_write_unsent(v))
        return;
    for (;;) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(v->session, &bytes);
        if (n < 0)
            dial_die("not HTTP/2: %s", nghttp2_strerror((int)n));
        if (n == 0 || len + (size_t)n > sizeof(out)) {
            bool written = visitor_write(v, out, len);
            len = 0;
            if (n == 0)
                return;
            if (!written)
                dial_die("a request does not fit into a socket");
        }
        if ((size_t)n > sizeof(out))
            dial_die("a frame is too large");
        memcpy(out + len, bytes, (size_t)n);
        len += (size_t)n;
    }
}
