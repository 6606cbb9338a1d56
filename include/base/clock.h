/* clock.h - the two clocks. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds that never run backwards, from an unspecified start that is not 0. */
uint64_t clock_monotonic_ms(void);
/* Microseconds that never run backwards, from the same start. */
uint64_t clock_monotonic_us(void);
/* Milliseconds since 1970-01-01 UTC. */
uint64_t clock_wall_ms(void);

#endif
