/* cache.h - the memory of streams that are no more, kept for the next ones of the same worker.
 * nghttp2 takes and gives back a handful of small blocks for each stream. For one thread. */
#ifndef H2_CACHE_H
#define H2_CACHE_H

#include "base/blocks.h"

enum {
    H2_CACHE_STEP_BYTES = 64,
    H2_CACHE_SIZES = 8, /* up to that many steps */
    H2_CACHE_FRAME_BYTES = 20480,
};

struct h2_cache {
    struct blocks sizes[H2_CACHE_SIZES];
    struct blocks frames; /* each session has a buffer for the largest frame; most are small */
};

/* An empty cache. */
void h2_cache_init(struct h2_cache *c);
/* Frees what is kept; what is out may still be given back. */
void h2_cache_trim(struct h2_cache *c);
/* The same, and keeps nothing from now on. */
void h2_cache_fini(struct h2_cache *c);

#endif
