#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/arena.h"
#include "base/blocks.h"
#include "base/budget.h"

enum { STEP = BUDGET_STEP_BYTES, BLOCK_BYTES = 4096, THREADS = 4, CHARGES = 10000 };

static unsigned told;

static void on_over(void *user)
{
    (void)user;
    told++;
}

static struct budget budget;
static struct account account;

static int open_budget(void **state)
{
    (void)state;
    told = 0;
    budget_init(&budget, on_over, NULL);
    account_init(&account, &budget);
    return 0;
}

static void charges_are_passed_on_in_steps(void **state)
{
    (void)state;
    account_charge(&account, STEP - 1);
    assert_int_equal(budget_bytes(&budget), 0);
    account_charge(&account, 1);
    assert_int_equal(budget_bytes(&budget), STEP);
    account_charge(&account, -(STEP - 1));
    assert_int_equal(budget_bytes(&budget), STEP);
    account_settle(&account);
    assert_int_equal(budget_bytes(&budget), 1);
    account_charge(NULL, STEP);
    assert_int_equal(budget_bytes(&budget), 1);
}

static void who_goes_over_the_limit_is_told_once(void **state)
{
    (void)state;
    budget_set_limit(&budget, 2 * STEP);
    account_charge(&account, 2 * STEP);
    assert_false(budget_is_over(&budget));
    assert_int_equal(told, 0);
    account_charge(&account, STEP);
    assert_true(budget_is_over(&budget));
    account_charge(&account, STEP);
    assert_int_equal(told, 1);
    account_charge(&account, -3 * STEP);
    assert_false(budget_is_over(&budget));
    account_charge(&account, 2 * STEP);
    assert_int_equal(told, 2);
}

static void a_limit_may_come_and_go(void **state)
{
    (void)state;
    account_charge(&account, 10 * STEP);
    assert_false(budget_is_over(&budget));
    budget_set_limit(&budget, STEP);
    assert_true(budget_is_over(&budget));
    assert_int_equal(told, 1);
    budget_set_limit(&budget, 0);
    assert_false(budget_is_over(&budget));
}

static void it_is_tight_above_fifteen_sixteenths_of_the_limit(void **state)
{
    (void)state;
    account_charge(&account, 15 * STEP);
    assert_false(budget_is_tight(&budget));
    budget_set_limit(&budget, 16 * STEP);
    assert_false(budget_is_tight(&budget));
    account_charge(&account, 1);
    account_settle(&account);
    assert_true(budget_is_tight(&budget));
    assert_false(budget_is_over(&budget));
}

/* A thread gave back what another has not passed on yet. */
static void a_sum_below_zero_is_none(void **state)
{
    (void)state;
    budget_set_limit(&budget, STEP);
    account_charge(&account, -STEP);
    assert_int_equal(budget_bytes(&budget), 0);
    assert_false(budget_is_over(&budget));
}

static void *charge_and_give_back(void *user)
{
    struct account own;
    account_init(&own, user);
    for (int i = 0; i < CHARGES; i++)
        account_charge(&own, i % 2 ? -i * 10 : i * 11);
    account_settle(&own);
    return NULL;
}

static void accounts_of_all_threads_add_up(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int64_t each = 0;
    for (int i = 0; i < CHARGES; i++)
        each += i % 2 ? -i * 10 : i * 11;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, charge_and_give_back, &budget), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(budget_bytes(&budget), THREADS * each);
}

static uint64_t held(void)
{
    account_settle(&account);
    return budget_bytes(&budget);
}

static void a_block_counts_until_it_is_given_back_to_the_heap(void **state)
{
    (void)state;
    struct blocks blocks;
    blocks_init(&blocks, &account, BLOCK_BYTES, 1);
    void *one = blocks_take(&blocks), *two = blocks_take(&blocks);
    assert_int_equal(held(), 2 * BLOCK_BYTES);
    blocks_give(&blocks, one);
    assert_int_equal(held(), 2 * BLOCK_BYTES);
    blocks_give(&blocks, two);
    assert_int_equal(held(), BLOCK_BYTES);
    one = blocks_take(&blocks);
    assert_int_equal(held(), BLOCK_BYTES);
    blocks_give(&blocks, one);
    blocks_trim(&blocks);
    assert_int_equal(held(), 0);
}

static void an_arena_counts_its_blocks_and_what_is_larger(void **state)
{
    (void)state;
    struct blocks blocks;
    struct arena a;
    blocks_init_mapped(&blocks, &account, BLOCK_BYTES, 0);
    arena_init(&a, &blocks);
    assert_non_null(arena_alloc(&a, 1));
    assert_int_equal(held(), BLOCK_BYTES);
    assert_int_equal(a.held_bytes, BLOCK_BYTES);
    assert_non_null(arena_alloc(&a, 3 * BLOCK_BYTES));
    assert_in_range(held(), 4 * BLOCK_BYTES, 4 * BLOCK_BYTES + 64);
    assert_int_equal(a.held_bytes, held());
    arena_fini(&a);
    assert_int_equal(held(), 0);
    assert_int_equal(a.held_bytes, 0);
    blocks_fini(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(charges_are_passed_on_in_steps, open_budget),
        cmocka_unit_test_setup(who_goes_over_the_limit_is_told_once, open_budget),
        cmocka_unit_test_setup(a_limit_may_come_and_go, open_budget),
        cmocka_unit_test_setup(it_is_tight_above_fifteen_sixteenths_of_the_limit, open_budget),
        cmocka_unit_test_setup(a_sum_below_zero_is_none, open_budget),
        cmocka_unit_test_setup(accounts_of_all_threads_add_up, open_budget),
        cmocka_unit_test_setup(a_block_counts_until_it_is_given_back_to_the_heap, open_budget),
        cmocka_unit_test_setup(an_arena_counts_its_blocks_and_what_is_larger, open_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
