/* Connections by the thousand that say nothing, and what happens when descriptors run out. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "rig.h"

enum {
    SILENT = 1200,
    SHAKEN = 50, /* of these have done their handshake */
    OWN = 200,   /* descriptors that the test itself needs besides */
};

/* Connections on which nothing was said. */
struct crowd {
    int fds[SILENT];
    size_t len;
};

static int dial(struct rig *rig)
{
    int fd = check_dial(daemon_port(rig->daemon, 0));
    if (fd < 0)
        fail_msg("cannot connect: %s", strerror(errno));
    return fd;
}

static void crowd_come(struct crowd *crowd, struct rig *rig, size_t n)
{
    while (crowd->len < n)
        crowd->fds[crowd->len++] = dial(rig);
}

static void crowd_leave(struct crowd *crowd)
{
    while (crowd->len > 0)
        close(crowd->fds[--crowd->len]);
}

/* The daemon has ended all of them. */
static bool crowd_ends(struct crowd *crowd)
{
    uint64_t deadline = check_deadline(2 * CHECK_SOON_MS);
    for (size_t i = 0; i < crowd->len; i++) {
        char byte;
        struct pollfd polled = {crowd->fds[i], POLLIN, 0};
        if (poll(&polled, 1, check_left(deadline)) <= 0 || recv(crowd->fds[i], &byte, 1, 0) > 0)
            return false;
    }
    return true;
}

/* How many silent connections the system lets the test, and the daemon, have. */
static size_t silent_most(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * OWN)
        fail_msg("too few descriptors for any test");
    return limit.rlim_cur - OWN < SILENT ? limit.rlim_cur - OWN : SILENT;
}

static void connections_that_say_nothing_are_ended_and_cost_nobody(void **state)
{
    struct rig *rig = *state;
    struct crowd crowd = {.len = 0};
    struct wire *shaken[SHAKEN];
    rig_start(rig, rig_text(rig,
                            "[limits]\nconnections_per_address = 0\n[timeouts]\nhandshake = %ums\n"
                            "header = %ums\n",
                            check_slowed(3000), check_slowed(3000)));
    struct peer *neighbour = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    size_t before = daemon_descriptors(rig->daemon, INT32_MAX);
    size_t n = silent_most() - SHAKEN;
    for (size_t i = 0; i < SHAKEN; i++) {
        shaken[i] = wire_connect(&(struct wire_options){.port = daemon_port(rig->daemon, 0)});
        assert_true(wire_handshake(shaken[i]));
    }
    for (size_t i = 0; crowd.len < n; i++) {
        crowd_come(&crowd, rig, crowd.len + 100 < n ? crowd.len + 100 : n);
        assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    }
    bool ended = crowd_ends(&crowd);
    bool shaken_ended = true;
    for (size_t i = 0; i < SHAKEN; i++) {
        shaken_ended = wire_ends(shaken[i], CHECK_SOON_MS) && shaken_ended;
        wire_free(shaken[i]);
    }
    crowd_leave(&crowd);
    assert_true(ended);
    assert_true(shaken_ended);
    assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    assert_true(daemon_descriptors_fall_to(rig->daemon, before));
}

/* Leaves the daemon `n` descriptors more than it has. Those of valgrind are far above. */
static void leave_descriptors(struct rig *rig, size_t n)
{
    rlim_t most = daemon_descriptors(rig->daemon, 500) + n;
    struct rlimit limit = {most, most};
    if (prlimit(daemon_pid(rig->daemon), RLIMIT_NOFILE, &limit, NULL) < 0)
        fail_msg("prlimit: %s", strerror(errno));
}

/* Seconds of CPU that the daemon has used, in ticks. */
static uint64_t cpu_ticks(struct rig *rig)
{
    char *path = check_printf("/proc/%d/stat", daemon_pid(rig->daemon));
    char *text = check_read_file(path);
    free(path);
    assert_non_null(text);
    /* The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
     */
    char *at = strrchr(text, ')');
    uint64_t ticks = 0;
    for (int field = 0; at && field < 13; field++) {
        at = strchr(at + 1, ' ');
        if (at && field >= 11)
            ticks += strtoull(at, NULL, 10);
    }
    free(text);
    assert_non_null(at);
    return ticks;
}

/* Where it grew as connections come, each growth would hold up all of a worker's clients. */
static void table_of_descriptors_has_its_size_from_the_start(void **state)
{
    struct rig *rig = *state;
    rig_start_alone(rig, "");
    uint64_t limit = daemon_number(rig->daemon, "limits", "Max open files"), most = 65536;
    assert_true(daemon_number(rig->daemon, "status", "FDSize:") >= (limit < most ? limit : most));
}

static size_t times_said(struct rig *rig, const char *what)
{
    char *messages = daemon_messages(rig->daemon);
    size_t n = 0;
    for (const char *at = messages; (at = strstr(at, what)); at++)
        n++;
    free(messages);
    return n;
}

static void accepting_pauses_without_descriptors_and_comes_back(void **state)
{
    enum { LEFT = 10, COME = 40 };
    struct rig *rig = *state;
    struct crowd crowd = {.len = 0};
    rig_start_alone(rig, "[timeouts]\nhandshake = 1h\n");
    struct peer *neighbour = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    leave_descriptors(rig, LEFT);
    crowd_come(&crowd, rig, COME);
    bool paused = daemon_says(rig->daemon, "cannot accept clients on ", CHECK_SOON_MS);
    assert_true(paused);

    uint64_t ticks = cpu_ticks(rig), since = check_now_ms();
    peer_until_still(neighbour);
    peer_until_still(neighbour);
    peer_until_still(neighbour);
    uint64_t used_ms = (cpu_ticks(rig) - ticks) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t passed_ms = check_now_ms() - since;
    if (used_ms > passed_ms / 2)
        fail_msg("%llu ms of CPU in %llu ms", (unsigned long long)used_ms,
                 (unsigned long long)passed_ms);
    for (int i = 0; i < 20; i++)
        assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    /* One line in ten seconds. */
    assert_in_range(times_said(rig, "cannot accept clients"), 1, 1 + check_slowed(2));

    crowd_leave(&crowd);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

static void origin_that_cannot_be_dialed_for_want_of_descriptors_is_a_502(void **state)
{
    enum { LEFT = 10, COME = 40 };
    struct rig *rig = *state;
    struct crowd crowd = {.len = 0};
    struct stub *stub = rig_start_alone(rig, "[timeouts]\nhandshake = 1h\n");
    STUB_ON(stub, "/held", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct peer *neighbour = rig_peer(rig, NULL);
    int32_t held = peer_get(neighbour, "/held", NULL);
    peer_settle(neighbour);
    stub_wait(stub, STUB_REQUESTS, 1);
    leave_descriptors(rig, LEFT);
    crowd_come(&crowd, rig, COME);
    assert_true(daemon_says(rig->daemon, "cannot accept clients on ", CHECK_SOON_MS));
    for (int i = 0; i < 20; i++) {
        unsigned status = peer_fetch(neighbour, "/dial")->status;
        if (status != 502 && status != 503)
            fail_msg("status %u", status);
    }
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(neighbour, held)->status, 200);
    /* The connection that was busy serves again. */
    assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
    crowd_leave(&crowd);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

/* The daemon starts with `n` descriptors at most. */
static struct stub *start_with_descriptors(struct rig *rig, unsigned n)
{
    if (getenv("HEADSTART_WRAPPER"))
        skip(); /* needs descriptors of its own */
    setenv("HEADSTART_WRAPPER", rig_text(rig, "prlimit --nofile=%u:%u", n, n), 1);
    struct stub *stub = rig_start_alone(rig, "[timeouts]\nhandshake = 1h\n");
    unsetenv("HEADSTART_WRAPPER");
    return stub;
}

static void clients_leave_descriptors_to_connections_with_the_origin(void **state)
{
    enum { MOST = 80, COME = 120, HELD = 4 };
    struct rig *rig = *state;
    struct crowd crowd = {.len = 0};
    struct stub *stub = start_with_descriptors(rig, MOST);
    STUB_ON(stub, "/held", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct peer *neighbour = rig_peer(rig, NULL);
    peer_settle(neighbour);
    crowd_come(&crowd, rig, COME);
    assert_true(daemon_says(rig->daemon, "cannot accept clients on ", CHECK_SOON_MS));
    int32_t held[HELD];
    for (int i = 0; i < HELD; i++)
        held[i] = peer_get(neighbour, "/held", NULL);
    peer_settle(neighbour);
    stub_wait(stub, STUB_RUNNING, HELD);
    stub_open(stub, 0);
    for (int i = 0; i < HELD; i++)
        assert_int_equal(peer_until_closed(neighbour, held[i])->status, 200);
    crowd_leave(&crowd);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

static void renegotiation_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_start_alone(rig, "");
    struct peer *neighbour = rig_peer(rig, NULL);
    struct wire_options options = {.port = daemon_port(rig->daemon, 0), .version = TLS1_2_VERSION};
    struct wire *w = wire_connect(&options);
    char settings[1024];
    bool shaken = wire_handshake(w) && SSL_version(w->channel.ssl) == TLS1_2_VERSION &&
                  wire_read(w, settings, sizeof(settings), CHECK_SOON_MS) > 0;
    bool asked = shaken && SSL_renegotiate(w->channel.ssl) == 1;
    bool renegotiated = asked && wire_handshake(w);
    int alert = w->alert;
    bool ended = wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
    assert_true(shaken);
    assert_true(asked);
    assert_true(ended);
    assert_false(renegotiated);
    assert_int_equal(alert, SSL_AD_NO_RENEGOTIATION);
    assert_int_equal(peer_fetch(neighbour, "/alive")->status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(connections_that_say_nothing_are_ended_and_cost_nobody),
        RIG_TEST(table_of_descriptors_has_its_size_from_the_start),
        RIG_TEST(accepting_pauses_without_descriptors_and_comes_back),
        RIG_TEST(origin_that_cannot_be_dialed_for_want_of_descriptors_is_a_502),
        RIG_TEST(clients_leave_descriptors_to_connections_with_the_origin),
        RIG_TEST(renegotiation_is_refused),
    };
    return rig_run(tests);
}
