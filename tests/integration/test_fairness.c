/* Connections to the origin, when there are too few: whose client has stalled gives his to who
 * waits, and who asks for much does not keep those away who ask for little. */
#include <string.h>

#include "frames.h"
#include "page.h"
#include "rig.h"

enum {
    LARGE_BYTES = 4 << 20,
    SMALL_BYTES = 20000,
    ATTACKERS = 10,
    HELD_STREAMS = 100,
    CONNECTIONS = 256, /* of the worker, by default */
};

#define LARGE SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"), PATTERN(LARGE_BYTES)
#define SMALL SEND("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"), PATTERN(SMALL_BYTES)

/* One worker with `connections` to an origin that has a /large and a /small body. */
static struct stub *start(struct rig *rig, unsigned connections, unsigned grace_ms)
{
    struct stub *stub = rig_start_alone(
        rig, rig_text(rig,
                      "max_connections = %u\n[timeouts]\nqueue = 10m\ngrace = %ums\n"
                      "[push]\nmax_wait = 10m\n",
                      connections, check_slowed(grace_ms)));
    STUB_ON(stub, "/large", LARGE);
    STUB_ON(stub, "/small", SMALL);
    STUB_ON(stub, "/held", BODY(0), SMALL);
    return stub;
}

static void check_small(const struct peer_stream *s)
{
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, SMALL_BYTES);
    assert_true(s->body_is_pattern);
}

/* A client that lets nothing but heads come. */
static struct peer *closed_peer(struct rig *rig)
{
    struct peer *p = rig_peer(rig, &(struct peer_options){.manual = true});
    peer_set(p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    return p;
}

static int32_t stalled_on(struct peer *p, const char *path)
{
    int32_t id = peer_get(p, path, NULL);
    peer_until_head(p, id);
    return id;
}

static void reader_that_stalls_gives_way(void **state)
{
    struct rig *rig = *state;
    start(rig, 1, 200);
    struct peer *p = closed_peer(rig);
    struct peer *other = rig_peer(rig, NULL);
    int32_t id = stalled_on(p, "/large");
    check_small(peer_fetch(other, "/small"));
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_true(s->reset);
    assert_int_equal(s->error, NGHTTP2_ENHANCE_YOUR_CALM);
    rig_check_failure(rig, "/large", "client-yielded");
    /* It costs the stream, not the connection. */
    peer_set(p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535);
    check_small(peer_fetch(p, "/small"));
}

static void client_that_does_not_read_its_socket_gives_way(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 200);
    struct peer *p = rig_peer(rig, &(struct peer_options){.wire.receive_bytes = 4096,
                                                          .stream_window = INT32_MAX,
                                                          .window = INT32_MAX});
    struct peer *other = rig_peer(rig, NULL);
    stalled_on(p, "/large");
    check_small(peer_fetch(other, "/small"));
    stub_wait(stub, STUB_GONE, 1);
}

static void sender_that_stalls_gives_way(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 200);
    struct peer *p = rig_peer(rig, NULL);
    struct peer *other = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/held",
                                                     .body = true,
                                                     .body_bytes = 100000,
                                                     .body_hold_at = 1000});
    peer_settle(p);
    stub_wait(stub, STUB_READ, 1000);
    check_small(peer_fetch(other, "/small"));
    assert_int_equal(peer_until_closed(p, id)->status, 408);
    rig_check_failure(rig, "/held", "client-yielded");
}

static void who_stalls_keeps_its_connection_while_there_are_others(void **state)
{
    struct rig *rig = *state;
    start(rig, 2, 50);
    struct peer *p = closed_peer(rig);
    struct peer *other = rig_peer(rig, NULL);
    int32_t id = stalled_on(p, "/large");
    peer_until_still(other); /* several times as long as the grace */
    for (int i = 0; i < 5; i++)
        check_small(peer_fetch(other, "/small"));
    peer_settle(p);
    assert_false(peer_stream(p, id)->closed);
    peer_widen(p, 0, LARGE_BYTES);
    peer_widen(p, id, LARGE_BYTES);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, LARGE_BYTES);
    assert_true(s->body_is_pattern);
}

/* Twice the grace and more, in small steps; all the while somebody waits for the connection. */
static void slow_reader_that_goes_on_is_spared(void **state)
{
    enum { STEPS = 7, STEP_BYTES = 1000 };
    struct rig *rig = *state;
    start(rig, 1, 1000);
    struct peer *p = closed_peer(rig);
    struct peer *other = rig_peer(rig, NULL);
    int32_t id = stalled_on(p, "/large");
    int32_t waiting = peer_get(other, "/small", NULL);
    for (uint64_t n = 1; n <= STEPS; n++) {
        peer_widen(p, id, STEP_BYTES);
        peer_until_bytes(p, id, n * STEP_BYTES);
        peer_until_still(other);
    }
    assert_int_equal(peer_stream(other, waiting)->status, 0);
    peer_widen(p, 0, LARGE_BYTES);
    peer_widen(p, id, LARGE_BYTES);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, LARGE_BYTES);
    check_small(peer_until_closed(other, waiting));
}

/* One stream after the other is a way of reading, too. */
static void stream_whose_client_reads_another_is_spared(void **state)
{
    enum { STEPS = 7, STEP_BYTES = 1000 };
    struct rig *rig = *state;
    start(rig, 2, 1000);
    struct peer *p = closed_peer(rig);
    struct peer *other = rig_peer(rig, NULL);
    int32_t later = stalled_on(p, "/large");
    int32_t now = stalled_on(p, "/large");
    int32_t waiting = peer_get(other, "/small", NULL);
    for (uint64_t n = 1; n <= STEPS; n++) {
        peer_widen(p, now, STEP_BYTES);
        peer_until_bytes(p, now, n * STEP_BYTES);
        peer_until_still(other);
    }
    assert_int_equal(peer_stream(other, waiting)->status, 0);
    assert_false(peer_stream(p, later)->closed);
    peer_reset(p, now, NGHTTP2_CANCEL);
    peer_settle(p);
    check_small(peer_until_closed(other, waiting));
}

/* The push stalled last. */
static void pushes_give_way_before_requests(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 2, 50);
    STUB_ON(stub, "/asset", LARGE);
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 200 OK\r\nLink: </asset>;rel=preload\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = closed_peer(rig);
    struct peer *other = rig_peer(rig, NULL);
    int32_t large = stalled_on(p, "/large");
    peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, 1);
    int32_t push = peer_push(p, 0)->id;
    peer_until_head(p, push);
    peer_until_still(other); /* until both have stalled for longer than the grace */
    check_small(peer_fetch(other, "/small"));
    assert_int_equal(peer_until_closed(p, push)->error, NGHTTP2_ENHANCE_YOUR_CALM);
    peer_settle(p);
    assert_false(peer_stream(p, large)->closed);
}

/* The other half of the connections is free all the while. */
static void push_that_stalls_gives_way_to_one_of_another_client(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 2, 200);
    const char *page = "HTTP/1.1 200 OK\r\nLink: </asset>;rel=preload\r\nContent-Length: 0\r\n\r\n";
    STUB_ON(stub, "/", SEND_TEXT(page));
    STUB_ON(stub, "/asset", LARGE);
    struct peer *p = closed_peer(rig);
    peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, 1);
    int32_t stalled = peer_push(p, 0)->id;
    peer_until_head(p, stalled);
    struct peer *other = rig_peer(rig, NULL);
    peer_get(other, "/", NULL);
    peer_until_quiet(other);
    const struct peer_stream *s = peer_push(other, 0);
    assert_non_null(s);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, LARGE_BYTES);
    assert_int_equal(peer_until_closed(p, stalled)->error, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void who_asks_for_much_waits_behind_who_asks_for_little(void **state)
{
    enum { MANY = 40 };
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 1000000);
    STUB_ON(stub, "/slow", AWAIT(0), SMALL);
    struct peer *greedy = rig_peer(rig, NULL);
    struct peer *modest = rig_peer(rig, NULL);
    peer_get(greedy, "/slow", NULL);
    for (int i = 0; i < MANY; i++)
        peer_get(greedy, "/many", NULL);
    peer_settle(greedy);
    stub_wait(stub, STUB_REQUESTS, 1);
    int32_t id = peer_get(modest, "/small", NULL);
    peer_settle(modest);
    stub_open(stub, 0);
    peer_until_quiet(greedy);
    check_small(peer_until_closed(modest, id));
    assert_int_equal(stub_times(stub, "/many"), MANY);
    check_text(stub_request(stub, 0)->target, "/slow");
    /* One of the many may have been in the same round before. */
    bool is_next = strcmp(stub_request(stub, 1)->target, "/small") == 0;
    assert_true(is_next || strcmp(stub_request(stub, 2)->target, "/small") == 0);
}

static void who_asks_for_more_than_others_is_served_too(void **state)
{
    enum { LIGHT = 4, ROUNDS = 20, MANY = 3 };
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 1000000);
    struct peer *greedy = rig_peer(rig, NULL), *light[LIGHT];
    int32_t ids[LIGHT];
    STUB_ON(stub, "/slow", AWAIT(0), SMALL);
    for (size_t i = 0; i < LIGHT; i++)
        light[i] = rig_peer(rig, NULL);
    peer_get(greedy, "/slow", NULL);
    peer_settle(greedy);
    stub_wait(stub, STUB_REQUESTS, 1);
    for (size_t i = 0; i < LIGHT; i++) {
        ids[i] = peer_get(light[i], "/light", NULL);
        peer_settle(light[i]);
    }
    for (int i = 0; i < MANY; i++)
        peer_get(greedy, "/many", NULL);
    peer_settle(greedy);
    stub_open(stub, 0);
    /* There is always one that waits and has nothing else under way. */
    for (int r = 0; r < ROUNDS; r++) {
        for (size_t i = 0; i < LIGHT; i++) {
            assert_int_equal(peer_until_closed(light[i], ids[i])->status, 200);
            ids[i] = peer_get(light[i], "/light", NULL);
            peer_settle(light[i]);
        }
    }
    assert_int_equal(stub_times(stub, "/many"), MANY);
    peer_until_quiet(greedy);
}

/* What was pushed to a client does not put its requests behind those of others. */
static void pushes_do_not_count_against_requests(void **state)
{
    enum { MANY = 8 };
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 1000000);
    STUB_ON(stub, "/",
            PAGE("</p0>; rel=preload, </p1>; rel=preload, </p2>; rel=preload, "
                 "</p3>; rel=preload, </p4>; rel=preload, </p5>; rel=preload"));
    STUB_ON(stub, "/p0", AWAIT(0), SMALL);
    struct peer *modest = rig_peer(rig, NULL), *greedy = rig_peer(rig, NULL);
    peer_get(modest, "/", NULL);
    peer_until_events(modest, PEER_PROMISE, 6);
    stub_wait(stub, STUB_REQUESTS, 2);
    for (int i = 0; i < MANY; i++)
        peer_get(greedy, "/many", NULL);
    peer_settle(greedy);
    int32_t id = peer_get(modest, "/next", NULL);
    peer_settle(modest);
    stub_open(stub, 0);
    peer_until_quiet(greedy);
    peer_until_closed(modest, id);
    bool is_next = strcmp(stub_request(stub, 2)->target, "/next") == 0;
    assert_true(is_next || strcmp(stub_request(stub, 3)->target, "/next") == 0);
}

/* A head that promises a body of which no byte comes. */
static void sender_of_no_byte_gives_way(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 300);
    STUB_ON(stub, "/upload", BODY(0), SMALL);
    struct peer *silent = rig_peer(rig, NULL), *other = rig_peer(rig, NULL);
    const struct peer_request upload = {
        .method = "POST", .path = "/upload", .body = true, .body_bytes = 1000, .body_hold_at = 1};
    peer_send(silent, &upload);
    peer_settle(silent);
    stub_wait(stub, STUB_REQUESTS, 1);
    check_small(peer_fetch(other, "/small"));
    rig_check_failure(rig, "/upload", "client-yielded");
}

/* A client that asks first whether to send, and then does not: the origin may say nothing, or 100,
 * or it may have nothing to say because there is no body to come. */
static void sender_that_asks_first_gives_way(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, 300);
    STUB_ON(stub, "/silent", BODY(0), SMALL);
    STUB_ON(stub, "/said", SEND("HTTP/1.1 100 Continue\r\n\r\n"), BODY(0), SMALL);
    static const struct {
        const char *path, *fields;
    } cases[] = {
        {"/silent", "content-length: 1000\n"},
        {"/silent", ""},
        {"/said", "content-length: 1000\n"},
    };
    struct peer *other = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        uint64_t requests = stub_counted(stub, STUB_REQUESTS);
        struct frames *f = frames_greet(rig);
        frames_put(f, &(struct frame){.step = FRAME_SEND,
                                      .type = NGHTTP2_HEADERS,
                                      .flags = END_HEADERS,
                                      .stream = 1,
                                      .payload = "",
                                      .fields = rig_text(rig,
                                                         ":method: POST\n:scheme: https\n"
                                                         ":authority: example.com\n:path: %s\n"
                                                         "expect: 100-continue\n%s",
                                                         cases[i].path, cases[i].fields)});
        assert_true(frames_settle(f));
        stub_wait(stub, STUB_REQUESTS, requests + 1);
        check_small(peer_fetch(other, "/small"));
        assert_true(frames_until(f, frames_has_end, 1));
        assert_int_equal(f->streams[1].status, 408);
        frames_close(f);
        rig_check_failure(rig, cases[i].path, "client-yielded");
    }
}

static bool was_told_to_go_on(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].status == 100;
}

/* The origin took its time until it said 100, and somebody waits for the connection already: the
 * client has its own time from then on. */
static void sender_that_was_told_late_has_its_time(void **state)
{
    enum { GRACE_MS = 500 };
    struct rig *rig = *state;
    struct stub *stub = start(rig, 1, GRACE_MS);
    STUB_ON(stub, "/late", AWAIT(0), SEND("HTTP/1.1 100 Continue\r\n\r\n"), BODY(0), SMALL);
    struct peer *other = rig_peer(rig, NULL);
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_HEADERS,
                          HEAD_OF("POST", "/late") "expect: 100-continue\ncontent-length: 5\n"));
    assert_true(frames_settle(f));
    stub_wait(stub, STUB_REQUESTS, 1);
    uint64_t offered = check_deadline(GRACE_MS + GRACE_MS / 2);
    while (check_left(offered) > 0)
        peer_until_still(other);
    stub_open(stub, 0);
    assert_true(frames_until(f, was_told_to_go_on, 1));
    int32_t id = peer_get(other, "/small", NULL);
    peer_settle(other);
    FRAMES_PUT(f, DATA(1, END_STREAM, "hello"));
    assert_true(frames_until(f, frames_has_end, 1));
    assert_int_equal(f->streams[1].status, 200);
    frames_close(f);
    check_small(peer_until_closed(other, id));
}

/* The origin is silent for as long as the client leaves its answer waiting. */
static void time_outs_of_both_sides_may_end_at_once(void **state)
{
    struct rig *rig = *state;
    unsigned ms = check_slowed(300);
    struct stub *stub = rig_start_alone(
        rig, rig_text(rig, "[timeouts]\ngrace = %ums\norigin_stall = %ums\n", ms, ms));
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"), AWAIT(0));
    struct peer *p = rig_peer(rig, &(struct peer_options){.manual = true});
    peer_set(p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_head(p, id);
    peer_until_closed(p, id);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/other")->status, 200);
}

/* Ten clients hold a hundred streams each, and ask again for each one that they lose. */
static void hold(struct peer *p, size_t *asked)
{
    size_t open = *asked - peer_count(p, PEER_RESET);
    for (; open < HELD_STREAMS; open++, ++*asked)
        peer_get(p, "/large", NULL);
    peer_settle(p);
}

static void neighbour_is_served_while_others_hold_all_connections(void **state)
{
    enum { REQUESTS = 20 };
    struct rig *rig = *state;
    struct stub *stub = start(rig, CONNECTIONS, 500);
    struct peer *other = rig_peer(rig, NULL);
    struct peer *attackers[ATTACKERS];
    size_t asked[ATTACKERS] = {0};
    for (size_t i = 0; i < ATTACKERS; i++) {
        attackers[i] = closed_peer(rig);
        hold(attackers[i], &asked[i]);
    }
    /* As many as a slow machine gets to before the first of them give way. */
    stub_wait(stub, STUB_RUNNING_MOST, CONNECTIONS / 16);
    for (int n = 0; n < REQUESTS; n++) {
        check_small(peer_fetch(other, "/small"));
        hold(attackers[n % ATTACKERS], &asked[n % ATTACKERS]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(reader_that_stalls_gives_way),
        RIG_TEST(client_that_does_not_read_its_socket_gives_way),
        RIG_TEST(sender_that_stalls_gives_way),
        RIG_TEST(who_stalls_keeps_its_connection_while_there_are_others),
        RIG_TEST(slow_reader_that_goes_on_is_spared),
        RIG_TEST(stream_whose_client_reads_another_is_spared),
        RIG_TEST(pushes_give_way_before_requests),
        RIG_TEST(push_that_stalls_gives_way_to_one_of_another_client),
        RIG_TEST(who_asks_for_much_waits_behind_who_asks_for_little),
        RIG_TEST(who_asks_for_more_than_others_is_served_too),
        RIG_TEST(pushes_do_not_count_against_requests),
        RIG_TEST(sender_of_no_byte_gives_way),
        RIG_TEST(sender_that_asks_first_gives_way),
        RIG_TEST(sender_that_was_told_late_has_its_time),
        RIG_TEST(time_outs_of_both_sides_may_end_at_once),
        RIG_TEST(neighbour_is_served_while_others_hold_all_connections),
    };
    return rig_run(tests);
}
