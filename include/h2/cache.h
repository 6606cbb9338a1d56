/* cache.h - the memory of streams that are no more, kept for the next ones of the same worker.
 * nghttp2 takes and gives back a handful of small blocks for each stream. For one thread. */
#ifndef H2_CACHE_H
#define H2_CACHE_H

#include "base/blocks.h"

enum {
    H2_CACHE_STEP_BYTES = 32,
    H2_CACHE_SIZES = 16,     /* up to that many steps */
    H2_CACHE_HEAP_BYTES = 8, /* the heap's own, of each block */
    H2_CACHE_PAGES_BYTES = 24576,
};

struct h2_cache {
    struct blocks sizes[H2_CACHE_SIZES];
    struct blocks pages; /* each session's own (h2/memory.h) */
    struct account *account;
};

/* An empty cache, which charges its memory, and that of sessions which is too large for it, to
 * `account` (borrowed; NULL: to nobody). */
void h2_cache_init(struct h2_cache *c, struct account *account);
/* Frees what is kept; what is out may still be given back. */
void h2_cache_trim(struct h2_cache *c);
/* The same, and keeps nothing from now on. */
void h2_cache_fini(struct h2_cache *c);

#endif
