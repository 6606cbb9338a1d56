/* generation.h - the clients of one worker that are served by one setup.
 * A worker has one generation that new clients join, and, after a reload, older ones whose clients
 * finish what they have begun. Each has its own connections to origins and its own writer of the
 * access log. Made by the main thread, then used by its worker's only. */
#ifndef SERVER_GENERATION_H
#define SERVER_GENERATION_H

#include "proxy/env.h"
#include "server/access.h"
#include "server/coalesce.h"
#include "server/metrics.h"
#include "server/setup.h"

struct generation {
    struct list node; /* its worker's */
    struct setup *setup;
    struct env env;
    struct access access;
    struct metrics *metrics;
    struct coalesce *coalesce;
};

/* What all generations of a worker have in common; borrowed. */
struct generation_rules {
    struct event_base *base;
    struct crowd *crowd;
    struct account *account;
    struct siphash_key key;
    struct metrics *metrics;
    struct coalesce *coalesce;
};

/* Makes one without clients, and holds `setup`. NULL after one message: its access log cannot be
 * opened, or memory is out. */
NODISCARD struct generation *generation_new(const struct generation_rules *rules,
                                            struct setup *setup);
/* Closes its clients, writes what is left of its access log, and frees it; NULL is fine. */
void generation_free(struct generation *g);
/* Runs what the turn has queued and ends what has lasted too long. Returns the milliseconds until
 * that is to be looked at again, or UINT64_MAX. */
uint64_t generation_end_turn(struct generation *g);

#endif
