/* call.h - one request to one origin and its response (RFC 9112).
 * A call lives inside its exchange. It is started once, waits for a connection of the pool, writes
 * the request, streams its body, and collects what the origin answers. It records; `changed` says
 * that there is something to look at, and whoever owns the call looks when its turn comes.
 * Borrows: the arena, the request, what its fields consist of, and the caller, until it is done or
 * call_cancel().
 * Calls back: `changed`, which must only queue; never after call_cancel(). */
#ifndef ORIGIN_CALL_H
#define ORIGIN_CALL_H

#include "base/bucket.h"
#include "base/buf.h"
#include "base/timeouts.h"
#include "h1/writer.h"
#include "http/message.h"
#include "origin/waiter.h"

struct pools;

enum call_state {
    CALL_NEW,
    CALL_WAITING, /* for a connection */
    CALL_RUNNING,
    CALL_COMPLETE, /* the whole response was read; its bytes may still be here */
    CALL_FAILED,
};

struct call_head {
    struct call_head *next;
    struct response *response;
};

struct call {
    void (*changed)(struct call *c);
    enum call_state state;
    enum call_fault fault;
    struct waiter waiter;
    struct pool *pool;
    struct conn *conn;      /* while it runs */
    struct timeout timeout; /* while it runs */
    struct arena *arena;
    const struct request *request;
    const struct fields *fields; /* of the request as it is forwarded; lives in the arena */
    bool awaits_continue;        /* the client sends its body when the origin has said 100 */
    bool on_reused;
    uint64_t first_byte_us; /* when the first byte of the answer came; 0: not yet */

    /* what goes out: the head, then pieces of the body, each in its frame */
    struct body framing; /* of the request as it is written; settled when its head is made */
    bool head_made;
    struct arena writing;   /* holds a large head until it is written */
    struct span head, line; /* to be written before the bytes of the body */
    size_t piece_left;      /* bytes of the upload to be written after them */
    struct span tail;       /* to be written after those */
    bool upload_ended, upload_written;
    bool upload_used; /* bytes of the body were written */
    char chunk_line[H1_CHUNK_LINE_BYTES];
    struct buf upload;
    const struct fields *upload_trailers;
    size_t upload_sent; /* bytes written and not yet reported */

    /* what comes in */
    struct call_head *heads, **heads_end;
    struct arena interim;       /* holds the informational ones */
    struct bucket interim_left; /* bytes of them that may come now */
    bool has_final_head;
    bool flows; /* the last read was large */
    struct buf body;
    const struct fields *trailers;
};

/* A call that is not started; its buffers will come from `pools`. It takes an upload already. */
void call_init(struct call *c, struct pools *pools, void (*changed)(struct call *c));
/* Starts it: `request` with `fields` goes to the pool's origin. False when memory is out. */
NODISCARD bool call_start(struct call *c, struct pool *pool, struct caller *caller,
                          struct arena *arena, const struct request *request,
                          const struct fields *fields, enum call_rank rank);
/* Appends to the body of the request. False if there is no room (the sender did not wait for
 * call_take_sent()) or no memory. */
NODISCARD bool call_upload(struct call *c, struct span bytes);
/* The body of the request has ended; `trailers` (NULL: none) are sent if the framing can carry
 * them: it can if they were announced (RFC 9110 §6.6.2), or are there before the head is written.
 */
void call_upload_end(struct call *c, const struct fields *trailers);
/* The bytes of the upload that were written since the last time it was asked. */
size_t call_take_sent(struct call *c);
/* The next head that came, informational ones too; NULL: none. An informational one, and what was
 * put into its arena, may be gone with the next call. */
struct response *call_take_head(struct call *c);
/* The bytes of the response's body that are here. */
struct span call_body(const struct call *c);
/* How many bytes of memory before them may be overwritten, until call_consume(). */
size_t call_body_spare(const struct call *c);
/* `n` of them are not needed any more. */
void call_consume(struct call *c, size_t n);
/* Puts the connection of a running call on offer, as long as its client neither takes nor sends
 * anything: when calls wait and no other connection can be had, the call fails with CALL_YIELDED. A
 * push does so for pushes, too, a client's own excepted. */
void call_offer(struct call *c);
/* Not any more, if it was. */
void call_keep(struct call *c);
bool call_is_offered(const struct call *c);
/* The whole request went out. */
bool call_request_is_written(const struct call *c);
/* Ends it at any stage and frees what it holds; after that it may be dropped. Twice is fine. */
void call_cancel(struct call *c);

#endif
