#include "h2/memory.h"

#include <stddef.h>

#include "base/mem.h"

/* Stands before what nghttp2 gets. */
union block {
    struct list node;
    max_align_t align;
};

static void *note_block(struct h2_memory *m, union block *block)
{
    if (!block) {
        m->failed = true;
        return NULL;
    }
    list_push(&m->blocks, &block->node);
    return block + 1;
}

static void *take_bytes(size_t size, void *user)
{
    const struct h2_memory *m = user;
    if (m->failed)
        return NULL;
    return note_block(user, mem_alloc(sizeof(union block) + size));
}

static void *take_zeroed(size_t count, size_t size, void *user)
{
    /* What nghttp2 asks for here is a few structures of its own. */
    const struct h2_memory *m = user;
    if (m->failed)
        return NULL;
    return note_block(user, mem_zalloc(1, sizeof(union block) + count * size));
}

static void give_bytes(void *ptr, void *user)
{
    union block *block = ptr;
    const struct h2_memory *m = user;
    if (!block || m->failed)
        return; /* h2_memory_fini() gives back what is left, once */
    list_remove(&(--block)->node);
    mem_free(block);
}

static void *take_resized(void *ptr, size_t size, void *user)
{
    union block *block = ptr;
    const struct h2_memory *m = user;
    if (!block || m->failed)
        return take_bytes(size, user);
    list_remove(&(--block)->node);
    union block *grown = mem_resize(block, 1, sizeof *grown + size);
    if (!grown)
        note_block(user, block);
    return note_block(user, grown);
}

void h2_memory_init(struct h2_memory *m)
{
    list_init(&m->blocks);
    m->failed = false;
}

void h2_memory_fini(struct h2_memory *m)
{
    struct list *node;
    while ((node = list_pop(&m->blocks)))
        mem_free(CONTAINER_OF(node, union block, node));
}

nghttp2_mem h2_memory_functions(struct h2_memory *m)
{
    return (nghttp2_mem){m, take_bytes, give_bytes, take_zeroed, take_resized};
}
