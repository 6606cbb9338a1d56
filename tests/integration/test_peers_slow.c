/* Clients that are slow, silent, or only ask: each is awaited for its time, and holds up nobody.
 * HEADSTART_CHECK_MEMORY=0 leaves the bound on resident memory unchecked, for sanitizers and
 * valgrind. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "rig.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

enum { LARGE_BYTES = 30000000 };

/* A daemon that awaits its clients for a short time, and whose origin has a /large body. */
static struct stub *start_impatient(struct rig *rig, unsigned stall_ms)
{
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\n", check_slowed(stall_ms)));
    STUB_ON(stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n"),
            PATTERN(LARGE_BYTES));
    return stub;
}

static void stream_whose_window_stays_closed_is_let_go(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start_impatient(rig, 300);
    struct peer_options options = {.stream_window = 65535, .window = 65535, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/large", NULL);
    peer_until_bytes(p, id, 65535);
    stub_wait(stub, STUB_CANCELLED, 1);
    rig_check_failure(rig, "/large", "client-stalled");
    assert_int_equal(peer_until_closed(p, id)->error, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(peer_stream(p, id)->body_bytes, 65535);
    /* The connection itself was read all the time. */
    peer_widen(p, 0, 65535);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

static void connection_that_is_not_read_is_closed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start_impatient(rig, 300);
    STUB_ON(stub, "/held", AWAIT(0));
    struct peer_options options = {
        .wire.receive_bytes = 4096, .stream_window = INT32_MAX, .window = INT32_MAX};
    struct peer *p = rig_peer(rig, &options);
    peer_get(p, "/held", NULL);
    peer_settle(p);
    int32_t id = peer_get(p, "/large", NULL);
    peer_until_head(p, id);
    /* From here on it reads nothing. That the request which waits for the origin ends too tells
     * that the whole connection does. */
    stub_wait(stub, STUB_CANCELLED, 2);
    rig_check_failure(rig, "/large", "client-stalled");
    rig_check_failure(rig, "/held", "client-stalled");
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_true(peer_stream(p, id)->body_bytes < LARGE_BYTES);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

static void end_that_a_closed_window_hides_is_awaited_for_its_time(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            AWAIT(0), SEND("0\r\n\r\n"));
    struct peer *p = rig_peer(rig, &(struct peer_options){.stream_window = 5, .manual = true});
    int32_t id = peer_get(p, "/", NULL);
    peer_until_bytes(p, id, 5);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, id)->error, NGHTTP2_INTERNAL_ERROR);
    rig_check_failure(rig, "/", "client-stalled");
}

static void break_that_a_closed_window_hides_is_told_at_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[timeouts]\nstall = 1h\n");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            AWAIT(0), CLOSE());
    struct peer *p = rig_peer(rig, &(struct peer_options){.stream_window = 5, .manual = true});
    int32_t id = peer_get(p, "/", NULL);
    peer_until_bytes(p, id, 5);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_true(s->reset);
    assert_int_equal(s->error, NGHTTP2_INTERNAL_ERROR);
    rig_check_failure(rig, "/", "origin-broken");
}

/* What the flood is made of: HEADERS, each of a new stream. */
enum {
    FLOOD_MOST = 1000000,
    FLOOD_BATCH = 1000,
    FLOOD_FRAME_BYTES = 15,
    FLOOD_GROWTH_KIB = 32 << 10,
    FLOOD_STILL_MS = 500,
};

/* GET https /, authority "a": as a HEADERS frame of `stream` with END_STREAM and END_HEADERS. */
static void put_request(char *to, uint32_t stream)
{
    static const char frame[FLOOD_FRAME_BYTES + 1] = "\0\0\6\1\5\0\0\0\0\x82\x87\x84\1\1a";
    memcpy(to, frame, FLOOD_FRAME_BYTES);
    for (int i = 0; i < 4; i++)
        to[5 + i] = (char)(stream >> (24 - 8 * i) & 0xff);
}

/* Writes all of it; false once the daemon takes nothing for a while, or has closed. */
static bool write_while_taken(struct wire *w, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t taken = channel_write(&w->channel, bytes, n);
        if (taken > 0) {
            bytes += taken;
            n -= (size_t)taken;
            continue;
        }
        struct pollfd polled = {w->channel.fd, w->channel.wants, 0};
        if (taken != CHANNEL_AGAIN || poll(&polled, 1, (int)check_slowed(FLOOD_STILL_MS)) <= 0)
            return false;
    }
    return true;
}

/* Floods, and asks as another client from time to time. */
static void flood(struct wire *w, struct peer *other, uint32_t stream)
{
    static char batch[FLOOD_BATCH * FLOOD_FRAME_BYTES];
    for (int sent = 0; sent < FLOOD_MOST; sent += FLOOD_BATCH) {
        for (int i = 0; i < FLOOD_BATCH; i++, stream += 2)
            put_request(batch + i * FLOOD_FRAME_BYTES, stream);
        if (!write_while_taken(w, batch, sizeof(batch)))
            break;
        if (sent % (50 * FLOOD_BATCH) == 0)
            assert_int_equal(peer_fetch(other, "/other")->status, 200);
    }
    assert_int_equal(peer_fetch(other, "/other")->status, 200);
}

static void check_growth(struct rig *rig, uint64_t before_kib)
{
    const char *wanted = getenv("HEADSTART_CHECK_MEMORY");
    if (wanted && strcmp(wanted, "0") == 0)
        return;
    uint64_t kib = daemon_memory_kib(rig->daemon, "VmHWM") - before_kib;
    if (kib >= FLOOD_GROWTH_KIB)
        fail_msg("the daemon took %llu KiB more", (unsigned long long)kib);
}

static void client_that_asks_and_never_reads_is_held_back_and_closed(void **state)
{
    static const char preface[] = PREFACE;
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig,
                                "[origin app]\n%s[limits]\nstreams = 1\nidle_frames = 1000000\n"
                                "[timeouts]\nstall = %ums\n",
                                rig_url(rig, stub), check_slowed(2000));
    /* The other client is of the same worker. */
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    STUB_ON(stub, "/", AWAIT(0));
    struct peer *other = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(other, "/other")->status, 200);
    uint64_t before = daemon_memory_kib(rig->daemon, "VmHWM");
    struct wire_options options = {.port = daemon_port(rig->daemon, 0), .receive_bytes = 4096};
    struct wire *w = wire_connect(&options);
    /* The first takes the only stream there is; all later ones are refused, one by one. */
    char first[FLOOD_FRAME_BYTES];
    put_request(first, 1);
    bool fine = wire_handshake(w) && wire_write(w, preface, sizeof(preface) - 1) &&
                wire_write(w, first, sizeof(first)) &&
                stub_reaches(stub, STUB_REQUESTS, 2, CHECK_SOON_MS);
    if (fine)
        flood(w, other, 3);
    bool closed = stub_reaches(stub, STUB_CANCELLED, 1, CHECK_SOON_MS);
    wire_free(w);
    assert_true(fine);
    check_growth(rig, before);
    assert_true(closed);
    rig_check_failure(rig, "/", "client-stalled");
    assert_int_equal(peer_fetch(other, "/other")->status, 200);
}

/* Returns when a head that was begun now and never completed has been given up: as late as any
 * other that is awaited now. */
static void await_header_timeout(struct rig *rig)
{
    static const char half[] = PREFACE "\0\0\1\1\0\0\0\0\1\x82";
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct wire *w = wire_connect(&options);
    bool ended =
        wire_handshake(w) && wire_write(w, half, sizeof(half) - 1) && wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
    assert_true(ended);
}

static void refused_request_is_no_head_that_is_awaited(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nheader = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/slow", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t slow = peer_get(p, "/slow", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    int32_t bad = peer_get(p, "/bad", FIELDS("connection", "x"));
    assert_int_equal(peer_until_closed(p, bad)->error, NGHTTP2_PROTOCOL_ERROR);
    await_header_timeout(rig);
    peer_settle(p);
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, slow)->status, 200);
}

/* Who waits for 100 waits for the origin. */
static void client_that_waits_for_100_is_not_blamed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\nresponse = %ums\n",
                                                check_slowed(200), check_slowed(600)));
    STUB_ON(stub, "/held", AWAIT(0));
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_HEADERS, HEAD_OF("POST", "/held") "expect: 100-continue\n"));
    bool ended = frames_until(f, frames_has_end, 1);
    unsigned status = f->streams[1].status;
    frames_close(f);
    assert_true(ended);
    assert_int_equal(status, 504);
    rig_check_failure(rig, "/held", "origin-timeout");
}

/* The answer has begun, the request has not ended: both sides may be silent for a while. */
static void talk_may_pause(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\n", check_slowed(100)));
    STUB_ON(stub, "/talk", BODY(1), SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"), AWAIT(0),
            SEND("b"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/talk",
                                                     .body = true,
                                                     .body_bytes = 100,
                                                     .body_hold_at = 10});
    peer_until_bytes(p, id, 1);
    peer_until_still(p); /* three times as long as the client alone might be awaited */
    stub_open(stub, 0);
    peer_until_bytes(p, id, 2);
    assert_int_equal(peer_stream(p, id)->status, 200);
    assert_true(peer_until_closed(p, id)->ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(stream_whose_window_stays_closed_is_let_go),
        RIG_TEST(connection_that_is_not_read_is_closed),
        RIG_TEST(end_that_a_closed_window_hides_is_awaited_for_its_time),
        RIG_TEST(break_that_a_closed_window_hides_is_told_at_once),
        RIG_TEST(client_that_asks_and_never_reads_is_held_back_and_closed),
        RIG_TEST(refused_request_is_no_head_that_is_awaited),
        RIG_TEST(client_that_waits_for_100_is_not_blamed),
        RIG_TEST(talk_may_pause),
    };
    return rig_run(tests);
}
