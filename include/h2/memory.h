/* memory.h - the memory of one nghttp2 session.
 * Keeps a list of all of it, so that it can be given back without nghttp2: when memory runs out,
 * 1.52 frees some of what it had twice, and its own end cannot be trusted any more. Small blocks
 * come from the worker's cache.
 * What is large and says nothing while a session is idle lies in pages of the session's own: the
 * map of its streams, which is all zero then, and the buffer that frames are made in. They can be
 * emptied. Internal to the h2 room. */
#ifndef H2_MEMORY_H
#define H2_MEMORY_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "base/list.h"
#include "h2/cache.h"

struct h2_memory {
    struct h2_cache *cache;
    struct list blocks;
    char *pages;                 /* NULL: none yet */
    bool map_taken, frame_taken; /* ever: each is the first of its size that nghttp2 asks for */
    size_t emptied_bytes;        /* of the pages, since h2_memory_rest() */
    bool failed;                 /* nghttp2 got none: what it was to do it did not */
};

/* No memory yet; borrows the cache. */
void h2_memory_init(struct h2_memory *m, struct h2_cache *cache);
/* Gives back what nghttp2 did not. */
void h2_memory_fini(struct h2_memory *m);
/* Takes the memory off the session's own pages until nghttp2 comes back to them, and gives it back
 * to the account. No frame may be under way. */
void h2_memory_rest(struct h2_memory *m);
/* For h2_memory_wake() only. */
void h2_memory_charge_emptied(struct h2_memory *m);
/* nghttp2 is about to come back to them: charges what h2_memory_rest() gave back. */
static inline void h2_memory_wake(struct h2_memory *m)
{
    if (m->emptied_bytes > 0)
        h2_memory_charge_emptied(m);
}
/* What nghttp2 is to be told; borrows `m` for the session's life. */
nghttp2_mem h2_memory_functions(struct h2_memory *m);

#endif
