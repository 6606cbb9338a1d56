/* dice.h - pseudo-random numbers that a seed repeats.
 * Each thread and each connection has dice of its own: what one of them draws does not depend on
 * the others' pace, though what comes of it all does. */
#ifndef DICE_H
#define DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* The dice of one lane under this seed. */
struct dice dice_of(uint64_t seed, uint64_t lane);
/* A number below `n`, which is not 0. */
uint64_t dice_below(struct dice *d, uint64_t n);
/* A number of at least `low` and below `high`. */
uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high);
/* True once in `n` times. */
bool dice_once_in(struct dice *d, uint64_t n);

#endif
