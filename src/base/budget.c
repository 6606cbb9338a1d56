#include "base/budget.h"

#include <stddef.h>

/* The numbers order nothing else: relaxed is enough. */
static uint64_t limit_of(const struct budget *b)
{
    return atomic_load_explicit(&b->limit_bytes, memory_order_relaxed);
}

static bool is_over(const struct budget *b, int64_t bytes)
{
    uint64_t limit = limit_of(b);
    return limit > 0 && bytes > 0 && (uint64_t)bytes > limit;
}

static void tell(struct budget *b)
{
    if (b->on_over)
        b->on_over(b->user);
}

void budget_init(struct budget *b, void (*on_over)(void *user), void *user)
{
    *b = (struct budget){.on_over = on_over, .user = user};
}

void budget_set_limit(struct budget *b, uint64_t bytes)
{
    atomic_store_explicit(&b->limit_bytes, bytes, memory_order_relaxed);
    if (budget_is_over(b))
        tell(b);
}

uint64_t budget_bytes(const struct budget *b)
{
    long long bytes = atomic_load_explicit(&b->bytes, memory_order_relaxed);
    return bytes > 0 ? (uint64_t)bytes : 0; /* what was charged may still be on its way */
}

bool budget_is_over(const struct budget *b)
{
    return is_over(b, atomic_load_explicit(&b->bytes, memory_order_relaxed));
}

bool budget_is_tight(const struct budget *b)
{
    const uint64_t limit = limit_of(b), sixteenth = limit / 16;
    return limit > 0 && budget_bytes(b) > limit - sixteenth;
}

void account_init(struct account *a, struct budget *budget)
{
    *a = (struct account){.budget = budget};
}

void account_settle(struct account *a)
{
    int64_t gathered = a->gathered_bytes;
    if (gathered == 0)
        return;
    a->gathered_bytes = 0;
    int64_t before = atomic_fetch_add_explicit(&a->budget->bytes, gathered, memory_order_relaxed);
    if (!is_over(a->budget, before) && is_over(a->budget, before + gathered))
        tell(a->budget);
}
