#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* of a large one */
    max_align_t data[];
};

enum { HEAP_BLOCK_BYTES = 4096 };

static size_t block_bytes(const struct arena *a)
{
    return a->blocks ? a->blocks->block_bytes : HEAP_BLOCK_BYTES;
}

static size_t room(const struct arena *a)
{
    return block_bytes(a) - sizeof(struct arena_block);
}

static void charge_large(const struct arena *a, int64_t bytes)
{
    if (a->blocks)
        account_charge(a->blocks->account, bytes);
}

void arena_init(struct arena *a, struct blocks *blocks)
{
    *a = (struct arena){.blocks = blocks};
}

void arena_fini(struct arena *a)
{
    while (a->block) {
        struct arena_block *next = a->block->next;
        if (a->blocks)
            blocks_give(a->blocks, a->block);
        else
            mem_free(a->block);
        a->block = next;
    }
    while (a->large) {
        struct arena_block *next = a->large->next;
        charge_large(a, -(int64_t)a->large->bytes);
        mem_free(a->large);
        a->large = next;
    }
    *a = (struct arena){.blocks = a->blocks};
}

static void *fail(struct arena *a)
{
    a->failed = true;
    return NULL;
}

/* What is larger than a block gets a block of its own, so that blocks stay of one size. */
RARE static void *alloc_large(struct arena *a, size_t size)
{
    struct arena_block *block = mem_alloc(sizeof *block + size);
    if (!block)
        return fail(a);
    block->bytes = sizeof *block + size;
    block->next = a->large;
    a->large = block;
    a->held_bytes += block->bytes;
    charge_large(a, (int64_t)block->bytes);
    return block->data;
}

RARE static bool add_block(struct arena *a)
{
    struct arena_block *block = a->blocks ? blocks_take(a->blocks) : mem_alloc(HEAP_BLOCK_BYTES);
    if (!block)
        return false;
    block->next = a->block;
    a->block = block;
    a->held_bytes += block_bytes(a);
    return true;
}

static void *take(struct arena *a, size_t size, size_t align)
{
    size_t used = (a->used + align - 1) & ~(align - 1);
    if (size > SIZE_MAX / 2)
        return fail(a);
    if (size > room(a))
        return alloc_large(a, size);
    if (!a->block || used > room(a) || size > room(a) - used) {
        if (!add_block(a))
            return fail(a);
        used = 0;
    }
    a->used = used + size;
    return (char *)a->block->data + used;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return take(a, size, _Alignof(max_align_t));
}

char *arena_text(struct arena *a, size_t size)
{
    return take(a, size, 1);
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *out = arena_alloc(a, size);
    if (out)
        memset(out, 0, size);
    return out;
}

struct span arena_dup(struct arena *a, struct span s)
{
    return arena_join(a, &s, 1);
}

struct span arena_join(struct arena *a, const struct span *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *out = arena_text(a, len);
    if (!out)
        return SPAN("");
    char *at = out;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return span_of(out, len);
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *out = len < 0 ? fail(a) : arena_text(a, (size_t)len + 1);
    if (out)
        vsnprintf(out, (size_t)len + 1, fmt, again);
    va_end(again);
    return out ? span_of(out, (size_t)len) : SPAN("");
}
