/* peer.h - a client of HTTP/2 that takes pushes (RFC 9113), in the test's own thread.
 * Nothing moves but inside peer_until() and what stands on it: a peer on which nobody waits neither
 * reads nor writes. Records every frame that came, in order, and all that each stream brought.
 * Owns its wire. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "bytes.h"
#include "fieldset.h"
#include "wire.h"

enum peer_push {
    PEER_PUSH_ON,     /* says ENABLE_PUSH 1 */
    PEER_PUSH_OFF,    /* says ENABLE_PUSH 0 */
    PEER_PUSH_UNSAID, /* says nothing, which is 1 */
};

struct peer_options {
    struct wire_options wire;
    enum peer_push push;
    bool limit_streams; /* says MAX_CONCURRENT_STREAMS: */
    uint32_t max_streams;
    uint32_t stream_window; /* INITIAL_WINDOW_SIZE; 0: 16 MiB */
    uint32_t window;        /* of the connection; 0: 16 MiB. At least 65,535 */
    bool manual;            /* windows open by peer_widen() only */
    bool may_be_refused;    /* a peer whose handshake fails is over, which fails no test */
    bool no_validation;     /* lets malformed messages of the daemon through, to look at them */
};

enum peer_event_type {
    PEER_PROMISE, /* on `stream`, promising `promised` */
    PEER_INFO,    /* a head with a status of 1xx */
    PEER_HEAD,
    PEER_DATA,
    PEER_TRAILERS,
    PEER_RESET, /* RST_STREAM of the daemon */
    PEER_GOAWAY,
    PEER_SETTINGS,
};

struct peer_event {
    enum peer_event_type type;
    int32_t stream, promised;
    uint32_t value; /* bytes of data, the error code of a reset, the status of a head */
};

struct peer_stream {
    int32_t id;
    int32_t parent;          /* of a pushed stream: where it was promised; else 0 */
    struct fieldset promise; /* with the pseudo-fields */
    struct fieldset infos[8];
    size_t infos_len;
    struct fieldset head; /* with ":status" */
    unsigned status;      /* of the final head; 0: none yet */
    struct fieldset trailers;
    uint64_t body_bytes;
    uint64_t body_from; /* the pattern's offset: what the head says in x-body-from, or 0 */
    bool body_is_pattern;
    struct bytes body; /* the first 64 KiB */
    bool ended;        /* END_STREAM came */
    bool closed;       /* with `error` */
    bool reset;        /* by the daemon */
    uint32_t error;
    struct peer_upload {
        bool wanted;
        const char *text; /* NULL: the pattern */
        uint64_t bytes;   /* in all */
        uint64_t from;    /* the pattern's offset */
        uint64_t hold_at; /* stops there until peer_release(); 0: never */
        uint64_t sent;
        const char *const *trailers; /* names and values, ends with NULL; NULL: none */
    } upload;
};

struct peer_request {
    const char *method;        /* NULL: GET */
    const char *scheme;        /* NULL: https; "": none */
    const char *authority;     /* NULL: example.com; "": none */
    const char *path;          /* "": none */
    const char *const *fields; /* names and values, ends with NULL; NULL: none */
    bool body;
    const char *body_text; /* NULL: body_bytes of the pattern */
    uint64_t body_bytes;
    uint64_t body_from; /* the pattern's offset */
    uint64_t body_hold_at;
    const char *const *trailers;
};

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct peer;

/* Connects and says its settings; fails the test where that is not possible. */
struct peer *peer_open(const struct peer_options *options);
/* Closes the connection without a word more and frees; NULL is fine. */
void peer_close(struct peer *p);
struct wire *peer_wire(struct peer *p);

/* Submits a request; its stream. */
int32_t peer_send(struct peer *p, const struct peer_request *request);
/* Submits a GET of `path` on example.com with the fields, which may be NULL. */
int32_t peer_get(struct peer *p, const char *path, const char *const *fields);
/* Goes on with an upload that held. */
void peer_release(struct peer *p, int32_t stream);
void peer_reset(struct peer *p, int32_t stream, uint32_t error);
void peer_goaway(struct peer *p);
/* Opens the window of `stream`, or of the connection (0), by `bytes`. */
void peer_widen(struct peer *p, int32_t stream, int32_t bytes);
/* Changes a setting; it leaves with the next wait. */
void peer_set(struct peer *p, int32_t id, uint32_t value);
/* Sends bytes of the test's own in place of frames of the library's. */
void peer_raw(struct peer *p, const void *bytes, size_t n);
/* Sends all that waits to be sent, and a PING, and reads nothing. */
void peer_ping(struct peer *p);

/* Runs the connection until `condition` holds; false at the deadline, or when the connection has
 * ended. */
bool peer_runs(struct peer *p, bool (*condition)(const struct peer *, const void *),
               const void *arg, unsigned ms);
/* The same with one usual condition; each fails the test, and prints all events, otherwise. */
#define peer_until_closed(p, stream)  peer_until_closed_at(p, stream, __FILE__, __LINE__)
#define peer_until_head(p, stream)    peer_until_head_at(p, stream, __FILE__, __LINE__)
#define peer_until_events(p, type, n) peer_until_events_at(p, type, n, #type, __FILE__, __LINE__)
const struct peer_stream *peer_until_closed_at(struct peer *p, int32_t stream, const char *file,
                                               int line);
const struct peer_stream *peer_until_head_at(struct peer *p, int32_t stream, const char *file,
                                             int line);
void peer_until_events_at(struct peer *p, enum peer_event_type type, size_t n, const char *name,
                          const char *file, int line);
/* A GET of `path`, to its end. */
#define peer_fetch(p, path) peer_fetch_at(p, path, __FILE__, __LINE__)
const struct peer_stream *peer_fetch_at(struct peer *p, const char *path, const char *file,
                                        int line);
#define peer_until_bytes(p, stream, n) peer_until_bytes_at(p, stream, n, __FILE__, __LINE__)
void peer_until_bytes_at(struct peer *p, int32_t stream, uint64_t n, const char *file, int line);
/* All streams that there are, pushed ones too, are closed. */
#define peer_until_quiet(p) peer_until_quiet_at(p, __FILE__, __LINE__)
void peer_until_quiet_at(struct peer *p, const char *file, int line);
/* The daemon has answered a PING: what it had sent before has come. */
#define peer_settle(p) peer_settle_at(p, __FILE__, __LINE__)
void peer_settle_at(struct peer *p, const char *file, int line);
/* The daemon has closed the connection; false at the deadline. */
bool peer_ends(struct peer *p, unsigned ms);
/* Runs until neither side has moved a byte for a while (300 ms). */
void peer_until_still(struct peer *p);

const struct peer_stream *peer_stream(const struct peer *p, int32_t id);
/* The n-th pushed stream, in the order of the promises; NULL if there is none. */
const struct peer_stream *peer_push(const struct peer *p, size_t n);
size_t peer_pushes(const struct peer *p);
/* The pushed stream whose promise has this ":path"; NULL if there is none. */
const struct peer_stream *peer_pushed(const struct peer *p, const char *path);
size_t peer_events(const struct peer *p);
struct peer_event peer_event(const struct peer *p, size_t n);
/* The place among the events of the first of this type on this stream, or SIZE_MAX. */
size_t peer_first(const struct peer *p, enum peer_event_type type, int32_t stream);
size_t peer_count(const struct peer *p, enum peer_event_type type);
/* A setting that the daemon announced, or `otherwise`. */
uint32_t peer_setting(const struct peer *p, int32_t id, uint32_t otherwise);
/* The connection has ended. */
bool peer_is_over(const struct peer *p);
/* Prints all events, for a test that is about to fail. */
void peer_print(const struct peer *p);

#endif
