#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/bucket.h"
#include "base/crowd.h"

static struct crowd crowd;

static int empty(void **state)
{
    (void)state;
    memset(&crowd, 0, sizeof crowd);
    return 0;
}

static void a_kind_enters_until_it_is_full(void **state)
{
    (void)state;
    const uint64_t kind = UINT64_C(0x123456789abcdef0);
    for (int i = 0; i < 3; i++)
        assert_true(crowd_enter(&crowd, kind, 3));
    assert_false(crowd_enter(&crowd, kind, 3));
    crowd_leave(&crowd, kind);
    assert_true(crowd_enter(&crowd, kind, 3));
    assert_false(crowd_enter(&crowd, kind, 3));
}

static void kinds_that_share_one_counter_do_not_disturb_each_other(void **state)
{
    (void)state;
    const uint64_t one = UINT64_C(1) << 32 | 7, other = UINT64_C(2) << 32 | 7;
    assert_true(crowd_enter(&crowd, one, 1));
    assert_false(crowd_enter(&crowd, one, 1));
    assert_true(crowd_enter(&crowd, other, 1));
    crowd_leave(&crowd, one);
    assert_true(crowd_enter(&crowd, one, 1));
    assert_false(crowd_enter(&crowd, other, 1));
}

static void *come_and_go(void *user)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t kind = (uint64_t)(i % 5) << 32 | i % 5;
        if (crowd_enter(user, kind, 1000))
            crowd_leave(user, kind);
    }
    return NULL;
}

static void threads_leave_nothing_behind(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int table = 0; table < 2; table++) {
        for (int i = 0; i < CROWD_COUNTERS; i++)
            assert_int_equal(atomic_load(&crowd.rows[table][i]), 0);
    }
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket b = {0};
    uint64_t now = 1000000;
    for (int i = 0; i < 10; i++)
        assert_true(bucket_take(&b, 1, 10, 1000, now));
    assert_false(bucket_take(&b, 1, 10, 1000, now));
    assert_false(bucket_take(&b, 1, 10, 1000, now + 99));
    assert_true(bucket_take(&b, 1, 10, 1000, now + 101));
    assert_false(bucket_take(&b, 1, 10, 1000, now + 102));
    for (int i = 0; i < 10; i++)
        assert_true(bucket_take(&b, 1, 10, 1000, now + 5000));
    assert_false(bucket_take(&b, 1, 10, 1000, now + 5000));
    assert_false(bucket_take(&b, 11, 10, 1000, now + 9000));
    assert_true(bucket_take(&b, 10, 10, 1000, now + 9000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_kind_enters_until_it_is_full, empty),
        cmocka_unit_test_setup(kinds_that_share_one_counter_do_not_disturb_each_other, empty),
        cmocka_unit_test_setup(threads_leave_nothing_behind, empty),
        cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
