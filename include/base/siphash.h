/* siphash.h - SipHash-2-4, a keyed 64-bit hash that a peer without the key cannot steer
 * (Aumasson and Bernstein, 2012). */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

#include "base/span.h"

struct siphash_key {
    uint64_t k0, k1;
};

/* The hash of `text` under `key`. */
uint64_t siphash(const struct siphash_key *key, struct span text);

#endif
