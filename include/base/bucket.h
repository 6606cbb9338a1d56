/* bucket.h - a token bucket: how often something may happen.
 * Counts what was spent rather than what is left, so that a zeroed bucket is a full one. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    double spent; /* tokens */
    uint64_t looked_ms;
};

/* Takes `n` tokens at `now_ms` from a bucket that holds `burst` of them and fills up again in
 * `refill_ms`. False: so many are not left, and none was taken. */
bool bucket_take(struct bucket *b, uint64_t n, uint64_t burst, uint64_t refill_ms, uint64_t now_ms);

#endif
