/* The session, fed with any bytes, under a user who does any of what the session lets him do: it
 * never asserts, leaks or reads what is gone; a stream that was opened is closed once, or is still
 * open at the end; what is sent is frames, and none on a stream that was not opened or has ended.
 */
#include <stdlib.h>

#include "h2/session.h"
#include "h2/streams.h"

#include "input.h"

enum {
    BODY_BYTES = 20000,
    STREAMS = 256,
    FRAME_HEAD_BYTES = 9,
    SENDS = 64,
};

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_PUSH_PROMISE = 5,
    FRAME_TYPES = 10,
};

/* Where the bytes of the client come from. */
enum mode {
    MODE_FRAMES, /* a preface, then frames with right lengths: type, flags, stream, length, bytes */
    MODE_RAW,    /* a preface, then anything */
    MODE_NOTHING_FIRST, /* anything */
    MODES,
};

struct side {
    struct h2_stream h2; /* in user.streams or user.dead */
    struct arena arena;
    struct request request;
    struct fields request_trailers;
    bool head, ended, answered, closed, promised;
    size_t received;
    char *body; /* of the response; gone with the stream */
    size_t left;
    struct fields trailers;
    bool has_trailers, is_complete;
};

/* What was sent, read as frames. */
struct sent {
    uint8_t head[FRAME_HEAD_BYTES];
    size_t head_len, payload;
    bool ended[STREAMS]; /* by us */
};

struct user {
    struct session *session;
    struct input choices;
    struct list streams; /* all that are open */
    struct list dead;
    struct sent sent;
    bool in_call; /* a function that may call back */
};

static struct user *user_of(struct side *s)
{
    return s->h2.base.user;
}

static struct side *side_of(struct stream *stream)
{
    struct side *s = CONTAINER_OF(h2_stream_of(stream), struct side, h2);
    assert(user_of(s)->in_call && !s->closed);
    return s;
}

static struct side *side_new(struct user *u)
{
    struct side *s = calloc(1, sizeof *s);
    assert(s);
    arena_init(&s->arena, NULL);
    fields_init(&s->request.fields, &s->arena);
    fields_init(&s->request_trailers, &s->arena);
    fields_init(&s->trailers, &s->arena);
    fields_add(&s->trailers, SPAN("x-sum"), SPAN("1"));
    s->h2.base.user = u;
    s->h2.base.request = &s->request;
    s->h2.base.trailers = &s->request_trailers;
    list_init(&s->h2.base.node);
    list_push(&u->streams, &s->h2.base.node);
    return s;
}

static void side_free(struct side *s)
{
    arena_fini(&s->arena);
    free(s->body);
    free(s);
}

static struct stream *on_opened(void *user, size_t bytes)
{
    struct user *u = user;
    assert(u->in_call && bytes == sizeof(struct h2_stream));
    return input_below(&u->choices, 16) == 1 ? NULL : &side_new(u)->h2.base;
}

static void check_fields(const struct fields *fields)
{
    assert(!fields->failed);
    for (size_t i = 0; i < fields->len; i++) {
        assert(field_name_is_valid(fields->at[i].name));
        assert(field_value_is_valid(fields->at[i].value));
    }
}

/* What has been put together of a request, be it complete or not. */
static void check_request(const struct side *s)
{
    const struct request *r = &s->request;
    const struct span pseudo[] = {r->method, r->scheme, r->authority, r->path};
    for (size_t i = 0; i < ARRAY_LEN(pseudo); i++)
        assert(field_value_is_valid(pseudo[i]));
    assert(!s->arena.failed);
    check_fields(&r->fields);
    check_fields(&s->request_trailers);
    assert(s->request_trailers.len == 0 || (s->head && !s->promised));
}

static void on_head(struct stream *stream, bool end)
{
    struct side *s = side_of(stream);
    assert(s->h2.id % 2 == 1 && !s->head && !s->ended);
    check_request(s);
    s->head = true;
    (void)end;
}

static void on_body(struct stream *stream, struct span bytes)
{
    struct side *s = side_of(stream);
    assert(s->head && !s->ended);
    s->received += bytes.len;
}

static void on_end(struct stream *stream)
{
    struct side *s = side_of(stream);
    assert(s->head && !s->ended);
    check_request(s);
    s->ended = true;
}

static void on_closed(struct stream *stream, enum stream_closed how)
{
    struct side *s = side_of(stream);
    assert(how == STREAM_CLOSED_ENDED && !stream->session);
    check_request(s);
    s->closed = true;
    list_remove(&stream->node);
    list_push(&user_of(s)->dead, &stream->node);
}

static enum stream_after on_pull(struct stream *stream, struct stream_piece *piece,
                                 const struct fields **trailers)
{
    struct side *s = side_of(stream);
    assert(s->answered);
    piece->bytes = span_of(s->body + (BODY_BYTES - s->left), s->left);
    piece->spare = s->body ? BODY_BYTES - s->left : 0;
    if (!s->is_complete)
        return STREAM_LATER;
    if (s->has_trailers)
        *trailers = &s->trailers;
    return STREAM_ENDS;
}

static void on_sent(struct stream *stream, size_t n)
{
    struct side *s = side_of(stream);
    assert(n <= s->left);
    s->left -= n;
}

static void on_ended(struct stream *stream)
{
    assert(side_of(stream)->is_complete);
}

static const struct stream_events events = {
    .opened = on_opened,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .closed = on_closed,
    .pull = on_pull,
    .sent = on_sent,
    .ended = on_ended,
};

static struct response response_of(struct side *s, unsigned status)
{
    struct response head = {.status = status};
    fields_init(&head.fields, &s->arena);
    fields_add(&head.fields, SPAN("x-a"), SPAN("b"));
    return head;
}

static void respond(struct user *u, struct side *s)
{
    struct response head = response_of(s, 200);
    bool has_body = input_flip(&u->choices);
    s->left = has_body ? input_below(&u->choices, 256) * (BODY_BYTES / 256) : 0;
    s->body = has_body ? calloc(1, BODY_BYTES) : NULL;
    s->is_complete = input_flip(&u->choices) || !has_body;
    s->has_trailers = input_flip(&u->choices);
    s->answered = true;
    if (!stream_respond(&s->h2.base, &head, has_body))
        stream_reset(&s->h2.base, STREAM_BROKEN);
}

/* The request's text must last as long as the promised stream. */
static void promise(struct user *u, struct side *page)
{
    if (page->promised || page->answered || !u->session->takes_pushes)
        return;
    struct side *s = side_new(u);
    s->request.method = SPAN("GET");
    s->request.scheme = SPAN("https");
    s->request.authority = SPAN("a");
    s->request.path = SPAN("/a.css");
    s->promised = s->head = s->ended = true;
    if (stream_promise(&page->h2.base, &s->h2.base)) {
        assert(s->h2.id > 0 && s->h2.id % 2 == 0 && s->h2.page == &page->h2);
        return;
    }
    list_remove(&s->h2.base.node);
    side_free(s);
}

static void go_on(struct side *s)
{
    s->is_complete = true;
    if (s->body)
        stream_resume(&s->h2.base);
}

static void inform(struct side *s)
{
    struct response head = response_of(s, 103);
    if (!stream_inform(&s->h2.base, &head))
        stream_reset(&s->h2.base, STREAM_BROKEN);
}

/* Does one thing, or nothing, for a stream. */
static void act(struct user *u, struct side *s)
{
    if (s->received > 0)
        stream_consumed(&s->h2.base, s->received);
    s->received = 0;
    if (!s->head)
        return;
    switch (input_below(&u->choices, 8)) {
    case 1:
    case 2:
        if (!s->answered)
            respond(u, s);
        else
            go_on(s);
        break;
    case 3:
        promise(u, s);
        break;
    case 4:
        stream_reset(&s->h2.base, STREAM_CANCEL);
        break;
    case 5:
        if (!s->answered)
            inform(s);
        break;
    case 6:
        assert(stream_window(&s->h2.base) <= INT32_MAX);
        break;
    default:
        break;
    }
}

static void act_on_session(struct user *u)
{
    switch (input_below(&u->choices, 32)) {
    case 1:
        session_leave(u->session, SESSION_LEAVE_SOON);
        break;
    case 2:
        session_leave(u->session, SESSION_LEAVE_LAST);
        break;
    case 3:
        session_leave(u->session, SESSION_LEAVE_CALM);
        break;
    default:
        break;
    }
}

/* The head of a frame that was sent is complete. */
static void check_frame(struct sent *sent)
{
    const uint8_t *h = sent->head;
    size_t len = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
    uint32_t id = (uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8];
    assert(len <= 16384 && h[3] < FRAME_TYPES && id <= INT32_MAX);
    if (h[3] == FRAME_DATA || h[3] == FRAME_HEADERS || h[3] == FRAME_PUSH_PROMISE) {
        assert(id > 0);
        assert(id >= STREAMS || !sent->ended[id]);
    }
    bool ends = (h[3] == FRAME_DATA || h[3] == FRAME_HEADERS) && (h[4] & 1);
    if (id < STREAMS && (ends || h[3] == FRAME_RST_STREAM))
        sent->ended[id] = true;
    sent->payload = len;
    sent->head_len = 0;
}

static void check_sent(struct sent *sent, struct span bytes)
{
    while (bytes.len > 0) {
        if (sent->payload > 0) {
            size_t n = sent->payload < bytes.len ? sent->payload : bytes.len;
            sent->payload -= n;
            bytes = span_from(bytes, n);
            continue;
        }
        sent->head[sent->head_len++] = (uint8_t)bytes.ptr[0];
        bytes = span_from(bytes, 1);
        if (sent->head_len == FRAME_HEAD_BYTES)
            check_frame(sent);
    }
}

static void free_dead(struct user *u)
{
    struct list *node;
    while ((node = list_pop(&u->dead)))
        side_free(CONTAINER_OF(node, struct side, h2.base.node));
}

/* The end of a turn: acts, writes, frees. False: the connection is over. */
static bool end_turn(struct user *u)
{
    bool failed = false;
    LIST_FOR_EACH_SAFE (s, &u->streams, struct side, h2.base.node)
        act(u, s);
    act_on_session(u);
    for (size_t i = 0; i < SENDS; i++) {
        size_t room = (size_t)1024 << input_below(&u->choices, 5);
        char *out = malloc(room); /* of its own, so that one byte too many is seen */
        u->in_call = true;
        struct span bytes = session_send(u->session, out, room, &failed);
        assert(out && bytes.len <= room);
        check_sent(&u->sent, bytes);
        session_taken(u->session);
        u->in_call = false;
        free(out);
        if (bytes.len == 0 || failed)
            break;
    }
    free_dead(u);
    return !failed && !u->session->over;
}

static bool receive(struct user *u, struct span bytes)
{
    u->in_call = true;
    bool fine = session_receive(u->session, bytes);
    u->in_call = false;
    return end_turn(u) && fine;
}

/* One frame out of the input, with the right length. */
static bool receive_frame(struct user *u, struct input *in)
{
    char frame[FRAME_HEAD_BYTES + 256] = {0};
    struct span head = input_bytes(in, 4);
    if (head.len < 4)
        return false;
    struct span payload = input_bytes(in, (unsigned char)head.ptr[3]);
    frame[2] = (char)payload.len;
    frame[3] = head.ptr[0];
    frame[4] = head.ptr[1];
    frame[8] = head.ptr[2];
    if (payload.len > 0)
        memcpy(frame + FRAME_HEAD_BYTES, payload.ptr, payload.len);
    return receive(u, span_of(frame, FRAME_HEAD_BYTES + payload.len));
}

static bool receive_raw(struct user *u, struct input *in)
{
    struct span bytes = input_bytes(in, 1 + input_below(&u->choices, 128));
    return bytes.len > 0 && receive(u, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h2_limits limits = {.streams = 10,
                                            .header_list_bytes = 1024,
                                            .window_bytes = 65535,
                                            .response_head_bytes = 4096};
    static const struct span greeting = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33};
    struct input in = input_of(data, size);
    struct user u = {0};
    struct h2_cache cache;
    enum mode mode = (enum mode)input_below(&in, MODES);
    u.choices.rest = input_bytes(&in, input_below(&in, 128));
    list_init(&u.streams);
    list_init(&u.dead);
    h2_cache_init(&cache, NULL);
    u.session = h2_session_new(&events, &u, &limits, &cache);
    assert(u.session);
    bool more = mode == MODE_NOTHING_FIRST || receive(&u, greeting);
    while (more)
        more = mode == MODE_FRAMES ? receive_frame(&u, &in) : receive_raw(&u, &in);
    session_free(u.session);
    h2_cache_trim(&cache);
    LIST_FOR_EACH_SAFE (s, &u.streams, struct side, h2.base.node) {
        list_remove(&s->h2.base.node);
        assert(!s->closed);
        side_free(s);
    }
    return 0;
}
