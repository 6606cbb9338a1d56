/* crowd.h - how many there are of each kind, approximately, for all threads.
 * Two tables of counters, and a kind has one in each: the smaller one is never too small, and too
 * large only where another kind shares both. No lock, no allocation, no limit to the kinds.
 * The kinds must be keyed hashes, so that nobody can choose whom to share with. */
#ifndef BASE_CROWD_H
#define BASE_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { CROWD_COUNTERS = 8192 };

/* Zeroed: empty. */
struct crowd {
    atomic_uint counters[2][CROWD_COUNTERS];
};

/* One more of `kind`, unless there are `max` already (then false). Threads that ask at the same
 * moment may come to a few more. */
NODISCARD bool crowd_enter(struct crowd *c, uint64_t kind, unsigned max);
/* One of `kind` that entered is gone. */
void crowd_leave(struct crowd *c, uint64_t kind);

#endif
