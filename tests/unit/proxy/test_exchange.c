/* One exchange after the other: what it does with what its stream and its answer tell it. */
#include "fixture.h"

#include <signal.h>

static int set_up(void **state)
{
    (void)state;
    fix_open("");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fix_close();
    return 0;
}

static void a_request_is_asked_for_and_answered(void **state)
{
    (void)state;
    struct stream *s = client_gets("/a?b");
    assert_int_equal(fake_calls.len, 1);
    assert_fields(&fix.arena, &fake_calls.fields[0],
                  "host: example.com\nx-forwarded-for: 192.0.2.1\n"
                  "x-forwarded-host: example.com\nx-forwarded-proto: https\n"
                  "via: 1.9 headstart\n");
    fix_said("");
    struct call *c = origin_answers(0, 200, "x-a: 1\n", BODY_LENGTH);
    fix_turn();
    fix_said("1 respond 200 | x-a: 1 + body\n");
    origin_sends(c, "12345");
    origin_ends(c, NULL);
    fix_turn();
    fix_said("1 resume\n");
    assert_int_equal(client_takes(s), 5);
    assert_int_equal(exchange_at(s)->state, EXCHANGE_ANSWERED);
    client_closes(s);
    fix_said("");
    fix_reported(0, FAIL_NONE, 200);
    assert_int_equal(fix.reports[0].bytes, 5);
}

static void an_answer_without_a_body_is_complete_with_its_head(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    origin_answers(0, 204, "", BODY_NONE);
    fix_turn();
    fix_said("1 respond 204\n");
    assert_int_equal(exchange_at(s)->state, EXCHANGE_ANSWERED);
    client_closes(s);
    fix_reported(0, FAIL_NONE, 204);
}

static void a_client_that_still_sends_is_told_that_the_answer_is_complete(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix_turn();
    origin_answers(0, 204, "", BODY_NONE);
    fix_turn();
    fix_said("1 respond 204\n1 reset: done\n");
    client_closes(s);
    fix_reported(0, FAIL_NONE, 204);
}

static void an_upload_goes_on_as_the_origin_takes_it(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix.session.base.events->body(s, SPAN("abc"));
    fix_turn();
    struct call *c = call_number(0);
    origin_takes(c);
    fix_turn();
    fix_said("");
    origin_reads(c, 2);
    fix_turn();
    fix_said("1 consumed 2\n");
    origin_reads(c, 1);
    fix.session.base.events->end(s);
    fix_turn();
    fix_said("1 consumed 1\n");
    assert_true(c->upload_ended);
    client_closes(s);
    fix_reported(0, FAIL_CLIENT_RESET, 0);
}

static void trailers_go_both_ways(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix_turn();
    fields_add(s->trailers, SPAN("x-sum"), SPAN("1"));
    fields_add(s->trailers, SPAN("host"), SPAN("evil"));
    fix.session.base.events->end(s);
    fix_turn();
    struct call *c = call_number(0);
    assert_fields(&fix.arena, c->upload_trailers, "x-sum: 1\n");
    origin_answers(0, 200, "", BODY_UNKNOWN);
    fix_turn();
    struct fields trailers = read_fields(c->arena, "x-end: 2\nconnection: close\n");
    origin_ends(c, &trailers);
    fix_turn();
    struct stream_piece piece;
    const struct fields *sent = NULL;
    assert_int_equal(fix.session.base.events->pull(s, &piece, &sent), STREAM_ENDS);
    assert_fields(&fix.arena, sent, "x-end: 2\n");
    client_takes(s);
    client_closes(s);
}

static void informational_heads_go_first(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    origin_answers(0, 102, "", BODY_NONE);
    origin_answers(0, 100, "", BODY_NONE);
    origin_answers(0, 103, "", BODY_NONE);
    origin_answers(0, 103, "x-a: 1\n", BODY_NONE);
    origin_answers(0, 204, "", BODY_NONE);
    fix_turn();
    /* 100 was not asked for, and nothing is left of the first 103. */
    fix_said("1 inform 102\n1 inform 103 | x-a: 1\n1 respond 204\n");
    client_closes(s);
}

static void a_100_goes_to_those_who_asked(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "expect: 100-continue\n", false);
    fix_turn();
    origin_answers(0, 100, "", BODY_NONE);
    fix_turn();
    fix_said("1 inform 100\n");
    client_closes(s);
}

/* Requests that no origin is asked for. */
static void requests_at_fault_are_answered_by_us(void **state)
{
    (void)state;
    static const struct {
        const char *method, *authority, *path;
        enum request_fault fault; /* that the protocol saw */
        enum failure failure;
    } cases[] = {
        {"GET", "example.com", "/", REQUEST_TOO_LARGE, FAIL_HEADER_TOO_LARGE},
        {"CONNECT", "example.com", "/", REQUEST_FINE, FAIL_CONNECT_METHOD},
        {"GE T", "example.com", "/", REQUEST_FINE, FAIL_BAD_REQUEST},
        {"GET", "", "/", REQUEST_FINE, FAIL_BAD_REQUEST},
        {"GET", "example.com", "/ ", REQUEST_FINE, FAIL_BAD_REQUEST},
        {"GET", "example.com", "*", REQUEST_FINE, FAIL_BAD_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char expected[200];
        struct stream *s = client_asks(cases[i].method, cases[i].path, "", true);
        s->request->authority = span_str(cases[i].authority);
        s->fault = cases[i].fault;
        fix_turn();
        unsigned status = failure_status(cases[i].failure);
        size_t len = strlen(status_reason(status)) + 5;
        snprintf(expected, sizeof expected,
                 "%u respond %u | content-type: text/plain; charset=utf-8 | content-length: %zu "
                 "+ body\n",
                 fake_id(s), status, len);
        fix_said(expected);
        assert_int_equal(client_takes(s), len);
        client_closes(s);
        fix_reported(i, cases[i].failure, status);
    }
    assert_int_equal(fake_calls.len, 0);
}

static void a_head_of_ours_has_no_body_for_head(void **state)
{
    (void)state;
    struct stream *s = client_asks("HEAD", "/ ", "", true);
    fix_turn();
    fix_said("1 respond 400 | content-type: text/plain; charset=utf-8 | content-length: 16\n");
    client_closes(s);
}

/* How far an exchange has come when its call fails. */
enum stage {
    BEFORE_HEAD, /* of the answer */
    IN_BODY,
    STAGES
};

static void every_fault_of_an_origin_has_an_outcome_at_every_stage(void **state)
{
    (void)state;
    static const struct {
        enum call_fault fault;
        enum failure failure;
    } cases[] = {
        {CALL_REFUSED, FAIL_ORIGIN_REFUSED},
        {CALL_CONNECT_TIMEOUT, FAIL_ORIGIN_CONNECT_TIMEOUT},
        {CALL_BUSY, FAIL_ORIGIN_BUSY},
        {CALL_YIELDED, FAIL_CLIENT_YIELDED},
        {CALL_TIMEOUT, FAIL_ORIGIN_TIMEOUT},
        {CALL_CLOSED, FAIL_ORIGIN_CLOSED},
        {CALL_MALFORMED, FAIL_ORIGIN_MALFORMED},
        {CALL_BROKEN, FAIL_ORIGIN_BROKEN},
        {CALL_STALLED, FAIL_ORIGIN_STALLED},
        {CALL_NO_MEMORY, FAIL_NO_MEMORY},
    };
    size_t n = 0;
    for (int stage = 0; stage < STAGES; stage++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++, n++) {
            char expected[200];
            struct stream *s = client_gets("/");
            struct call *c = call_number(n);
            unsigned status = failure_status(cases[i].failure);
            if (stage == IN_BODY) {
                origin_answers(n, 200, "", BODY_LENGTH);
                fix_turn();
                snprintf(expected, sizeof expected, "%u respond 200 + body\n", fake_id(s));
                fix_said(expected);
            }
            origin_fails(c, cases[i].fault);
            fix_turn();
            if (stage == IN_BODY) {
                snprintf(expected, sizeof expected, "%u reset: %s\n", fake_id(s),
                         cases[i].failure == FAIL_CLIENT_YIELDED ? "calm" : "broken");
            } else {
                snprintf(expected, sizeof expected,
                         "%u respond %u | content-type: text/plain; charset=utf-8 | "
                         "content-length: %zu + body\n",
                         fake_id(s), status, strlen(status_reason(status)) + 5);
            }
            fix_said(expected);
            client_closes(s);
            fix_reported(n, cases[i].failure, stage == IN_BODY ? 200 : status);
        }
    }
}

static void an_answer_of_ours_that_is_not_read_ends_the_stream(void **state)
{
    (void)state;
    struct stream *s = client_asks("GET", "/ ", "", true);
    fix_turn();
    fix_forget();
    CONTAINER_OF(s, struct fake_stream, base)->window = 0;
    fix_later(60000);
    fix_said("1 reset: broken\n");
    client_closes(s);
    fix_reported(0, FAIL_BAD_REQUEST, 400);
}

static void a_request_that_is_abandoned_cancels_its_call(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    struct call *c = call_number(0);
    origin_takes(c);
    fix_turn();
    s->session = NULL;
    fix.session.base.events->closed(s, STREAM_CLOSED_ENDED);
    turn_run(&fix.env.turn);
    fix_reported(0, FAIL_CLIENT_RESET, 0);
    assert_int_equal(fix.client.streams_len, 0);
}

static void a_head_that_never_came_whole_is_a_bad_request(void **state)
{
    (void)state;
    struct stream *s = fix.session.base.events->opened(&fix.client, sizeof(struct fake_stream));
    assert_non_null(s);
    client_closes(s);
    fix_reported(0, FAIL_BAD_REQUEST, 0);
}

static void a_lost_connection_gives_its_reason_to_its_exchanges(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    fix.client.leaving_why = FAIL_CLIENT_STALLED;
    s->session = NULL;
    fix.session.base.events->closed(s, STREAM_CLOSED_LOST);
    fix_turn();
    fix_reported(0, FAIL_CLIENT_STALLED, 0);
}

static void a_body_is_resumed_only_when_there_is_something(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    struct call *c = origin_answers(0, 200, "", BODY_UNKNOWN);
    fix_turn();
    fix_forget();
    fix_later(1);
    fix_said("");
    origin_sends(c, "ab");
    fix_turn();
    fix_said("1 resume\n");
    assert_int_equal(client_takes(s), 2);
    fix_said("");
    assert_int_equal(client_takes(s), 0);
    origin_ends(c, NULL);
    fix_turn();
    fix_said("1 resume\n");
    client_takes(s);
    client_closes(s);
    fix_reported(0, FAIL_NONE, 200);
}

static void no_memory_for_a_head_ends_the_stream(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    fix.session.fails = true;
    origin_answers(0, 200, "", BODY_LENGTH);
    fix_turn();
    fix_said("1 respond 200 + body\n1 reset: broken\n");
    fix.session.fails = false;
    client_closes(s);
    fix_reported(0, FAIL_NO_MEMORY, 0);
}

static void no_memory_for_a_call_is_a_503(void **state)
{
    (void)state;
    fake_calls.fails = true;
    struct stream *s = client_gets("/");
    fix_said("1 respond 503 | content-type: text/plain; charset=utf-8 | content-length: 24 + "
             "body\n");
    client_closes(s);
    fix_reported(0, FAIL_NO_MEMORY, 503);
}

static void no_memory_for_an_answer_of_ours_ends_the_stream(void **state)
{
    (void)state;
    struct stream *s = client_asks("GET", "/ ", "", true);
    fix.session.fails = true;
    fix_turn();
    fix.session.fails = false;
    fix_said("1 respond 400 | content-type: text/plain; charset=utf-8 | content-length: 16 + "
             "body\n1 reset: broken\n");
    client_closes(s);
    fix_reported(0, FAIL_BAD_REQUEST, 0);
}

static void a_client_that_does_not_read_fails_after_stall(void **state)
{
    (void)state;
    struct stream *s = client_gets("/");
    struct call *c = origin_answers(0, 200, "", BODY_UNKNOWN);
    fix_turn();
    origin_sends(c, "ab");
    fix_turn();
    fix_forget();
    CONTAINER_OF(s, struct fake_stream, base)->window = 0;
    fix_later(59999);
    fix_said("");
    fix_later(1);
    fix_said("1 reset: broken\n");
    client_closes(s);
    fix_reported(0, FAIL_CLIENT_STALLED, 200);
}

static void a_client_that_does_not_send_fails_after_stall(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix_turn();
    origin_takes(call_number(0));
    fix_turn();
    fix_later(59999);
    fix_said("");
    fix_later(1);
    fix_said("1 respond 408 | content-type: text/plain; charset=utf-8 | content-length: 20 + "
             "body\n");
    client_closes(s);
    fix_reported(0, FAIL_CLIENT_STALLED, 408);
}

static void a_stalled_client_offers_its_connection_after_grace(void **state)
{
    (void)state;
    struct stream *s = client_asks("POST", "/", "", false);
    fix_turn();
    struct call *c = call_number(0);
    origin_takes(c);
    fix_turn();
    fix_later(2999);
    assert_false(call_is_offered(c));
    fix_later(1);
    assert_true(call_is_offered(c));
    fix.session.base.events->body(s, SPAN("x"));
    assert_false(call_is_offered(c));
    client_closes(s);
}

static void an_exchange_ends_with_its_time(void **state)
{
    (void)state;
    fix_close();
    fix_open("[timeouts]\nexchange = 90s\n");
    struct stream *s = client_gets("/");
    fix_later(89999);
    fix_said("");
    fix_later(1);
    fix_said("1 respond 504 | content-type: text/plain; charset=utf-8 | content-length: 20 + "
             "body\n");
    client_closes(s);
    fix_reported(0, FAIL_EXCHANGE_TIMEOUT, 504);
}

static void move(void *arg)
{
    const enum exchange_state *pair = arg;
    struct stream *s = fix.session.base.events->opened(&fix.client, sizeof(struct fake_stream));
    exchange_at(s)->state = pair[0];
    exchange_set_state(exchange_at(s), pair[1]);
}

/* The same as the table in exchange.c, said once more: a move that is added there is thought over
 * here. */
static void only_allowed_moves_are_made(void **state)
{
    (void)state;
    static const bool moves[EXCHANGE_STATES][EXCHANGE_STATES] = {
        [EXCHANGE_RECEIVING] = {0, 1, 1, 0, 1, 1}, [EXCHANGE_ASKING] = {0, 0, 1, 0, 1, 1},
        [EXCHANGE_ANSWERING] = {0, 0, 0, 1, 1, 1}, [EXCHANGE_ANSWERED] = {0, 0, 0, 0, 1, 1},
        [EXCHANGE_RESET] = {0, 0, 0, 0, 0, 1},
    };
    for (int from = 0; from < EXCHANGE_STATES; from++) {
        for (int to = 0; to < EXCHANGE_STATES; to++) {
            enum exchange_state pair[] = {(enum exchange_state)from, (enum exchange_state)to};
            struct stream *s;
            if (!moves[from][to]) {
                expect_abort(move, pair);
                continue;
            }
            s = fix.session.base.events->opened(&fix.client, sizeof(struct fake_stream));
            assert_non_null(s);
            exchange_at(s)->state = pair[0];
            fix.client.unanswered[CALL_OF_CLIENT] = from == EXCHANGE_ASKING;
            exchange_set_state(exchange_at(s), pair[1]);
            assert_int_equal(fix.client.unanswered[CALL_OF_CLIENT], to == EXCHANGE_ASKING);
            fix.client.unanswered[CALL_OF_CLIENT] = 0;
            exchange_at(s)->state = EXCHANGE_RECEIVING;
            exchange_close(exchange_at(s));
            fix_turn();
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_asked_for_and_answered),
        TEST(an_answer_without_a_body_is_complete_with_its_head),
        TEST(a_client_that_still_sends_is_told_that_the_answer_is_complete),
        TEST(an_upload_goes_on_as_the_origin_takes_it),
        TEST(trailers_go_both_ways),
        TEST(informational_heads_go_first),
        TEST(a_100_goes_to_those_who_asked),
        TEST(requests_at_fault_are_answered_by_us),
        TEST(a_head_of_ours_has_no_body_for_head),
        TEST(every_fault_of_an_origin_has_an_outcome_at_every_stage),
        TEST(an_answer_of_ours_that_is_not_read_ends_the_stream),
        TEST(a_request_that_is_abandoned_cancels_its_call),
        TEST(a_head_that_never_came_whole_is_a_bad_request),
        TEST(a_lost_connection_gives_its_reason_to_its_exchanges),
        TEST(a_body_is_resumed_only_when_there_is_something),
        TEST(no_memory_for_a_head_ends_the_stream),
        TEST(no_memory_for_a_call_is_a_503),
        TEST(no_memory_for_an_answer_of_ours_ends_the_stream),
        TEST(a_client_that_does_not_read_fails_after_stall),
        TEST(a_client_that_does_not_send_fails_after_stall),
        TEST(a_stalled_client_offers_its_connection_after_grace),
        TEST(an_exchange_ends_with_its_time),
        TEST(only_allowed_moves_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
