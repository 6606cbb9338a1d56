#include "h2/watch.h"

enum {
    PREFACE_BYTES = 24,
    FRAME_BYTES = 16384, /* SETTINGS_MAX_FRAME_SIZE, of which we say nothing */
    PRIORITY_BYTES = 5,

    TYPE_DATA = 0,
    TYPE_HEADERS = 1,
    TYPE_PRIORITY = 2,
    TYPE_RST_STREAM = 3,
    TYPE_CONTINUATION = 9,

    FLAG_END_STREAM = 0x1,
    FLAG_END_HEADERS = 0x4,
    FLAG_PADDED = 0x8,
    FLAG_PRIORITY = 0x20,
};

struct head {
    uint32_t length, stream;
    uint8_t type, flags;
};

static uint32_t parse_id(const uint8_t b[4])
{
    return (uint32_t)(b[0] & 0x7f) << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static struct head parse_head(const uint8_t b[WATCH_HEAD_BYTES])
{
    return (struct head){
        .length = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2],
        .type = b[3],
        .flags = b[4],
        .stream = parse_id(b + 5),
    };
}

static bool is_content(const struct head *head)
{
    return head->type == TYPE_HEADERS || head->type == TYPE_DATA;
}

/* What must be there before any content. */
static uint32_t least_length(const struct head *head)
{
    uint32_t padding = head->flags & FLAG_PADDED ? 1 : 0;
    uint32_t priority =
        head->type == TYPE_HEADERS && (head->flags & FLAG_PRIORITY) ? PRIORITY_BYTES : 0;
    return is_content(head) ? padding + priority : 0;
}

/* The n-th stream before the newest, which is the 0th; NULL where it is not remembered. */
static struct watch_stream *nth_newest(struct watch *w, size_t n)
{
    if (n >= w->opened || n >= WATCH_STREAMS)
        return NULL;
    return &w->streams[(w->opened - 1 - n) % WATCH_STREAMS];
}

enum found {
    FOUND_NEW,     /* above all ids so far */
    FOUND_KNOWN,   /* *stream is set */
    FOUND_PASSED,  /* below an id in use, and never used itself */
    FOUND_UNKNOWN, /* too old to be remembered */
};

static enum found find(struct watch *w, uint32_t id, struct watch_stream **stream)
{
    size_t n = 0;
    while ((*stream = nth_newest(w, n)) && (*stream)->id > id)
        n++;
    if (*stream && (*stream)->id == id)
        return FOUND_KNOWN;
    if (n == 0)
        return FOUND_NEW;
    return n < WATCH_STREAMS ? FOUND_PASSED : FOUND_UNKNOWN;
}

static struct watch_stream *enter(struct watch *w, uint32_t id)
{
    struct watch_stream *stream = &w->streams[w->opened++ % WATCH_STREAMS];
    *stream = (struct watch_stream){.id = id & 0x7fffffff};
    return stream;
}

/* Whether the client may send HEADERS or DATA on the stream; what is wrong with an id that is even
 * or idle is nghttp2's to say. */
static enum watch_fault judge_content(struct watch *w, const struct head *head)
{
    struct watch_stream *stream;
    bool headers = head->type == TYPE_HEADERS;
    switch (find(w, head->stream, &stream)) {
    case FOUND_PASSED:
        return headers ? WATCH_PROTOCOL : WATCH_STREAM_CLOSED;
    case FOUND_UNKNOWN:
        return WATCH_FINE;
    case FOUND_NEW:
        if (!headers)
            return WATCH_FINE;
        stream = enter(w, head->stream);
        break;
    case FOUND_KNOWN:
        if (stream->ended)
            return WATCH_STREAM_CLOSED;
        break;
    }
    stream->ended = (head->flags & FLAG_END_STREAM) != 0;
    return WATCH_FINE;
}

static void note_reset(struct watch *w, uint32_t id)
{
    struct watch_stream *stream;
    if (find(w, id, &stream) == FOUND_KNOWN)
        stream->ended = true;
}

/* A stream must not depend on itself; a length that is wrong is nghttp2's to say. */
static enum watch_fault judge_priority(const struct head *head, const uint8_t dependency[4])
{
    bool wrong = head->length == PRIORITY_BYTES &&
                 (head->stream == 0 || parse_id(dependency) == head->stream);
    return wrong ? WATCH_PROTOCOL : WATCH_FINE;
}

static void count(struct watch *w, const struct head *head)
{
    bool ends = head->type == TYPE_DATA && (head->flags & FLAG_END_STREAM);
    w->idle_frames += head->type != TYPE_HEADERS && !ends;
    w->heads += head->type == TYPE_HEADERS;
}

static enum watch_fault judge(struct watch *w, const struct head *head)
{
    count(w, head);
    if (head->length > FRAME_BYTES || head->length < least_length(head))
        return WATCH_FRAME_SIZE;
    if (w->in_block) { /* whatever else comes here, nghttp2 ends the connection */
        w->ends_block = head->type == TYPE_CONTINUATION && (head->flags & FLAG_END_HEADERS);
        return WATCH_FINE;
    }
    if (head->type == TYPE_PRIORITY)
        return judge_priority(head, w->head + WATCH_HEAD_BYTES);
    if (head->type == TYPE_HEADERS) {
        w->in_block = true;
        w->ends_block = head->flags & FLAG_END_HEADERS;
    }
    if (head->stream % 2 == 0)
        return WATCH_FINE;
    if (is_content(head))
        return judge_content(w, head);
    if (head->type == TYPE_RST_STREAM)
        note_reset(w, head->stream);
    return WATCH_FINE;
}

/* Takes a byte of a head; true when it is complete, with what is looked at behind it. */
static bool collect(struct watch *w, char byte, struct head *head)
{
    w->head[w->head_len++] = (uint8_t)byte;
    if (w->head_len < WATCH_HEAD_BYTES)
        return false;
    *head = parse_head(w->head);
    size_t wanted = WATCH_HEAD_BYTES;
    if (head->type == TYPE_PRIORITY && head->length == PRIORITY_BYTES)
        wanted = WATCH_PEEK_BYTES;
    w->left = head->length - (uint32_t)(w->head_len - WATCH_HEAD_BYTES);
    return w->head_len == wanted;
}

/* Passes over what is left of the preface or of a frame; how many of `n` bytes that were. */
static size_t pass(struct watch *w, size_t n)
{
    size_t take = n < w->left ? n : w->left;
    w->left -= (uint32_t)take;
    if (w->left == 0 && w->ends_block)
        w->in_block = w->ends_block = false;
    return take;
}

void watch_init(struct watch *w)
{
    *w = (struct watch){.left = PREFACE_BYTES, .greeting = true};
}

enum watch_fault watch_read(struct watch *w, struct span bytes, size_t *fine)
{
    struct head head;
    size_t at = 0;
    while (at < bytes.len) {
        if (w->head_len == 0)
            at += pass(w, bytes.len - at);
        if (at == bytes.len || !collect(w, bytes.ptr[at++], &head))
            continue;
        size_t len = w->head_len;
        w->head_len = 0;
        w->greeting = false;
        enum watch_fault fault = judge(w, &head);
        if (fault != WATCH_FINE) {
            *fine = at - (at < len ? at : len);
            return fault;
        }
        pass(w, 0);
    }
    return WATCH_FINE;
}

unsigned watch_take_idle_frames(struct watch *w)
{
    unsigned n = w->idle_frames;
    w->idle_frames = 0;
    return n;
}

bool watch_is_in_head(const struct watch *w)
{
    return w->greeting || w->in_block;
}
