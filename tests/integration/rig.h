/* rig.h - what one test has set up: a directory, stubs, the daemon, peers.
 * Owns all of it: the teardown ends it in the right order, also after a test that failed half-way,
 * and fails the test if the daemon did not end well. Each test is declared with RIG_TEST(). */
#ifndef RIG_H
#define RIG_H

#include "check.h"
#include "daemon.h"
#include "peer.h"
#include "stub.h"

enum {
    RIG_STUBS = 4,
    RIG_PEERS = 256,
    RIG_TEXTS = 256,
};

struct rig {
    const char *dir; /* with main.pem, main.key, other.pem, other.key, ca.pem */
    struct stub *stubs[RIG_STUBS];
    struct daemon *daemon;
    struct peer *peers[RIG_PEERS];
    char *texts[RIG_TEXTS];
    size_t stubs_len, peers_len, texts_len;
};

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)
/* Runs the tests with the directory that they share. */
#define rig_run(tests) cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown)

int rig_group_setup(void **state);
int rig_group_teardown(void **state);
int rig_setup(void **state);
int rig_teardown(void **state);

/* Formatted text that lives as long as the test. */
const char *rig_text(struct rig *rig, const char *fmt, ...) CHECK_PRINTF(2, 3);
/* A stub; `options` NULL: plain http. */
struct stub *rig_stub(struct rig *rig, const struct stub_options *options);
/* Starts the daemon. */
void rig_daemon(struct rig *rig, const struct daemon_setup *setup);
/* Starts the daemon before one new stub over http, with more lines of proxy.conf (or ""). */
struct stub *rig_start(struct rig *rig, const char *conf);
/* The same with one worker, for tests that look at what a worker keeps to itself. */
struct stub *rig_start_alone(struct rig *rig, const char *conf);
/* The line of an [origin] that names `stub`. */
const char *rig_url(struct rig *rig, struct stub *stub);
/* A peer of the daemon; `options` NULL: one that takes pushes. The port is filled in. */
struct peer *rig_peer(struct rig *rig, const struct peer_options *options);
/* Closes a peer before the test ends. */
void rig_close_peer(struct rig *rig, struct peer *p);
/* Stops the daemon before the test ends, and looks at how it ended. Close the peers first: one that
 * nobody runs does not answer when the daemon says goodbye. */
void rig_stop_daemon(struct rig *rig);
/* The access log's line of `path` gives `word` as the failure; fails the test otherwise. */
void rig_check_failure(struct rig *rig, const char *path, const char *word);
/* A port on which nobody listens, and on which nobody will before `*fd` is closed. */
unsigned rig_closed_port(int *fd);

#endif
