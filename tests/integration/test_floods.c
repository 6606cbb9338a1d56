/* Clients that ask for too much, each within the protocol: the limit that stops them, and that
 * nobody else feels it. */
#include <stdlib.h>
#include <string.h>

#include "hpack.h"
#include "rig.h"

/* The connection ends with ENHANCE_YOUR_CALM. */
static void expect_calm(struct peer *p)
{
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_int_equal(peer_count(p, PEER_GOAWAY), 1);
    size_t n = 0;
    while (peer_event(p, n).type != PEER_GOAWAY)
        n++;
    assert_int_equal(peer_event(p, n).value, NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool is_over(const struct peer *p, const void *arg)
{
    (void)arg;
    return peer_is_over(p);
}

static bool has_goaway(const struct frames *f, uint32_t unused)
{
    (void)unused;
    return f->goaway;
}

static bool was_reset(const struct peer *p, const void *stream)
{
    return peer_is_over(p) || peer_stream(p, *(const int32_t *)stream)->closed;
}

static void requests_that_are_abandoned_at_once_are_limited(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 50\n");
    STUB_ON(stub, "/held", AWAIT(0));
    struct peer *bystander = rig_peer(rig, NULL);
    struct peer *p = rig_peer(rig, NULL);
    for (int i = 0; i < 200 && !peer_is_over(p); i++) {
        int32_t id = peer_get(p, "/held", NULL);
        peer_runs(p, is_over, NULL, 0);
        peer_reset(p, id, NGHTTP2_CANCEL);
    }
    expect_calm(p);
    assert_int_equal(peer_fetch(bystander, "/alive")->status, 200);
}

static void abandoning_now_and_then_is_not(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 50\n");
    STUB_ON(stub, "/held", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    for (int i = 0; i < 40; i++) {
        int32_t id = peer_get(p, "/held", NULL);
        peer_settle(p);
        peer_reset(p, id, NGHTTP2_CANCEL);
    }
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

/* The client makes us reset what we work on: a body that is longer than its length is an error of
 * the stream. */
static void resets_that_a_client_provokes_are_limited(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 20\n");
    STUB_ON(stub, "/held", AWAIT(0));
    struct peer *bystander = rig_peer(rig, NULL);
    struct peer *p = rig_peer(rig, NULL);
    for (int i = 0; i < 60 && !peer_is_over(p); i++) {
        int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                         .path = "/held",
                                                         .fields = FIELDS("content-length", "1"),
                                                         .body = true,
                                                         .body_text = "ab"});
        peer_runs(p, was_reset, &id, CHECK_SOON_MS);
    }
    expect_calm(p);
    assert_int_equal(peer_fetch(bystander, "/alive")->status, 200);
}

static void frames_that_ask_for_nothing_are_limited(void **state)
{
    static const struct frame floods[] = {
        PING(0, 0, "abcdefgh"),       SETTINGS(""),           PRIORITY(9, "\0\0\0\0\0"),
        WINDOW_UPDATE(0, "\0\0\0\1"), FRAME(0x77, 0, 0, "x"),
    };
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nidle_frames = 100\n");
    struct peer *bystander = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(floods); i++) {
        struct frames *f = frames_greet(rig);
        for (int n = 0; n < 300; n++)
            frames_put(f, &floods[i]);
        bool over = frames_until(f, frames_is_over, 0);
        bool goaway = f->goaway;
        uint32_t code = f->goaway_code;
        frames_close(f);
        if (!over || !goaway || code != NGHTTP2_ENHANCE_YOUR_CALM)
            fail_msg("type %u: over %d, goaway %d, %u", floods[i].type, over, goaway, code);
        assert_int_equal(peer_fetch(bystander, "/alive")->status, 200);
    }
}

/* DATA without content, on a request that never ends. */
static void empty_data_is_limited(void **state)
{
    static const struct frame floods[] = {DATA(1, 0, ""), DATA(1, PADDED, "\0"),
                                          DATA(1, PADDED, "\3\0\0\0")};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nidle_frames = 100\n");
    STUB_ON(stub, "/held", AWAIT(0));
    for (size_t i = 0; i < CHECK_LEN(floods); i++) {
        struct frames *f = frames_greet(rig);
        FRAMES_PUT(f, POST_HELD(1));
        for (int n = 0; n < 300; n++)
            frames_put(f, &floods[i]);
        bool over = frames_until(f, frames_is_over, 0);
        uint32_t code = f->goaway_code;
        frames_close(f);
        if (!over || code != NGHTTP2_ENHANCE_YOUR_CALM)
            fail_msg("case %zu: over %d, %u", i, over, code);
    }
}

/* An upload in small frames is none. */
static void data_with_content_is_no_flood(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nidle_frames = 100\n");
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_HEADERS, POST_FIELDS));
    for (int n = 0; n < 1000; n++)
        FRAMES_PUT(f, DATA(1, 0, "x"));
    FRAMES_PUT(f, DATA(1, END_STREAM, ""));
    bool ended = frames_until(f, frames_has_end, 1);
    unsigned status = f->streams[1].status;
    frames_close(f);
    assert_true(ended);
    assert_int_equal(status, 200);
}

/* A header block in many pieces: 40 are enough for one that is eight times too large. */
static void continuations_are_limited(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, 0, GET_FIELDS));
    for (int n = 0; n < 50; n++)
        FRAMES_PUT(f, CONTINUATION(1, 0, "x: y\n"));
    bool over = frames_until(f, frames_is_over, 0);
    frames_close(f);
    assert_true(over);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

/* Clients open windows by the bytes that they have read, however few; and probe with PING. */
static void windows_for_what_was_sent_are_no_flood(void **state)
{
    enum { PIECE = 16384, STEP = 4096, PIECES = 300 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nidle_frames = 100\n");
    STUB_ON(stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4915200\r\n\r\n"),
            PATTERN(PIECES * PIECE));
    struct peer_options options = {.stream_window = PIECE, .window = 65535, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/large", NULL);
    for (uint64_t n = 1; n < PIECES; n++) {
        peer_until_bytes(p, id, n * PIECE);
        for (int step = 0; step < PIECE / STEP; step++) {
            peer_widen(p, id, STEP);
            peer_widen(p, 0, STEP);
        }
        peer_settle(p);
    }
    assert_int_equal(peer_until_closed(p, id)->body_bytes, PIECES * PIECE);
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
}

/* Each asks for nothing that we would do, and has us decode a head. */
static void heads_that_are_too_large_are_limited(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nresets = 20\nheader_list = 16k\n");
    struct frames *f = frames_greet(rig);
    unsigned refused = 0;
    for (uint32_t id = 1; id < FRAMES_STREAMS && !f->over; id += 2) {
        hpack_put_get(f, id, 'a', id == 1, 5);
        if (frames_until(f, frames_has_end, id))
            refused += f->streams[id].status == 431;
    }
    bool over = f->over;
    uint32_t code = f->goaway_code;
    frames_close(f);
    assert_true(over);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_in_range(refused, 15, 20);
    assert_true(daemon_says(rig->daemon, "limits.resets", CHECK_SOON_MS));
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

/* What is not kept of a head is decoded all the same: a head of ten times the limit costs as much
 * as ten that are just too large. */
static void a_head_of_many_times_the_limit_counts_as_many(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nresets = 40\nheader_list = 16k\n");
    struct frames *f = frames_greet(rig);
    unsigned refused = 0;
    for (uint32_t id = 1; id < FRAMES_STREAMS && !f->over; id += 2) {
        hpack_put_get(f, id, 'a', id == 1, 44);
        if (frames_until(f, frames_has_end, id))
            refused += f->streams[id].status == 431;
    }
    bool over = f->over;
    frames_close(f);
    assert_true(over);
    assert_in_range(refused, 3, 4);
}

/* The same in trailers, of requests that are answered. */
static void trailers_that_are_too_large_are_limited(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 20\nheader_list = 16k\n");
    STUB_ON(stub, "/up", BODY(0), SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    struct frames *f = frames_greet(rig);
    unsigned ended = 0;
    for (uint32_t id = 1; id < FRAMES_STREAMS && !f->over; id += 2) {
        FRAMES_PUT(f, HEADERS(id, END_HEADERS, HEAD_OF("POST", "/up")));
        hpack_put_trailers(f, id, id == 1, 5);
        ended += frames_until(f, frames_has_end, id) || f->streams[id].reset;
    }
    bool over = f->over;
    uint32_t code = f->goaway_code;
    frames_close(f);
    assert_true(over);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_in_range(ended, 10, 20);
}

static bool has_no_more_room(const struct frames *f, uint32_t resets)
{
    return f->over || f->resets >= resets;
}

/* Before it has acknowledged our SETTINGS a client need not know how many streams it may open: more
 * are refused, and their heads decoded. */
static void heads_of_refused_streams_are_limited(void **state)
{
    enum { MOST = 200 };
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, "[limits]\nstreams = 1\nidle_frames = 100\nheader_list = 16k\n");
    STUB_ON(stub, "/a", AWAIT(0));
    struct frames *f = frames_open(rig);
    FRAMES_PUT(f, RAW_BYTES(NGHTTP2_CLIENT_MAGIC));
    FRAMES_PUT(f, SETTINGS(""));
    for (uint32_t n = 0; n < MOST && !f->over; n++) {
        hpack_put_get(f, 2 * n + 1, 'a', n == 0, 4);
        frames_until(f, has_no_more_room, n);
    }
    bool over = f->over || frames_until(f, frames_is_over, 0);
    uint32_t code = f->goaway_code;
    unsigned resets = f->resets;
    frames_close(f);
    assert_true(over);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_in_range(resets, 90, 110);
}

/* The client is told to go, and its new requests are passed over; their heads are decoded. */
static void heads_after_the_last_stream_are_limited(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf =
        rig_text(rig, "[origin app]\n%s[limits]\nidle_frames = 100\n", rig_url(rig, stub));
    const struct daemon_setup setup = {.top = "workers = 1", .conf = conf};
    STUB_ON(stub, "/held", AWAIT(0));
    rig_daemon(rig, &setup);
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, GET_HELD(1));
    bool fine = frames_settle(f);
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    fine = fine && frames_until(f, has_goaway, 0);
    FRAMES_PUT(f, PING(ACK, 0, "\0\0\0\0\0\0\0\0")); /* it has been read */
    fine = fine && frames_settle(f);
    for (uint32_t n = 1; n < 200; n++)
        FRAMES_PUT(f, GET(2 * n + 1));
    bool over = frames_until(f, frames_is_over, 0);
    uint32_t code = f->goaway_code;
    frames_close(f);
    assert_true(fine && over);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void resetting_pushes_is_a_clients_right(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 5\n");
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: </0>;rel=preload,</1>;rel=preload,"
                 "</2>;rel=preload,</3>;rel=preload,</4>;rel=preload,</5>;rel=preload,"
                 "</6>;rel=preload,</7>;rel=preload\r\n\r\n"));
    for (char c = '0'; c < '8'; c++)
        STUB_ON(stub, rig_text(rig, "/%c", c), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, 8);
    for (size_t i = 0; i < 8; i++)
        peer_reset(p, peer_push(p, i)->id, NGHTTP2_CANCEL);
    peer_settle(p);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

static void connections_of_one_address_are_limited(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nconnections_per_address = 3\n");
    struct peer *peers[3];
    for (int i = 0; i < 3; i++) {
        peers[i] = rig_peer(rig, NULL);
        assert_int_equal(peer_fetch(peers[i], "/alive")->status, 200);
    }
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct wire *w = wire_connect(&options);
    bool shaken = wire_handshake(w);
    wire_free(w);
    assert_false(shaken);
    for (int i = 0; i < 3; i++)
        assert_int_equal(peer_fetch(peers[i], "/alive")->status, 200);
    /* Who goes makes room: its line in the log comes when it has gone. */
    peer_get(peers[0], "/last", NULL);
    peer_settle(peers[0]);
    rig_close_peer(rig, peers[0]);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    do {
        w = wire_connect(&options);
        shaken = wire_handshake(w);
        wire_free(w);
    } while (!shaken && check_left(deadline) > 0);
    assert_true(shaken);
}

/* A reader that takes a byte at a time makes progress for ever; the least rate ends it. */
static void reader_that_drips_is_let_go(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(
        rig,
        rig_text(rig,
                 "[limits]\nmin_rate = 1000000\nidle_frames = 1000000\n[timeouts]\nstall = %ums\n",
                 check_slowed(300)));
    STUB_ON(stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n"),
            PATTERN(30000000));
    struct peer_options options = {.stream_window = 1, .window = 65535, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/large", NULL);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    for (uint64_t n = 1; !peer_stream(p, id)->closed && check_left(deadline) > 0; n++) {
        peer_widen(p, id, 1);
        peer_widen(p, 0, 1);
        peer_settle(p);
    }
    assert_true(peer_stream(p, id)->closed);
    assert_true(peer_stream(p, id)->body_bytes > 1);
    rig_check_failure(rig, "/large", "client-stalled");
}

static bool is_answered(const struct frames *f, uint32_t stream)
{
    return f->over || f->streams[stream].status != 0;
}

static void sender_that_drips_is_let_go(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig,
                                "[limits]\nmin_rate = 1000000\nidle_frames = 1000000\n"
                                "[timeouts]\nstall = %ums\n",
                                check_slowed(300)));
    STUB_ON(stub, "/held", BODY(0));
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, POST_HELD(1));
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    unsigned sent = 0;
    while (!is_answered(f, 1) && check_left(deadline) > 0) {
        FRAMES_PUT(f, DATA(1, 0, "x"));
        sent++;
        if (!frames_settle(f))
            break;
    }
    unsigned status = f->streams[1].status;
    frames_close(f);
    assert_int_equal(status, 408);
    assert_true(sent > 1);
    rig_check_failure(rig, "/held", "client-stalled");
}

static void reader_that_is_slow_but_keeps_the_rate_gets_all(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[limits]\nmin_rate = 1\n[timeouts]\nstall = %ums\n",
                                check_slowed(300)));
    STUB_ON(stub, "/small", SEND("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n"), PATTERN(300));
    struct peer_options options = {.stream_window = 1, .window = 65535, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/small", NULL);
    for (uint64_t n = 1; n < 300; n++) {
        peer_until_bytes(p, id, n);
        peer_widen(p, id, 1);
    }
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->body_bytes, 300);
    assert_int_equal(s->error, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(requests_that_are_abandoned_at_once_are_limited),
        RIG_TEST(abandoning_now_and_then_is_not),
        RIG_TEST(resets_that_a_client_provokes_are_limited),
        RIG_TEST(frames_that_ask_for_nothing_are_limited),
        RIG_TEST(empty_data_is_limited),
        RIG_TEST(data_with_content_is_no_flood),
        RIG_TEST(continuations_are_limited),
        RIG_TEST(windows_for_what_was_sent_are_no_flood),
        RIG_TEST(heads_that_are_too_large_are_limited),
        RIG_TEST(a_head_of_many_times_the_limit_counts_as_many),
        RIG_TEST(trailers_that_are_too_large_are_limited),
        RIG_TEST(heads_of_refused_streams_are_limited),
        RIG_TEST(heads_after_the_last_stream_are_limited),
        RIG_TEST(resetting_pushes_is_a_clients_right),
        RIG_TEST(connections_of_one_address_are_limited),
        RIG_TEST(reader_that_drips_is_let_go),
        RIG_TEST(sender_that_drips_is_let_go),
        RIG_TEST(reader_that_is_slow_but_keeps_the_rate_gets_all),
    };
    return rig_run(tests);
}
