/* state.h - what the files of the h2 room share and nobody else sees: session.c holds a session's
 * life and what it receives, sending.c what it sends. */
#ifndef H2_STATE_H
#define H2_STATE_H

#include <nghttp2/nghttp2.h>

#include "h2/memory.h"
#include "h2/session.h"
#include "h2/watch.h"

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
    struct h2_piece pulled; /* what the DATA frame that is being made will hold */

    /* a frame of DATA that lies in its body, until h2_session_taken() */
    struct span placed;

    /* bytes of nghttp2's that did not fit */
    struct span rest;
};

/* The stream with that id, or NULL. */
struct h2_stream *session_stream(struct h2_session *s, int32_t id);
/* DATA with `bytes` of content went one way or the other: that pays for `frames` idle ones, and for
 * more where it was much. */
void session_earn(struct h2_session *s, uint64_t frames, size_t bytes);
/* Names the callbacks with which nghttp2 tells what it sends. */
void sending_install(nghttp2_session_callbacks *cbs);

#endif
