/* arena.h - many small allocations that die together.
 * Owns all that it handed out, until arena_fini(). A failed allocation leaves a mark
 * (arena.failed), so that a caller may build a whole structure and look once at the end. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>

#include "base/blocks.h"
#include "base/span.h"

struct arena_block;

struct arena {
    struct blocks *blocks; /* borrowed; NULL: the heap */
    struct arena_block *block;
    struct arena_block *large;
    size_t used;       /* bytes of the newest block */
    size_t held_bytes; /* of all blocks, full or not */
    bool failed;
};

/* An empty arena. Its blocks come from `blocks` (borrowed for the arena's life), or from the heap
 * if that is NULL. Allocates nothing yet. */
void arena_init(struct arena *a, struct blocks *blocks);
/* Frees everything that came from `a`. A zeroed arena is fine. */
void arena_fini(struct arena *a);
/* `size` bytes aligned for any type, not initialized; NULL, and `a->failed`, when memory is out. */
void *arena_alloc(struct arena *a, size_t size);
/* The same for text, which needs no alignment. */
char *arena_text(struct arena *a, size_t size);
/* As arena_alloc(), zeroed. */
void *arena_zalloc(struct arena *a, size_t size);
/* A copy of `s`; an empty span, and `a->failed`, when memory is out. */
struct span arena_dup(struct arena *a, struct span s);
/* `n` spans one after the other, as one; an empty span, and `a->failed`, when memory is out. */
struct span arena_join(struct arena *a, const struct span *parts, size_t n);
/* Formatted text, as by printf; an empty span, and `a->failed`, when memory is out. */
struct span arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
