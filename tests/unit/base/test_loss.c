#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loss.h"

enum { START_MS = 1000000 };

static void loss_is_said_once_and_then_its_count(void **state)
{
    struct loss l = {0};
    (void)state;
    assert_int_equal(loss_look(&l, 0, true, START_MS), LOSS_NO_NEWS);
    assert_int_equal(loss_look(&l, 3, true, START_MS), LOSS_BEGINS);
    assert_int_equal(loss_look(&l, 7, true, START_MS + 500), LOSS_NO_NEWS);
    assert_int_equal(loss_look(&l, 7, true, START_MS + 1499), LOSS_NO_NEWS);
    assert_int_equal(loss_left_ms(&l, true, START_MS + 1499), 1);
    assert_int_equal(loss_look(&l, 7, true, START_MS + 1500), LOSS_IS_OVER);
    assert_int_equal(loss_count(&l), 7);
    assert_int_equal(loss_count(&l), 0);
    assert_int_equal(loss_look(&l, 7, true, START_MS + 9000), LOSS_NO_NEWS);
}

static void loss_goes_on_while_nothing_is_written(void **state)
{
    struct loss l = {0};
    (void)state;
    assert_int_equal(loss_look(&l, 1, false, START_MS), LOSS_BEGINS);
    assert_int_equal(loss_look(&l, 1, false, START_MS + 100000), LOSS_NO_NEWS);
    assert_true(loss_left_ms(&l, false, START_MS + 100000) == UINT64_MAX);
    assert_int_equal(loss_look(&l, 1, true, START_MS + 100001), LOSS_IS_OVER);
    assert_int_equal(loss_count(&l), 1);
}

static void loss_that_comes_again_soon_is_said_less_often(void **state)
{
    struct loss l = {0};
    uint64_t lost = 0, told = 0, now = START_MS;
    unsigned said = 0;
    (void)state;
    /* A loss every two seconds, for a minute. */
    for (; now < START_MS + 60000; now += 100) {
        lost += now % 2000 == 0;
        enum loss_news news = loss_look(&l, lost, true, now);
        said += news != LOSS_NO_NEWS;
        told += news == LOSS_IS_OVER ? loss_count(&l) : 0;
    }
    assert_int_equal(said, 2);
    while (loss_look(&l, lost, true, now) != LOSS_IS_OVER)
        now += 100;
    assert_int_equal(told + loss_count(&l), lost);
    assert_int_equal(loss_look(&l, lost + 1, true, now + LOSS_AGAIN_MS), LOSS_BEGINS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_said_once_and_then_its_count),
        cmocka_unit_test(loss_goes_on_while_nothing_is_written),
        cmocka_unit_test(loss_that_comes_again_soon_is_said_less_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
