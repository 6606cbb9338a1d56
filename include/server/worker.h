/* worker.h - one thread with its loop, its clients and its connections to origins.
 * The main thread starts it, tells it things and waits for its end; nothing else crosses between
 * the two. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/listener.h"
#include "server/metrics.h"

struct worker;

struct worker_rules {
    struct env_rules env;
    const struct listeners *listeners;
    int ended_fd; /* an eventfd: 1 is added when a worker has ended */
};

/* Starts worker number `index`. NULL, after one message, if it cannot be started. Borrows all that
 * the rules name until worker_join(). */
NODISCARD struct worker *worker_start(const struct worker_rules *rules, size_t index);
/* Tells it to accept no more and to end when its clients are gone, or the drain time-out is over.
 */
void worker_drain(struct worker *w);
/* Tells it to end now, whatever runs. */
void worker_stop(struct worker *w);
/* Tells it to open its access log anew. */
void worker_reopen_log(struct worker *w);
/* Adds the worker's numbers to `sum`; from any thread. */
void worker_add_metrics(const struct worker *w, struct metrics *sum);
/* Waits for its end and frees it; NULL is fine. */
void worker_join(struct worker *w);

#endif
