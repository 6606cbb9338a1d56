/* session.h - the seam to clients: one client's connection in its protocol, and its streams.
 * A session does no I/O: bytes go in, events come out, bytes are taken out. h2_session_new() makes
 * one; after that nobody asks which protocol it speaks.
 * A session owns its protocol's state, not its streams: a stream lives in the memory of whoever
 * uses the session, and is borrowed until `closed` was reported for it. session_free() reports
 * nothing: who frees a session knows its streams.
 * Events come from session_receive(), session_send() and session_taken() only, and what they call
 * must only record: no verb may be called from there. Spans given to events are valid during the
 * call; heads and fields given to verbs are borrowed until the stream is closed, but for
 * informational heads, which are copied. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "base/list.h"
#include "http/request.h"

struct session;

/* One request and its response on a connection: the first member of the protocol's own. */
struct stream {
    struct session *session;  /* NULL: closed. Every verb does nothing then, and succeeds */
    struct request *request;  /* borrowed: complete when `head` is reported */
    struct fields *trailers;  /* of the request; borrowed: complete when `end` is reported */
    enum request_fault fault; /* why the protocol says that the request cannot be served */
    bool responded;           /* the final head was sent: a reset may have come before it */
    struct list node;         /* whoever owns the streams links them here */
    void *user;               /* theirs, too */
};

/* How we end a stream. */
enum stream_end {
    STREAM_DONE,   /* the answer is complete: what the client still sends is not wanted */
    STREAM_CANCEL, /* nothing came, or will come; the client may ask again */
    STREAM_BROKEN, /* the answer has begun and cannot be completed */
    STREAM_CALM,   /* the client made us wait, or asks for too much */
};

/* How a stream came to be closed. */
enum stream_closed {
    STREAM_CLOSED_ENDED, /* by the protocol: both sides have said all, or one has reset it */
    STREAM_CLOSED_LOST,  /* its connection is no more */
};

/* What comes after the bytes of a body that were pulled. */
enum stream_after {
    STREAM_LATER, /* nothing until stream_resume() */
    STREAM_ENDS,  /* nothing: the body is complete */
};

/* Bytes of a response's body. */
struct stream_piece {
    struct span bytes;
    size_t spare; /* so many bytes of memory before them may be overwritten */
};

/* What a session reports. */
struct stream_events {
    /* A request begins. Returns a stream of `bytes` zeroed bytes, whose `request` and `trailers`
     * are there and empty; NULL refuses the request. */
    struct stream *(*opened)(void *user, size_t bytes);
    /* The head of the request is complete; `end`: and the request with it. */
    void (*head)(struct stream *stream, bool end);
    /* A piece of the request's body. */
    void (*body)(struct stream *stream, struct span bytes);
    /* The request is complete; comes after `head` where that said `end`. */
    void (*end)(struct stream *stream);
    /* The stream is closed, and the session knows it no more: stream->session is NULL. */
    void (*closed)(struct stream *stream, enum stream_closed how);
    /* Asks which bytes of the response's body come next; they stay where they are until `sent`.
     * With STREAM_ENDS, `*trailers` may be set to fields to be sent after them. */
    enum stream_after (*pull)(struct stream *stream, struct stream_piece *piece,
                              const struct fields **trailers);
    /* `n` bytes of the response's body were framed, and are not needed any more. */
    void (*sent)(struct stream *stream, size_t n);
    /* All of the response's body was framed, or is about to be in this very call. Of a
     * response without one: its head was sent, and the client still sends its request. */
    void (*ended)(struct stream *stream);
};

/* How a session is told to end. */
enum session_leave {
    SESSION_LEAVE_SOON,  /* says that it will end, refuses nothing, asks for a sign of reading it */
    SESSION_LEAVE_LAST,  /* serves the streams that are open, and none after them */
    SESSION_LEAVE_NOW,   /* ends every stream */
    SESSION_LEAVE_CALM,  /* the same: the client asks for too much */
    SESSION_LEAVE_FAULT, /* the same: the client broke the protocol, or memory is out */
};

/* What a protocol does; one constant table for each. The functions are described with the inline
 * ones below that call them. */
struct session_verbs {
    const char *name;    /* "HTTP/2", for logs */
    const char *version; /* "2.0", as in a request line of a log */
    struct span via;     /* "2", for Via (RFC 9110 §7.6.3) */
    size_t stream_bytes; /* of the protocol's own stream */
    bool (*receive)(struct session *s, struct span bytes);
    struct span (*send)(struct session *s, char *to, size_t room, bool *failed);
    void (*taken)(struct session *s);
    void (*leave)(struct session *s, enum session_leave how);
    void (*doze)(struct session *s);
    size_t (*queued)(const struct session *s);
    void (*free)(struct session *s);
    bool (*inform)(struct stream *stream, const struct response *head);
    bool (*respond)(struct stream *stream, const struct response *head, bool has_body);
    bool (*promise)(struct stream *page, struct stream *push);
    void (*reset)(struct stream *stream, enum stream_end why);
    void (*resume)(struct stream *stream);
    void (*consumed)(struct stream *stream, size_t n);
    size_t (*window)(const struct stream *stream);
};

/* The first member of the protocol's own. The protocol keeps the facts true. */
struct session {
    const struct session_verbs *verbs;
    const struct stream_events *events;
    void *user;
    bool in_head;         /* a request's head has begun and is not complete, or none ever began */
    bool takes_pushes;    /* the client takes promises */
    bool leave_read;      /* the client has read what SESSION_LEAVE_SOON said */
    bool over;            /* both sides have said all: the connection may be closed */
    uint32_t max_pushes;  /* how many promised streams the client takes at once */
    unsigned idle_frames; /* that ask for nothing and carry nothing, not charged yet */
    size_t waste_bytes;   /* of fields beyond what a head may have, not charged yet */
    const char *why;      /* the protocol has ended the connection: in words; NULL: it has not, or
                           * that was told */
};

/* Takes what the client sent. False: the connection is beyond repair; what session_send() still has
 * is to be sent, then it is to be closed. */
NODISCARD static inline bool session_receive(struct session *s, struct span bytes)
{
    return s->verbs->receive(s, bytes);
}

/* Returns what is to be sent next, at most `room` bytes; empty: nothing for now. The bytes were
 * written to `to`, or lie before and in the body of which they are a frame. `*failed` is set where
 * the session is beyond repair. session_taken() is to be called before anything else is done that
 * concerns the session or its streams. */
static inline struct span session_send(struct session *s, char *to, size_t room, bool *failed)
{
    return s->verbs->send(s, to, room, failed);
}

/* What session_send() returned is on its way, or was copied. May report. */
static inline void session_taken(struct session *s)
{
    s->verbs->taken(s);
}

/* Ends the connection: see enum session_leave. */
static inline void session_leave(struct session *s, enum session_leave how)
{
    s->verbs->leave(s, how);
}

/* Gives back memory that is filled anew when the client asks again: nothing is under way. */
static inline void session_doze(struct session *s)
{
    s->verbs->doze(s);
}

/* How many frames wait to be sent, bodies aside: a client that does not read must not make them
 * many. */
static inline size_t session_queued(const struct session *s)
{
    return s->verbs->queued(s);
}

/* Returns how many frames that ask for nothing have come since this was last asked. */
static inline unsigned session_take_idle_frames(struct session *s)
{
    unsigned n = s->idle_frames;
    s->idle_frames = 0;
    return n;
}

/* Returns how many bytes of fields have come since this was last asked that are not kept, as their
 * heads are too large. */
static inline size_t session_take_waste(struct session *s)
{
    size_t n = s->waste_bytes;
    s->waste_bytes = 0;
    return n;
}

/* Frees it; NULL is fine. Reports nothing. */
static inline void session_free(struct session *s)
{
    if (s)
        s->verbs->free(s);
}

/* Sends an informational head (RFC 9110 §15.2), of which nothing is borrowed. False when memory is
 * out. */
NODISCARD static inline bool stream_inform(struct stream *stream, const struct response *head)
{
    return !stream->session || stream->session->verbs->inform(stream, head);
}

/* Sends the final head; with `has_body` the body is pulled, otherwise the stream ends with it.
 * False when memory is out. */
NODISCARD static inline bool stream_respond(struct stream *stream, const struct response *head,
                                            bool has_body)
{
    return !stream->session || stream->session->verbs->respond(stream, head, has_body);
}

/* Promises the request of `push`, a stream of session->verbs->stream_bytes, on the stream `page`
 * (RFC 9113 §8.4). From then on the page goes before its pushes. False: no memory, no id left, the
 * page is closed, or the protocol has no promises. */
NODISCARD static inline bool stream_promise(struct stream *page, struct stream *push)
{
    return page->session && page->session->verbs->promise(page, push);
}

/* Ends a stream. */
static inline void stream_reset(struct stream *stream, enum stream_end why)
{
    if (stream->session)
        stream->session->verbs->reset(stream, why);
}

/* There are bytes to pull again, or an end. */
static inline void stream_resume(struct stream *stream)
{
    if (stream->session)
        stream->session->verbs->resume(stream);
}

/* `n` bytes of the request's body were passed on: the client may send as many more. */
static inline void stream_consumed(struct stream *stream, size_t n)
{
    if (stream->session)
        stream->session->verbs->consumed(stream, n);
}

/* How many bytes of a body the client lets the stream send now. */
static inline size_t stream_window(const struct stream *stream)
{
    return stream->session ? stream->session->verbs->window(stream) : 0;
}

#endif
