/* crowd.h - counts how many members each of very many crowds has, approximately, for all threads.
 * A count-min sketch of two rows: never below the true count; above it only if another key collides
 * in both. No lock, no allocation, no limit to the number of keys. Keys must be keyed hashes, so
 * that nobody can choose whom to collide with. */
#ifndef BASE_CROWD_H
#define BASE_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { CROWD_COUNTERS = 8192 };

/* Zeroed: empty. */
struct crowd {
    atomic_uint rows[2][CROWD_COUNTERS];
};

/* Counts one more of `key`, unless there are `max` already (then false). Threads that ask at the
 * same moment may come to a few more. */
NODISCARD bool crowd_enter(struct crowd *c, uint64_t key, unsigned max);
/* Counts one of `key` out that was counted in. */
void crowd_leave(struct crowd *c, uint64_t key);

#endif
