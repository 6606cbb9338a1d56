#include "h2/session.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "h2/memory.h"
#include "h2/watch.h"

enum {
    FRAME_HEAD_BYTES = 9,
    MIN_ROOM_BYTES =
        1024, /* below that no frame is begun: small frames cost as much as large ones */
    CONNECTION_WINDOW_BYTES = 1 << 20,
    CREDIT_A_FRAME = 2,  /* WINDOW_UPDATE of the stream and of the connection */
    CREDIT_BYTES = 1024, /* clients update windows, and probe with PING, by bytes read */
    MOST_CREDIT = 100000,
    FEW_FIELDS = 32,  /* most heads have no more */
    BOMB_FACTOR = 16, /* that many times the limit is no head any more */
};

struct h2_session {
    nghttp2_session *nghttp2;
    const struct h2_events *events;
    void *user;
    struct h2_stream *recent; /* that nghttp2 spoke of last; NULL: none, or it is no more */
    struct list held;         /* pushes whose pages go first */
    struct list unsent;       /* streams whose head nghttp2 will not send: they are to be reset */
    struct h2_memory memory;  /* once it has failed nghttp2 is called no more */
    struct watch watch;
    size_t bomb_bytes; /* of a head */
    uint64_t credit;   /* idle frames that the bytes which went either way may come with */
    bool goaway_received, announced, announcement_read, terminated;

    /* while h2_session_send() runs */
    char *out;
    size_t out_len, out_room;
    struct span pulled; /* what the DATA frame that is being made will hold */

    /* bytes of nghttp2's that did not fit */
    struct span rest;
};

/* nghttp2 mostly goes on with the stream that it spoke of before. */
static struct h2_stream *stream_of(struct h2_session *s, int32_t id)
{
    if (!s->recent || s->recent->id != id)
        s->recent = nghttp2_session_get_stream_user_data(s->nghttp2, id);
    return s->recent;
}

/* A frame of DATA with `bytes` of content went one way or the other. */
static void earn(struct h2_session *s, uint64_t frames, size_t bytes)
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
    struct h2_stream *stream = stream_of(s, frame->hd.stream_id);
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
    struct h2_stream *stream = stream_of(s, frame->hd.stream_id);
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
            earn(s, 1, frame->hd.length - frame->data.padlen);
        stream = stream_of(s, frame->hd.stream_id);
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
    struct h2_stream *stream = stream_of(s, id);
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
    struct h2_stream *stream = stream_of(user, id);
    (void)n;
    if (stream)
        forget(user, stream, code);
    return 0;
}

/* nghttp2 refuses to send a head (the client sent GOAWAY before a push answered; the head is too
 * large; memory is out), and leaves the stream as it is. */
static int on_frame_not_send(nghttp2_session *n, const nghttp2_frame *frame, int code, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = stream_of(s, frame->hd.stream_id);
    (void)n;
    if (frame->hd.type != NGHTTP2_HEADERS || !stream || code == NGHTTP2_ERR_STREAM_CLOSED ||
        code == NGHTTP2_ERR_STREAM_CLOSING)
        return 0;
    list_remove(&stream->held_node);
    list_push(&s->unsent, &stream->held_node);
    return 0;
}

/* Informational heads and trailers come in HEADERS too. */
static bool is_final_head(const nghttp2_frame *frame)
{
    const nghttp2_headers *head = &frame->headers;
    return frame->hd.type == NGHTTP2_HEADERS && head->nvlen > 0 && head->nva[0].name[0] == ':' &&
           head->nva[0].value[0] != '1';
}

/* Where a SETTINGS opens windows too far, nghttp2 resets the streams one by one; RFC 9113 §6.9.2
 * wants the connection ended. The code tells no more of the cause, and other breaches of flow
 * control may end it too (§5.4.1). We never give it ourselves. */
static int on_frame_send(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct h2_stream *stream = stream_of(user, frame->hd.stream_id);
    (void)n;
    if (stream && is_final_head(frame))
        stream->responded = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM &&
        frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR)
        h2_session_terminate(user, H2_FLOW_CONTROL_ERROR);
    return 0;
}

/* The page has bytes to send and window to send them in. */
static bool page_goes_first(const struct h2_session *s, const struct h2_stream *stream)
{
    return stream->page && stream->page->sending && h2_session_window(s, stream->page) > 0;
}

static nghttp2_nv make_nv(struct span name, struct span value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)name.ptr,
        .namelen = name.len,
        .value = (uint8_t *)value.ptr,
        .valuelen = value.len,
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    };
}

/* `first` pseudo-fields, then the fields: in `few` if they fit, else in the arena of the fields.
 * nghttp2 copies the array, and borrows the text. */
static nghttp2_nv *make_nvs(nghttp2_nv few[FEW_FIELDS], const nghttp2_nv *first, size_t count,
                            const struct fields *fields)
{
    size_t len = count + fields->len;
    nghttp2_nv *nvs = len <= FEW_FIELDS ? few : arena_alloc(fields->arena, len * sizeof *nvs);
    if (!nvs)
        return NULL;
    for (size_t i = 0; i < count; i++)
        nvs[i] = first[i];
    for (size_t i = 0; i < fields->len; i++)
        nvs[count + i] = make_nv(fields->at[i].name, fields->at[i].value);
    return nvs;
}

static ssize_t end_body(struct h2_session *s, struct h2_stream *stream,
                        const struct fields *trailers, uint32_t *flags, ssize_t n)
{
    stream->sending = false;
    s->events->ended(stream);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!trailers || trailers->len == 0)
        return n;
    nghttp2_nv few[FEW_FIELDS], *nvs = make_nvs(few, NULL, 0, trailers);
    if (!nvs || nghttp2_submit_trailer(s->nghttp2, stream->id, nvs, trailers->len) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return n;
}

/* nghttp2 is about to make a DATA frame of at most `length` bytes. */
static ssize_t on_pull(nghttp2_session *n, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                       nghttp2_data_source *source, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = source->ptr;
    const struct fields *trailers = NULL;
    struct span bytes = SPAN("");
    (void)n;
    (void)id;
    (void)buf;
    if (page_goes_first(s, stream)) {
        list_push(&s->held, &stream->held_node);
        return NGHTTP2_ERR_DEFERRED;
    }
    enum h2_body after = s->events->pull(stream, &bytes, &trailers);
    size_t room = s->out_room - s->out_len - FRAME_HEAD_BYTES;
    size_t take = bytes.len < length ? bytes.len : length;
    if (take > room)
        take = room;
    if (take == 0 && after == H2_BODY_LATER) {
        stream->sending = false;
        return NGHTTP2_ERR_DEFERRED;
    }
    s->pulled = span_of(bytes.ptr, take);
    if (take > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (take == bytes.len && after == H2_BODY_END)
        return end_body(s, stream, trailers, flags, (ssize_t)take);
    return (ssize_t)take;
}

static void put(struct h2_session *s, const void *bytes, size_t len)
{
    memcpy(s->out + s->out_len, bytes, len);
    s->out_len += len;
}

static int on_send_data(nghttp2_session *n, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user)
{
    struct h2_session *s = user;
    (void)n;
    (void)frame;
    assert(length == s->pulled.len && s->out_len + FRAME_HEAD_BYTES + length <= s->out_room);
    put(s, head, FRAME_HEAD_BYTES);
    put(s, s->pulled.ptr, length);
    s->events->sent(source->ptr, length);
    earn(s, CREDIT_A_FRAME, length);
    return s->out_room - s->out_len < MIN_ROOM_BYTES ? NGHTTP2_ERR_PAUSE : 0;
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
    nghttp2_session_callbacks_set_send_data_callback(cbs, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cbs, on_frame_not_send);
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

/* Pages that have nothing to send now let their pushes go. */
static bool release_held(struct h2_session *s)
{
    bool released = false;
    LIST_FOR_EACH_SAFE (stream, &s->held, struct h2_stream, held_node) {
        if (page_goes_first(s, stream))
            continue;
        list_remove(&stream->held_node);
        nghttp2_session_resume_data(s->nghttp2, stream->id);
        released = true;
    }
    return released;
}

static bool reset_unsent(struct h2_session *s)
{
    struct list *node;
    bool any = false;
    while ((node = list_pop(&s->unsent))) {
        const struct h2_stream *stream = CONTAINER_OF(node, struct h2_stream, held_node);
        bool promised = stream->id % 2 == 0;
        nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                  promised ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
        any = true;
    }
    return any;
}

/* Copies as much of `rest` as there is room for. */
static void put_rest(struct h2_session *s)
{
    size_t room = s->out_room - s->out_len;
    size_t n = s->rest.len < room ? s->rest.len : room;
    put(s, s->rest.ptr, n);
    s->rest = span_from(s->rest, n);
}

size_t h2_session_send(struct h2_session *s, char *to, size_t room, bool *failed)
{
    assert(room >= MIN_ROOM_BYTES);
    s->out = to;
    s->out_room = room;
    s->out_len = 0;
    if (s->rest.len > 0)
        put_rest(s);
    while (!s->memory.failed && s->out_room - s->out_len >= MIN_ROOM_BYTES) {
        const uint8_t *bytes;
        size_t before = s->out_len;
        ssize_t n = nghttp2_session_mem_send(s->nghttp2, &bytes);
        if (n < 0) {
            *failed = true;
            break;
        }
        s->rest = span_of(bytes, (size_t)n);
        if (n > 0)
            put_rest(s);
        else if (!reset_unsent(s) && s->out_len == before && !release_held(s))
            break;
    }
    s->out = NULL;
    *failed = *failed || s->memory.failed;
    return s->out_len;
}

bool h2_session_wants_send(const struct h2_session *s)
{
    return s->rest.len > 0 || s->memory.failed || nghttp2_session_want_write(s->nghttp2) != 0;
}

bool h2_session_is_over(const struct h2_session *s)
{
    if (s->memory.failed)
        return true;
    return nghttp2_session_want_read(s->nghttp2) == 0 && !h2_session_wants_send(s);
}

bool h2_session_is_in_head(const struct h2_session *s)
{
    return watch_is_in_head(&s->watch);
}

/* The status as text, in `arena`. */
static struct span status_text(unsigned status, struct arena *arena)
{
    char *text = arena_alloc(arena, 3);
    if (!text)
        return SPAN("");
    text[0] = (char)('0' + status / 100);
    text[1] = (char)('0' + status / 10 % 10);
    text[2] = (char)('0' + status % 10);
    return span_of(text, 3);
}

static nghttp2_nv *response_nvs(nghttp2_nv few[FEW_FIELDS], const struct response *head)
{
    struct span status = status_text(head->status, head->fields.arena);
    nghttp2_nv first = make_nv(SPAN(":status"), status);
    return status.len > 0 ? make_nvs(few, &first, 1, &head->fields) : NULL;
}

bool h2_session_inform(struct h2_session *s, struct h2_stream *stream, const struct response *head)
{
    if (s->memory.failed)
        return false;
    nghttp2_nv few[FEW_FIELDS], *nvs = response_nvs(few, head);
    return nvs && nghttp2_submit_headers(s->nghttp2, NGHTTP2_FLAG_NONE, stream->id, NULL, nvs,
                                         head->fields.len + 1, NULL) == 0;
}

bool h2_session_respond(struct h2_session *s, struct h2_stream *stream, const struct response *head,
                        bool has_body)
{
    if (s->memory.failed)
        return false;
    nghttp2_nv few[FEW_FIELDS], *nvs = response_nvs(few, head);
    nghttp2_data_provider source = {.source.ptr = stream, .read_callback = on_pull};
    if (!nvs || nghttp2_submit_response(s->nghttp2, stream->id, nvs, head->fields.len + 1,
                                        has_body ? &source : NULL) != 0)
        return false;
    stream->sending = has_body;
    return true;
}

/* nghttp2 makes the promised stream here, before the promise is sent, and closes it where that
 * cannot be sent any more. Its urgency is the least there is, whatever the client signals for it
 * (RFC 9218 §4). */
bool h2_session_promise(struct h2_session *s, struct h2_stream *page, const struct request *request,
                        struct h2_stream *stream)
{
    if (s->memory.failed)
        return false;
    static const nghttp2_extpri last = {.urgency = NGHTTP2_EXTPRI_URGENCY_LOW, .inc = 0};
    const nghttp2_nv first[] = {
        make_nv(SPAN(":method"), request->method),
        make_nv(SPAN(":scheme"), request->scheme),
        make_nv(SPAN(":authority"), request->authority),
        make_nv(SPAN(":path"), request->path),
    };
    nghttp2_nv few[FEW_FIELDS], *nvs = make_nvs(few, first, ARRAY_LEN(first), &request->fields);
    if (!nvs)
        return false;
    int32_t id = nghttp2_submit_push_promise(s->nghttp2, NGHTTP2_FLAG_NONE, page->id, nvs,
                                             request->fields.len + ARRAY_LEN(first), stream);
    if (id < 0)
        return false;
    stream->id = id;
    stream->page = page;
    list_push(&page->pushes, &stream->sibling);
    nghttp2_session_change_extpri_stream_priority(s->nghttp2, id, &last, 1);
    return true;
}

void h2_session_reset(struct h2_session *s, struct h2_stream *stream, enum h2_code code)
{
    if (s->memory.failed)
        return;
    nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, stream->id, (uint32_t)code);
}

void h2_session_resume(struct h2_session *s, struct h2_stream *stream)
{
    if (s->memory.failed)
        return;
    stream->sending = true;
    if (!list_empty(&stream->held_node))
        return; /* it goes on when its page lets it */
    nghttp2_session_resume_data(s->nghttp2, stream->id);
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
