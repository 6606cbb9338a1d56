#include "base/blocks.h"

#include <assert.h>
#include <sanitizer/asan_interface.h>

#include "base/mem.h"
#include "base/pages.h"

/* What is kept may not be touched, but for the pointer to the next: a sanitizer sees who does. */
static void hide(const struct blocks *b, void *block)
{
    ASAN_POISON_MEMORY_REGION((char *)block + sizeof(void *), b->block_bytes - sizeof(void *));
}

static void show(const struct blocks *b, void *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block, b->block_bytes);
}

void blocks_init(struct blocks *b, struct account *account, size_t block_bytes, size_t max_kept)
{
    assert(block_bytes >= sizeof(void *));
    *b = (struct blocks){.block_bytes = block_bytes, .max_kept = max_kept, .account = account};
}

void blocks_init_mapped(struct blocks *b, struct account *account, size_t block_bytes,
                        size_t max_kept)
{
    blocks_init(b, account, block_bytes, max_kept);
    b->mapped = true;
}

RARE static void *get(const struct blocks *b)
{
    void *block = b->mapped ? pages_take(b->block_bytes) : mem_alloc(b->block_bytes);
    if (block)
        account_charge(b->account, (int64_t)b->block_bytes);
    return block;
}

RARE static void put_back(const struct blocks *b, void *block)
{
    account_charge(b->account, -(int64_t)b->block_bytes);
    if (b->mapped)
        pages_give(block, b->block_bytes);
    else
        mem_free(block);
}

void blocks_trim(struct blocks *b)
{
    while (b->free) {
        void *block = b->free;
        b->free = *(void **)block;
        show(b, block);
        put_back(b, block);
    }
    b->kept = 0;
}

void blocks_fini(struct blocks *b)
{
    b->max_kept = 0;
    blocks_trim(b);
}

/* The block that will be taken next is fetched while this one is filled. */
static void fetch_next(const struct blocks *b)
{
    enum { LINE_BYTES = 64, MOST_BYTES = 1024 };
    size_t bytes = b->block_bytes < MOST_BYTES ? b->block_bytes : MOST_BYTES;
    for (size_t at = 0; b->free && at < bytes; at += LINE_BYTES)
        __builtin_prefetch((const char *)b->free + at, 1);
}

void *blocks_take(struct blocks *b)
{
    void *block = b->free;
    if (!block)
        return get(b);
    b->free = *(void **)block;
    b->kept--;
    fetch_next(b);
    show(b, block);
    return block;
}

void blocks_give(struct blocks *b, void *block)
{
    if (!block)
        return;
    if (b->kept == b->max_kept) {
        put_back(b, block);
        return;
    }
    *(void **)block = b->free;
    b->free = block;
    b->kept++;
    hide(b, block);
}
