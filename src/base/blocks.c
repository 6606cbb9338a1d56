#include "base/blocks.h"

#include <assert.h>

#include "base/mem.h"

void blocks_init(struct blocks *b, size_t block_bytes, size_t max_kept)
{
    assert(block_bytes >= sizeof(void *));
    *b = (struct blocks){.block_bytes = block_bytes, .max_kept = max_kept};
}

void blocks_trim(struct blocks *b)
{
    while (b->free) {
        void *next = *(void **)b->free;
        mem_free(b->free);
        b->free = next;
    }
    b->kept = 0;
}

void blocks_fini(struct blocks *b)
{
    blocks_trim(b);
}

void *blocks_take(struct blocks *b)
{
    void *block = b->free;
    if (!block)
        return mem_alloc(b->block_bytes);
    b->free = *(void **)block;
    b->kept--;
    return block;
}

void blocks_give(struct blocks *b, void *block)
{
    if (!block)
        return;
    if (b->kept == b->max_kept) {
        mem_free(block);
        return;
    }
    *(void **)block = b->free;
    b->free = block;
    b->kept++;
}
