/* From a session to TLS, in whole records. */
#include "fake_session.h"

#include "fake_tls.h"

#include "proxy/outlet.h"

enum { RECORD_BYTES = 16384, SMALL_BYTES = 4096, START_MS = 100000 };

static struct outlet outlet;
static struct blocks blocks;
static struct fake_session session;
static char body[FAKE_WIRE_BYTES];

static int set_up(void **state)
{
    (void)state;
    fake_tls_reset();
    blocks_init(&blocks, NULL, RECORD_BYTES, 1);
    outlet_init(&outlet, &blocks);
    memset(&session, 0, sizeof session);
    session.base.verbs = &fake_verbs;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i % 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outlet_fini(&outlet);
    blocks_fini(&blocks);
    return 0;
}

static enum outlet_result write_at(uint64_t ms)
{
    return outlet_write(&outlet, &session.base, &fake_tls.conn, ms);
}

static void expect_sent(size_t len)
{
    assert_int_equal(fake_tls.out_len, len);
    assert_memory_equal(fake_tls.out, body, len);
}

static void a_new_connection_begins_with_small_records(void **state)
{
    (void)state;
    session.out = span_of(body, 100000);
    assert_int_equal(write_at(START_MS), OUTLET_EMPTY);
    expect_sent(100000);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(fake_tls.records[i], SMALL_BYTES);
    assert_int_equal(fake_tls.records[8], RECORD_BYTES);
    assert_int_equal(fake_tls.sent, 100000);
    assert_int_equal(outlet.progress_ms, START_MS);
    /* It goes on with whole ones, and begins anew after a second of silence. */
    size_t before = fake_tls.records_len;
    session.out = span_of(body, RECORD_BYTES);
    write_at(START_MS + 1000);
    assert_int_equal(fake_tls.records[before], RECORD_BYTES);
    before = fake_tls.records_len;
    session.out = span_of(body, RECORD_BYTES);
    write_at(START_MS + 2001);
    assert_int_equal(fake_tls.records[before], SMALL_BYTES);
}

static void what_the_socket_does_not_take_waits_and_goes_first(void **state)
{
    (void)state;
    session.out = span_of(body, 10000);
    fake_tls.room = 5000;
    assert_int_equal(write_at(START_MS), OUTLET_BLOCKED);
    expect_sent(5000);
    fake_tls.room = FAKE_WIRE_BYTES;
    assert_int_equal(write_at(START_MS), OUTLET_EMPTY);
    expect_sent(10000);
}

static void bytes_that_lie_in_a_body_are_copied_only_if_they_must_wait(void **state)
{
    (void)state;
    session.out = span_of(body, 10000);
    session.out_lies_in_body = true;
    fake_tls.room = 1000;
    assert_int_equal(write_at(START_MS), OUTLET_BLOCKED);
    assert_int_equal(session.taken, 1);
    memset(body, 0, SMALL_BYTES); /* the body is gone now */
    fake_tls.room = FAKE_WIRE_BYTES;
    assert_int_equal(write_at(START_MS), OUTLET_EMPTY);
    assert_int_equal(fake_tls.out_len, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(fake_tls.out[i], (char)(i % 251));
}

static void every_answer_of_tls_has_its_result(void **state)
{
    (void)state;
    static const struct {
        enum tls_result tls;
        enum outlet_result on_write, on_flush;
    } cases[] = {
        {TLS_WANT_WRITE, OUTLET_BLOCKED, OUTLET_BLOCKED},
        {TLS_WANT_READ, OUTLET_CROSSED, OUTLET_CROSSED},
        {TLS_CLOSED, OUTLET_GONE, OUTLET_GONE},
        {TLS_CUT, OUTLET_GONE, OUTLET_GONE},
        {TLS_FAILED, OUTLET_GONE, OUTLET_GONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        session.out = span_of(body, 100);
        fake_tls.room = 0;
        fake_tls.write = cases[i].tls;
        assert_int_equal(write_at(START_MS), cases[i].on_write);
        fake_tls.room = FAKE_WIRE_BYTES;
        fake_tls.flush = cases[i].tls;
        assert_int_equal(write_at(START_MS), cases[i].on_flush);
        fake_tls.flush = TLS_OK;
    }
}

static void a_session_that_is_over_ends_the_connection_once_all_is_sent(void **state)
{
    (void)state;
    session.out = span_of(body, 100);
    session.base.over = true;
    fake_tls.room = 10;
    assert_int_equal(write_at(START_MS), OUTLET_BLOCKED);
    fake_tls.room = FAKE_WIRE_BYTES;
    fake_tls.flush = TLS_WANT_WRITE;
    assert_int_equal(write_at(START_MS), OUTLET_BLOCKED);
    fake_tls.flush = TLS_OK;
    assert_int_equal(write_at(START_MS), OUTLET_OVER);
    expect_sent(100);
}

static void a_session_that_failed_ends_the_connection(void **state)
{
    (void)state;
    session.send_fails = true;
    assert_int_equal(write_at(START_MS), OUTLET_OVER);
}

static void progress_is_when_the_system_takes_bytes(void **state)
{
    (void)state;
    session.out = span_of(body, 100);
    fake_tls.flush = TLS_WANT_WRITE;
    assert_int_equal(write_at(START_MS), OUTLET_BLOCKED);
    assert_int_equal(outlet.progress_ms, 0);
    fake_tls.flush = TLS_OK;
    assert_int_equal(write_at(START_MS + 5), OUTLET_EMPTY);
    assert_int_equal(outlet.progress_ms, START_MS + 5);
    assert_int_equal(outlet.sent_bytes, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_connection_begins_with_small_records),
        TEST(what_the_socket_does_not_take_waits_and_goes_first),
        TEST(bytes_that_lie_in_a_body_are_copied_only_if_they_must_wait),
        TEST(every_answer_of_tls_has_its_result),
        TEST(a_session_that_is_over_ends_the_connection_once_all_is_sent),
        TEST(a_session_that_failed_ends_the_connection),
        TEST(progress_is_when_the_system_takes_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
