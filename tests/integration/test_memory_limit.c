/* What one connection, and all connections together, can make the daemon hold: the figures of
 * docs/security.md, by the daemon's own count (limits.memory), which is held against resident
 * memory. HEADSTART_CHECK_MEMORY=0 leaves resident memory unchecked, for sanitizers and valgrind.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "hpack.h"

enum {
    KIB = 1 << 10,
    MIB = 1 << 20,
    STREAMS = 100,
    STREAM_KIB = 40,       /* of a stream that is not read */
    FLOW_STREAM_KIB = 72,  /* of one that is not read any more */
    HEADS_KIB = 4 << 10,   /* of all heads of a connection */
    ONE_HEAD_KIB = 192,    /* of one: decoded, with its copies, and what is left of each block */
    CONNECTION_KIB = 1024, /* apart from its streams, and what the worker keeps for the next ones */
    STEP_KIB = 64,         /* that an account may not have passed on */
    LARGE_BYTES = 4 << 20,
    SMALL_BYTES = 1000,
    START_BYTES = 40000,
    ATTACKERS = 1000,
    ATTACKER_STREAMS = 20,
    UNCOUNTED_KIB = 16, /* of an attacker: OpenSSL, libevent, the holes of the heap */
    LOOK_MS = 20,
};

#define ADMIN       "[admin]\naddress = 127.0.0.1:0\n"
#define WINDOW_ZERO SETTINGS("\0\4\0\0\0\0")

static struct stub *start(struct rig *rig, const char *conf)
{
    struct stub *stub = rig_start_alone(rig, rig_text(rig, "%s" ADMIN, conf));
    STUB_ON(stub, "/l", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"),
            PATTERN(LARGE_BYTES));
    STUB_ON(stub, "/s", SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            PATTERN(SMALL_BYTES));
    STUB_ON(stub, "/held", AWAIT(0), SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    return stub;
}

static uint64_t held_kib(struct rig *rig)
{
    return daemon_metric(rig->daemon, "memory_bytes") / KIB;
}

static void until_held(struct rig *rig, uint64_t least_kib, uint64_t most_kib)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS), kib;
    while (((kib = held_kib(rig)) < least_kib || kib > most_kib) && check_left(deadline) > 0)
        poll(NULL, 0, LOOK_MS);
    print_message("held: %llu KiB\n", (unsigned long long)kib);
    if (kib < least_kib || kib > most_kib)
        fail_msg("%llu KiB are held, not %llu to %llu", (unsigned long long)kib,
                 (unsigned long long)least_kib, (unsigned long long)most_kib);
}

static bool is_answered(struct rig *rig, unsigned status)
{
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_BOTH, HEAD_OF("GET", "/s")));
    bool ended = frames_until(f, frames_has_end, 1) && f->streams[1].status == status;
    frames_close(f);
    return ended;
}

static void until_answered(struct rig *rig, unsigned status)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    while (!is_answered(rig, status)) {
        if (check_left(deadline) == 0)
            fail_msg("no request is answered with %u", status);
        poll(NULL, 0, LOOK_MS);
    }
}

/* One connection. */

static void streams_that_are_not_read_are_held_in_40_kib_each(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, "");
    uint64_t before = held_kib(rig);
    struct peer *p = rig_peer(rig, &(struct peer_options){.manual = true});
    peer_set(p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    for (int n = 0; n < STREAMS; n++)
        peer_get(p, "/l", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, STREAMS);
    peer_until_still(p);
    until_held(rig, before + STREAMS * STREAM_KIB / 2,
               before + STREAMS * STREAM_KIB + CONNECTION_KIB);
}

/* One after the other: the small buffer of each goes to the next, and none is kept besides. */
static void streams_that_are_not_read_any_more_are_held_in_72_kib_each(void **state)
{
    struct rig *rig = *state;
    start(rig, "");
    uint64_t before = held_kib(rig);
    struct peer *p = rig_peer(
        rig,
        &(struct peer_options){.manual = true, .stream_window = START_BYTES, .window = INT32_MAX});
    for (int n = 0; n < STREAMS; n++)
        peer_until_bytes(p, peer_get(p, "/l", NULL), START_BYTES);
    peer_until_still(p);
    until_held(rig, before + STREAMS * STREAM_KIB,
               before + STREAMS * FLOW_STREAM_KIB + CONNECTION_KIB);
}

static struct frames *holder(struct rig *rig, unsigned streams, char letter)
{
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, WINDOW_ZERO);
    for (unsigned n = 0; n < streams; n++)
        hpack_put_get(f, 2 * n + 1, letter, n == 0, HPACK_FULL_FIELDS);
    return f;
}

/* 8 KB on the wire, 6.4 MB when it is decoded, and as much in the requests to the origin. */
static void heads_of_a_connection_are_held_in_4_mib(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, "");
    uint64_t before = held_kib(rig);
    struct frames *f = holder(rig, STREAMS, 'l');
    assert_true(f->out.len < 8000);
    bool settled = frames_settle(f);
    unsigned refused = f->resets;
    unsigned served = stub_reaches(stub, STUB_REQUESTS, STREAMS - refused, CHECK_SOON_MS);
    uint64_t most = before + HEADS_KIB + ONE_HEAD_KIB + STREAMS * STREAM_KIB + CONNECTION_KIB;
    if (settled && served && refused > 0)
        until_held(rig, before + HEADS_KIB / 2, most);
    uint64_t counted = daemon_metric(rig->daemon, "streams_refused_total");
    /* What it lets go makes room. */
    for (unsigned n = 0; n < STREAMS / 2; n++)
        FRAMES_PUT(f, CANCEL(2 * n + 1));
    bool fine = frames_settle(f);
    hpack_put_get(f, 2 * STREAMS + 1, 'h', false, HPACK_FULL_FIELDS);
    fine = fine && frames_settle(f) && f->resets == refused;
    frames_close(f);
    assert_true(settled && served);
    assert_in_range(refused, 1, STREAMS - 1);
    assert_int_equal(counted, refused);
    assert_true(fine);
    assert_true(is_answered(rig, 200));
}

static void a_refused_stream_may_be_asked_for_again(void **state)
{
    struct rig *rig = *state;
    start(rig, "");
    struct frames *f = holder(rig, 63, 'l');
    bool settled = frames_settle(f);
    unsigned refused = 0;
    for (unsigned n = 0; n < 63; n++) {
        const struct frames_stream *s = &f->streams[2 * n + 1];
        refused += s->reset && s->reset_code == NGHTTP2_REFUSED_STREAM;
    }
    bool all = refused == f->resets;
    frames_close(f);
    assert_true(settled);
    assert_true(refused > 0 && all);
}

/* All connections. */

static void expect_growth_below(struct rig *rig, uint64_t before_kib, uint64_t most_kib)
{
    uint64_t kib = daemon_memory_kib(rig->daemon, "VmHWM") - before_kib;
    print_message("resident: %llu KiB more, at most %llu are wanted\n", (unsigned long long)kib,
                  (unsigned long long)most_kib);
    if (check_env("HEADSTART_CHECK_MEMORY", 1) && kib > most_kib)
        fail_msg("the daemon took %llu KiB more", (unsigned long long)kib);
}

/* All that one address may have: without the limit they held gigabytes. */
static void a_thousand_connections_are_held_in_the_limit(void **state)
{
    enum {
        LIMIT_MIB = 64,
        SECOND_MIB = 32 /* what comes before anything has waited for a second */
    };
    struct rig *rig = *state;
    static struct frames *attackers[ATTACKERS];
    start(
        rig,
        "[limits]\nmemory = 64m\nconnections_per_address = 0\n[timeouts]\nqueue = 10m\ngrace = 0s\n");
    assert_int_equal(daemon_metric(rig->daemon, "memory_limit_bytes"), LIMIT_MIB * MIB);
    uint64_t before_kib = daemon_memory_kib(rig->daemon, "VmHWM"), most_kib = 0;
    unsigned greeted = 0;
    for (unsigned n = 0; n < ATTACKERS; n++) {
        attackers[n] = frames_greet(rig);
        FRAMES_PUT(attackers[n], WINDOW_ZERO);
        for (unsigned i = 0; i < ATTACKER_STREAMS; i++)
            hpack_put_get(attackers[n], 2 * i + 1, i % 2 ? 'l' : 's', i == 0, HPACK_FULL_FIELDS);
        greeted += frames_settle(attackers[n]);
        if (n % 50 == 49) {
            uint64_t kib = held_kib(rig);
            most_kib = kib > most_kib ? kib : most_kib;
        }
    }
    uint64_t refused = daemon_metric(rig->daemon, "memory_refused_total");
    uint64_t yielded = daemon_metric(rig->daemon, "memory_yielded_total");
    for (unsigned n = 0; n < ATTACKERS; n++)
        frames_close(attackers[n]);
    until_answered(rig, 200); /* not before: without `grace` what memory spares keeps the origin */
    print_message("%u greeted, %llu refused, %llu yielded, %llu KiB counted at most\n", greeted,
                  (unsigned long long)refused, (unsigned long long)yielded,
                  (unsigned long long)most_kib);
    assert_true(refused > 0 && yielded > 0);
    assert_true(most_kib < (LIMIT_MIB + SECOND_MIB) * KIB);
    expect_growth_below(rig, before_kib,
                        (LIMIT_MIB + SECOND_MIB) * KIB + (uint64_t)ATTACKERS * UNCOUNTED_KIB);
    assert_true(daemon_says(rig->daemon, "limits.memory", 0));
}

/* Holds more than 8 MiB: each of its streams has a head, and an answer that nobody takes. */
enum { HOLDERS = 8 };

static void open_holders(struct rig *rig, struct frames *holders[HOLDERS], unsigned streams)
{
    for (unsigned n = 0; n < HOLDERS; n++) {
        holders[n] = holder(rig, streams, 'l');
        if (!frames_settle(holders[n]))
            fail_msg("holder %u is not served", n);
    }
}

static void close_holders(struct frames *holders[HOLDERS])
{
    for (unsigned n = 0; n < HOLDERS; n++)
        frames_close(holders[n]);
}

/* RST_STREAM with ENHANCE_YOUR_CALM; what was not answered yet gets 408. */
static unsigned yielded(struct frames *f, unsigned streams)
{
    unsigned n = 0;
    frames_settle(f);
    for (unsigned i = 0; i < streams; i++) {
        const struct frames_stream *s = &f->streams[2 * i + 1];
        n += (s->reset && s->reset_code == NGHTTP2_ENHANCE_YOUR_CALM) || s->status == 408;
    }
    return n;
}

/* Refused before anything has waited long enough to give way; nothing of the answer is kept for a
 * client without a window. */
static void new_requests_get_503_while_memory_is_over(void **state)
{
    enum { EACH = 40 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    start(rig, "[limits]\nmemory = 4m\n");
    open_holders(rig, holders, EACH);
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, WINDOW_ZERO);
    FRAMES_PUT(f, HEADERS(1, END_BOTH, HEAD_OF("GET", "/refused")));
    bool ended = frames_until(f, frames_has_end, 1);
    unsigned status = f->streams[1].status;
    frames_close(f);
    assert_true(ended);
    assert_int_equal(status, 503);
    rig_check_failure(rig, "/refused", "memory-refused");
    until_answered(rig, 200);
    close_holders(holders);
    assert_true(daemon_metric(rig->daemon, "memory_refused_total") > 0);
}

/* Starts the daemon without a limit; one comes with a reload. */
static struct stub *start_without_limit(struct rig *rig)
{
    struct stub *stub = rig_stub(rig, NULL);
    STUB_ON(stub, "/l", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"),
            PATTERN(LARGE_BYTES));
    STUB_ON(stub, "/s", SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            PATTERN(SMALL_BYTES));
    STUB_ON(stub, "/u", BODY(0));
    const char *conf =
        rig_text(rig, "[limits]\nmemory = 0\n[origin app]\n%s" ADMIN, rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    assert_int_equal(daemon_metric(rig->daemon, "memory_limit_bytes"), 0);
    return stub;
}

static void set_limit(struct rig *rig, unsigned mib)
{
    const char *conf = rig_text(rig, "[limits]\nmemory = %um\n[origin app]\n%s" ADMIN, mib,
                                rig_url(rig, rig->stubs[0]));
    daemon_reload(rig->daemon, rig->dir, &(struct daemon_setup){.top = "workers = 1", .conf = conf},
                  true);
    assert_int_equal(daemon_metric(rig->daemon, "memory_limit_bytes"), mib * MIB);
}

static void who_moves_bytes_stays(void **state)
{
    enum { EACH = 20, STEP = 40000, STEPS = 50, STEP_MS = 40 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    start_without_limit(rig);
    struct peer *reader = rig_peer(
        rig, &(struct peer_options){.manual = true, .stream_window = 65535, .window = INT32_MAX});
    int32_t id = peer_get(reader, "/l", NULL);
    peer_until_head(reader, id);
    open_holders(rig, holders, EACH);
    set_limit(rig, 8);
    for (uint64_t n = 1; n < STEPS; n++) {
        peer_until_bytes(reader, id, n * STEP);
        peer_widen(reader, id, STEP);
        poll(NULL, 0, STEP_MS);
    }
    until_held(rig, 0, 8 << 10);
    peer_widen(reader, id, LARGE_BYTES);
    const struct peer_stream *s = peer_until_closed(reader, id);
    close_holders(holders);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, LARGE_BYTES);
    assert_true(daemon_metric(rig->daemon, "memory_yielded_total") > 0);
}

static void what_is_not_taken_gives_way_and_the_oldest_first(void **state)
{
    enum { EACH = 20, LIMIT = 8 << 10 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    start_without_limit(rig);
    open_holders(rig, holders, EACH);
    until_held(rig, LIMIT + LIMIT / 4, UINT64_MAX);
    set_limit(rig, 8);
    until_held(rig, 0, LIMIT);
    until_answered(rig, 200); /* a connection more may be over the limit again, for a moment */
    unsigned first = yielded(holders[0], EACH), last = yielded(holders[HOLDERS - 1], EACH);
    close_holders(holders);
    assert_true(first > EACH / 2);
    assert_true(last < first);
}

/* The origin has taken what came, and awaits more, as we do. */
static void uploads_that_stop_give_way(void **state)
{
    enum { CLIENTS = 3, UPLOADS = 60, PIECE = 16000 };
    struct rig *rig = *state;
    struct stub *stub = start_without_limit(rig);
    struct frames *clients[CLIENTS];
    for (unsigned c = 0; c < CLIENTS; c++) {
        clients[c] = frames_greet(rig);
        for (uint32_t n = 0; n < UPLOADS; n++) {
            FRAMES_PUT(clients[c], HEADERS(2 * n + 1, END_HEADERS, HEAD_OF("POST", "/u")));
            FRAMES_PUT(clients[c], FILLED(NGHTTP2_DATA, 0, 2 * n + 1, PIECE));
        }
        frames_send(clients[c]);
    }
    stub_wait(stub, STUB_REQUESTS, (size_t)CLIENTS * UPLOADS);
    set_limit(rig, 1);
    until_held(rig, 0, 1 << 10);
    unsigned gone = yielded(clients[0], UPLOADS);
    for (unsigned c = 0; c < CLIENTS; c++)
        frames_close(clients[c]);
    assert_true(gone > 0);
    rig_check_failure(rig, "/u", "memory-yielded");
}

/* A head of which the end does not come holds what has come. */
static void heads_that_do_not_end_give_way(void **state)
{
    enum { HEADS = 60 };
    struct rig *rig = *state;
    struct frames *waiting[HEADS];
    start(rig, "[limits]\nmemory = 4m\n");
    for (unsigned n = 0; n < HEADS; n++) {
        waiting[n] = frames_greet(rig);
        hpack_put_open(waiting[n], 1, 's', HPACK_FULL_FIELDS);
        frames_send(waiting[n]);
    }
    until_answered(rig, 200);
    bool ended = frames_until(waiting[0], frames_is_over, 0);
    uint32_t code = waiting[0]->goaway_code;
    for (unsigned n = 0; n < HEADS; n++)
        frames_close(waiting[n]);
    assert_true(ended);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Nobody of them reads, and none of their sockets takes a byte more. */
static void sockets_that_take_nothing_give_way(void **state)
{
    enum { UNREAD = 40 };
    struct rig *rig = *state;
    start(rig, "[limits]\nmemory = 4m\n[timeouts]\ngrace = 0s\n");
    struct peer *peers[UNREAD];
    for (unsigned n = 0; n < UNREAD; n++) {
        peers[n] = rig_peer(rig, &(struct peer_options){.manual = true,
                                                        .stream_window = INT32_MAX,
                                                        .window = INT32_MAX,
                                                        .wire.receive_bytes = 4096});
        for (int i = 0; i < 4; i++)
            peer_get(peers[n], "/l", NULL);
        peer_ping(peers[n]);
    }
    until_answered(rig, 200);
    until_held(rig, 0, 4 << 10);
    assert_true(daemon_metric(rig->daemon, "memory_yielded_total") > 0);
}

/* They have no request, and wait for none. */
static void idle_connections_are_closed_last(void **state)
{
    enum { IDLE = 100 };
    struct rig *rig = *state;
    struct frames *idle[IDLE];
    start(rig, "[limits]\nmemory = 2m\nconnections_per_address = 0\n");
    for (unsigned n = 0; n < IDLE; n++) {
        idle[n] = frames_greet(rig);
        if (!frames_settle(idle[n]))
            fail_msg("connection %u is not served", n);
    }
    until_answered(rig, 200);
    until_held(rig, 0, 2 << 10);
    bool ended = frames_until(idle[0], frames_is_over, 0) && idle[0]->goaway;
    uint32_t code = idle[0]->goaway_code;
    bool last = frames_settle(idle[IDLE - 1]);
    for (unsigned n = 0; n < IDLE; n++)
        frames_close(idle[n]);
    assert_true(ended && last);
    assert_int_equal(code, NGHTTP2_NO_ERROR);
}

/* The memory is held by workers to which nothing happens. */
static void workers_that_sleep_give_way_too(void **state)
{
    enum { EACH = 20 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf =
        rig_text(rig, "[origin app]\n%s[limits]\nmemory = 8m\n[timeouts]\ngrace = 0s\n" ADMIN,
                 rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 4", .conf = conf});
    STUB_ON(stub, "/l", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"),
            PATTERN(LARGE_BYTES));
    open_holders(rig, holders, EACH);
    until_held(rig, 0, 8 << 10);
    close_holders(holders);
    assert_true(daemon_metric(rig->daemon, "memory_yielded_total") > 0);
}

static void a_reload_may_change_the_limit(void **state)
{
    enum { EACH = 20 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    start_without_limit(rig);
    open_holders(rig, holders, EACH);
    until_held(rig, 9 << 10, UINT64_MAX);
    set_limit(rig, 8);
    until_held(rig, 0, 8 << 10);
    close_holders(holders);
}

/* Promises are made for the client's sake, and can be left out. */
static void nothing_is_pushed_while_memory_is_over(void **state)
{
    enum { EACH = 40 };
    struct rig *rig = *state;
    struct frames *holders[HOLDERS];
    struct stub *stub = start(rig, "[limits]\nmemory = 4m\n");
    STUB_ON(stub, "/page", AWAIT(1),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: </s>;rel=preload\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/page", NULL);
    peer_settle(p);
    open_holders(rig, holders, EACH);
    stub_open(stub, 1);
    const struct peer_stream *s = peer_until_closed(p, id);
    close_holders(holders);
    assert_int_equal(s->status, 200);
    assert_int_equal(peer_pushes(p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(streams_that_are_not_read_are_held_in_40_kib_each),
        RIG_TEST(streams_that_are_not_read_any_more_are_held_in_72_kib_each),
        RIG_TEST(heads_of_a_connection_are_held_in_4_mib),
        RIG_TEST(a_refused_stream_may_be_asked_for_again),
        RIG_TEST(a_thousand_connections_are_held_in_the_limit),
        RIG_TEST(what_is_not_taken_gives_way_and_the_oldest_first),
        RIG_TEST(new_requests_get_503_while_memory_is_over),
        RIG_TEST(who_moves_bytes_stays),
        RIG_TEST(uploads_that_stop_give_way),
        RIG_TEST(heads_that_do_not_end_give_way),
        RIG_TEST(sockets_that_take_nothing_give_way),
        RIG_TEST(idle_connections_are_closed_last),
        RIG_TEST(workers_that_sleep_give_way_too),
        RIG_TEST(a_reload_may_change_the_limit),
        RIG_TEST(nothing_is_pushed_while_memory_is_over),
    };
    return rig_run(tests);
}
