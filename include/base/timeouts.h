/* timeouts.h - time-outs of one duration each, for one thread.
 * All time-outs of a queue last equally long, so starting one is an append and the first to end
 * stands in front: no heap, no allocation, no system call. Borrows the time-outs while they run.
 * Calls back from timeouts_expire() only. */
#ifndef BASE_TIMEOUTS_H
#define BASE_TIMEOUTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct timeout {
    struct list node;
    uint64_t deadline_ms;
    void (*expired)(struct timeout *t);
};

struct timeouts {
    struct list running;
    uint64_t duration_ms;
};

/* An empty queue of time-outs of `duration_ms`; 0: they never end. */
void timeouts_init(struct timeouts *q, uint64_t duration_ms);
/* A time-out that does not run and will call `expired`. */
void timeout_init(struct timeout *t, void (*expired)(struct timeout *t));
/* Starts `t`, or starts it anew, in whichever queue it ran before. */
void timeout_start(struct timeouts *q, struct timeout *t, uint64_t now_ms);
/* The one of `q` that was started first, and ends first; NULL: none runs. */
struct timeout *timeouts_first(const struct timeouts *q);
/* The next one after `t`; NULL: it was the last. */
struct timeout *timeouts_next(const struct timeouts *q, const struct timeout *t);
/* For how long `t`, which is in `q`, has been running. */
uint64_t timeouts_age_ms(const struct timeouts *q, const struct timeout *t, uint64_t now_ms);
/* Stops `t` if it runs. */
void timeout_stop(struct timeout *t);
/* Calls back every time-out of `q` that has ended, stopped. Returns the milliseconds until the next
 * one ends, or UINT64_MAX where none runs. */
uint64_t timeouts_expire(struct timeouts *q, uint64_t now_ms);
/* The same for `len` queues; returns the least of their answers. */
uint64_t timeouts_expire_all(struct timeouts *const *queues, size_t len, uint64_t now_ms);

#endif
