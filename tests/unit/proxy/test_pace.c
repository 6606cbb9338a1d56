/* How long a client is waited for: facts go in, verdicts come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/pace.h"

enum { STALL_MS = 60000, GRACE_MS = 3000, RATE = 50, NOW_MS = 1000 };

static struct timeouts stall, grace;
static unsigned stalls, graces;
static struct pace pace;
static const struct pace_rules rules = {
    .stall = &stall, .grace = &grace, .origin_stall_ms = 30000, .min_rate = RATE};

static void on_stall(struct timeout *t)
{
    (void)t;
    stalls++;
}

static void on_grace(struct timeout *t)
{
    (void)t;
    graces++;
}

static int set_up(void **state)
{
    (void)state;
    timeouts_init(&stall, STALL_MS);
    timeouts_init(&grace, GRACE_MS);
    stalls = graces = 0;
    pace = (struct pace){0};
    pace_init(&pace, on_stall, on_grace);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pace_stop(&pace);
    assert_true(list_empty(&stall.running) && list_empty(&grace.running));
    return 0;
}

static void what_is_awaited_decides_which_timeouts_run(void **state)
{
    (void)state;
    static const struct {
        struct pace_facts facts;
        bool stall, grace;
    } cases[] = {
        {{.wait = PACE_WAIT_NONE, .holds = true}, false, false},
        {{.wait = PACE_WAIT_READ}, true, false},
        {{.wait = PACE_WAIT_READ, .holds = true}, true, true},
        {{.wait = PACE_WAIT_SEND, .holds = true}, true, true},
        {{.wait = PACE_WAIT_CONTINUE}, false, false},
        {{.wait = PACE_WAIT_CONTINUE, .holds = true}, false, true},
        {{.wait = PACE_WAIT_CONTINUE, .holds = true, .offered = true}, false, false},
        {{.wait = PACE_WAIT_TALK, .holds = true}, true, false},
        {{.wait = PACE_WAIT_READ, .holds = true, .offered = true}, true, false},
        {{.wait = PACE_WAIT_NONE}, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool awaited =
            cases[i].facts.wait != PACE_WAIT_NONE && cases[i].facts.wait != PACE_WAIT_TALK;
        tear_down(state);
        set_up(state);
        assert_int_equal(pace_watch(&pace, &rules, &cases[i].facts, NOW_MS),
                         awaited && cases[i].facts.holds);
        if (list_empty(&pace.stall.node) == cases[i].stall ||
            list_empty(&pace.grace.node) == cases[i].grace)
            fail_msg("case %zu", i);
    }
}

static void a_timeout_does_not_start_anew_with_every_byte(void **state)
{
    (void)state;
    const struct pace_facts facts = {.wait = PACE_WAIT_SEND, .holds = true};
    pace_watch(&pace, &rules, &facts, NOW_MS);
    for (uint64_t ms = 0; ms < GRACE_MS; ms += 100) {
        pace_moved(&pace, 1, NOW_MS + ms);
        pace_watch(&pace, &rules, &facts, NOW_MS + ms);
    }
    timeouts_expire(&grace, NOW_MS + GRACE_MS);
    assert_int_equal(graces, 1);
    assert_int_equal(stalls, 0);
    timeouts_expire(&stall, NOW_MS + STALL_MS);
    assert_int_equal(stalls, 1);
}

/* Who was told to go on late, and whose connection is on offer, has all of its time. */
static void grace_begins_anew_with_the_100(void **state)
{
    (void)state;
    struct pace_facts facts = {.wait = PACE_WAIT_CONTINUE, .holds = true};
    assert_true(pace_watch(&pace, &rules, &facts, NOW_MS));
    assert_true(pace_goes_on(&pace, &rules, &facts));
    timeouts_expire(&grace, NOW_MS + GRACE_MS);
    assert_int_equal(graces, 1);
    assert_false(pace_keeps(&pace, &rules, &facts));
    facts.offered = true;
    assert_true(pace_watch(&pace, &rules, &facts, NOW_MS + GRACE_MS));
    facts.wait = PACE_WAIT_SEND;
    assert_false(pace_watch(&pace, &rules, &facts, NOW_MS + GRACE_MS));
    facts.offered = false;
    assert_true(pace_watch(&pace, &rules, &facts, NOW_MS + GRACE_MS));
    timeouts_expire(&grace, NOW_MS + 2 * GRACE_MS - 1);
    assert_int_equal(graces, 1);
    timeouts_expire(&grace, NOW_MS + 2 * GRACE_MS);
    assert_int_equal(graces, 2);
}

static void a_stalled_client_goes_on_if_it_moved_enough(void **state)
{
    (void)state;
    static const struct {
        size_t moved;
        struct pace_facts facts;
        bool goes_on;
    } cases[] = {
        {0, {.wait = PACE_WAIT_READ}, false},
        {1, {.wait = PACE_WAIT_READ}, false},
        {RATE * STALL_MS / 1000 - 1, {.wait = PACE_WAIT_SEND}, false},
        {RATE * STALL_MS / 1000, {.wait = PACE_WAIT_SEND}, true},
        /* It reads its other streams, and would read this one. */
        {0, {.wait = PACE_WAIT_READ, .has_window = true, .quiet_ms = STALL_MS - 1}, true},
        {0, {.wait = PACE_WAIT_READ, .has_window = true, .quiet_ms = STALL_MS}, false},
        {0, {.wait = PACE_WAIT_READ, .has_window = false, .quiet_ms = 0}, false},
        {0, {.wait = PACE_WAIT_SEND, .has_window = true, .quiet_ms = 0}, false},
        {0, {.wait = PACE_WAIT_NONE}, true},
        {0, {.wait = PACE_WAIT_CONTINUE}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct pace_facts waiting = {.wait = PACE_WAIT_READ};
        pace_stop(&pace);
        pace_watch(&pace, &rules, &waiting, NOW_MS);
        pace_moved(&pace, cases[i].moved, NOW_MS);
        if (pace_goes_on(&pace, &rules, &cases[i].facts) != cases[i].goes_on)
            fail_msg("case %zu", i);
    }
}

static void a_client_keeps_its_connection_if_all_its_streams_move_enough(void **state)
{
    (void)state;
    const size_t enough = RATE * GRACE_MS / 1000;
    static const struct pace_facts none = {.wait = PACE_WAIT_NONE};
    struct pace_facts facts = {
        .wait = PACE_WAIT_SEND, .holds = true, .client_bytes = 1000, .streams = 3};
    pace_watch(&pace, &rules, &facts, NOW_MS);
    assert_false(pace_keeps(&pace, &rules, &facts));
    facts.client_bytes = 1000 + 3 * enough - 1;
    assert_false(pace_keeps(&pace, &rules, &facts));
    facts.client_bytes = 1000 + 3 * enough;
    assert_true(pace_keeps(&pace, &rules, &facts));
    facts.client_bytes = 1000;
    pace_moved(&pace, enough, NOW_MS);
    assert_true(pace_keeps(&pace, &rules, &facts));
    assert_true(pace_keeps(&pace, &rules, &none));
}

static void a_talk_ends_when_both_sides_are_silent_for_as_long_as_each_may(void **state)
{
    (void)state;
    const struct pace_facts talk = {.wait = PACE_WAIT_TALK, .holds = true};
    pace_watch(&pace, &rules, &talk, NOW_MS);
    assert_true(pace_goes_on(&pace, &rules, &talk));  /* 60 s of 90 */
    assert_false(pace_goes_on(&pace, &rules, &talk)); /* 120 s */
    pace_moved(&pace, 1, NOW_MS);
    assert_true(pace_goes_on(&pace, &rules, &talk));
}

/* For those that are to give way: who moves anything now does not stand still, who moved enough is
 * not slow. */
static void how_an_exchange_fares_is_told_by_what_it_moved_and_when(void **state)
{
    enum { LOOK_MS = 10000, RECENT_MS = 1000 };
    (void)state;
    static const struct {
        size_t moved;
        uint64_t ago_ms; /* before LOOK_MS */
        struct pace_facts facts;
        enum pace_step step;
        uint64_t silent_ms;
    } cases[] = {
        {0, LOOK_MS, {.wait = PACE_WAIT_READ}, PACE_STILL, LOOK_MS},
        {1, 999, {.wait = PACE_WAIT_READ}, PACE_SLOW, 999},
        {1, 1000, {.wait = PACE_WAIT_READ}, PACE_STILL, 1000},
        {RATE * LOOK_MS / 1000 - 1, 0, {.wait = PACE_WAIT_SEND}, PACE_SLOW, 0},
        {RATE * LOOK_MS / 1000, 0, {.wait = PACE_WAIT_SEND}, PACE_FINE, 0},
        /* It took much, and then nothing. */
        {1000000, 2000, {.wait = PACE_WAIT_READ}, PACE_STILL, 2000},
        /* It takes what others of its streams have. */
        {0, LOOK_MS, {.wait = PACE_WAIT_READ, .has_window = true}, PACE_SLOW, LOOK_MS},
        {1000000, 2000, {.wait = PACE_WAIT_READ, .has_window = true}, PACE_FINE, 2000},
        {0,
         LOOK_MS,
         {.wait = PACE_WAIT_READ, .has_window = true, .quiet_ms = RECENT_MS},
         PACE_STILL,
         LOOK_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tear_down(state);
        set_up(state);
        pace_watch(&pace, &rules, &cases[i].facts, NOW_MS);
        if (cases[i].moved > 0)
            pace_moved(&pace, cases[i].moved, NOW_MS + LOOK_MS - cases[i].ago_ms);
        uint64_t now = NOW_MS + LOOK_MS;
        enum pace_step step = pace_step(&pace, &rules, &cases[i].facts, RECENT_MS, now);
        uint64_t silent = pace_silent_ms(&pace, &rules, now);
        if (step != cases[i].step || silent != cases[i].silent_ms)
            fail_msg("case %zu: %d after %d ms", i, step, (int)silent);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_awaited_decides_which_timeouts_run),
        TEST(a_timeout_does_not_start_anew_with_every_byte),
        TEST(grace_begins_anew_with_the_100),
        TEST(a_stalled_client_goes_on_if_it_moved_enough),
        TEST(a_client_keeps_its_connection_if_all_its_streams_move_enough),
        TEST(how_an_exchange_fares_is_told_by_what_it_moved_and_when),
        TEST(a_talk_ends_when_both_sides_are_silent_for_as_long_as_each_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
