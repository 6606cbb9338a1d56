#include "h2/watch.h"

enum {
    PREFACE_BYTES = 24,

    TYPE_DATA = 0,
    TYPE_HEADERS = 1,
    TYPE_RST_STREAM = 3,
    TYPE_CONTINUATION = 9,

    FLAG_END_STREAM = 0x1,
    FLAG_END_HEADERS = 0x4,
};

struct head {
    uint32_t length, stream;
    uint8_t type, flags;
};

static struct head parse_head(const uint8_t b[WATCH_HEAD_BYTES])
{
    return (struct head){
        .length = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2],
        .type = b[3],
        .flags = b[4],
        .stream = (uint32_t)(b[5] & 0x7f) << 24 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 8 | b[8],
    };
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
    *stream = (struct watch_stream){.id = id};
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
        return headers ? WATCH_STREAM_PASSED : WATCH_STREAM_CLOSED;
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
    stream->ended = head->flags & FLAG_END_STREAM;
    return WATCH_FINE;
}

static void note_reset(struct watch *w, uint32_t id)
{
    struct watch_stream *stream;
    if (find(w, id, &stream) == FOUND_KNOWN)
        stream->ended = true;
}

static enum watch_fault judge(struct watch *w, const struct head *head)
{
    w->left = head->length;
    if (w->in_block) { /* whatever else comes here, nghttp2 ends the connection */
        w->ends_block = head->type == TYPE_CONTINUATION && (head->flags & FLAG_END_HEADERS);
        return WATCH_FINE;
    }
    if (head->type == TYPE_HEADERS) {
        w->in_block = true;
        w->ends_block = head->flags & FLAG_END_HEADERS;
    }
    if (head->stream % 2 == 0)
        return WATCH_FINE;
    if (head->type == TYPE_HEADERS || head->type == TYPE_DATA)
        return judge_content(w, head);
    if (head->type == TYPE_RST_STREAM)
        note_reset(w, head->stream);
    return WATCH_FINE;
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
    size_t at = 0;
    while ((at += pass(w, bytes.len - at)) < bytes.len) {
        w->head[w->head_len++] = (uint8_t)bytes.ptr[at++];
        if (w->head_len < WATCH_HEAD_BYTES)
            continue;
        const struct head head = parse_head(w->head);
        w->head_len = 0;
        w->greeting = false;
        enum watch_fault fault = judge(w, &head);
        if (fault != WATCH_FINE) {
            *fine = at - (at < WATCH_HEAD_BYTES ? at : WATCH_HEAD_BYTES);
            return fault;
        }
    }
    return WATCH_FINE;
}

bool watch_is_in_head(const struct watch *w)
{
    return w->greeting || w->in_block;
}
