/* worker.h - one thread with its loop, its generations of clients and their connections to origins.
 * The main thread starts it, tells it things and waits for its end; nothing else crosses between
 * the two. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/listener.h"
#include "server/metrics.h"
#include "server/setup.h"

struct worker;

enum worker_stage {
    WORKER_RUNS,
    WORKER_ENDS, /* it closes what is open */
    WORKER_HAS_ENDED,
};

/* What all workers have in common; borrowed until worker_join(). */
struct worker_rules {
    struct crowd *crowd;
    struct budget *budget;  /* of the process */
    struct siphash_key key; /* random and secret */
    const struct listeners *listeners;
    int ended_fd; /* an eventfd: 1 is added when a worker has ended */
};

/* Starts worker number `index`, which holds `setup`. NULL, after one message, if it cannot be
 * started. */
NODISCARD struct worker *worker_start(const struct worker_rules *rules, struct setup *setup,
                                      size_t index);
/* Makes ready all that serving by `setup` takes; the worker does not change. False after one
 * message. Then worker_adopt() or worker_abandon(). */
NODISCARD bool worker_prepare(struct worker *w, struct setup *setup);
/* Lets new clients be served by what was prepared; those that are connected are told to go, and
 * finish what they have begun. Cannot fail. */
void worker_adopt(struct worker *w);
/* Gives up what was prepared, if anything was. */
void worker_abandon(struct worker *w);
/* Tells it to accept no more and to end when its clients are gone, or the drain time-out is over.
 */
void worker_drain(struct worker *w);
/* Tells it to end now, whatever runs. */
void worker_stop(struct worker *w);
/* Tells it that all workers hold more than limits.memory, so that it looks what it can give back.
 */
void worker_shed(struct worker *w);
/* Has it make a turn, also where it has nothing to do. */
void worker_wake(struct worker *w);
/* How many turns it has made: one that lives makes another soon after worker_wake(). From any
 * thread. */
uint64_t worker_turns(const struct worker *w);
/* How far it has come; from any thread. */
enum worker_stage worker_stage(const struct worker *w);
/* Adds the worker's numbers to `sum`; from any thread. */
void worker_add_metrics(const struct worker *w, struct metrics *sum);
/* Waits for its end and frees it; NULL is fine. */
void worker_join(struct worker *w);

#endif
