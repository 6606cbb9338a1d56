#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/timeouts.h"

struct guest {
    struct timeout timeout;
    char name;
    struct timeout *stops;   /* when it ends */
    struct timeouts *starts; /* itself again, in this queue, when it ends */
    uint64_t now_ms;
};

static struct timeouts queue;
static struct guest guests[3];
static char ended[32];

static void on_end(struct timeout *t)
{
    struct guest *g = CONTAINER_OF(t, struct guest, timeout);
    ended[strlen(ended)] = g->name;
    if (g->stops)
        timeout_stop(g->stops);
    if (g->starts)
        timeout_start(g->starts, t, g->now_ms);
}

static int make(void **state)
{
    (void)state;
    memset(ended, 0, sizeof ended);
    timeouts_init(&queue, 100);
    for (int i = 0; i < 3; i++) {
        guests[i] = (struct guest){.name = (char)('a' + i)};
        timeout_init(&guests[i].timeout, on_end);
    }
    return 0;
}

static void a_timeout_ends_when_its_time_has_come_and_once(void **state)
{
    (void)state;
    assert_int_equal(timeouts_expire(&queue, 1000), UINT64_MAX);
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_start(&queue, &guests[1].timeout, 1030);
    assert_int_equal(timeouts_expire(&queue, 1099), 1);
    assert_string_equal(ended, "");
    assert_int_equal(timeouts_expire(&queue, 1100), 30);
    assert_string_equal(ended, "a");
    assert_int_equal(timeouts_expire(&queue, 5000), UINT64_MAX);
    assert_string_equal(ended, "ab");
    assert_int_equal(timeouts_expire(&queue, 9000), UINT64_MAX);
    assert_string_equal(ended, "ab");
}

static void starting_anew_counts_from_then(void **state)
{
    (void)state;
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_start(&queue, &guests[1].timeout, 1010);
    timeout_start(&queue, &guests[0].timeout, 1050);
    assert_int_equal(timeouts_expire(&queue, 1110), 40);
    assert_string_equal(ended, "b");
    timeouts_expire(&queue, 1150);
    assert_string_equal(ended, "ba");
}

static void starting_in_another_queue_leaves_the_first(void **state)
{
    (void)state;
    struct timeouts other;
    timeouts_init(&other, 10);
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_start(&other, &guests[0].timeout, 1000);
    assert_int_equal(timeouts_expire(&queue, 2000), UINT64_MAX);
    assert_string_equal(ended, "");
    timeouts_expire(&other, 1010);
    assert_string_equal(ended, "a");
}

static void a_stopped_timeout_does_not_end(void **state)
{
    (void)state;
    timeout_stop(&guests[0].timeout);
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_stop(&guests[0].timeout);
    timeout_stop(&guests[0].timeout);
    assert_int_equal(timeouts_expire(&queue, 2000), UINT64_MAX);
    assert_string_equal(ended, "");
}

static void a_duration_of_zero_never_ends(void **state)
{
    (void)state;
    struct timeouts never;
    timeouts_init(&never, 0);
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_start(&never, &guests[0].timeout, 1000);
    assert_int_equal(timeouts_expire(&never, UINT64_MAX), UINT64_MAX);
    assert_int_equal(timeouts_expire(&queue, UINT64_MAX), UINT64_MAX);
    assert_string_equal(ended, "");
}

static void one_that_ends_may_stop_the_next_and_start_again(void **state)
{
    (void)state;
    guests[0].stops = &guests[1].timeout;
    guests[0].starts = &queue;
    guests[0].now_ms = 1500;
    for (int i = 0; i < 3; i++)
        timeout_start(&queue, &guests[i].timeout, 1000);
    assert_int_equal(timeouts_expire(&queue, 1500), 100);
    assert_string_equal(ended, "ac");
}

static void those_that_run_are_told_in_order_with_their_ages(void **state)
{
    (void)state;
    assert_null(timeouts_first(&queue));
    timeout_start(&queue, &guests[0].timeout, 1000);
    timeout_start(&queue, &guests[1].timeout, 1030);
    assert_ptr_equal(timeouts_first(&queue), &guests[0].timeout);
    assert_ptr_equal(timeouts_next(&queue, &guests[0].timeout), &guests[1].timeout);
    assert_null(timeouts_next(&queue, &guests[1].timeout));
    assert_int_equal(timeouts_age_ms(&queue, &guests[0].timeout, 1050), 50);
    assert_int_equal(timeouts_age_ms(&queue, &guests[1].timeout, 1050), 20);
    timeout_stop(&guests[0].timeout);
    assert_ptr_equal(timeouts_first(&queue), &guests[1].timeout);
}

static void free_timeout(struct timeout *t)
{
    free(t);
    ended[strlen(ended)] = 'x';
}

static void one_that_ends_may_be_freed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct timeout *t = calloc(1, sizeof *t);
        assert_non_null(t);
        timeout_init(t, free_timeout);
        timeout_start(&queue, t, 1000);
    }
    assert_int_equal(timeouts_expire(&queue, 1100), UINT64_MAX);
    assert_string_equal(ended, "xx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_timeout_ends_when_its_time_has_come_and_once, make),
        cmocka_unit_test_setup(starting_anew_counts_from_then, make),
        cmocka_unit_test_setup(starting_in_another_queue_leaves_the_first, make),
        cmocka_unit_test_setup(a_stopped_timeout_does_not_end, make),
        cmocka_unit_test_setup(a_duration_of_zero_never_ends, make),
        cmocka_unit_test_setup(one_that_ends_may_stop_the_next_and_start_again, make),
        cmocka_unit_test_setup(one_that_ends_may_be_freed, make),
        cmocka_unit_test_setup(those_that_run_are_told_in_order_with_their_ages, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
