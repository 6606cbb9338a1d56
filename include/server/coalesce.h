/* coalesce.h - how long a busy worker lets events gather before it looks for them again.
 * What a turn costs does not depend on how many events it has, and answers for one client that meet
 * in a turn leave in one write. So turns begin no closer together than a fraction of the time that
 * origins take to answer, and never further apart than a bound; and only while so much is answered
 * that many answers meet. A worker that has few requests, or whose origins answer fast, looks at
 * once.
 * Pure: it is told what the time is. */
#ifndef SERVER_COALESCE_H
#define SERVER_COALESCE_H

#include <stdint.h>

#include "base/attr.h"

/* Sums over the last milliseconds. */
struct coalesce_sums {
    uint64_t us;
    uint64_t answers;
    uint64_t waited_us; /* by all answers together */
};

struct coalesce {
    uint64_t most_us;          /* 0: never */
    uint64_t began_us;         /* the last turn */
    uint64_t folded_us;        /* when `recent` became part of `sums` */
    struct coalesce_sums sums; /* the older, the less it weighs */
    struct coalesce_sums recent;
};

/* Nothing was answered yet; turns are put off by at most `most_us`. */
void coalesce_init(struct coalesce *c, uint64_t most_us, uint64_t now_us);
/* An origin has answered a request after `waited_us`. */
void coalesce_answered(struct coalesce *c, uint64_t waited_us);
/* A turn is over: how many microseconds the next one, which begins then, is to be put off. */
NODISCARD uint64_t coalesce_wait(struct coalesce *c, uint64_t now_us);

#endif
