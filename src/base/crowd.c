#include "base/crowd.h"

static atomic_uint *counter(struct crowd *c, uint64_t key, int row)
{
    uint64_t half = row == 0 ? key & UINT32_MAX : key >> 32;
    return &c->rows[row][half % CROWD_COUNTERS];
}

static unsigned count(struct crowd *c, uint64_t key)
{
    unsigned a = atomic_load_explicit(counter(c, key, 0), memory_order_relaxed);
    unsigned b = atomic_load_explicit(counter(c, key, 1), memory_order_relaxed);
    return a < b ? a : b;
}

bool crowd_enter(struct crowd *c, uint64_t key, unsigned max)
{
    if (count(c, key) >= max)
        return false;
    for (int row = 0; row < 2; row++)
        atomic_fetch_add_explicit(counter(c, key, row), 1, memory_order_relaxed);
    return true;
}

void crowd_leave(struct crowd *c, uint64_t key)
{
    for (int row = 0; row < 2; row++)
        atomic_fetch_sub_explicit(counter(c, key, row), 1, memory_order_relaxed);
}
