/* lru.h - a bounded map from 64-bit keys to 64-bit values; the least recently used goes first.
 * Grows from nothing to `max` entries as they come. The keys must be hashes already. */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct lru_entry;

struct lru {
    struct lru_entry *entries;
    uint16_t *buckets;
    uint16_t size, capacity, max;
    uint16_t newest, oldest, free;
};

/* An empty map for at most `max` entries (1 to 32,768); allocates nothing. */
void lru_init(struct lru *l, uint16_t max);
/* Frees what it holds. */
void lru_fini(struct lru *l);
/* The value of `key`, or NULL. Not a use: the order stays. Valid until the map changes. */
const uint64_t *lru_peek(const struct lru *l, uint64_t key);
/* Sets the value of `key` and makes it the most recently used; the least recently used one goes if
 * the map is full. False when memory is out and nothing could make room; the map is as before. */
bool lru_put(struct lru *l, uint64_t key, uint64_t value);
/* Forgets `key` if it is there. */
void lru_remove(struct lru *l, uint64_t key);

#endif
