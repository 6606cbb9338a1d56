#include "base/crowd.h"

static atomic_uint *counter(struct crowd *c, uint64_t kind, int table)
{
    uint64_t half = table == 0 ? kind & UINT32_MAX : kind >> 32;
    return &c->counters[table][half % CROWD_COUNTERS];
}

static unsigned count(struct crowd *c, uint64_t kind)
{
    unsigned a = atomic_load_explicit(counter(c, kind, 0), memory_order_relaxed);
    unsigned b = atomic_load_explicit(counter(c, kind, 1), memory_order_relaxed);
    return a < b ? a : b;
}

bool crowd_enter(struct crowd *c, uint64_t kind, unsigned max)
{
    if (count(c, kind) >= max)
        return false;
    for (int table = 0; table < 2; table++)
        atomic_fetch_add_explicit(counter(c, kind, table), 1, memory_order_relaxed);
    return true;
}

void crowd_leave(struct crowd *c, uint64_t kind)
{
    for (int table = 0; table < 2; table++)
        atomic_fetch_sub_explicit(counter(c, kind, table), 1, memory_order_relaxed);
}
