/* Pages and their pushes: promises, what becomes of them, and who outlives whom. */
#include "fixture.h"

#include <signal.h>

#define LINKS  "link: </a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script\n"
#define PUSHED "1 promise /a.css\n1 promise /b.js\n"

static int set_up(void **state)
{
    (void)state;
    fix_open("[push]\nrequest_headers = cookie\n[timeouts]\nqueue = 10s\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fix_close();
    return 0;
}

/* The stream of the push number `i`, from 0 on, of those that were started. */
static struct stream *push_number(size_t i)
{
    struct exchange *x = CONTAINER_OF(call_number(i), struct exchange, answer.call);
    assert_non_null(x->push);
    return x->stream;
}

/* A page whose answer has two links; its pushes are the calls 1 and 2. */
static struct stream *page_with_pushes(void)
{
    struct stream *page = client_gets("/");
    origin_answers(0, 200, LINKS, BODY_UNKNOWN);
    fix_turn();
    fix_said(PUSHED "1 respond 200 | cf-h2-pushed: </a.css>,</b.js> + body\n");
    assert_int_equal(fake_calls.len, 3);
    return page;
}

static void close_page(struct stream *page)
{
    origin_ends(call_number(0), NULL);
    fix_turn();
    client_takes(page);
    client_closes(page);
}

static void a_page_is_promised_its_assets_before_its_head(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    assert_fields(&fix.arena, &fake_calls.fields[1],
                  "host: example.com\naccept: text/css,*/*;q=0.1\n"
                  "referer: https://example.com/\nx-forwarded-for: 192.0.2.1\n"
                  "x-forwarded-host: example.com\nx-forwarded-proto: https\n"
                  "via: 1.9 headstart\nx-http2-push: 1\n");
    assert_int_equal(call_number(1)->waiter.rank, CALL_OF_PUSH);
    assert_int_equal(fix.client.pushes_open, 2);
    for (size_t i = 1; i <= 2; i++) {
        struct stream *push = push_number(i);
        origin_answers(i, 200, "set-cookie: a=b\n", BODY_NONE);
        fix_turn();
        client_closes(push);
        fix_reported(i - 1, FAIL_NONE, 200);
        assert_true(fix.reports[i - 1].is_push);
    }
    /* Cookies are copied here, so an answer may set some. */
    fix_said("2 respond 200 | set-cookie: a=b | x-http2-push: pushed\n"
             "4 respond 200 | set-cookie: a=b | x-http2-push: pushed\n");
    assert_int_equal(fix.client.pushes_open, 0);
    close_page(page);
    fix_reported(2, FAIL_NONE, 200);
    assert_int_equal(fix.reports[2].pushed, 2);
}

static void an_anonymous_push_sets_no_cookie(void **state)
{
    (void)state;
    fix_close();
    fix_open("");
    struct stream *page = page_with_pushes();
    origin_answers(1, 200, "set-cookie: a=b\n", BODY_NONE);
    fix_turn();
    fix_said("2 respond 200 | x-http2-push: pushed\n");
    client_closes(push_number(1));
    client_closes(push_number(2));
    close_page(page);
}

static void an_asset_is_pushed_once_on_a_connection(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    client_closes(push_number(1));
    client_closes(push_number(2));
    close_page(page);
    fix_forget();
    page = client_gets("/");
    origin_answers(3, 200, LINKS, BODY_NONE);
    fix_turn();
    fix_said("3 respond 200 | link: </a.css>; rel=preload; as=style, </b.js>; rel=preload; "
             "as=script\n");
    client_closes(page);
}

static void a_103_pushes_while_the_page_is_made(void **state)
{
    (void)state;
    struct stream *page = client_gets("/");
    origin_answers(0, 103, LINKS "link: <//x.example/c.js>; rel=preload\n", BODY_NONE);
    fix_turn();
    fix_said(PUSHED "1 inform 103 | link: <//x.example/c.js>; rel=preload\n");
    origin_answers(0, 200, LINKS, BODY_NONE);
    fix_turn();
    fix_said("1 respond 200 | cf-h2-pushed: </a.css>,</b.js>\n");
    client_closes(push_number(1));
    client_closes(push_number(2));
    client_closes(page);
}

static void pushes_that_failed_are_cancelled(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *lines;
        enum call_fault fault; /* with status 0 */
        enum failure failure;
    } cases[] = {
        {404, "", CALL_FINE, FAIL_PUSH_STATUS},     {500, "", CALL_FINE, FAIL_PUSH_STATUS},
        {302, "", CALL_FINE, FAIL_PUSH_STATUS},     {200, "vary: *\n", CALL_FINE, FAIL_PUSH_VARY},
        {0, "", CALL_BUSY, FAIL_PUSH_WAITED},       {0, "", CALL_CLOSED, FAIL_ORIGIN_CLOSED},
        {0, "", CALL_TIMEOUT, FAIL_ORIGIN_TIMEOUT}, {0, "", CALL_MALFORMED, FAIL_ORIGIN_MALFORMED},
        {0, "", CALL_NO_MEMORY, FAIL_NO_MEMORY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stream *page = page_with_pushes();
        struct stream *push = push_number(1);
        if (cases[i].status != 0)
            origin_answers(1, cases[i].status, cases[i].lines, BODY_NONE);
        else
            origin_fails(call_number(1), cases[i].fault);
        fix_turn();
        fix_said("2 reset: cancel\n");
        client_closes(push);
        fix_reported(0, cases[i].failure, 0);
        client_closes(push_number(2));
        close_page(page);
        fix_close();
        fix_open("");
    }
}

static void a_failed_asset_is_pushed_to_nobody_for_a_while(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    struct stream *push = push_number(1);
    origin_answers(1, 404, "", BODY_NONE);
    fix_turn();
    client_closes(push);
    client_closes(push_number(2));
    close_page(page);
    fix_forget();
    diary_fini(&fix.client.diary); /* another client */
    diary_init(&fix.client.diary);
    page = client_gets("/");
    origin_answers(3, 200, LINKS, BODY_NONE);
    fix_turn();
    fix_said("3 promise /b.js\n3 respond 200 | link: </a.css>; rel=preload; as=style | "
             "cf-h2-pushed: </b.js>\n");
    client_closes(push_number(4));
    client_closes(page);
}

static void a_push_that_fails_in_its_body_is_broken(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    struct stream *push = push_number(1);
    origin_answers(1, 200, "", BODY_LENGTH);
    fix_turn();
    fix_forget();
    origin_fails(call_number(1), CALL_BROKEN);
    fix_turn();
    fix_said("2 reset: broken\n");
    client_closes(push);
    client_closes(push_number(2));
    close_page(page);
}

static void a_push_outlives_its_page(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    struct stream *a = push_number(1), *b = push_number(2);
    origin_takes(call_number(1));
    fix_turn();
    fix_forget();
    client_closes(page); /* it is reset: the push that waits is given up, the other goes on */
    fix_said("4 reset: cancel\n");
    client_closes(b);
    assert_int_equal(fix.client.streams_len, 1);
    /* Its page's request still decides about Vary. */
    origin_answers(1, 200, "vary: cookie\n", BODY_NONE);
    fix_turn();
    fix_said("2 respond 200 | vary: cookie | x-http2-push: pushed\n");
    client_closes(a);
    fix_reported(1, FAIL_PUSH_ABANDONED, 0);
    fix_reported(2, FAIL_NONE, 200);
}

static void a_page_outlives_its_pushes(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    client_closes(push_number(1));
    client_closes(push_number(2));
    assert_int_equal(exchange_at(page)->pins, 0);
    assert_int_equal(exchange_at(page)->state, EXCHANGE_ANSWERING);
    close_page(page);
}

static void a_page_that_is_complete_does_not_give_up_its_pushes(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    close_page(page);
    fix_forget();
    assert_int_equal(fix.client.streams_len, 2);
    fix_said("");
    client_closes(push_number(1));
    client_closes(push_number(2));
}

static void a_promise_that_cannot_be_made_leaves_its_link(void **state)
{
    (void)state;
    fix.session.refuses_promise = true;
    struct stream *page = client_gets("/");
    origin_answers(0, 200, LINKS, BODY_NONE);
    fix_turn();
    fix_said(PUSHED "1 respond 200 | link: </a.css>; rel=preload; as=style, </b.js>; rel=preload; "
                    "as=script\n");
    assert_int_equal(fake_calls.len, 1);
    assert_int_equal(fix.client.pushes_made, 0);
    client_closes(page);
}

static void pushes_are_off_for_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        unsigned status;
        bool client, draining;
        const char *reason;
    } cases[] = {
        {"POST", 200, true, false, "method"}, {"GET", 404, true, false, "status"},
        {"GET", 304, true, false, "status"},  {"GET", 200, false, false, "client"},
        {"GET", 200, true, true, "draining"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char expected[256];
        fix.client.peer.address.ip[15] = 1; /* ::1 may ask why */
        fix.session.base.takes_pushes = cases[i].client;
        fix.env.draining = cases[i].draining;
        struct stream *page = client_asks(cases[i].method, "/", "cf-h2-push-explain: 1\n", true);
        fix_turn();
        origin_answers(i, cases[i].status, "link: </a.css>; rel=preload\n", BODY_NONE);
        fix_turn();
        snprintf(expected, sizeof expected,
                 "%u respond %u | link: </a.css>; rel=preload | cf-h2-push-explain: "
                 "push=off;reason=%s, </a.css>;verdict=would-push\n",
                 fake_id(page), cases[i].status, cases[i].reason);
        fix_said(expected);
        client_closes(page);
    }
    fix.env.draining = false;
}

static void a_push_does_not_push(void **state)
{
    (void)state;
    struct stream *page = page_with_pushes();
    origin_answers(1, 200, "link: </c.css>; rel=preload\n", BODY_NONE);
    fix_turn();
    fix_said("2 respond 200 | link: </c.css>; rel=preload | x-http2-push: pushed\n");
    client_closes(push_number(1));
    client_closes(push_number(2));
    close_page(page);
}

static void no_memory_for_a_pushs_call_cancels_it(void **state)
{
    (void)state;
    struct stream *page = client_gets("/");
    fake_calls.fails = true;
    origin_answers(0, 200, "link: </a.css>; rel=preload\n", BODY_NONE);
    fix_turn();
    fix_said("1 promise /a.css\n1 respond 200 | cf-h2-pushed: </a.css>\n2 reset: cancel\n");
    LIST_FOR_EACH_SAFE (s, &fix.client.streams, struct stream, node) {
        s->session = NULL;
        fix.session.base.events->closed(s, STREAM_CLOSED_ENDED);
    }
    fix_turn();
    (void)page;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_promised_its_assets_before_its_head),
        TEST(an_anonymous_push_sets_no_cookie),
        TEST(an_asset_is_pushed_once_on_a_connection),
        TEST(a_103_pushes_while_the_page_is_made),
        TEST(pushes_that_failed_are_cancelled),
        TEST(a_failed_asset_is_pushed_to_nobody_for_a_while),
        TEST(a_push_that_fails_in_its_body_is_broken),
        TEST(a_push_outlives_its_page),
        TEST(a_page_outlives_its_pushes),
        TEST(a_page_that_is_complete_does_not_give_up_its_pushes),
        TEST(a_promise_that_cannot_be_made_leaves_its_link),
        TEST(pushes_are_off_for_a_reason),
        TEST(a_push_does_not_push),
        TEST(no_memory_for_a_pushs_call_cancels_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
