#include "h2/session.h"

#include "base/mem.h"
#include "heads.h"
#include "sending.h"

enum {
    CONNECTION_WINDOW_BYTES = 1 << 20,
    DEFLATE_TABLE_BYTES = 4096, /* whatever larger table the client offers */
    SETTINGS_A_FRAME = 32,
    BLOCK_FRAME_BYTES = 16384,
    SHORT_CONTINUATIONS = 8, /* more than full ones would be needed */
    QUEUED_ACKS = 8192,      /* whoever reads for us stops reading long before */
};

static struct span rcbuf_span(nghttp2_rcbuf *buf)
{
    nghttp2_vec v = nghttp2_rcbuf_get_buf(buf);
    return span_of(v.base, v.len);
}

/* REFUSED_STREAM tells the client that it may ask again. nghttp2 passes over the header block, and
 * would reset the stream itself, were that not done already. */
static int refuse(nghttp2_session *n, int32_t id)
{
    int code = nghttp2_submit_rst_stream(n, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return code == 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : code;
}

static int on_begin_headers(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        s->heads_taken += streams_find(s, frame->hd.stream_id) != NULL;
        return 0;
    }
    struct stream *base = s->base.events->opened(s->base.user, sizeof(struct h2_stream));
    if (!base)
        return refuse(n, frame->hd.stream_id);
    s->heads_taken++;
    struct h2_stream *stream = h2_stream_of(base);
    streams_add(s, stream, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(n, stream->id, stream);
    return 0;
}

/* What ends the connection is passed over to its end. */
static int on_header(nghttp2_session *n, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = streams_find(s, frame->hd.stream_id);
    bool trailer = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    (void)n;
    (void)flags;
    if (stream && !heads_add(s, stream, rcbuf_span(name), rcbuf_span(value), trailer))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
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
    struct h2_stream *stream = streams_find(s, frame->hd.stream_id);
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!stream)
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        heads_complete(stream, end);
        s->base.events->head(&stream->base, end);
    }
    if (end)
        s->base.events->end(&stream->base);
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
            streams_earn(s, 1, frame->hd.length - frame->data.padlen);
        stream = streams_find(s, frame->hd.stream_id);
        if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            s->base.events->end(&stream->base);
        break;
    case NGHTTP2_GOAWAY:
        s->goaway_received = true;
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && s->announced)
            s->base.leave_read = true;
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
    struct h2_stream *stream = streams_find(s, id);
    (void)flags;
    nghttp2_session_consume_connection(n, len);
    if (stream)
        s->base.events->body(&stream->base, span_of(data, len));
    return 0;
}

static int on_stream_close(nghttp2_session *n, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *stream = streams_find(user, id);
    (void)n;
    (void)code;
    if (stream)
        streams_remove(user, stream);
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

/* A head of some times the size that is kept comes to its end, and its 431, in full frames, and a
 * few more that are not full. */
static size_t most_continuations(size_t head_bytes)
{
    const size_t times = 8;
    return head_bytes * times / BLOCK_FRAME_BYTES + SHORT_CONTINUATIONS;
}

/* Every limit of nghttp2's that can be set is set, so that ours come first (docs/security.md has
 * the table). Resets are counted by who uses the session, and by `watch`. */
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
    nghttp2_option_set_stream_reset_rate_limit(options, INT64_MAX, INT64_MAX);
    nghttp2_option_set_max_continuations(options, most_continuations(limits->header_list_bytes));
    nghttp2_option_set_max_outbound_ack(options, QUEUED_ACKS);
    nghttp2_option_set_max_settings(options, SETTINGS_A_FRAME);
    nghttp2_option_set_max_deflate_dynamic_table_size(options, DEFLATE_TABLE_BYTES);
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

/* Keeps true what the session's user reads. */
static void update_facts(struct h2_session *s)
{
    if (s->memory.failed) {
        s->base.takes_pushes = false;
        s->base.max_pushes = 0;
        s->base.over = true;
        return;
    }
    s->base.in_head = watch_is_in_head(&s->watch);
    s->base.takes_pushes =
        !s->goaway_received &&
        nghttp2_session_get_remote_settings(s->nghttp2, NGHTTP2_SETTINGS_ENABLE_PUSH) == 1;
    s->base.max_pushes =
        nghttp2_session_get_remote_settings(s->nghttp2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

/* Heads that were decoded for nothing: on streams that are refused, or are no more, or after
 * GOAWAY. One that has just begun may be counted with them: it is made up for when it is taken. */
static unsigned take_vain_heads(struct h2_session *s)
{
    size_t vain = s->watch.heads - s->heads_taken;
    size_t n = vain > s->heads_vain ? vain - s->heads_vain : 0;
    s->heads_vain += n;
    return (unsigned)n;
}

/* Frames that came with bytes of bodies, and resets of what was answered or promised, are paid for.
 */
static void count_idle_frames(struct h2_session *s)
{
    s->base.idle_frames += watch_take_idle_frames(&s->watch) + take_vain_heads(s);
    unsigned n = s->base.idle_frames;
    unsigned paid = n < s->credit ? n : (unsigned)s->credit;
    s->credit -= paid;
    s->base.idle_frames -= paid;
}

/* nghttp2 gives the connection up without a GOAWAY of its own; always false. */
static bool give_up(struct h2_session *s, int error)
{
    bool flood = error == NGHTTP2_ERR_FLOODED || error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    enum h2_code code = flood ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR;
    streams_note_why(s, code, span_str(nghttp2_strerror(error)));
    streams_end_all(s, code);
    return false;
}

static bool receive(struct session *base, struct span bytes)
{
    static const enum h2_code codes[] = {
        [WATCH_PROTOCOL] = H2_PROTOCOL_ERROR,
        [WATCH_STREAM_CLOSED] = H2_STREAM_CLOSED,
        [WATCH_FRAME_SIZE] = H2_FRAME_SIZE_ERROR,
    };
    struct h2_session *s = h2_session_of(base);
    if (s->memory.failed || s->terminated)
        return false;
    h2_memory_wake(&s->memory);
    size_t fine = bytes.len;
    enum watch_fault fault = watch_read(&s->watch, bytes, &fine);
    ssize_t n = nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes.ptr, fine);
    if (n < 0)
        return give_up(s, (int)n);
    if (fault != WATCH_FINE) {
        streams_note_why(s, codes[fault], SPAN("a frame that may not come where it came"));
        streams_end_all(s, codes[fault]);
    }
    count_idle_frames(s);
    update_facts(s);
    return fault == WATCH_FINE && !s->memory.failed;
}

static void announce(struct h2_session *s)
{
    if (s->announced)
        return;
    s->announced = true;
    nghttp2_submit_shutdown_notice(s->nghttp2);
    nghttp2_submit_ping(s->nghttp2, NGHTTP2_FLAG_NONE, NULL);
}

static void leave(struct session *base, enum session_leave how)
{
    struct h2_session *s = h2_session_of(base);
    if (s->memory.failed)
        return;
    switch (how) {
    case SESSION_LEAVE_SOON:
        announce(s);
        break;
    case SESSION_LEAVE_LAST:
        nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(s->nghttp2), NGHTTP2_NO_ERROR,
                              NULL, 0);
        break;
    case SESSION_LEAVE_NOW:
        streams_end_all(s, H2_NO_ERROR);
        break;
    case SESSION_LEAVE_CALM:
        streams_end_all(s, H2_ENHANCE_YOUR_CALM);
        break;
    case SESSION_LEAVE_FAULT:
        streams_end_all(s, H2_PROTOCOL_ERROR);
        break;
    }
}

static void doze(struct session *base)
{
    struct h2_session *s = h2_session_of(base);
    if (!s->terminated && !streams_want_send(s))
        h2_memory_rest(&s->memory);
}

static void consumed(struct stream *stream, size_t n)
{
    struct h2_session *s = h2_session_of(stream->session);
    if (!s->memory.failed)
        nghttp2_session_consume_stream(s->nghttp2, h2_stream_of(stream)->id, n);
}

static size_t queued(const struct session *base)
{
    const struct h2_session *s = CONTAINER_OF(base, const struct h2_session, base);
    return s->memory.failed ? 0 : nghttp2_session_get_outbound_queue_size(s->nghttp2);
}

static void free_session(struct session *base)
{
    struct h2_session *s = h2_session_of(base);
    if (!s->memory.failed)
        nghttp2_session_del(s->nghttp2);
    h2_memory_fini(&s->memory);
    mem_free(s);
}

static const struct session_verbs verbs = {
    .name = "HTTP/2",
    .version = "2.0",
    .via = {"2", 1},
    .stream_bytes = sizeof(struct h2_stream),
    .receive = receive,
    .send = sending_send,
    .taken = sending_taken,
    .leave = leave,
    .doze = doze,
    .queued = queued,
    .free = free_session,
    .inform = sending_inform,
    .respond = sending_respond,
    .promise = sending_promise,
    .reset = sending_reset,
    .resume = sending_resume,
    .consumed = consumed,
    .window = sending_window,
};

struct session *h2_session_new(const struct stream_events *events, void *user,
                               const struct h2_limits *limits, struct h2_cache *cache)
{
    nghttp2_session_callbacks *cbs = make_callbacks();
    nghttp2_option *options = make_options(limits);
    struct h2_session *s = mem_zalloc(1, sizeof *s);
    bool ok = false;
    if (s) {
        s->base = (struct session){.verbs = &verbs, .events = events, .user = user};
        s->header_list_bytes = limits->header_list_bytes;
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
    if (ok) {
        update_facts(s);
        return &s->base;
    }
    if (s)
        free_session(&s->base);
    return NULL;
}
