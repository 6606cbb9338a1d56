/* Stands in for base/mem.c and base/blocks.c in the daemon: one allocation of ours, or of
 * nghttp2's, fails when a test says so, or does not return. No block is kept: taking one is always
 * an allocation. */
#include "failing_mem.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/blocks.h"
#include "base/mem.h"

static struct failing_mem alone = {.left = -1};
static struct failing_mem *shared = &alone;

__attribute__((constructor)) static void share(void)
{
    const char *path = getenv(FAILING_MEM_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        shared = map;
}

static void hang(void)
{
    int left = atomic_load(&shared->hangs);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&shared->hangs, &left, left - 1))
            continue;
        for (;;)
            pause();
    }
}

static bool fails(void)
{
    hang();
    atomic_fetch_add(&shared->taken, 1);
    return atomic_load(&shared->left) >= 0 && atomic_fetch_sub(&shared->left, 1) == 0;
}

void *mem_alloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *mem_zalloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
    return fails() ? NULL : reallocarray(ptr, count, size);
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_trim(void) {}

void blocks_init(struct blocks *b, struct account *account, size_t block_bytes, size_t max_kept)
{
    (void)max_kept;
    *b = (struct blocks){.block_bytes = block_bytes, .account = account};
}

void blocks_init_mapped(struct blocks *b, struct account *account, size_t block_bytes,
                        size_t max_kept)
{
    blocks_init(b, account, block_bytes, max_kept);
    b->mapped = true;
}

void blocks_trim(struct blocks *b)
{
    (void)b;
}

void blocks_fini(struct blocks *b)
{
    (void)b;
}

void *blocks_take(struct blocks *b)
{
    /* What is mapped is all zero at first. */
    void *block = b->mapped ? mem_zalloc(1, b->block_bytes) : mem_alloc(b->block_bytes);
    if (block)
        account_charge(b->account, (int64_t)b->block_bytes);
    return block;
}

void blocks_give(struct blocks *b, void *block)
{
    if (block)
        account_charge(b->account, -(int64_t)b->block_bytes);
    mem_free(block);
}
