/* state.h - what the files of the origin room share and nobody else sees.
 * pools, pool and conn are the pool's memory; call.c asks them for time-outs and buffers. */
#ifndef ORIGIN_STATE_H
#define ORIGIN_STATE_H

#include "base/bucket.h"
#include "origin/call.h"
#include "origin/conn.h"
#include "origin/names.h"
#include "origin/notes.h"
#include "origin/pool.h"
#include "origin/queue.h"

enum { CALL_PIECES = 4 }; /* the most that are written at once */

struct pool {
    struct pools *all;
    const struct config_origin *origin;
    struct names names;
    struct tls_target *target; /* NULL: the origin is spoken to without TLS */
    struct list idle;          /* newest first */
    struct list others;        /* dialing and busy */
    struct queue waiting[CALL_RANKS];
    struct list offered[CALL_RANKS]; /* running calls that would make room, the first one first */
    unsigned total, dialing;         /* connections */
    unsigned pushes;                 /* busy connections that carry calls of pushes */
    struct turn_task serve;
    struct bucket warnings;
    unsigned unsaid; /* failures since the last one that was logged */
    unsigned quirks; /* bits by enum h1_quirk: those that were noted */
};

struct pools {
    struct event_base *base;
    struct turn *turn;
    const struct config *config;
    struct notes *notes;
    struct blocks body_blocks, flow_blocks, upload_blocks, record_blocks;
    struct timeouts connect, queue, push_wait, response, stall, idle;
    bool draining;
    size_t len;
    struct pool at[];
};

/* Puts the call into its queue, at the front if it was tried before. */
void pool_enqueue(struct pool *p, struct call *c);
/* Takes a waiting call out of its queue. */
void pool_dequeue(struct pool *p, struct call *c);
/* A connection became idle, or is gone: the queue may go on. */
void pool_serve_soon(struct pool *p);
/* A dial ended without a connection: one waiting call pays for it. */
void pool_dial_failed(struct pool *p, enum call_fault fault, const char *why);
/* Logs what an origin did wrong, one line a second at most. */
void pool_warn(struct pool *p, const char *what, const char *why);
/* Logs quirks of a response (bits by enum h1_quirk), each kind once for an origin. */
void pool_note(struct pool *p, unsigned quirks);

/* The connection that the call got. */
void call_run(struct call *c, struct conn *conn);
/* Where the next bytes of the response go; NULL: full, or no memory (call->body.block is NULL). */
char *call_space(struct call *c, size_t *room);
/* `n` bytes came to call_space(). The call may be done after this. */
void call_received(struct call *c, char *at, size_t n);
/* The origin will send no more; `in_order`: it said so, rather than that the connection broke. */
void call_closed(struct call *c, bool in_order);
/* The pieces to write next; 0: none now. */
int call_output(struct call *c, struct iovec pieces[CALL_PIECES]);
/* `n` bytes of them were written. */
void call_written(struct call *c, size_t n);
/* The call ends here. Takes it off its connection, which is closed. */
void call_fail(struct call *c, enum call_fault fault);
/* Reading stopped or goes on: which time-out runs depends on it. */
void call_watch(struct call *c);

#endif
