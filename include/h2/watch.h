/* watch.h - reads along in what a client sends, and sees what nghttp2 lets pass (RFC 9113 §4.2,
 * §5.1, §5.1.1, §6.3).
 * nghttp2 forgets a stream that is closed, and drops whatever comes on it, or on one that was
 * passed over, in silence. The RFC allows that only for a stream that we reset: the client may not
 * know. What is judged here is therefore only what the client itself said before: which streams it
 * opened, and on which of them it is done.
 * nghttp2 also takes CONTINUATION of any length, and does not look into PRIORITY once we said
 * NO_RFC7540_PRIORITIES.
 * Looks at the heads of frames and at the dependency in PRIORITY; owns nothing; no I/O. */
#ifndef H2_WATCH_H
#define H2_WATCH_H

#include "base/attr.h"
#include "base/span.h"

enum {
    WATCH_STREAMS = 128, /* remembered: the newest; of older ones everything is believed */
    WATCH_HEAD_BYTES = 9,
    WATCH_PEEK_BYTES = WATCH_HEAD_BYTES + 4,
};

/* Each ends the connection, with the error of that name. */
enum watch_fault {
    WATCH_FINE,
    WATCH_PROTOCOL,
    WATCH_STREAM_CLOSED,
    WATCH_FRAME_SIZE,
};

struct watch {
    uint32_t left; /* bytes of the preface, or of a frame, until the next head */
    uint8_t head[WATCH_PEEK_BYTES];
    size_t head_len;
    bool greeting;   /* in the preface */
    bool in_block;   /* in a header block: only CONTINUATION may come */
    bool ends_block; /* the frame that comes is the last of it */
    struct watch_stream {
        uint32_t id : 31, ended : 1;
    } streams[WATCH_STREAMS]; /* a ring, in the order of their ids */
    size_t opened;            /* streams, ever */
    size_t heads;             /* HEADERS, ever */
    unsigned idle_frames;     /* see watch_take_idle_frames() */
};

/* At the first byte of a connection. */
void watch_init(struct watch *w);
/* Reads `bytes`. WATCH_FINE: all of them; otherwise `*fine` is the number of those up to the head
 * at fault, and `w` is of no more use. */
NODISCARD
enum watch_fault watch_read(struct watch *w, struct span bytes, size_t *fine);
/* How many frames came since this was last asked that do not begin or end a request: cheap to send,
 * and work for us. DATA is among them, too: whoever sees its content makes up for it. */
unsigned watch_take_idle_frames(struct watch *w);
/* A header block has begun and is not complete, or no frame has begun yet. */
bool watch_is_in_head(const struct watch *w);

#endif
