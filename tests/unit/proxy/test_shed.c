/* What gives way while memory is over its limit, and in which order. */
#include "fixture.h"

#include "proxy/shed.h"

enum { OVER_BYTES = 100 << 20, LIMIT_BYTES = 50 << 20, WAIT_MS = 1000 };

static int set_up(void **state)
{
    (void)state;
    fix_open("[timeouts]\ngrace = 0s\n");
    budget_set_limit(&fix.budget, LIMIT_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fix_close();
    return 0;
}

/* What others hold. */
static void go_over(void)
{
    account_charge(&fix.account, OVER_BYTES);
    assert_true(budget_is_over(&fix.budget));
}

static void go_below(void)
{
    account_charge(&fix.account, -OVER_BYTES);
    assert_false(budget_is_over(&fix.budget));
}

static uint64_t shed(void)
{
    uint64_t left = shed_memory(&fix.env);
    fix_turn();
    return left;
}

/* An answer with a body of which nothing is taken. */
static struct stream *hold(size_t i, const char *path)
{
    struct stream *s = client_gets(path);
    struct call *c = origin_answers(i, 200, "", BODY_LENGTH);
    origin_sends(c, "hello");
    fix_turn();
    return s;
}

static void nothing_gives_way_below_the_limit(void **state)
{
    (void)state;
    struct stream *s = hold(0, "/");
    fix_later(WAIT_MS);
    assert_int_equal(shed(), UINT64_MAX);
    assert_int_equal(exchange_at(s)->failure, FAIL_NONE);
    client_closes(s);
}

static void the_longest_wait_gives_way_first_and_no_more_than_is_needed(void **state)
{
    (void)state;
    struct stream *first = hold(0, "/1");
    fix_later(100);
    struct stream *second = hold(1, "/2");
    fix_later(WAIT_MS);
    fix_forget();
    go_over();
    assert_int_equal(shed(), 0);
    assert_int_equal(exchange_at(first)->failure, FAIL_MEMORY_YIELDED);
    assert_int_equal(exchange_at(second)->failure, FAIL_NONE);
    fix_said("1 reset: calm\n");
    go_below();
    assert_int_equal(shed(), UINT64_MAX);
    assert_int_equal(exchange_at(second)->failure, FAIL_NONE);
    client_closes(first);
    client_closes(second);
    fix_reported(0, FAIL_MEMORY_YIELDED, 200);
}

static void who_has_waited_for_less_than_a_second_stays(void **state)
{
    (void)state;
    struct stream *s = hold(0, "/");
    fix_later(WAIT_MS - 1);
    go_over();
    uint64_t left = shed();
    assert_in_range(left, 1, WAIT_MS);
    assert_int_equal(exchange_at(s)->failure, FAIL_NONE);
    fix_later(left);
    shed();
    assert_int_equal(exchange_at(s)->failure, FAIL_MEMORY_YIELDED);
    go_below();
    client_closes(s);
}

static void who_moves_bytes_stays_while_others_stand_still(void **state)
{
    (void)state;
    struct stream *reader = hold(0, "/reader");
    fix_later(100);
    struct stream *holder = hold(1, "/holder");
    fix_later(WAIT_MS);
    fix.session.base.events->sent(reader, 4);
    fix_turn();
    go_over();
    shed();
    assert_int_equal(exchange_at(holder)->failure, FAIL_MEMORY_YIELDED);
    assert_int_equal(exchange_at(reader)->failure, FAIL_NONE);
    go_below();
    client_closes(reader);
    client_closes(holder);
}

static void requests_that_wait_for_their_origin_stay(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    origin_takes(call_number(0));
    fix_later(10 * WAIT_MS);
    go_over();
    shed();
    assert_int_equal(exchange_at(s)->failure, FAIL_NONE);
    go_below();
    client_closes(s);
}

static void uploads_that_stop_are_answered_with_408_alone(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix_turn();
    origin_takes(call_number(0));
    fix_later(WAIT_MS);
    fix_forget();
    go_over();
    shed();
    go_below();
    assert_int_equal(exchange_at(s)->status, 408);
    assert_non_null(strstr(fix.session.log, "1 respond 408"));
    assert_null(strstr(fix.session.log, "body"));
    client_closes(s);
}

static void new_requests_are_refused_and_hold_no_fields(void **state)
{
    (void)state;
    go_over();
    struct stream *s = fix.session.base.events->opened(&fix.client, sizeof(struct fake_stream));
    assert_non_null(s);
    assert_int_equal(s->fault, REQUEST_NO_ROOM);
    s->session = &fix.session.base;
    fix.session.base.events->head(s, true);
    fix.session.base.events->end(s);
    fix_turn();
    go_below();
    assert_int_equal(exchange_at(s)->status, 503);
    assert_int_equal(fake_calls.len, 0);
    client_closes(s);
    assert_string_equal(failure_word(fix.reports[0].failure), "memory-refused");
}

/* Its fields, and what will be written of them to the origin. */
static void heads_of_a_client_are_counted_until_they_are_gone(void **state)
{
    (void)state;
    struct client *c = &fix.client;
    struct stream *s = client_gets("/");
    assert_int_equal(c->heads_bytes, 0);
    assert_true(client_may_open(c));
    client_closes(s);
    s = client_asks("GET", "/", "", false);
    assert_non_null(arena_alloc(&exchange_at(s)->arena, fix.env.most_heads_bytes));
    fix_turn();
    assert_true(c->heads_bytes >= fix.env.most_heads_bytes);
    assert_false(client_may_open(c));
    assert_int_equal(client_pushes_left(c), 0);
    assert_null(fix.session.base.events->opened(c, sizeof(struct fake_stream)));
    assert_int_equal(fix.env.streams_refused, 1);
    client_closes(s);
    assert_int_equal(c->heads_bytes, 0);
    assert_true(client_may_open(c));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_gives_way_below_the_limit),
        TEST(the_longest_wait_gives_way_first_and_no_more_than_is_needed),
        TEST(who_has_waited_for_less_than_a_second_stays),
        TEST(who_moves_bytes_stays_while_others_stand_still),
        TEST(requests_that_wait_for_their_origin_stay),
        TEST(uploads_that_stop_are_answered_with_408_alone),
        TEST(new_requests_are_refused_and_hold_no_fields),
        TEST(heads_of_a_client_are_counted_until_they_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
