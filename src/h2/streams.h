/* streams.h - a session's state and its streams: what receiving (session.c) and sending (sending.c)
 * both use. For this room only. */
#ifndef H2_STREAMS_H
#define H2_STREAMS_H

#include <nghttp2/nghttp2.h>

#include "h2/memory.h"
#include "h2/watch.h"
#include "http/session.h"

/* Error codes of RFC 9113 §7 that we send. */
enum h2_code {
    H2_NO_ERROR = 0,
    H2_PROTOCOL_ERROR = 1,
    H2_INTERNAL_ERROR = 2,
    H2_FLOW_CONTROL_ERROR = 3,
    H2_STREAM_CLOSED = 5,
    H2_FRAME_SIZE_ERROR = 6,
    H2_REFUSED_STREAM = 7,
    H2_CANCEL = 8,
    H2_ENHANCE_YOUR_CALM = 11,
};

/* A stream, in the memory of whoever uses the session. */
struct h2_stream {
    struct stream base;
    int32_t id;
    bool sending;           /* it may have bytes to frame: its last pull did not say LATER */
    struct h2_stream *page; /* a promised stream's, while both are open */
    struct list pushes;     /* of a page; linked through `sibling` */
    struct list sibling;
    struct list held_node; /* in session.held or session.unsent */
    size_t head_bytes;     /* of its fields, as they were decoded */
};

enum { H2_WHY_BYTES = 128 };

struct h2_session {
    struct session base;
    nghttp2_session *nghttp2;
    struct h2_stream *recent; /* that nghttp2 spoke of last; NULL: none, or it is no more */
    struct list held;         /* pushes whose pages go first */
    struct list unsent;       /* streams whose head nghttp2 will not send: they are to be reset */
    struct h2_memory memory;  /* once it has failed nghttp2 is called no more */
    struct watch watch;
    size_t header_list_bytes; /* SETTINGS_MAX_HEADER_LIST_SIZE: a longer head is not kept */
    size_t heads_taken;       /* that began requests, or are trailers of one */
    size_t heads_vain;        /* the others, as far as they are among base.idle_frames */
    uint64_t credit;          /* idle frames that the bytes which went either way may come with */
    bool goaway_received, announced, terminated;

    /* while h2_session_send() runs */
    char *out;
    size_t out_len, out_room;
    struct stream_piece pulled; /* what the DATA frame that is being made will hold */

    /* a frame of DATA that lies in its body, until h2_session_taken() */
    struct span placed;

    /* bytes of nghttp2's that did not fit */
    struct span rest;

    char why[H2_WHY_BYTES]; /* base.why, once there is one */
};

static inline struct h2_session *h2_session_of(struct session *s)
{
    return CONTAINER_OF(s, struct h2_session, base);
}

static inline struct h2_stream *h2_stream_of(struct stream *s)
{
    return CONTAINER_OF(s, struct h2_stream, base);
}

/* The stream of the session that has that id, or NULL. */
struct h2_stream *streams_find(struct h2_session *s, int32_t id);
/* Makes `stream`, which is zeroed but for its base, one of the session's. */
void streams_add(struct h2_session *s, struct h2_stream *stream, int32_t id);
/* Takes `stream` out of the session and reports that it is closed. */
void streams_remove(struct h2_session *s, struct h2_stream *stream);
/* Enters `push` as a promise of `page`. */
void streams_pair(struct h2_stream *page, struct h2_stream *push);
/* How many bytes of DATA the client lets the stream send now. */
size_t streams_window(const struct h2_session *s, const struct h2_stream *stream);
/* DATA with `bytes` of content went one way or the other: that pays for `frames` idle ones, and for
 * more where it was much. */
void streams_earn(struct h2_session *s, uint64_t frames, size_t bytes);
/* Notes why the connection ends with `code`, unless that is noted already. No words: what nghttp2
 * may mean by the code. */
void streams_note_why(struct h2_session *s, uint32_t code, struct span words);
/* Ends the connection with all its streams, telling the client why. */
void streams_end_all(struct h2_session *s, enum h2_code code);
/* There is something to send. */
bool streams_want_send(const struct h2_session *s);

#endif
