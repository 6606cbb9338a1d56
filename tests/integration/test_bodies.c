/* Bodies: whole, of any framing, of any size, in bounded memory. TEST_BODY_MIB (1024) is the size
 * of the large ones; HEADSTART_CHECK_MEMORY=0 leaves the bound on resident memory unchecked, for
 * sanitizers and valgrind. */
#include <openssl/tls1.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum {
    WINDOW = 65535,
    MEMORY_BOUND_KIB = 64 << 10,
    /* What the buffers of the kernel and of the daemon may hold of a body that nobody reads. */
    IN_FLIGHT_BYTES = 48 << 20,
    LONG_MS = 120000,
};

static uint64_t large_body(void)
{
    uint64_t mib = check_env("TEST_BODY_MIB", 1024);
    return (mib < 1900 ? mib : 1900) << 20;
}

static void check_memory(struct rig *rig)
{
    const char *wanted = getenv("HEADSTART_CHECK_MEMORY");
    if (wanted && strcmp(wanted, "0") == 0)
        return;
    uint64_t kib = daemon_memory_kib(rig->daemon, "VmHWM");
    if (kib >= MEMORY_BOUND_KIB)
        fail_msg("the daemon took %llu KiB", (unsigned long long)kib);
}

static bool has_closed(const struct peer *p, const void *arg)
{
    return peer_stream(p, *(const int32_t *)arg)->closed;
}

static const struct peer_stream *finish(struct peer *p, int32_t id)
{
    if (!peer_runs(p, has_closed, &id, LONG_MS)) {
        peer_print(p);
        fail_msg("the body did not end");
    }
    return peer_stream(p, id);
}

static void slow_reader_pauses_the_origin_and_gets_all(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    uint64_t bytes = large_body();
    const char *head =
        rig_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)bytes);
    STUB_ON(stub, "/large", SEND_TEXT(head), PATTERN(bytes));
    struct peer_options options = {.stream_window = WINDOW, .window = WINDOW, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/large", NULL);
    peer_until_bytes(p, id, WINDOW);

    /* Nothing more may come until the window opens, and the origin is held back. */
    bool long_enough = bytes > IN_FLIGHT_BYTES;
    if (long_enough) {
        stub_wait(stub, STUB_STALLS, 1);
        assert_true(stub_counted(stub, STUB_SENT) < IN_FLIGHT_BYTES);
    }
    peer_settle(p);
    assert_int_equal(peer_stream(p, id)->body_bytes, WINDOW);

    peer_widen(p, 0, INT32_MAX - WINDOW);
    peer_widen(p, id, 1 << 20);
    peer_until_bytes(p, id, WINDOW + (1 << 20));
    peer_widen(p, id, INT32_MAX - WINDOW - (1 << 20));
    const struct peer_stream *s = finish(p, id);
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, bytes);
    assert_true(s->body_is_pattern);
    check_memory(rig);
}

/* What the socket does not take of a frame waits; it goes out as it was, though its stream is gone
 * by then, and others come after it. */
static void stream_reset_in_the_middle_of_a_frame_leaves_the_others_whole(void **state)
{
    enum { HELD_BYTES = 64 << 20, OTHER_BYTES = 3000000, ROUNDS = 5 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/held", SEND("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"),
            PATTERN(HELD_BYTES));
    STUB_ON(stub, "/other", SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
            PATTERN(OTHER_BYTES));
    struct peer_options options = {
        .wire.receive_bytes = 4096, .stream_window = INT32_MAX, .window = INT32_MAX};
    struct peer *p = rig_peer(rig, &options);
    for (int i = 0; i < ROUNDS; i++) {
        int32_t held = peer_get(p, "/held", NULL);
        peer_until_bytes(p, held, 100000);
        /* Nobody reads: the daemon's socket fills. Then it learns of all this at once. */
        int32_t other = peer_get(p, "/other", NULL);
        peer_reset(p, held, NGHTTP2_CANCEL);
        const struct peer_stream *s = finish(p, other);
        assert_int_equal(s->error, 0);
        assert_int_equal(s->body_bytes, OTHER_BYTES);
        assert_true(s->body_is_pattern);
    }
    stub_wait(stub, STUB_CANCELLED, ROUNDS);
}

static void client_that_takes_only_small_records_gets_all(void **state)
{
    enum { BYTES = 1000000, STREAMS = 3 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    int32_t ids[STREAMS];
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), PATTERN(BYTES));
    struct peer_options options = {
        .wire = {.version = TLS1_2_VERSION, .fragment = TLSEXT_max_fragment_length_512}};
    struct peer *p = rig_peer(rig, &options);
    for (int i = 0; i < STREAMS; i++)
        ids[i] = peer_get(p, "/", NULL);
    for (int i = 0; i < STREAMS; i++) {
        const struct peer_stream *s = finish(p, ids[i]);
        assert_int_equal(s->body_bytes, BYTES);
        assert_true(s->body_is_pattern);
    }
}

/* Also where the last frame is one that goes from where the body lies. */
static void trailers_follow_bodies_of_every_size(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (uint64_t bytes = 9000; bytes < 170000; bytes += 7001) {
        const char *target = rig_text(rig, "/%llu", (unsigned long long)bytes);
        STUB_ON(stub, target, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                CHUNKS(bytes), SEND("0\r\nX-Sum: right\r\n\r\n"));
        const struct peer_stream *s = peer_fetch(p, target);
        assert_int_equal(s->error, 0);
        assert_int_equal(s->body_bytes, bytes);
        assert_true(s->body_is_pattern);
        check_text(fieldset_get(&s->trailers, "x-sum"), "right");
    }
}

static void slow_origin_pauses_the_upload_and_gets_all(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    uint64_t bytes = large_body();
    STUB_ON(stub, "/up", BODY(WINDOW), AWAIT(0), BODY(0),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(
        p,
        &(struct peer_request){.method = "PUT", .path = "/up", .body = true, .body_bytes = bytes});
    peer_until_still(p);
    stub_wait(stub, STUB_READ, WINDOW);
    if (bytes > IN_FLIGHT_BYTES)
        assert_true(peer_stream(p, id)->upload.sent < IN_FLIGHT_BYTES);
    /* The brake is of that stream: another request of the connection is not held. */
    assert_int_equal(peer_fetch(p, "/meanwhile")->status, 200);

    stub_open(stub, 0);
    assert_int_equal(finish(p, id)->status, 200);
    const struct stub_request *r = stub_find(stub, "/up", 0);
    assert_int_equal(r->body_bytes, bytes);
    assert_true(r->body_is_pattern);
    check_memory(rig);
}

static void every_framing_of_the_origin_is_read(void **state)
{
    enum { BYTES = 5000011 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/length", SEND("HTTP/1.1 200 OK\r\nContent-Length: 5000011\r\n\r\n"),
            PATTERN(BYTES));
    STUB_ON(stub, "/chunked", SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            CHUNKS(BYTES), SEND("0\r\n\r\n"));
    STUB_ON(stub, "/close", SEND("HTTP/1.1 200 OK\r\n\r\n"), PATTERN(BYTES), CLOSE());
    STUB_ON(stub, "/old", SEND("HTTP/1.0 200 OK\r\n\r\n"), PATTERN(BYTES), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/length", "/chunked", "/close", "/old"};
    for (size_t i = 0; i < CHECK_LEN(targets); i++) {
        const struct peer_stream *s = peer_fetch(p, targets[i]);
        if (s->status != 200 || s->error != 0 || s->body_bytes != BYTES || !s->body_is_pattern)
            fail_msg("%s: status %u, error %u, %llu bytes", targets[i], s->status, s->error,
                     (unsigned long long)s->body_bytes);
    }
}

static void bytes_may_come_one_by_one(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/",
            BYTEWISE("HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "5;ext=\"1\"\r\nhello\r\n000001\r\n!\r\n0\r\nX-T: 1\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    for (int i = 0; i < 2; i++) {
        const struct peer_stream *s = peer_fetch(p, "/");
        assert_int_equal(s->status, 200);
        check_text(fieldset_get(&s->head, "x-a"), "b");
        check_text(bytes_text(&s->body), "hello!");
        check_text(fieldset_get(&s->trailers, "x-t"), "1");
    }
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
}

static void body_starts_before_it_ends(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"),
            AWAIT(0), SEND("0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_bytes(p, id, 2);
    assert_false(peer_stream(p, id)->ended);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, 2);
}

static void upload_starts_before_it_ends(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", BODY(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(
        p, &(struct peer_request){
               .method = "POST", .path = "/", .body = true, .body_text = "abc", .body_hold_at = 2});
    peer_settle(p);
    stub_wait(stub, STUB_READ, 2);
    peer_release(p, id);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    check_text(bytes_text(&stub_request(stub, 0)->body), "abc");
}

static void response_may_come_before_the_upload_ends(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", BODY(1),
            SEND("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
                 "Content-Length: 3\r\n\r\nno\n"),
            AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/",
                                                     .body = true,
                                                     .body_bytes = 100000,
                                                     .body_hold_at = 1000});
    assert_int_equal(peer_until_head(p, id)->status, 413);
    peer_until_bytes(p, id, 3);
    peer_reset(p, id, NGHTTP2_CANCEL);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

/* The stream is not reset before the head is on its way. */
static void response_without_a_body_may_come_before_the_upload_ends(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", BODY(1),
            SEND("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
                 "Content-Length: 0\r\n\r\n"),
            AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/",
                                                     .body = true,
                                                     .body_bytes = 100000,
                                                     .body_hold_at = 1000});
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 413);
    assert_true(s->ended);
    assert_int_equal(s->error, NGHTTP2_NO_ERROR);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

/* It is the client that is awaited then, not the origin. */
static void origin_that_answers_first_may_wait_for_the_upload(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\norigin_stall = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/up", BODY(10),
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), BODY(10),
            BODY(0), SEND("0\r\n\r\n"));
    STUB_ON(stub, "/stall", SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(
        p,
        &(struct peer_request){
            .method = "POST", .path = "/up", .body = true, .body_bytes = 100, .body_hold_at = 20});
    peer_until_bytes(p, id, 5);
    stub_wait(stub, STUB_READ, 20);
    /* An origin that is awaited is given up meanwhile. */
    assert_int_equal(peer_fetch(p, "/stall")->error, NGHTTP2_INTERNAL_ERROR);
    peer_release(p, id);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "hello");
    assert_int_equal(stub_find(stub, "/up", 0)->body_bytes, 100);
    assert_true(stub_find(stub, "/up", 0)->body_is_pattern);
}

static void body_that_is_cut_is_not_taken_for_whole(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/length", SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), AWAIT(0),
            CLOSE());
    STUB_ON(stub, "/chunked",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), AWAIT(1),
            CLOSE());
    STUB_ON(stub, "/garbled",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), AWAIT(2),
            SEND("zz\r\nhello\r\n0\r\n\r\n"));
    STUB_ON(stub, "/reset", SEND("HTTP/1.1 200 OK\r\n\r\nhello"), AWAIT(3), RESET());
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/length", "/chunked", "/garbled", "/reset"};
    for (unsigned i = 0; i < CHECK_LEN(targets); i++) {
        int32_t id = peer_get(p, targets[i], NULL);
        peer_until_bytes(p, id, 5);
        stub_open(stub, i);
        const struct peer_stream *s = peer_until_closed(p, id);
        if (s->error != NGHTTP2_INTERNAL_ERROR || !s->reset || s->ended)
            fail_msg("%s: error %u", targets[i], s->error);
        json_t *line = daemon_log_of(rig->daemon, targets[i]);
        check_text(json_string_value(json_object_get(line, "failure")), "origin-broken");
        json_decref(line);
    }
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(slow_reader_pauses_the_origin_and_gets_all),
        RIG_TEST(stream_reset_in_the_middle_of_a_frame_leaves_the_others_whole),
        RIG_TEST(client_that_takes_only_small_records_gets_all),
        RIG_TEST(trailers_follow_bodies_of_every_size),
        RIG_TEST(slow_origin_pauses_the_upload_and_gets_all),
        RIG_TEST(every_framing_of_the_origin_is_read),
        RIG_TEST(bytes_may_come_one_by_one),
        RIG_TEST(body_starts_before_it_ends),
        RIG_TEST(upload_starts_before_it_ends),
        RIG_TEST(response_may_come_before_the_upload_ends),
        RIG_TEST(response_without_a_body_may_come_before_the_upload_ends),
        RIG_TEST(origin_that_answers_first_may_wait_for_the_upload),
        RIG_TEST(body_that_is_cut_is_not_taken_for_whole),
    };
    return rig_run(tests);
}
