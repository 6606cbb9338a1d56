#include "origin/notes.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"

struct notes {
    size_t len;
    atomic_uint bits[];
};

struct notes *notes_new(const struct config *config)
{
    struct notes *n = mem_zalloc(1, sizeof *n + config->origins_len * sizeof n->bits[0]);
    if (n)
        n->len = config->origins_len;
    return n;
}

void notes_free(struct notes *n)
{
    mem_free(n);
}

unsigned notes_add(struct notes *n, size_t origin, unsigned bits)
{
    assert(origin < n->len);
    return bits & ~atomic_fetch_or_explicit(&n->bits[origin], bits, memory_order_relaxed);
}
