/* thrift.h - when a worker gives back what a burst left in its memory: once its last client has
 * gone, or all are idle for a while and there was work enough to be worth it. Decides only; whoever
 * owns it gives back. */
#ifndef PROXY_THRIFT_H
#define PROXY_THRIFT_H

#include <stdbool.h>

#include "base/bucket.h"
#include "base/timeouts.h"

struct thrift {
    void (*give_back)(struct thrift *t);
    unsigned idle_len;        /* clients that have no request open */
    uint64_t work;            /* how often a client came, or began to ask after it was idle */
    uint64_t work_given_back; /* the same when memory was last given back */
    struct timeouts pauses;   /* all clients are idle, and were not before */
    struct timeout pause;
    struct bucket when_gone, when_idle; /* how often */
};

/* A worker without clients. `give_back` is called from thrift_look() and when a pause has ended
 * (timeouts_expire() of `pauses`). */
void thrift_init(struct thrift *t, void (*give_back)(struct thrift *t));
/* A client has come. */
void thrift_note_client(struct thrift *t);
/* A client has no request open now, or has one again. */
void thrift_note_idle(struct thrift *t, bool was_idle, bool is_idle);
/* The turn is over; there are `clients`. */
void thrift_look(struct thrift *t, unsigned clients, uint64_t now_ms);

#endif
