/* pools.h - the memory of pools, and what calls ask of theirs. For this room only. */
#ifndef ORIGIN_POOLS_H
#define ORIGIN_POOLS_H

#include "base/bucket.h"
#include "conn.h"
#include "names.h"
#include "origin/notes.h"
#include "origin/pool.h"
#include "origin/waiter.h"
#include "queue.h"

struct pool {
    struct pools *all;
    const struct config_origin *origin;
    struct names names;
    struct conn_rules rules; /* of its connections */
    struct list idle;        /* newest first */
    struct list others;      /* dialing and busy */
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

/* Puts the waiter into its queue, at the front if it was tried before. */
void pool_enqueue(struct pool *p, struct waiter *w);
/* Takes a waiter out of its queue. */
void pool_dequeue(struct pool *p, struct waiter *w);
/* The waiter needs its connection no more; `reusable`: another may use it. */
void pool_release(struct pool *p, struct waiter *w, struct conn *conn, bool reusable);
/* Puts the waiter's connection on offer. */
void pool_offer(struct pool *p, struct waiter *w);
/* Logs what an origin did wrong, one line a second at most. */
void pool_warn(struct pool *p, const char *what, const char *why);
/* Logs quirks of a response (bits by enum h1_quirk), each kind once for an origin. */
void pool_note(struct pool *p, unsigned quirks);

#endif
