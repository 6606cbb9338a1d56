/* Calls and the pool between them and fake connections: no socket, and a clock that a test sets. */
#include "fake_conn.h"

#include "origin/call.h"
#include "origin/pool.h"

#include "../field_lines.h"

enum { START_MS = 1000000, CALLS = 8 };

static struct {
    struct config *config;
    struct turn turn;
    struct pools *pools;
    struct notes *notes;
    struct arena arenas[CALLS];
    struct call calls[CALLS];
    struct request requests[CALLS];
    struct caller callers[2];
    unsigned changed;
} t;

static void on_changed(struct call *c)
{
    (void)c;
    t.changed++;
}

static void open_pools(const char *more)
{
    char text[1024];
    struct config_error error;
    int n = snprintf(text, sizeof text,
                     "[listen main]\naddress = 127.0.0.1:1\n"
                     "[certificate main]\nchain = /c\nkey = /k\n"
                     "[origin app]\nurl = http://127.0.0.1:2\n%s",
                     more);
    memset(&t, 0, sizeof t);
    memset(&fake_conns, 0, sizeof fake_conns);
    t.config = config_parse(span_of(text, (size_t)n), "proxy.conf", &error);
    if (!t.config)
        fail_msg("%s", error.text);
    turn_init(&t.turn);
    t.turn.now_ms = START_MS;
    t.notes = notes_new(t.config);
    t.pools = pools_new(NULL, &t.turn, t.config, NULL, t.notes, NULL);
    assert_true(t.notes && t.pools);
    for (size_t i = 0; i < CALLS; i++) {
        arena_init(&t.arenas[i], NULL);
        call_init(&t.calls[i], t.pools, on_changed);
    }
}

static void close_pools(void)
{
    for (size_t i = 0; i < CALLS; i++) {
        call_cancel(&t.calls[i]);
        arena_fini(&t.arenas[i]);
    }
    pools_free(t.pools);
    notes_free(t.notes);
    config_free(t.config);
    fake_conns_free();
}

static int set_up(void **state)
{
    (void)state;
    open_pools("max_connections = 2\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_pools();
    return 0;
}

static void run_turn(void)
{
    uint64_t now = t.turn.now_ms;
    turn_run(&t.turn);
    turn_begin(&t.turn);
    turn_run(&t.turn);
    t.turn.now_ms = now;
}

static void later(uint64_t ms)
{
    t.turn.now_ms += ms;
    pools_expire(t.pools, t.turn.now_ms);
    run_turn();
}

/* Starts the call number `i` of the client number `client`. */
static struct call *start(size_t i, size_t client, enum call_rank rank, const char *method,
                          struct body body)
{
    struct request *r = &t.requests[i];
    struct fields fields = read_fields(&t.arenas[i], "host: a\n");
    *r = (struct request){.method = span_str(method),
                          .scheme = SPAN("https"),
                          .authority = SPAN("a"),
                          .host = SPAN("a"),
                          .path = SPAN("/"),
                          .body = body};
    fields_init(&r->fields, &t.arenas[i]);
    assert_true(call_start(&t.calls[i], pools_of(t.pools, &t.config->origins[0]),
                           &t.callers[client], &t.arenas[i], r, &fields, rank));
    run_turn();
    return &t.calls[i];
}

static struct call *get(size_t i)
{
    return start(i, 0, CALL_OF_CLIENT, "GET", (struct body){BODY_NONE, 0});
}

static void expect_written(size_t conn, const char *expected)
{
    char out[4096] = "";
    conn_takes(conn, out, sizeof out, SIZE_MAX);
    assert_string_equal(out, expected);
}

static void expect_head(struct call *c, unsigned status)
{
    struct response *head = call_take_head(c);
    assert_non_null(head);
    assert_int_equal(head->status, status);
}

static void a_call_gets_a_connection_and_gives_it_back(void **state)
{
    (void)state;
    struct call *c = get(0);
    assert_int_equal(c->state, CALL_WAITING);
    assert_int_equal(fake_conns.len, 1);
    conn_opens(0);
    run_turn();
    assert_int_equal(c->state, CALL_RUNNING);
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_true(call_request_is_written(c));
    assert_true(conn_sends(0, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"));
    expect_head(c, 200);
    assert_true(span_eq(call_body(c), SPAN("ab")));
    conn_sends(0, "c");
    assert_int_equal(c->state, CALL_COMPLETE);
    assert_true(span_eq(call_body(c), SPAN("abc")));
    call_consume(c, 3);
    assert_int_equal(conn_number(0)->state, CONN_IDLE);
    /* The next one takes it. */
    struct call *next = get(1);
    assert_int_equal(next->state, CALL_RUNNING);
    assert_true(next->on_reused);
    assert_int_equal(fake_conns.len, 1);
}

static void a_connection_is_not_used_again_after_what_ends_it(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n", /* a quirk */
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct call *c = get(i);
        conn_opens(i);
        run_turn();
        expect_written(i, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        conn_sends(i, answers[i]);
        assert_int_equal(c->state, CALL_COMPLETE);
        assert_int_equal(conn_number(i)->state, CONN_DEAD);
    }
}

static void an_answer_before_the_whole_request_ends_the_connection(void **state)
{
    (void)state;
    struct call *c = start(0, 0, CALL_OF_CLIENT, "POST", (struct body){BODY_UNKNOWN, 0});
    conn_opens(0);
    run_turn();
    expect_written(0, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    conn_sends(0, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_int_equal(c->state, CALL_COMPLETE);
    assert_int_equal(conn_number(0)->state, CONN_DEAD);
    /* What still comes of the upload is taken, and goes nowhere. */
    assert_true(call_upload(c, SPAN("abc")));
    assert_int_equal(call_take_sent(c), 3);
}

static void an_upload_leaves_in_whole_chunks(void **state)
{
    (void)state;
    struct call *c = start(0, 0, CALL_OF_CLIENT, "POST", (struct body){BODY_UNKNOWN, 0});
    conn_opens(0);
    run_turn();
    expect_written(0, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_true(call_upload(c, SPAN("hello")));
    expect_written(0, "5\r\nhello\r\n");
    assert_int_equal(call_take_sent(c), 5);
    assert_int_equal(call_take_sent(c), 0);
    call_upload_end(c, NULL);
    expect_written(0, "0\r\n\r\n");
    assert_true(call_request_is_written(c));
}

static void a_request_is_written_however_little_the_socket_takes(void **state)
{
    (void)state;
    struct call *c = start(0, 0, CALL_OF_CLIENT, "POST", (struct body){BODY_UNKNOWN, 0});
    assert_true(call_upload(c, SPAN("abc")));
    call_upload_end(c, NULL);
    conn_opens(0);
    run_turn();
    char out[256] = "";
    for (int i = 0; i < 200; i++)
        conn_takes(0, out, sizeof out, 1);
    assert_string_equal(out, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
    assert_true(call_request_is_written(c));
    assert_int_equal(call_take_sent(c), 3);
}

static void a_full_buffer_stops_the_reading_until_half_of_it_is_taken(void **state)
{
    (void)state;
    static char much[POOL_BODY_BYTES * 2];
    struct call *c = get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 200 OK\r\n\r\n");
    memset(much, 'x', sizeof much - 1);
    assert_false(conn_sends(0, much));
    assert_true(conn_number(0)->paused);
    call_consume(c, POOL_BODY_BYTES / 4);
    assert_true(conn_number(0)->paused);
    call_consume(c, POOL_BODY_BYTES / 2);
    assert_false(conn_number(0)->paused);
    conn_ends(0, true);
    assert_int_equal(c->state, CALL_COMPLETE); /* the close ends such a body */
}

/* How far an answer had come when the connection ended. */
static void an_end_has_its_fault_at_every_stage(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        bool in_order;
        enum call_state state;
        enum call_fault fault;
    } cases[] = {
        {"", true, CALL_FAILED, CALL_CLOSED},
        {"", false, CALL_FAILED, CALL_CLOSED},
        {"HTTP/1.1 2", true, CALL_FAILED, CALL_CLOSED},
        {"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", true, CALL_FAILED, CALL_BROKEN},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", true, CALL_FAILED,
         CALL_BROKEN},
        {"HTTP/1.1 200 OK\r\n\r\nab", true, CALL_COMPLETE, CALL_FINE},
        {"HTTP/1.1 200 OK\r\n\r\nab", false, CALL_FAILED, CALL_BROKEN}, /* it was cut */
        {"garbage\r\n\r\n", true, CALL_FAILED, CALL_MALFORMED},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", true, CALL_FAILED,
         CALL_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        close_pools();
        open_pools("max_connections = 2\n");
        struct call *c = get(0);
        conn_opens(0);
        run_turn();
        expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        conn_sends(0, cases[i].sent);
        if (c->state == CALL_RUNNING)
            conn_ends(0, cases[i].in_order);
        if (c->state != cases[i].state || c->fault != cases[i].fault)
            fail_msg("case %zu: state %d, fault %d", i, c->state, c->fault);
        assert_int_equal(conn_number(0)->state, CONN_DEAD);
    }
}

/* A connection that was used and has become stale; a fresh one takes its place. */
static void an_idempotent_request_is_sent_again_once(void **state)
{
    (void)state;
    get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 204 No Content\r\n\r\n");
    struct call *c = get(1);
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_ends(0, true);
    assert_int_equal(c->state, CALL_WAITING);
    run_turn();
    conn_opens(1);
    run_turn();
    assert_int_equal(c->state, CALL_RUNNING);
    expect_written(1, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_ends(1, true);
    assert_int_equal(c->state, CALL_FAILED);
    assert_int_equal(c->fault, CALL_CLOSED);
}

static void a_post_is_not_sent_again(void **state)
{
    (void)state;
    get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 204 No Content\r\n\r\n");
    struct call *c = start(1, 0, CALL_OF_CLIENT, "POST", (struct body){BODY_NONE, 0});
    conn_ends(0, true);
    assert_int_equal(c->state, CALL_FAILED);
}

static void a_dial_that_fails_is_paid_for_by_one_call(void **state)
{
    (void)state;
    static const struct {
        enum dial_result result;
        enum call_fault fault;
    } cases[] = {{DIAL_REFUSED, CALL_REFUSED}, {DIAL_TIMED_OUT, CALL_CONNECT_TIMEOUT}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        close_pools();
        open_pools("max_connections = 1\n");
        struct call *first = get(0), *second = get(1);
        conn_fails(0, cases[i].result);
        run_turn();
        assert_int_equal(first->fault, cases[i].fault);
        assert_int_equal(second->state, CALL_WAITING);
        assert_int_equal(fake_conns.len, 2); /* dialed anew, for the second */
    }
}

static void no_memory_for_a_dial_fails_the_call(void **state)
{
    (void)state;
    fake_conns.dial_fails = true;
    struct call *c = get(0);
    assert_int_equal(c->state, CALL_FAILED);
    assert_int_equal(c->fault, CALL_NO_MEMORY);
}

static void no_more_connections_are_dialed_than_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        get(i);
    assert_int_equal(fake_conns.len, 2);
}

static void pushes_have_half_of_the_connections_and_go_last(void **state)
{
    (void)state;
    struct call *push = start(0, 0, CALL_OF_PUSH, "GET", (struct body){BODY_NONE, 0});
    struct call *other = start(1, 0, CALL_OF_PUSH, "GET", (struct body){BODY_NONE, 0});
    assert_int_equal(fake_conns.len, 1);
    struct call *client = get(2);
    assert_int_equal(fake_conns.len, 2);
    conn_opens(0);
    run_turn();
    assert_int_equal(client->state, CALL_RUNNING); /* before the push that came first */
    assert_int_equal(push->state, CALL_WAITING);
    conn_opens(1);
    run_turn();
    assert_int_equal(push->state, CALL_RUNNING);
    assert_int_equal(other->state, CALL_WAITING);
}

static void each_wait_has_its_timeout(void **state)
{
    (void)state;
    struct call *client = get(0), *push = start(1, 0, CALL_OF_PUSH, "GET", (struct body){0});
    later(999);
    assert_int_equal(push->state, CALL_WAITING);
    later(1);
    assert_int_equal(push->fault, CALL_BUSY);
    later(8999);
    assert_int_equal(client->state, CALL_WAITING);
    later(1);
    assert_int_equal(client->fault, CALL_BUSY);
    /* The head of an answer. */
    struct call *c = get(2);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    later(59999);
    assert_int_equal(c->state, CALL_RUNNING);
    later(1);
    assert_int_equal(c->fault, CALL_TIMEOUT);
}

static void an_origin_that_stalls_in_a_body_or_takes_nothing_is_given_up(void **state)
{
    (void)state;
    struct call *c = get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
    later(60000);
    assert_int_equal(c->fault, CALL_STALLED);
    c = get(1);
    conn_opens(1);
    run_turn();
    later(60000); /* nothing of the request was taken */
    assert_int_equal(c->fault, CALL_STALLED);
}

static void a_client_that_is_awaited_is_not_the_origins_fault(void **state)
{
    (void)state;
    struct call *c = start(0, 0, CALL_OF_CLIENT, "POST", (struct body){BODY_UNKNOWN, 0});
    conn_opens(0);
    run_turn();
    expect_written(0, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    later(3600000);
    assert_int_equal(c->state, CALL_RUNNING);
}

static void a_connection_on_offer_goes_to_who_waits(void **state)
{
    (void)state;
    struct call *first = get(0), *second = get(1);
    conn_opens(0);
    conn_opens(1);
    run_turn();
    struct call *waits = start(2, 1, CALL_OF_CLIENT, "GET", (struct body){BODY_NONE, 0});
    assert_int_equal(waits->state, CALL_WAITING);
    call_offer(second);
    call_offer(second);
    assert_true(call_is_offered(second));
    call_keep(second);
    run_turn();
    assert_int_equal(second->state, CALL_RUNNING); /* it was taken back in time */
    call_offer(first);
    run_turn();
    assert_int_equal(first->fault, CALL_YIELDED);
    assert_int_equal(conn_number(1)->state, CONN_DEAD);
    conn_opens(2);
    run_turn();
    assert_int_equal(waits->state, CALL_RUNNING);
}

static void informational_heads_come_first_and_are_bounded(void **state)
{
    (void)state;
    struct call *c = get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 103 Early Hints\r\nx-a: 1\r\n\r\n");
    expect_head(c, 103);
    for (int i = 0; i < 5000 && c->state == CALL_RUNNING; i++)
        conn_sends(0, "HTTP/1.1 102 Processing\r\n\r\n");
    assert_int_equal(c->fault, CALL_MALFORMED);
    assert_null(call_take_head(c));
}

static void trailers_stay_with_the_call(void **state)
{
    (void)state;
    struct call *c = get(0);
    conn_opens(0);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\n");
    assert_int_equal(c->state, CALL_COMPLETE);
    assert_fields(&t.arenas[0], c->trailers, "x-sum: 1\n");
}

static void a_draining_pool_keeps_no_connection(void **state)
{
    (void)state;
    get(0);
    get(1);
    conn_opens(0);
    conn_opens(1);
    run_turn();
    expect_written(0, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(0, "HTTP/1.1 204 No Content\r\n\r\n");
    pools_drain(t.pools);
    assert_int_equal(conn_number(0)->state, CONN_DEAD); /* it was idle */
    expect_written(1, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    conn_sends(1, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(conn_number(1)->state, CONN_DEAD);
    pools_trim(t.pools);
}

static void a_call_may_be_cancelled_at_any_stage(void **state)
{
    (void)state;
    struct call *c = get(0);
    call_cancel(c);
    call_cancel(c);
    conn_opens(0);
    run_turn();
    c = get(1);
    assert_int_equal(c->state, CALL_RUNNING);
    call_cancel(c);
    assert_int_equal(conn_number(0)->state, CONN_DEAD);
    assert_int_equal(t.callers[0].calls[CALL_OF_CLIENT], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_gets_a_connection_and_gives_it_back),
        TEST(a_connection_is_not_used_again_after_what_ends_it),
        TEST(an_answer_before_the_whole_request_ends_the_connection),
        TEST(an_upload_leaves_in_whole_chunks),
        TEST(a_request_is_written_however_little_the_socket_takes),
        TEST(a_full_buffer_stops_the_reading_until_half_of_it_is_taken),
        TEST(an_end_has_its_fault_at_every_stage),
        TEST(an_idempotent_request_is_sent_again_once),
        TEST(a_post_is_not_sent_again),
        TEST(a_dial_that_fails_is_paid_for_by_one_call),
        TEST(no_memory_for_a_dial_fails_the_call),
        TEST(no_more_connections_are_dialed_than_allowed),
        TEST(pushes_have_half_of_the_connections_and_go_last),
        TEST(each_wait_has_its_timeout),
        TEST(an_origin_that_stalls_in_a_body_or_takes_nothing_is_given_up),
        TEST(a_client_that_is_awaited_is_not_the_origins_fault),
        TEST(a_connection_on_offer_goes_to_who_waits),
        TEST(informational_heads_come_first_and_are_bounded),
        TEST(trailers_stay_with_the_call),
        TEST(a_draining_pool_keeps_no_connection),
        TEST(a_call_may_be_cancelled_at_any_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
