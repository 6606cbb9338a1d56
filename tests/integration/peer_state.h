/* peer_state.h - what peer.c (which moves bytes) and record.c (which takes notes) share. */
#ifndef PEER_STATE_H
#define PEER_STATE_H

#include "peer.h"

struct peer {
    struct wire *wire;
    nghttp2_session *session;
    bool over;
    uint64_t moved; /* bytes, both ways */
    unsigned pongs;
    struct peer_stream **streams; /* in the order of their making */
    size_t streams_len;
    struct peer_event *events;
    size_t events_len;
    struct fieldset pending; /* of the head that is coming in */
    struct {
        int32_t id;
        uint32_t value;
    } settings[16];
    size_t settings_len;
    const char *out; /* what the library has ready and the socket did not take */
    size_t out_len;
};

/* Has the library call the functions of record.c. */
void record_install(nghttp2_session_callbacks *callbacks);
/* The stream `id`, made if there is none. */
struct peer_stream *record_stream(struct peer *p, int32_t id);
void record_fini(struct peer *p);

#endif
