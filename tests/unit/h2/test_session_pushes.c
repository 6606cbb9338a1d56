#include "fixture.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

#define PROMISED(id, path)                                                                         \
    ":method: GET\n:scheme: https\n:authority: a\n:path: " path "\naccept: */*\nPUSH_PROMISE " #id \
    " on 1\n"

/* A page that the client asked for and waits for. */
static struct side *open_page(const nghttp2_settings_entry *entries, size_t len)
{
    rig_greet(&rig, entries, len);
    get(&rig, "/");
    rig_run(&rig);
    log_clear(&rig.server);
    return &rig.streams[0];
}

static void promises_come_before_the_pages_head(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    struct side *a = promise(&rig, page, "/a");
    struct side *b = promise(&rig, page, "/b?c");
    answer(&rig, page, SPAN("page"), STREAM_ENDS);
    answer(&rig, b, SPAN("bb"), STREAM_ENDS);
    answer(&rig, a, SPAN("a"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, PROMISED(2, "/a") PROMISED(4, "/b?c") ":status: 200\nHEADERS 1\n"
                                                               ":status: 200\nHEADERS 4\n"
                                                               ":status: 200\nHEADERS 2\n"
                                                               "DATA 1 of 4, end\n"
                                                               "DATA 2 of 1, end\n"
                                                               "DATA 4 of 2, end\n");
    assert_true(a->closed && b->closed && page->closed);
}

static void promises_for_a_103_come_before_it(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    const struct response hint = make_response(&rig, 103, "link: </b>\n");
    struct side *a = promise(&rig, page, "/a");
    assert_true(stream_inform(&page->h2.base, &hint));
    rig_run(&rig);
    expect_log(&rig.saw, PROMISED(2, "/a") ":status: 103\nlink: </b>\nHEADERS 1\n");
    answer(&rig, a, SPAN("a"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 2\nDATA 2 of 1, end\n");
    promise(&rig, page, "/c");
    answer(&rig, page, SPAN("page"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, PROMISED(4, "/c") ":status: 200\nHEADERS 1\nDATA 1 of 4, end\n");
}

/* Every byte of DATA of the page stands before the first of its pushes. */
static void assert_page_first(const char *log)
{
    const char *last_of_page = NULL, *first_of_push = NULL;
    for (const char *at = log; (at = strstr(at, "DATA ")); at++) {
        if (strncmp(at, "DATA 1 ", 7) == 0)
            last_of_page = at;
        else if (!first_of_push)
            first_of_push = at;
    }
    assert_true(last_of_page && first_of_push && last_of_page < first_of_push);
}

static void a_page_goes_before_its_pushes_whatever_the_client_says(void **state)
{
    (void)state;
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    static const char *const priorities[] = {"u=7", "u=7, i", "u=0", "u=3, i", "u=9"};
    for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
        rig_close(&rig);
        rig_open(&rig);
        rig_greet(&rig, settings, ARRAY_LEN(settings));
        nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
        ask(&rig, "GET", "/", "priority", priorities[i], false);
        rig_run(&rig);
        struct side *page = &rig.streams[0];
        struct side *a = promise(&rig, page, "/a"), *b = promise(&rig, page, "/b");
        answer(&rig, a, pattern(&rig, 50000), STREAM_ENDS);
        answer(&rig, b, pattern(&rig, 50000), STREAM_ENDS);
        answer(&rig, page, pattern(&rig, 100000), STREAM_ENDS);
        rig_run(&rig);
        assert_page_first(rig.saw.text);
        assert_true(page->closed && a->closed && b->closed);
    }
}

/* RFC 9218 §7.1: a client may say PRIORITY_UPDATE for a push, too. */
static void a_push_stays_behind_though_the_client_raises_it(void **state)
{
    (void)state;
    const nghttp2_settings_entry wide = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    static const uint8_t raised[] = "u=0";
    struct side *page = open_page(&wide, 1);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    struct side *a = promise(&rig, page, "/a");
    rig_run(&rig);
    assert_int_equal(nghttp2_submit_priority_update(rig.client, 0, 2, raised, 3), 0);
    rig_run(&rig);
    answer(&rig, a, pattern(&rig, 50000), STREAM_ENDS);
    answer(&rig, page, pattern(&rig, 50000), STREAM_ENDS);
    rig_run(&rig);
    assert_page_first(rig.saw.text);
}

/* The urgency of a push is the least there is, so another page goes first, too. */
static void a_push_stays_behind_other_pages(void **state)
{
    (void)state;
    const nghttp2_settings_entry wide = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    static const uint8_t raised[] = "u=0";
    struct side *page = open_page(&wide, 1);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    struct side *a = promise(&rig, page, "/a");
    rig_run(&rig);
    get(&rig, "/other");
    nghttp2_submit_priority_update(rig.client, 0, 2, raised, 3);
    rig_run(&rig);
    struct side *other = &rig.streams[2];
    assert_int_equal(other->h2.id, 3);
    answer(&rig, a, pattern(&rig, 50000), STREAM_ENDS);
    answer(&rig, other, pattern(&rig, 50000), STREAM_ENDS);
    rig_run(&rig);
    const char *of_push = strstr(rig.saw.text, "DATA 2 "), *of_other = NULL;
    for (const char *at = rig.saw.text; (at = strstr(at, "DATA 3 ")); at++)
        of_other = at;
    assert_true(of_push && of_other && of_other < of_push);
}

static void pushes_go_while_their_page_has_nothing_to_send(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    struct side *a = promise(&rig, page, "/a");
    answer(&rig, page, SPAN("one"), STREAM_LATER);
    answer(&rig, a, SPAN("a"), STREAM_LATER);
    rig_run(&rig);
    expect_log(&rig.saw, PROMISED(2, "/a") ":status: 200\nHEADERS 1\n:status: 200\nHEADERS 2\n"
                                           "DATA 1 of 3\nDATA 2 of 1\n");
    page->out = SPAN("two");
    page->after = STREAM_ENDS;
    a->out = SPAN("aa");
    a->after = STREAM_ENDS;
    stream_resume(&a->h2.base);
    stream_resume(&page->h2.base);
    rig_run(&rig);
    expect_log(&rig.saw, "DATA 1 of 3, end\nDATA 2 of 2, end\n");
}

static void pushes_go_while_their_page_has_no_window(void **state)
{
    (void)state;
    const nghttp2_settings_entry small = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10};
    struct side *page = open_page(&small, 1);
    struct side *a = promise(&rig, page, "/a");
    answer(&rig, page, pattern(&rig, 20), STREAM_ENDS);
    answer(&rig, a, pattern(&rig, 20), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, PROMISED(2, "/a") ":status: 200\nHEADERS 1\n:status: 200\nHEADERS 2\n"
                                           "DATA 1 of 10\nDATA 2 of 10\n");
    nghttp2_submit_window_update(rig.client, 0, 2, 10);
    nghttp2_submit_window_update(rig.client, 0, 1, 10);
    rig_run(&rig);
    expect_log(&rig.saw, "DATA 1 of 10, end\nDATA 2 of 10, end\n");
}

static void pushes_outlive_their_page(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    struct side *a = promise(&rig, page, "/a"), *b = promise(&rig, page, "/b");
    answer(&rig, page, SPAN(""), STREAM_LATER);
    answer(&rig, b, SPAN("b"), STREAM_LATER);
    rig_run(&rig);
    log_clear(&rig.saw);
    nghttp2_submit_rst_stream(rig.client, 0, 1, NGHTTP2_CANCEL);
    rig_run(&rig);
    expect_log(&rig.server, "closed 1\n");
    assert_null(a->h2.page);
    assert_true(list_empty(&page->h2.pushes));
    b->after = STREAM_ENDS;
    stream_resume(&b->h2.base);
    answer(&rig, a, SPAN("a"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 2\nDATA 2 of 1, end\nDATA 4 of 0, end\n");
}

/* The page's reset overtakes the promise. */
static void a_promise_on_a_page_that_was_reset_is_closed(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    stream_reset(&page->h2.base, STREAM_CANCEL);
    struct side *a = promise(&rig, page, "/a"), *b = promise(&rig, page, "/b");
    answer(&rig, a, SPAN("a"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, "RST_STREAM 1: 8\n");
    expect_log(&rig.server, "closed 1\nclosed 2\nclosed 4\n");
    assert_true(b->closed && list_empty(&a->h2.held_node));
}

static void a_promise_on_a_page_that_is_closed_is_refused(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    nghttp2_submit_rst_stream(rig.client, 0, 1, NGHTTP2_CANCEL);
    rig_run(&rig);
    assert_true(page->closed);
    struct side *a = new_push(&rig, "/a");
    bool promised = stream_promise(&page->h2.base, &a->h2.base);
    rig_run(&rig);
    assert_true(!promised || a->closed);
    assert_true(list_empty(&page->h2.pushes));
    expect_log(&rig.saw, "");
}

static void a_push_can_be_reset_by_both_sides(void **state)
{
    (void)state;
    struct side *page = open_page(NULL, 0);
    struct side *a = promise(&rig, page, "/a"), *b = promise(&rig, page, "/b"),
                *c = promise(&rig, page, "/c");
    stream_reset(&c->h2.base, STREAM_CANCEL);
    rig_run(&rig);
    assert_true(c->closed);
    stream_reset(&a->h2.base, STREAM_CANCEL);
    nghttp2_submit_rst_stream(rig.client, 0, 4, NGHTTP2_REFUSED_STREAM);
    rig_run(&rig);
    expect_log(&rig.server, "closed 6\nclosed 4\nclosed 2\n");
    assert_true(a->closed && b->closed);
    assert_true(list_empty(&page->h2.pushes));
    log_clear(&rig.saw);
    answer(&rig, page, SPAN("page"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\nDATA 1 of 4, end\n");
}

/* A push that waits for its page is closed with all that hangs on it. */
static void a_push_that_waits_can_be_reset(void **state)
{
    (void)state;
    const nghttp2_settings_entry wide = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    struct side *page = open_page(&wide, 1);
    struct side *a = promise(&rig, page, "/a");
    answer(&rig, a, pattern(&rig, 50000), STREAM_ENDS);
    server_to_client(&rig);
    answer(&rig, page, pattern(&rig, 200000), STREAM_ENDS);
    server_to_client(&rig);
    nghttp2_submit_rst_stream(rig.client, 0, 2, NGHTTP2_CANCEL);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    rig_run(&rig);
    assert_true(a->closed && page->closed);
    assert_int_equal(body_of(&rig, 1).len, 200000);
}

static void the_client_says_whether_it_takes_pushes(void **state)
{
    (void)state;
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 1},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 7},
    };
    const nghttp2_settings_entry off = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    assert_true(rig.session->takes_pushes);
    rig_greet(&rig, settings, ARRAY_LEN(settings));
    assert_true(rig.session->takes_pushes);
    assert_int_equal(rig.session->max_pushes, 7);
    nghttp2_submit_settings(rig.client, 0, &off, 1);
    rig_run(&rig);
    assert_false(rig.session->takes_pushes);
}

static void a_client_that_leaves_takes_no_pushes(void **state)
{
    (void)state;
    open_page(NULL, 0);
    assert_true(rig.session->takes_pushes);
    nghttp2_submit_goaway(rig.client, 0, 0, NGHTTP2_NO_ERROR, NULL, 0);
    rig_run(&rig);
    assert_false(rig.session->takes_pushes);
    answer(&rig, &rig.streams[0], SPAN("page"), STREAM_ENDS);
    rig_run(&rig);
    assert_true(rig.streams[0].closed);
    assert_true(rig.session->over);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(promises_come_before_the_pages_head),
        TEST(promises_for_a_103_come_before_it),
        TEST(a_page_goes_before_its_pushes_whatever_the_client_says),
        TEST(a_push_stays_behind_though_the_client_raises_it),
        TEST(a_push_stays_behind_other_pages),
        TEST(pushes_go_while_their_page_has_nothing_to_send),
        TEST(pushes_go_while_their_page_has_no_window),
        TEST(pushes_outlive_their_page),
        TEST(a_promise_on_a_page_that_was_reset_is_closed),
        TEST(a_promise_on_a_page_that_is_closed_is_refused),
        TEST(a_push_can_be_reset_by_both_sides),
        TEST(a_push_that_waits_can_be_reset),
        TEST(the_client_says_whether_it_takes_pushes),
        TEST(a_client_that_leaves_takes_no_pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
