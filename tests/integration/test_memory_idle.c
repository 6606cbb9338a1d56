/* What idle clients, and a burst that is over, leave in the daemon's memory.
 * HEADSTART_CHECK_MEMORY=0 leaves the bounds on resident memory unchecked, for sanitizers and
 * valgrind. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum {
    IDLE = 150,
    IDLE_KIB = 26, /* of each: 22 are usual, 30 if none gives its pages back */
    ROUNDS = 2,
    BURST_PEERS = 5,
    BURST_STREAMS = 100,
    WAKES = 20,          /* of each: the daemon counts them as its work */
    BURST_KIB = 3 << 10, /* in blocks of the worker's caches */
    BODY_BYTES = 30000,
    WINDOW_BYTES = 65535,
    LOOK_MS = 20,
};

static bool is_checked(void)
{
    return check_env("HEADSTART_CHECK_MEMORY", 1) != 0;
}

static uint64_t resident_kib(const struct rig *rig)
{
    return daemon_memory_kib(rig->daemon, "RssAnon");
}

static void expect_fall_to(const struct rig *rig, uint64_t kib)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS), now;
    while ((now = resident_kib(rig)) > kib && check_left(deadline) > 0 && is_checked())
        poll(NULL, 0, LOOK_MS);
    print_message("resident: %llu KiB, at most %llu are wanted\n", (unsigned long long)now,
                  (unsigned long long)kib);
    if (now > kib && is_checked())
        fail_msg("%llu KiB stay resident, not %llu", (unsigned long long)now,
                 (unsigned long long)kib);
}

static struct stub *start(struct rig *rig)
{
    struct stub *stub = rig_start_alone(rig, "[limits]\nconnections_per_address = 0\n");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n"),
            PATTERN(BODY_BYTES));
    return stub;
}

static void fetch(struct peer *p)
{
    const struct peer_stream *s = peer_fetch(p, "/");
    assert_int_equal(s->status, 200);
    assert_int_equal(s->body_bytes, BODY_BYTES);
    assert_true(s->body_is_pattern);
}

static void idle_clients_take_little_memory_and_are_served_again(void **state)
{
    struct rig *rig = *state;
    struct peer *peers[IDLE];
    start(rig);
    fetch(rig_peer(rig, NULL));
    uint64_t before_kib = resident_kib(rig);
    for (size_t i = 0; i < IDLE; i++)
        peers[i] = rig_peer(rig, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < IDLE; i++)
            fetch(peers[i]);
        expect_fall_to(rig, before_kib + (uint64_t)IDLE * IDLE_KIB);
    }
}

/* All answers are in our memory at one time; the clients stay. */
static void what_a_burst_took_is_given_back_in_the_pause_after_it(void **state)
{
    struct rig *rig = *state;
    struct peer *peers[BURST_PEERS];
    struct stub *stub = start(rig);
    for (size_t i = 0; i < BURST_PEERS; i++) {
        const struct peer_options options = {.window = INT32_MAX};
        peers[i] = rig_peer(rig, &options);
        peer_set(peers[i], NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
        for (int n = 0; n < BURST_STREAMS; n++)
            peer_get(peers[i], "/", NULL);
        peer_settle(peers[i]);
    }
    stub_wait(stub, STUB_ANSWERED, BURST_PEERS * BURST_STREAMS);
    for (size_t i = 0; i < BURST_PEERS; i++) {
        peer_set(peers[i], NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES);
        peer_until_quiet(peers[i]);
    }
    uint64_t after_kib = resident_kib(rig);
    for (size_t n = 0; n < WAKES * BURST_PEERS; n++)
        fetch(peers[n % BURST_PEERS]);
    expect_fall_to(rig, after_kib - BURST_KIB);
    fetch(rig_peer(rig, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(idle_clients_take_little_memory_and_are_served_again),
        RIG_TEST(what_a_burst_took_is_given_back_in_the_pause_after_it),
    };
    return rig_run(tests);
}
