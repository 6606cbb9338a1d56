#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/coalesce.h"

enum { SECOND = 1000000, MOST_US = 2000 };

static struct coalesce coalesce;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    now_us = 5 * SECOND;
    coalesce_init(&coalesce, MOST_US, now_us);
    return 0;
}

/* Turns follow for `us`; each works for `work_us`, and every `gap_us` an answer has come that took
 * `waited_us`. Returns how long the last turn was put off. */
static uint64_t run(uint64_t us, uint64_t work_us, uint64_t gap_us, uint64_t waited_us)
{
    uint64_t end = now_us + us, next_answer = now_us, wait = 0;
    while (now_us < end) {
        for (; next_answer <= now_us; next_answer += gap_us)
            coalesce_answered(&coalesce, waited_us);
        now_us += work_us;
        wait = coalesce_wait(&coalesce, now_us);
        now_us += wait;
    }
    return wait;
}

/* The sums are whole numbers. */
static bool is_about(uint64_t got, uint64_t wanted)
{
    return wanted == 0 ? got == 0 : got + 20 > wanted && got < wanted + 20;
}

static void turns_are_apart_a_part_of_what_answers_take(void **state)
{
    static const struct {
        uint64_t work_us, gap_us, waited_us;
        uint64_t wait_us;
    } cases[] = {
        {100, 10, 4000, 900}, /* the turn itself took the rest of the 1,000 */
        {100, 10, 6000, 1400},   {100, 10, 8000, 1900},
        {100, 10, 800000, 1900}, /* never longer than the bound */
        {100, 10, 400, 0},       /* origins that answer fast are looked at at once */
        {100, 1000, 800000, 0},  /* too few answers to meet */
        {100, 124, 8000, 1900},  /* just enough: 16 in 2,000 */
        {100, 126, 8000, 0},     {1900, 10, 8000, 100}, /* a busy worker has less to wait */
        {1951, 10, 8000, 0}, /* and none where a sleep would take longer */
        {2500, 10, 8000, 0},     {100, 10, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up(NULL);
        uint64_t got = run(SECOND, cases[i].work_us, cases[i].gap_us, cases[i].waited_us);
        if (!is_about(got, cases[i].wait_us))
            fail_msg("case %zu: %llu", i, (unsigned long long)got);
    }
}

static void a_worker_without_answers_never_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(coalesce_wait(&coalesce, now_us += 10), 0);
}

static void it_begins_within_milliseconds_and_ends_with_the_answers(void **state)
{
    (void)state;
    assert_true(is_about(run(20000, 100, 10, 8000), 1900));
    assert_int_equal(run(100000, 100, SECOND, 8000), 0);
}

static void what_is_long_past_is_forgotten(void **state)
{
    (void)state;
    assert_true(is_about(run(SECOND, 100, 10, 8000), 1900));
    now_us += SECOND;
    coalesce_answered(&coalesce, 8000);
    assert_int_equal(coalesce_wait(&coalesce, now_us), 0);
}

/* One of a hundred is a poll of 30 s: it counts as four times the bound, as 8,000 µs. */
static void a_few_slow_answers_do_not_slow_the_others(void **state)
{
    uint64_t wait = 0;
    (void)state;
    for (int turn = 0; turn < 1000; turn++) {
        for (int i = 0; i < 99; i++)
            coalesce_answered(&coalesce, 400);
        coalesce_answered(&coalesce, 30 * SECOND);
        now_us += 100;
        wait = coalesce_wait(&coalesce, now_us);
        now_us += wait;
    }
    assert_int_equal(wait, 0);
}

static void a_bound_of_0_never_waits(void **state)
{
    (void)state;
    coalesce_init(&coalesce, 0, now_us);
    assert_int_equal(run(SECOND, 100, 10, 8000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(turns_are_apart_a_part_of_what_answers_take, set_up),
        cmocka_unit_test_setup(a_worker_without_answers_never_waits, set_up),
        cmocka_unit_test_setup(it_begins_within_milliseconds_and_ends_with_the_answers, set_up),
        cmocka_unit_test_setup(what_is_long_past_is_forgotten, set_up),
        cmocka_unit_test_setup(a_few_slow_answers_do_not_slow_the_others, set_up),
        cmocka_unit_test_setup(a_bound_of_0_never_waits, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
