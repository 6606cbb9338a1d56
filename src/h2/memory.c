#include "h2/memory.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/pages.h"

/* The map comes first, and each begins at a page. */
enum {
    MAP_BYTES = 4096,
    FRAME_BYTES = H2_CACHE_PAGES_BYTES - MAP_BYTES,
    LEAST_FRAME_BYTES = 16384,
};

/* Stands before what nghttp2 gets. */
struct block {
    struct list node;
    size_t bytes;          /* of what comes after it */
    struct blocks *origin; /* NULL: the heap */
    max_align_t data[];
};

/* Which of the cache's sizes holds so many bytes; H2_CACHE_SIZES: none. */
static size_t size_of(size_t bytes)
{
    size_t i = (sizeof(struct block) + H2_CACHE_HEAP_BYTES + bytes - 1) / H2_CACHE_STEP_BYTES;
    return i < H2_CACHE_SIZES ? i : H2_CACHE_SIZES;
}

RARE static struct block *take_large(const struct h2_memory *m, size_t bytes)
{
    struct block *block = mem_alloc(sizeof *block + bytes);
    if (block)
        account_charge(m->cache->account, (int64_t)(sizeof *block + bytes));
    return block;
}

RARE static void give_large(const struct h2_memory *m, struct block *block)
{
    account_charge(m->cache->account, -(int64_t)(sizeof *block + block->bytes));
    mem_free(block);
}

static struct block *take(const struct h2_memory *m, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t i = size_of(bytes);
    bool is_large = i == H2_CACHE_SIZES;
    struct block *block = is_large ? take_large(m, bytes) : blocks_take(&m->cache->sizes[i]);
    if (block) {
        block->origin = is_large ? NULL : &m->cache->sizes[i];
        block->bytes = bytes;
    }
    return block;
}

static void give(const struct h2_memory *m, struct block *block)
{
    if (block->origin)
        blocks_give(block->origin, block);
    else
        give_large(m, block);
}

static bool is_own(const struct h2_memory *m, const char *data)
{
    return m->pages && (data == m->pages || data == m->pages + MAP_BYTES);
}

static char *take_own(struct h2_memory *m, bool *taken, size_t at)
{
    if (!m->pages)
        m->pages = blocks_take(&m->cache->pages);
    *taken = m->pages != NULL;
    m->failed = !*taken;
    return *taken ? m->pages + at : NULL;
}

static void *take_bytes(size_t size, void *user)
{
    struct h2_memory *m = user;
    if (size >= LEAST_FRAME_BYTES && size <= FRAME_BYTES && !m->frame_taken && !m->failed)
        return take_own(m, &m->frame_taken, MAP_BYTES);
    struct block *block = m->failed ? NULL : take(m, size);
    if (!block) {
        m->failed = true;
        return NULL;
    }
    list_push(&m->blocks, &block->node);
    return block->data;
}

/* To read a page that was never written takes no memory. */
static bool is_zero(const char *data, size_t bytes)
{
    return data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0;
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    struct h2_memory *m = user;
    /* What nghttp2 asks for here is a few structures of its own. */
    if (count * size == MAP_BYTES && !m->map_taken && !m->failed) {
        char *map = take_own(m, &m->map_taken, 0);
        if (map && !is_zero(map, MAP_BYTES))
            memset(map, 0, MAP_BYTES);
        return map;
    }
    void *data = take_bytes(count * size, user);
    if (data)
        memset(data, 0, count * size);
    return data;
}

static void give_bytes(void *data, void *user)
{
    const struct h2_memory *m = user;
    if (!data || m->failed || is_own(m, data))
        return; /* h2_memory_fini() gives back what is left, once */
    struct block *block = CONTAINER_OF(data, struct block, data);
    list_remove(&block->node);
    give(m, block);
}

static size_t bytes_of(const struct h2_memory *m, char *data)
{
    if (is_own(m, data))
        return data == m->pages ? MAP_BYTES : FRAME_BYTES;
    return CONTAINER_OF(data, struct block, data)->bytes;
}

static void *take_resized(void *data, size_t size, void *user)
{
    void *grown = take_bytes(size, user);
    if (!grown || !data)
        return grown;
    size_t bytes = bytes_of(user, data);
    memcpy(grown, data, bytes < size ? bytes : size);
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
    h2_memory_wake(m);
    struct list *node;
    while ((node = list_pop(&m->blocks)))
        give(m, CONTAINER_OF(node, struct block, node));
    blocks_give(&m->cache->pages, m->pages);
    m->pages = NULL;
}

void h2_memory_rest(struct h2_memory *m)
{
    if (!m->pages)
        return;
    h2_memory_wake(m);
    if (is_zero(m->pages, MAP_BYTES)) {
        pages_empty(m->pages, H2_CACHE_PAGES_BYTES);
        m->emptied_bytes = H2_CACHE_PAGES_BYTES;
    } else {
        pages_empty(m->pages + MAP_BYTES, FRAME_BYTES);
        m->emptied_bytes = FRAME_BYTES;
    }
    account_charge(m->cache->account, -(int64_t)m->emptied_bytes);
}

RARE void h2_memory_charge_emptied(struct h2_memory *m)
{
    account_charge(m->cache->account, (int64_t)m->emptied_bytes);
    m->emptied_bytes = 0;
}

nghttp2_mem h2_memory_functions(struct h2_memory *m)
{
    return (nghttp2_mem){m, take_bytes, give_bytes, take_zeroed, take_resized};
}
