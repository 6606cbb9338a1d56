/* budget.h - how much memory all threads may hold together, and how much they do.
 * A percpu_counter, as the Linux kernel has it: each thread charges an account of its own, without
 * an atomic operation, and the account passes on what it has gathered in steps. The sum is
 * therefore wrong by BUDGET_STEP_BYTES an account at most. What is charged is real memory: a block
 * counts for as long as it is not given back to the heap or the system, also while a cache keeps
 * it.
 * A budget may be used by any thread; an account, and whatever charges it, by one at a time. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { BUDGET_STEP_BYTES = 65536 };

struct budget {
    atomic_llong bytes;        /* that the accounts have passed on */
    atomic_ullong limit_bytes; /* 0: none */
    /* The sum has gone over the limit; called by the thread that did it, in the middle of whatever
     * that does. NULL: nobody wants to know. */
    void (*on_over)(void *user);
    void *user;
};

struct account {
    struct budget *budget;
    int64_t gathered_bytes; /* since it last passed something on */
};

/* An empty budget without a limit. */
void budget_init(struct budget *b, void (*on_over)(void *user), void *user);
/* Sets the limit, in bytes; 0: none. `on_over` is called if the sum is over it now. */
void budget_set_limit(struct budget *b, uint64_t bytes);
/* What is held is more than the limit. */
bool budget_is_over(const struct budget *b);
/* What is held is so close to the limit that it would soon be more: above fifteen sixteenths. */
bool budget_is_tight(const struct budget *b);
/* The bytes that are held, in all. */
uint64_t budget_bytes(const struct budget *b);

/* An account of `budget` (borrowed), in which nothing is charged. */
void account_init(struct account *a, struct budget *budget);
/* Passes on all that was gathered: what the budget says of this account is exact then. */
void account_settle(struct account *a);

/* Charges `bytes` to the account; negative: gives them back. No account (NULL) is fine: then nobody
 * counts. */
static inline void account_charge(struct account *a, int64_t bytes)
{
    if (!a)
        return;
    a->gathered_bytes += bytes;
    if (a->gathered_bytes >= BUDGET_STEP_BYTES || a->gathered_bytes <= -BUDGET_STEP_BYTES)
        account_settle(a);
}

#endif
