#include "h2/session.h"

#include "base/mem.h"
#include "h2/state.h"

enum {
    CONNECTION_WINDOW_BYTES = 1 << 20,
    CREDIT_BYTES = 1024, /* clients update windows, and probe with PING, by bytes read */
    MOST_CREDIT = 100000,
    BOMB_FACTOR = 16, /* that many times the limit is no head any more */
};

/* nghttp2 mostly goes on with the stream that it spoke of before. */
struct h2_stream *session_stream(struct h2_session *s, int32_t id)
{
    if (!s->recent || s->recent->id != id)
        s->recent = nghttp2_session_get_stream_user_data(s->nghttp2, id);
    return s->recent;
}

/* A frame of DATA with `bytes` of content went one way or the other. */
void session_earn(struct h2_session *s, uint64_t frames, size_t bytes)
{
    s->credit += frames + bytes / CREDIT_BYTES;
    if (s->credit > MOST_CREDIT)
        s->credit = MOST_CREDIT;
}

static struct span rcbuf_span(nghttp2_rcbuf *buf)
{
    nghttp2_vec v = nghttp2_rcbuf_get_buf(buf);
    return span_of(v.base, v.len);
}

static int on_begin_headers(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_stream *stream = s->events->opened(s->user);
    if (!stream) /* REFUSED_STREAM tells the client that it may ask again */
        return nghttp2_submit_rst_stream(n, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
    stream->id = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(n, stream->id, stream);
    return 0;
}

/* A few bytes on the wire can stand for megabytes, and nghttp2 looks at each of these: a head that
 * can only be meant to keep us busy ends the connection, and its rest is passed over. */
static bool is_bomb(struct h2_session *s, struct h2_stream *stream, size_t field_bytes)
{
    const size_t overhead = 32; /* RFC 9113 §6.5.2 */
    stream->head_bytes += field_bytes + overhead;
    if (stream->head_bytes <= s->bomb_bytes)
        return false;
    h2_session_terminate(s, H2_ENHANCE_YOUR_CALM);
    return true;
}

static int on_header(nghttp2_session *n, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = session_stream(s, frame->hd.stream_id);
    struct span name_bytes = rcbuf_span(name), value_bytes = rcbuf_span(value);
    (void)n;
    (void)flags;
    if (!stream)
        return 0;
    if (is_bomb(s, stream, name_bytes.len + value_bytes.len))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s->events->field(stream, name_bytes, value_bytes, frame->headers.cat != NGHTTP2_HCAT_REQUEST);
    return 0;
}

/* nghttp2 would drop a field that is not well-formed and let the request pass; RFC 9113 §8.2.1
 * wants the request treated as malformed. */
static int on_invalid_header(nghttp2_session *n, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)n;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void on_headers_frame(struct h2_session *s, const nghttp2_frame *frame)
{
    struct h2_stream *stream = session_stream(s, frame->hd.stream_id);
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!stream)
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        s->events->head(stream, end);
    if (end)
        s->events->end(stream);
}

static int on_frame_recv(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream;
    (void)n;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers_frame(s, frame);
        break;
    case NGHTTP2_DATA:
        if (frame->hd.length > frame->data.padlen)
            session_earn(s, 1, frame->hd.length - frame->data.padlen);
        stream = session_stream(s, frame->hd.stream_id);
        if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            s->events->end(stream);
        break;
    case NGHTTP2_GOAWAY:
        s->goaway_received = true;
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && s->announced)
            s->announcement_read = true;
        break;
    default:
        break;
    }
    return 0;
}

/* The window of the connection is for all streams: one slow origin must not close it. */
static int on_data_chunk(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = session_stream(s, id);
    (void)flags;
    nghttp2_session_consume_connection(n, len);
    if (stream)
        s->events->body(stream, span_of(data, len));
    return 0;
}

static void leave_page(struct h2_stream *stream)
{
    stream->page = NULL;
    list_remove(&stream->sibling);
}

/* The stream is no more: tells its user. */
static void forget(struct h2_session *s, struct h2_stream *stream, uint32_t code)
{
    LIST_FOR_EACH_SAFE (push, &stream->pushes, struct h2_stream, sibling)
        leave_page(push);
    leave_page(stream);
    list_remove(&stream->held_node);
    stream->sending = false;
    s->recent = NULL;
    s->events->closed(stream, code);
}

static int on_stream_close(nghttp2_session *n, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *stream = session_stream(user, id);
    (void)n;
    if (stream)
        forget(user, stream, code);
    return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *cbs = NULL;
    if (nghttp2_session_callbacks_new(&cbs) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(cbs, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(cbs, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_stream_close);
    sending_install(cbs);
    return cbs;
}

/* nghttp2 reckons 12 bytes more for each field than its name and value have. */
static size_t block_bytes(size_t head_bytes)
{
    return 65536 + head_bytes * 8;
}

static nghttp2_option *make_options(const struct h2_limits *limits)
{
    nghttp2_option *options = NULL;
    if (nghttp2_option_new(&options) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_send_header_block_length(options,
                                                    block_bytes(limits->response_head_bytes));
    nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
    return options;
}

static bool submit_settings(struct h2_session *s, const struct h2_limits *limits)
{
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_list_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, entries, ARRAY_LEN(entries)) ==
               0 &&
           nghttp2_session_set_local_window_size(s->nghttp2, NGHTTP2_FLAG_NONE, 0,
                                                 CONNECTION_WINDOW_BYTES) == 0;
}

void h2_stream_init(struct h2_stream *stream)
{
    *stream = (struct h2_stream){0};
    list_init(&stream->pushes);
    list_init(&stream->sibling);
    list_init(&stream->held_node);
}

struct h2_session *h2_session_new(const struct h2_events *events, void *user,
                                  const struct h2_limits *limits, struct h2_cache *cache)
{
    nghttp2_session_callbacks *cbs = make_callbacks();
    nghttp2_option *options = make_options(limits);
    struct h2_session *s = mem_zalloc(1, sizeof *s);
    bool ok = false;
    if (s) {
        *s = (struct h2_session){.events = events, .user = user};
        s->bomb_bytes = (size_t)limits->header_list_bytes * BOMB_FACTOR;
        list_init(&s->held);
        list_init(&s->unsent);
        h2_memory_init(&s->memory, cache);
        watch_init(&s->watch);
        ok = cbs && options;
    }
    if (ok) {
        nghttp2_mem mem = h2_memory_functions(&s->memory);
        ok = nghttp2_session_server_new3(&s->nghttp2, cbs, s, options, &mem) == 0 &&
             submit_settings(s, limits);
    }
    nghttp2_session_callbacks_del(cbs);
    nghttp2_option_del(options);
    if (ok)
        return s;
    h2_session_free(s);
    return NULL;
}

void h2_session_free(struct h2_session *s)
{
    if (!s)
        return;
    if (!s->memory.failed)
        nghttp2_session_del(s->nghttp2);
    h2_memory_fini(&s->memory);
    mem_free(s);
}

bool h2_session_receive(struct h2_session *s, struct span bytes)
{
    static const enum h2_code codes[] = {
        [WATCH_PROTOCOL] = H2_PROTOCOL_ERROR,
        [WATCH_STREAM_CLOSED] = H2_STREAM_CLOSED,
        [WATCH_FRAME_SIZE] = H2_FRAME_SIZE_ERROR,
    };
    if (s->memory.failed || s->terminated)
        return false;
    size_t fine = bytes.len;
    enum watch_fault fault = watch_read(&s->watch, bytes, &fine);
    if (nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes.ptr, fine) < 0)
        return false;
    if (fault != WATCH_FINE)
        h2_session_terminate(s, codes[fault]);
    return fault == WATCH_FINE && !s->memory.failed;
}

bool h2_session_is_over(const struct h2_session *s)
{
    if (s->memory.failed)
        return true;
    return nghttp2_session_want_read(s->nghttp2) == 0 && !h2_session_wants_send(s);
}

void h2_session_rest(struct h2_session *s)
{
    if (!s->terminated && !h2_session_wants_send(s))
        h2_memory_rest(&s->memory);
}

bool h2_session_is_in_head(const struct h2_session *s)
{
    return watch_is_in_head(&s->watch);
}

void h2_session_consumed(struct h2_session *s, struct h2_stream *stream, size_t n)
{
    if (s->memory.failed)
        return;
    nghttp2_session_consume_stream(s->nghttp2, stream->id, n);
}

void h2_session_announce_goaway(struct h2_session *s)
{
    if (s->memory.failed)
        return;
    if (s->announced)
        return;
    s->announced = true;
    nghttp2_submit_shutdown_notice(s->nghttp2);
    nghttp2_submit_ping(s->nghttp2, NGHTTP2_FLAG_NONE, NULL);
}

void h2_session_goaway(struct h2_session *s)
{
    if (s->memory.failed)
        return;
    nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(s->nghttp2), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

void h2_session_terminate(struct h2_session *s, enum h2_code code)
{
    if (s->memory.failed || s->terminated)
        return;
    s->terminated = true;
    nghttp2_session_terminate_session2(
        s->nghttp2, nghttp2_session_get_last_proc_stream_id(s->nghttp2), (uint32_t)code);
}

bool h2_session_announcement_is_read(const struct h2_session *s)
{
    return s->announcement_read;
}

bool h2_session_takes_pushes(const struct h2_session *s)
{
    if (s->memory.failed)
        return false;
    return !s->goaway_received &&
           nghttp2_session_get_remote_settings(s->nghttp2, NGHTTP2_SETTINGS_ENABLE_PUSH) == 1;
}

uint32_t h2_session_max_pushes(const struct h2_session *s)
{
    if (s->memory.failed)
        return 0;
    return nghttp2_session_get_remote_settings(s->nghttp2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

unsigned h2_session_take_idle_frames(struct h2_session *s)
{
    unsigned n = watch_take_idle_frames(&s->watch);
    unsigned paid = n < s->credit ? n : (unsigned)s->credit;
    s->credit -= paid;
    return n - paid;
}

size_t h2_session_queue_len(const struct h2_session *s)
{
    if (s->memory.failed)
        return 0;
    return nghttp2_session_get_outbound_queue_size(s->nghttp2);
}

size_t h2_session_window(const struct h2_session *s, const struct h2_stream *stream)
{
    if (s->memory.failed)
        return 0;
    int32_t of_stream = nghttp2_session_get_stream_remote_window_size(s->nghttp2, stream->id);
    int32_t of_all = nghttp2_session_get_remote_window_size(s->nghttp2);
    int32_t least = of_stream < of_all ? of_stream : of_all;
    return least > 0 ? (size_t)least : 0;
}
