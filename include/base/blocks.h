/* blocks.h - a cache of memory blocks of one size, for one thread.
 * Owns the blocks that are in it; a block that was taken belongs to the taker until it is given
 * back. Keeps at most `max_kept` free blocks, so that a burst does not stay in memory. Its blocks
 * are charged to an account from the moment they come from the heap until they go back there: a
 * block that is kept and taken again costs no charge. */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/budget.h"

struct blocks {
    void *free;
    size_t block_bytes;
    size_t kept, max_kept;
    bool mapped;
    struct account *account; /* borrowed; NULL: nobody counts */
};

/* An empty cache of blocks of `block_bytes` (at least a pointer's size), which are charged to
 * `account` (NULL: to nobody). */
void blocks_init(struct blocks *b, struct account *account, size_t block_bytes, size_t max_kept);
/* The same, of blocks in pages of their own (base/pages.h). */
void blocks_init_mapped(struct blocks *b, struct account *account, size_t block_bytes,
                        size_t max_kept);
/* Frees what is kept; blocks that are out may still be given back. */
void blocks_trim(struct blocks *b);
/* Frees what is kept, and keeps nothing from now on; blocks that are out may still be given back.
 */
void blocks_fini(struct blocks *b);
/* A block, not initialized, or NULL when memory is out. */
NODISCARD void *blocks_take(struct blocks *b);
/* Gives a block back; NULL is fine. */
void blocks_give(struct blocks *b, void *block);

#endif
