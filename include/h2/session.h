/* session.h - one HTTP/2 connection of a client, as a server sees it (RFC 9113). The only user of
 * nghttp2. It does no I/O: bytes go in, events come out, bytes are taken out.
 * Owns the protocol's state, not the streams: a stream is borrowed until `closed` was called for
 * it. h2_session_free() calls nothing back: who frees a session has its own list of streams. Calls
 * back from h2_session_receive(), _send() and _taken() only, and what is called must only record:
 * no function of this header may be called from there. Spans given to callbacks are valid during
 * the call; what is given to h2_session_respond() and its like is borrowed until the stream is
 * closed. */
#ifndef H2_SESSION_H
#define H2_SESSION_H

#include "base/list.h"
#include "h2/cache.h"
#include "http/message.h"

struct h2_session;

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

/* A stream, inside the object of whoever uses the session, which owns it. */
struct h2_stream {
    int32_t id;
    struct h2_stream *page; /* a promised stream's, while both are open */
    struct list pushes;     /* of a page; linked through `sibling` */
    struct list sibling;
    struct list held_node; /* in a list of the session's: it waits for its page, or for its reset */
    bool sending;          /* it may have bytes to frame: its last pull did not say LATER */
    size_t head_bytes;     /* of its fields, as they were decoded */
    bool responded;        /* its final head was sent: a reset may have come before it */
};

/* What comes after the bytes that were pulled. */
enum h2_body {
    H2_BODY_LATER, /* nothing until h2_session_resume() */
    H2_BODY_END,   /* nothing: the body is complete */
};

/* Bytes of a response's body. */
struct h2_piece {
    struct span bytes;
    size_t spare; /* so many bytes of memory before them may be overwritten */
};

struct h2_events {
    /* A request begins: returns its stream, made with h2_stream_init(). NULL refuses it. */
    struct h2_stream *(*opened)(void *user);
    /* A field of the request's head (pseudo-fields have names with ":"), or of its trailers. */
    void (*field)(struct h2_stream *stream, struct span name, struct span value, bool trailer);
    /* The head is complete; `end`: and the request with it. */
    void (*head)(struct h2_stream *stream, bool end);
    /* A piece of the body. */
    void (*body)(struct h2_stream *stream, struct span bytes);
    /* The request is complete; comes after `head` where that said `end`. */
    void (*end)(struct h2_stream *stream);
    /* The stream is closed, by whom and why ever; the session knows it no more. */
    void (*closed)(struct h2_stream *stream, uint32_t code);
    /* Which bytes of the response's body come next; they stay where they are until `sent`. With
     * H2_BODY_END, `*trailers` may be set to fields to be sent after them. */
    enum h2_body (*pull)(struct h2_stream *stream, struct h2_piece *piece,
                         const struct fields **trailers);
    /* `n` bytes of the body were framed, and are not needed any more. */
    void (*sent)(struct h2_stream *stream, size_t n);
    /* All of the body was framed, or is about to be in this very call. */
    void (*ended)(struct h2_stream *stream);
};

struct h2_limits {
    uint32_t streams;           /* SETTINGS_MAX_CONCURRENT_STREAMS */
    uint32_t header_list_bytes; /* SETTINGS_MAX_HEADER_LIST_SIZE */
    uint32_t window_bytes;      /* of a stream, for uploads */
    size_t response_head_bytes; /* the largest head that h2_session_respond() will be given, as
                                 * names and values */
};

/* A stream that is in no session. */
void h2_stream_init(struct h2_stream *stream);

/* A session for a client that has not said anything yet; our SETTINGS wait to be sent. Its memory
 * comes from `cache` (borrowed). NULL when memory is out. */
NODISCARD struct h2_session *h2_session_new(const struct h2_events *events, void *user,
                                            const struct h2_limits *limits, struct h2_cache *cache);
/* Frees it; NULL is fine. Calls nothing back. */
void h2_session_free(struct h2_session *s);

/* Takes what the client sent. A head that is many times as large as the limit ends the connection.
 * False: the connection is beyond repair; what h2_session_send() still
 * has (a GOAWAY) is to be sent, then it is to be closed. */
NODISCARD bool h2_session_receive(struct h2_session *s, struct span bytes);
/* What is to be sent next, at most `room` bytes; empty: nothing for now. They were written to `to`,
 * or lie where the body lies of which they are a frame. `*failed` is set where the session is
 * beyond repair. h2_session_taken() is to be called before anything else is done that concerns the
 * session or its streams. */
struct span h2_session_send(struct h2_session *s, char *to, size_t room, bool *failed);
/* What h2_session_send() returned is on its way, or was copied. May call back. */
void h2_session_taken(struct h2_session *s);
/* There is something to send. */
bool h2_session_wants_send(const struct h2_session *s);
/* Both sides have said all: the connection may be closed. */
bool h2_session_is_over(const struct h2_session *s);
/* Nothing is under way and nothing may be for a while: gives back memory that is filled anew when
 * it is. */
void h2_session_rest(struct h2_session *s);
/* A header block has begun and is not complete, or the client's first frame is still awaited. */
bool h2_session_is_in_head(const struct h2_session *s);

/* Sends an informational head (RFC 9110 §15.2). */
NODISCARD bool h2_session_inform(struct h2_session *s, struct h2_stream *stream,
                                 const struct response *head);
/* Sends the final head; with `has_body` the body is pulled, otherwise the stream ends with it. */
NODISCARD bool h2_session_respond(struct h2_session *s, struct h2_stream *stream,
                                  const struct response *head, bool has_body);
/* Promises `request` on the stream `page` (RFC 9113 §8.4); `stream` becomes the promised one.
 * False: no memory, no id left, or the page is closed. From now on the page goes before its pushes,
 * whatever priorities the client gives. */
NODISCARD bool h2_session_promise(struct h2_session *s, struct h2_stream *page,
                                  const struct request *request, struct h2_stream *stream);
/* Ends a stream with `code`. */
void h2_session_reset(struct h2_session *s, struct h2_stream *stream, enum h2_code code);
/* There are bytes to pull again, or an end. */
void h2_session_resume(struct h2_session *s, struct h2_stream *stream);
/* `n` bytes of the request's body were passed on: the client may send as many more. */
void h2_session_consumed(struct h2_session *s, struct h2_stream *stream, size_t n);

/* Says that the connection will end, without refusing what is on its way (RFC 9113 §6.8), then
 * asks the client for a sign that it has read this. */
void h2_session_announce_goaway(struct h2_session *s);
/* Says that no stream after those that are open will be served; these go on. */
void h2_session_goaway(struct h2_session *s);
/* Ends the connection with all its streams, telling the client why. */
void h2_session_terminate(struct h2_session *s, enum h2_code code);
/* The client has read the announcement. */
bool h2_session_announcement_is_read(const struct h2_session *s);

/* The client takes pushes: ENABLE_PUSH is 1 and it sent no GOAWAY. */
bool h2_session_takes_pushes(const struct h2_session *s);
/* How many promised streams the client takes at once. */
uint32_t h2_session_max_pushes(const struct h2_session *s);
/* How many frames wait to be sent, DATA aside: a client that does not read must not make them
 * many. */
size_t h2_session_queue_len(const struct h2_session *s);
/* How many frames the client sent since this was last asked that neither begin a request, nor carry
 * bytes of one, nor open a window for DATA that it got. */
unsigned h2_session_take_idle_frames(struct h2_session *s);
/* How many bytes of DATA the client lets the stream send now. */
size_t h2_session_window(const struct h2_session *s, const struct h2_stream *stream);

#endif
