/* When a worker gives memory back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/thrift.h"

enum { NOW_MS = 1000000 };

static struct thrift thrift;
static unsigned given_back;

static void give_back(struct thrift *t)
{
    assert_ptr_equal(t, &thrift);
    given_back++;
}

static int set_up(void **state)
{
    (void)state;
    given_back = 0;
    thrift_init(&thrift, give_back);
    return 0;
}

static void nothing_is_given_back_without_work(void **state)
{
    (void)state;
    thrift_look(&thrift, 0, NOW_MS);
    thrift_look(&thrift, 0, NOW_MS + 100000);
    assert_int_equal(given_back, 0);
}

static void the_last_client_that_goes_lets_memory_go_once_a_second(void **state)
{
    (void)state;
    thrift_note_client(&thrift);
    thrift_look(&thrift, 1, NOW_MS);
    assert_int_equal(given_back, 0);
    thrift_look(&thrift, 0, NOW_MS);
    assert_int_equal(given_back, 1);
    thrift_look(&thrift, 0, NOW_MS);
    assert_int_equal(given_back, 1);
    thrift_note_client(&thrift);
    thrift_look(&thrift, 0, NOW_MS + 500);
    assert_int_equal(given_back, 1);
    thrift_look(&thrift, 0, NOW_MS + 1000);
    assert_int_equal(given_back, 2);
}

/* `n` requests, one after the other, of a client that is idle before and after. */
static void work(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        thrift_note_idle(&thrift, true, false);
        thrift_note_idle(&thrift, false, true);
    }
}

static void idle_clients_let_memory_go_after_a_pause_if_there_was_work_enough(void **state)
{
    (void)state;
    thrift_note_client(&thrift);
    thrift_note_idle(&thrift, false, true);
    work(62);
    thrift_look(&thrift, 1, NOW_MS);
    assert_true(list_empty(&thrift.pause.node));
    work(1);
    thrift_look(&thrift, 1, NOW_MS);
    assert_false(list_empty(&thrift.pause.node));
    timeouts_expire(&thrift.pauses, NOW_MS + 249);
    assert_int_equal(given_back, 0);
    timeouts_expire(&thrift.pauses, NOW_MS + 250);
    assert_int_equal(given_back, 1);
    work(64);
    thrift_look(&thrift, 1, NOW_MS + 300);
    timeouts_expire(&thrift.pauses, NOW_MS + 600);
    assert_int_equal(given_back, 1); /* ten seconds are not over */
    thrift_look(&thrift, 1, NOW_MS + 11000);
    timeouts_expire(&thrift.pauses, NOW_MS + 11250);
    assert_int_equal(given_back, 2);
}

static void a_client_that_begins_to_ask_ends_the_pause(void **state)
{
    (void)state;
    thrift_note_client(&thrift);
    thrift_note_idle(&thrift, false, true);
    work(100);
    thrift_look(&thrift, 1, NOW_MS);
    thrift_note_idle(&thrift, true, false);
    thrift_look(&thrift, 1, NOW_MS + 100);
    assert_true(list_empty(&thrift.pause.node));
    timeouts_expire(&thrift.pauses, NOW_MS + 1000);
    assert_int_equal(given_back, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_given_back_without_work),
        TEST(the_last_client_that_goes_lets_memory_go_once_a_second),
        TEST(idle_clients_let_memory_go_after_a_pause_if_there_was_work_enough),
        TEST(a_client_that_begins_to_ask_ends_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
