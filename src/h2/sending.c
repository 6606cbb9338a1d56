#include "sending.h"

#include <assert.h>

enum {
    FRAME_HEAD_BYTES = 9,
    MIN_ROOM_BYTES =
        1024,            /* below that no frame is begun: small frames cost as much as large ones */
    PLACED_BYTES = 8192, /* with fewer in a frame, it shares a record with others */
    CREDIT_A_FRAME = 2,  /* WINDOW_UPDATE of the stream and of the connection */
    CREDIT_AN_ANSWER = 1, /* RST_STREAM of a stream that has its answer */
    CREDIT_A_PROMISE = 1, /* RST_STREAM of a push that is not wanted */
    FEW_FIELDS = 32,      /* most heads have no more */
};

/* nghttp2 refuses to send a head (the client sent GOAWAY before a push answered; the head is too
 * large; memory is out), and leaves the stream as it is. */
static int on_frame_not_send(nghttp2_session *n, const nghttp2_frame *frame, int code, void *user)
{
    struct h2_session *s = user;
    struct h2_stream *stream = streams_find(s, frame->hd.stream_id);
    (void)n;
    if (frame->hd.type != NGHTTP2_HEADERS || !stream || code == NGHTTP2_ERR_STREAM_CLOSED ||
        code == NGHTTP2_ERR_STREAM_CLOSING)
        return 0;
    list_remove(&stream->held_node);
    list_push(&s->unsent, &stream->held_node);
    return 0;
}

/* Informational heads and trailers come in HEADERS too. */
static bool is_final_head(const nghttp2_headers *head)
{
    return head->nvlen > 0 && head->nva[0].name[0] == ':' && head->nva[0].value[0] != '1';
}

static void on_head_sent(struct h2_session *s, const nghttp2_headers *head)
{
    struct h2_stream *stream = streams_find(s, head->hd.stream_id);
    if (!stream || !is_final_head(head))
        return;
    stream->base.responded = true;
    streams_earn(s, CREDIT_AN_ANSWER, 0);
    bool all = head->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (all && nghttp2_session_get_stream_remote_close(s->nghttp2, stream->id) == 0)
        s->base.events->ended(&stream->base);
}

/* What we decide ourselves to end is told of by whoever did. */
static void on_goaway_sent(struct h2_session *s, const nghttp2_goaway *goaway)
{
    if (!s->terminated && goaway->error_code != NGHTTP2_NO_ERROR)
        streams_note_why(s, goaway->error_code,
                         span_of(goaway->opaque_data, goaway->opaque_data_len));
}

/* Where a SETTINGS opens windows too far, nghttp2 resets the streams one by one; RFC 9113 §6.9.2
 * wants the connection ended. The code tells no more of the cause, and other breaches of flow
 * control may end it too (§5.4.1). We never give it ourselves. */
static int on_frame_send(nghttp2_session *n, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    (void)n;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_head_sent(s, &frame->headers);
        break;
    case NGHTTP2_GOAWAY:
        on_goaway_sent(s, &frame->goaway);
        break;
    case NGHTTP2_RST_STREAM:
        if (frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR)
            streams_end_all(s, H2_FLOW_CONTROL_ERROR);
        break;
    default:
        break;
    }
    return 0;
}

/* The page has bytes to send and window to send them in. */
static bool page_goes_first(const struct h2_session *s, const struct h2_stream *stream)
{
    return stream->page && stream->page->sending && streams_window(s, stream->page) > 0;
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
    s->base.events->ended(&stream->base);
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
    struct stream_piece piece = {.bytes = SPAN("")};
    (void)n;
    (void)id;
    (void)buf;
    if (page_goes_first(s, stream)) {
        list_push(&s->held, &stream->held_node);
        return NGHTTP2_ERR_DEFERRED;
    }
    enum stream_after after = s->base.events->pull(&stream->base, &piece, &trailers);
    size_t room = s->out_room - s->out_len - FRAME_HEAD_BYTES;
    size_t take = piece.bytes.len < length ? piece.bytes.len : length;
    if (take > room)
        take = room;
    if (take == 0 && after == STREAM_LATER) {
        stream->sending = false;
        return NGHTTP2_ERR_DEFERRED;
    }
    s->pulled = (struct stream_piece){span_of(piece.bytes.ptr, take), piece.spare};
    if (take > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (take == piece.bytes.len && after == STREAM_ENDS)
        return end_body(s, stream, trailers, flags, (ssize_t)take);
    return (ssize_t)take;
}

static void put(struct h2_session *s, const void *bytes, size_t len)
{
    memcpy(s->out + s->out_len, bytes, len);
    s->out_len += len;
}

/* Saves copying a body that fills most of a record: what is to be sent before it, and the head of
 * its frame, are written before it, if there is memory to spare. */
static bool place(struct h2_session *s, const uint8_t *head)
{
    size_t before = s->out_len + FRAME_HEAD_BYTES;
    struct span body = s->pulled.bytes;
    if (body.len < PLACED_BYTES || s->pulled.spare < before)
        return false;
    char *at = (char *)body.ptr - before;
    memcpy(at, s->out, s->out_len);
    memcpy(at + s->out_len, head, FRAME_HEAD_BYTES);
    s->placed = span_of(at, before + body.len);
    return true;
}

static int on_send_data(nghttp2_session *n, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user)
{
    struct h2_session *s = user;
    bool placed = s->placed.len > 0;
    (void)n;
    (void)frame;
    if (!placed) {
        assert(length == s->pulled.bytes.len);
        assert(s->out_len + FRAME_HEAD_BYTES + length <= s->out_room);
        if (place(s, head))
            return NGHTTP2_ERR_WOULDBLOCK; /* it asks again, from h2_session_taken() */
        put(s, head, FRAME_HEAD_BYTES);
        put(s, s->pulled.bytes.ptr, length);
    }
    s->placed = SPAN("");
    struct h2_stream *stream = source->ptr;
    s->base.events->sent(&stream->base, length);
    streams_earn(s, CREDIT_A_FRAME, length);
    return placed || s->out_room - s->out_len < MIN_ROOM_BYTES ? NGHTTP2_ERR_PAUSE : 0;
}

void sending_install(nghttp2_session_callbacks *cbs)
{
    nghttp2_session_callbacks_set_send_data_callback(cbs, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cbs, on_frame_not_send);
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

/* Whether both sides have said all is looked at when there is nothing more to send. */
static void note_end(struct h2_session *s)
{
    s->base.over =
        s->memory.failed || (nghttp2_session_want_read(s->nghttp2) == 0 && !streams_want_send(s));
}

struct span sending_send(struct session *base, char *to, size_t room, bool *failed)
{
    struct h2_session *s = h2_session_of(base);
    assert(room >= MIN_ROOM_BYTES && s->placed.len == 0);
    h2_memory_wake(&s->memory);
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
        else if (s->placed.len > 0)
            break;
        else if (!reset_unsent(s) && s->out_len == before && !release_held(s))
            break;
    }
    s->out = NULL;
    *failed = *failed || s->memory.failed;
    if (s->placed.len > 0)
        return s->placed;
    if (s->out_len == 0)
        note_end(s);
    return span_of(to, s->out_len);
}

/* nghttp2 counts the frame as sent now. That fails where memory is out, which is noted. */
void sending_taken(struct session *base)
{
    struct h2_session *s = h2_session_of(base);
    const uint8_t *bytes;
    if (s->placed.len > 0 && !s->memory.failed)
        (void)!nghttp2_session_mem_send(s->nghttp2, &bytes);
    s->placed = SPAN("");
}

/* The status as text, in `arena`. */
static struct span status_text(unsigned status, struct arena *arena)
{
    char *text = arena_text(arena, 3);
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

/* nghttp2 copies the text, and frees it when the frame was made. */
bool sending_inform(struct stream *stream, const struct response *head)
{
    struct h2_session *s = h2_session_of(stream->session);
    if (s->memory.failed)
        return false;
    size_t len = head->fields.len + 1;
    nghttp2_nv few[FEW_FIELDS], *nvs = response_nvs(few, head);
    for (size_t i = 0; nvs && i < len; i++)
        nvs[i].flags = NGHTTP2_NV_FLAG_NONE;
    return nvs && nghttp2_submit_headers(s->nghttp2, NGHTTP2_FLAG_NONE, h2_stream_of(stream)->id,
                                         NULL, nvs, len, NULL) == 0;
}

bool sending_respond(struct stream *base, const struct response *head, bool has_body)
{
    struct h2_session *s = h2_session_of(base->session);
    struct h2_stream *stream = h2_stream_of(base);
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
bool sending_promise(struct stream *page_base, struct stream *push_base)
{
    struct h2_session *s = h2_session_of(page_base->session);
    struct h2_stream *page = h2_stream_of(page_base), *push = h2_stream_of(push_base);
    const struct request *request = push_base->request;
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
                                             request->fields.len + ARRAY_LEN(first), push);
    if (id < 0)
        return false;
    streams_add(s, push, id);
    streams_pair(page, push);
    streams_earn(s, CREDIT_A_PROMISE, 0);
    nghttp2_session_change_extpri_stream_priority(s->nghttp2, id, &last, 1);
    return true;
}

void sending_reset(struct stream *stream, enum stream_end why)
{
    static const enum h2_code codes[] = {
        [STREAM_DONE] = H2_NO_ERROR,
        [STREAM_CANCEL] = H2_CANCEL,
        [STREAM_BROKEN] = H2_INTERNAL_ERROR,
        [STREAM_CALM] = H2_ENHANCE_YOUR_CALM,
    };
    struct h2_session *s = h2_session_of(stream->session);
    if (!s->memory.failed)
        nghttp2_submit_rst_stream(s->nghttp2, NGHTTP2_FLAG_NONE, h2_stream_of(stream)->id,
                                  codes[why]);
}

void sending_resume(struct stream *base)
{
    struct h2_session *s = h2_session_of(base->session);
    struct h2_stream *stream = h2_stream_of(base);
    if (s->memory.failed)
        return;
    stream->sending = true;
    if (!list_empty(&stream->held_node))
        return; /* it goes on when its page lets it */
    nghttp2_session_resume_data(s->nghttp2, stream->id);
}

size_t sending_window(const struct stream *stream)
{
    return streams_window(h2_session_of(stream->session),
                          CONTAINER_OF(stream, const struct h2_stream, base));
}
