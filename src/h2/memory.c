#include "h2/memory.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/* Stands before what nghttp2 gets. */
struct block {
    struct list node;
    size_t bytes;          /* of what comes after it */
    struct blocks *origin; /* NULL: the heap */
    max_align_t data[];
};

static struct blocks *origin_of(const struct h2_memory *m, size_t bytes)
{
    size_t i = (sizeof(struct block) + bytes - 1) / H2_CACHE_STEP_BYTES;
    if (i < H2_CACHE_SIZES)
        return &m->cache->sizes[i];
    bool is_frame = bytes >= 16384 && sizeof(struct block) + bytes <= H2_CACHE_FRAME_BYTES;
    return is_frame ? &m->cache->frames : NULL;
}

static struct block *take(const struct h2_memory *m, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    struct blocks *origin = origin_of(m, bytes);
    struct block *block = origin ? blocks_take(origin) : mem_alloc(sizeof *block + bytes);
    if (block) {
        block->origin = origin;
        block->bytes = bytes;
    }
    return block;
}

static void give(struct block *block)
{
    if (block->origin)
        blocks_give(block->origin, block);
    else
        mem_free(block);
}

static void *take_bytes(size_t size, void *user)
{
    struct h2_memory *m = user;
    struct block *block = m->failed ? NULL : take(m, size);
    if (!block) {
        m->failed = true;
        return NULL;
    }
    list_push(&m->blocks, &block->node);
    return block->data;
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    /* What nghttp2 asks for here is a few structures of its own. */
    void *data = take_bytes(count * size, user);
    if (data)
        memset(data, 0, count * size);
    return data;
}

static void give_bytes(void *data, void *user)
{
    const struct h2_memory *m = user;
    if (!data || m->failed)
        return; /* h2_memory_fini() gives back what is left, once */
    struct block *block = CONTAINER_OF(data, struct block, data);
    list_remove(&block->node);
    give(block);
}

static void *take_resized(void *data, size_t size, void *user)
{
    void *grown = take_bytes(size, user);
    if (!grown || !data)
        return grown;
    const struct block *block = CONTAINER_OF(data, struct block, data);
    memcpy(grown, data, block->bytes < size ? block->bytes : size);
    give_bytes(data, user);
    return grown;
}

void h2_memory_init(struct h2_memory *m, struct h2_cache *cache)
{
    *m = (struct h2_memory){.cache = cache};
    list_init(&m->blocks);
}

void h2_memory_fini(struct h2_memory *m)
{
    struct list *node;
    while ((node = list_pop(&m->blocks)))
        give(CONTAINER_OF(node, struct block, node));
}

nghttp2_mem h2_memory_functions(struct h2_memory *m)
{
    return (nghttp2_mem){m, take_bytes, give_bytes, take_zeroed, take_resized};
}
