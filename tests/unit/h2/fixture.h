/* fixture.h - a session and a client of nghttp2's, in memory, each with a log of what it saw. */
#ifndef UNIT_H2_FIXTURE_H
#define UNIT_H2_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "h2/session.h"
#include "h2/streams.h"

#include "../field_lines.h"

enum {
    LOG_BYTES = 65536,
    STREAMS = 24,
    ROOM_BYTES = 16384,
    BODY_BYTES = 1 << 19,
    WINDOW_BYTES = 65535,
};

struct log {
    char text[LOG_BYTES];
    size_t len;
};

static inline void say(struct log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void say(struct log *log, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(log->text + log->len, sizeof log->text - log->len, fmt, args);
    va_end(args);
    assert_in_range(n, 0, sizeof log->text - log->len - 1);
    log->len += (size_t)n;
}

/* One stream, as whoever uses the session has it. */
struct side {
    struct h2_stream h2;     /* its user is the rig */
    struct span out;         /* of the response's body, what is to come */
    size_t spare;            /* bytes of memory before it that may be overwritten */
    enum stream_after after; /* what comes after `out` */
    const struct fields *trailers;
    size_t received;
    bool head, closed; /* the request's head came; the stream is closed */
};

struct rig {
    struct h2_cache cache;
    struct session *session;
    struct log server;
    struct side streams[STREAMS];
    size_t streams_len;
    bool refuse, failed;
    size_t room;
    unsigned placed; /* how often what was sent lay in a body */

    nghttp2_session *client;
    struct log saw;
    struct {
        int32_t id;
        size_t len;
        char *bytes;
    } bodies[STREAMS];  /* of responses */
    struct span upload; /* what the client sends next as body */
    bool upload_trailers;

    struct arena arena;
};

static inline struct side *side_of(struct stream *stream)
{
    return CONTAINER_OF(h2_stream_of(stream), struct side, h2);
}

static inline struct log *log_of(struct stream *stream)
{
    return &((struct rig *)stream->user)->server;
}

static inline int32_t id_of(struct stream *stream)
{
    return h2_stream_of(stream)->id;
}

/* Its request and its trailers are empty. */
static inline struct side *new_side(struct rig *r)
{
    assert_true(r->streams_len < STREAMS);
    struct side *s = &r->streams[r->streams_len++];
    struct stream *base = &s->h2.base;
    *s = (struct side){.after = STREAM_ENDS};
    base->user = r;
    base->request = arena_zalloc(&r->arena, sizeof *base->request);
    base->trailers = arena_zalloc(&r->arena, sizeof *base->trailers);
    assert_true(base->request && base->trailers);
    fields_init(&base->request->fields, &r->arena);
    fields_init(base->trailers, &r->arena);
    list_init(&base->node);
    return s;
}

static inline struct stream *server_opened(void *user, size_t bytes)
{
    struct rig *r = user;
    assert_int_equal(bytes, sizeof(struct h2_stream));
    return r->refuse ? NULL : &new_side(r)->h2.base;
}

static inline void say_pseudo(struct log *log, const char *name, struct span value)
{
    if (value.ptr)
        say(log, "%s: %.*s\n", name, SPAN_ARG(value));
}

static inline void say_fields(struct log *log, const char *what, const struct fields *fields)
{
    assert_false(fields->failed);
    for (size_t i = 0; i < fields->len; i++)
        say(log, "%s%.*s: %.*s\n", what, SPAN_ARG(fields->at[i].name),
            SPAN_ARG(fields->at[i].value));
}

static inline void server_head(struct stream *stream, bool end)
{
    const struct request *request = stream->request;
    struct log *log = log_of(stream);
    side_of(stream)->head = true;
    say_pseudo(log, ":method", request->method);
    say_pseudo(log, ":scheme", request->scheme);
    say_pseudo(log, ":authority", request->authority);
    say_pseudo(log, ":path", request->path);
    say_fields(log, "", &request->fields);
    if (stream->fault != REQUEST_FINE)
        say(log, "fault %d\n", (int)stream->fault);
    say(log, "head %d%s\n", id_of(stream), end ? ", all" : "");
}

static inline void server_body(struct stream *stream, struct span bytes)
{
    side_of(stream)->received += bytes.len;
}

static inline void server_end(struct stream *stream)
{
    say_fields(log_of(stream), "trailer ", stream->trailers);
    say(log_of(stream), "end %d after %zu\n", id_of(stream), side_of(stream)->received);
}

static inline void server_closed(struct stream *stream, enum stream_closed how)
{
    assert_int_equal(how, STREAM_CLOSED_ENDED);
    assert_null(stream->session);
    assert_false(side_of(stream)->closed);
    side_of(stream)->closed = true;
    say(log_of(stream), "closed %d\n", id_of(stream));
}

static inline enum stream_after server_pull(struct stream *stream, struct stream_piece *piece,
                                            const struct fields **trailers)
{
    struct side *s = side_of(stream);
    *piece = (struct stream_piece){s->out, s->spare};
    if (s->after == STREAM_ENDS)
        *trailers = s->trailers;
    return s->after;
}

static inline void server_sent(struct stream *stream, size_t n)
{
    struct side *s = side_of(stream);
    assert_true(n <= s->out.len);
    s->out = span_from(s->out, n);
    s->spare += s->spare > 0 ? n : 0;
}

static inline void server_ended(struct stream *stream)
{
    say(log_of(stream), "ended %d\n", id_of(stream));
}

static const struct stream_events server_events = {
    .opened = server_opened,
    .head = server_head,
    .body = server_body,
    .end = server_end,
    .closed = server_closed,
    .pull = server_pull,
    .sent = server_sent,
    .ended = server_ended,
};

/* The client's side. */

static inline int client_header(nghttp2_session *n, const nghttp2_frame *frame, const uint8_t *name,
                                size_t name_len, const uint8_t *value, size_t value_len,
                                uint8_t flags, void *user)
{
    struct rig *r = user;
    (void)n, (void)frame, (void)flags;
    say(&r->saw, "%.*s: %.*s\n", (int)name_len, (const char *)name, (int)value_len,
        (const char *)value);
    return 0;
}

static inline int client_data(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *data,
                              size_t len, void *user)
{
    struct rig *r = user;
    size_t i = 0;
    (void)n, (void)flags;
    while (r->bodies[i].id != id && r->bodies[i].bytes)
        i++;
    assert_true(i < STREAMS);
    if (!r->bodies[i].bytes) {
        r->bodies[i].id = id;
        r->bodies[i].bytes = malloc(BODY_BYTES);
    }
    assert_true(r->bodies[i].bytes && r->bodies[i].len + len <= BODY_BYTES);
    memcpy(r->bodies[i].bytes + r->bodies[i].len, data, len);
    r->bodies[i].len += len;
    return 0;
}

static inline int client_frame(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct rig *r = user;
    const char *end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM ? ", end" : "";
    (void)n;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        say(&r->saw, "HEADERS %d%s\n", frame->hd.stream_id, end);
        break;
    case NGHTTP2_DATA:
        say(&r->saw, "DATA %d of %zu%s\n", frame->hd.stream_id, frame->hd.length, end);
        break;
    case NGHTTP2_PUSH_PROMISE:
        say(&r->saw, "PUSH_PROMISE %d on %d\n", frame->push_promise.promised_stream_id,
            frame->hd.stream_id);
        break;
    case NGHTTP2_RST_STREAM:
        say(&r->saw, "RST_STREAM %d: %u\n", frame->hd.stream_id, frame->rst_stream.error_code);
        break;
    case NGHTTP2_GOAWAY:
        say(&r->saw, "GOAWAY %d: %u\n", frame->goaway.last_stream_id, frame->goaway.error_code);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        say(&r->saw, "WINDOW_UPDATE %d by %d\n", frame->hd.stream_id,
            frame->window_update.window_size_increment);
        break;
    case NGHTTP2_SETTINGS:
        for (size_t i = 0; i < frame->settings.niv; i++)
            say(&r->saw, "SETTINGS %d = %u\n", frame->settings.iv[i].settings_id,
                frame->settings.iv[i].value);
        break;
    default:
        break;
    }
    return 0;
}

static const struct h2_limits rig_limits = {
    .streams = 10, .header_list_bytes = 4096, .window_bytes = WINDOW_BYTES};

/* A client that says nothing yet and gives window only when it is told to. */
static inline void rig_open(struct rig *r)
{
    nghttp2_session_callbacks *cbs;
    nghttp2_option *option;
    memset(r, 0, sizeof *r);
    r->room = ROOM_BYTES;
    arena_init(&r->arena, NULL);
    h2_cache_init(&r->cache, NULL);
    r->session = h2_session_new(&server_events, r, &rig_limits, &r->cache);
    assert_non_null(r->session);
    assert_int_equal(nghttp2_session_callbacks_new(&cbs), 0);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_session_callbacks_set_on_header_callback(cbs, client_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, client_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, client_frame);
    assert_int_equal(nghttp2_session_client_new2(&r->client, cbs, r, option), 0);
    nghttp2_session_callbacks_del(cbs);
    nghttp2_option_del(option);
}

static inline void rig_close(struct rig *r)
{
    session_free(r->session);
    h2_cache_trim(&r->cache);
    nghttp2_session_del(r->client);
    arena_fini(&r->arena);
    for (size_t i = 0; i < STREAMS; i++)
        free(r->bodies[i].bytes);
}

/* What the client has to say goes to the session; true if there was anything. */
static inline bool client_to_server(struct rig *r)
{
    const uint8_t *bytes;
    bool any = false;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(r->client, &bytes)) > 0) {
        any = true;
        if (!session_receive(r->session, span_of(bytes, (size_t)n)))
            r->failed = true;
    }
    assert_int_equal(n, 0);
    return any;
}

static inline bool server_to_client(struct rig *r)
{
    bool failed = false;
    char *out = malloc(r->room);
    struct span bytes = session_send(r->session, out, r->room, &failed);
    assert_true(out && bytes.len <= r->room && !failed);
    r->placed += bytes.ptr != out;
    ssize_t n = nghttp2_session_mem_recv(r->client, (const uint8_t *)bytes.ptr, bytes.len);
    if (n != (ssize_t)bytes.len)
        fail_msg("the client refuses what the session sent: %s", nghttp2_strerror((int)n));
    session_taken(r->session);
    free(out);
    return bytes.len > 0;
}

/* Until neither side has anything to say. */
static inline void rig_run(struct rig *r)
{
    bool more = true;
    while (more) {
        bool to_server = client_to_server(r);
        more = server_to_client(r) || to_server;
    }
}

static inline void log_clear(struct log *log)
{
    log->len = 0;
    log->text[0] = '\0';
}

/* The client's preface and SETTINGS, and the answer; both logs are empty then. */
static inline void rig_greet(struct rig *r, const nghttp2_settings_entry *entries, size_t len)
{
    assert_int_equal(nghttp2_submit_settings(r->client, 0, entries, len), 0);
    rig_run(r);
    log_clear(&r->saw);
    log_clear(&r->server);
}

#define GREET_PLAIN(rig) rig_greet(rig, NULL, 0)

/* As it is: nghttp2 would write a name that it copies in lower case. */
static inline nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)value,
                        .valuelen = strlen(value),
                        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

static inline ssize_t client_upload(nghttp2_session *n, int32_t id, uint8_t *buf, size_t length,
                                    uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct rig *r = user;
    size_t len = r->upload.len < length ? r->upload.len : length;
    (void)source;
    memcpy(buf, r->upload.ptr, len);
    r->upload = span_from(r->upload, len);
    if (r->upload.len > 0)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (r->upload_trailers) {
        nghttp2_nv trailer = nv("x-sum", "1");
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        assert_int_equal(nghttp2_submit_trailer(n, id, &trailer, 1), 0);
    }
    return (ssize_t)len;
}

/* A request with one more field (NULL: none); with `upload`, r->upload is its body. */
static inline int32_t ask(struct rig *r, const char *method, const char *path, const char *name,
                          const char *value, bool upload)
{
    const nghttp2_nv nvs[] = {nv(":method", method), nv(":scheme", "https"), nv(":authority", "a"),
                              nv(":path", path), nv(name ? name : "", name ? value : "")};
    nghttp2_data_provider body = {.read_callback = client_upload};
    int32_t id =
        nghttp2_submit_request(r->client, NULL, nvs, name ? 5 : 4, upload ? &body : NULL, NULL);
    assert_true(id > 0);
    return id;
}

static inline int32_t get(struct rig *r, const char *path)
{
    return ask(r, "GET", path, NULL, NULL, false);
}

static inline struct response make_response(struct rig *r, unsigned status, const char *lines)
{
    return (struct response){.status = status, .fields = read_fields(&r->arena, lines)};
}

/* Answers with a body that is complete, or goes on. */
static inline void answer(struct rig *r, struct side *s, struct span body, enum stream_after after)
{
    const struct response head = make_response(r, 200, "");
    s->out = body;
    s->after = after;
    assert_true(stream_respond(&s->h2.base, &head, true));
}

/* What is to be promised. */
static inline struct side *new_push(struct rig *r, const char *path)
{
    struct side *push = new_side(r);
    *push->h2.base.request = (struct request){.method = SPAN("GET"),
                                              .scheme = SPAN("https"),
                                              .authority = SPAN("a"),
                                              .path = span_str(path),
                                              .fields = read_fields(&r->arena, "accept: */*\n")};
    return push;
}

static inline struct side *promise(struct rig *r, struct side *page, const char *path)
{
    struct side *push = new_push(r, path);
    assert_true(stream_promise(&page->h2.base, &push->h2.base));
    return push;
}

/* What was logged, and an empty log. */
static inline void expect_log(struct log *log, const char *expected)
{
    if (strcmp(log->text, expected) != 0)
        fail_msg("came\n%s\nnot\n%s", log->text, expected);
    log_clear(log);
}

static inline struct span body_of(const struct rig *r, int32_t id)
{
    for (size_t i = 0; i < STREAMS && r->bodies[i].bytes; i++) {
        if (r->bodies[i].id == id)
            return span_of(r->bodies[i].bytes, r->bodies[i].len);
    }
    return SPAN("");
}

/* `len` bytes that tell where they stand. */
static inline struct span pattern(struct rig *r, size_t len)
{
    char *out = arena_alloc(&r->arena, len);
    assert_non_null(out);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(i % 251);
    return span_of(out, len);
}

#endif
