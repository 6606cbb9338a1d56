/* Handshakes that fail: each is counted by its reason, and the log tells of them, but not of all.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rig.h"

#define ADMIN "[admin]\naddress = 127.0.0.1:0\n"

static uint64_t failed(struct rig *rig, const char *reason)
{
    char *text = daemon_ask(
        rig->daemon, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    char name[128];
    snprintf(name, sizeof(name), "\nheadstart_tls_handshakes_failed_total{reason=\"%s\"} ", reason);
    const char *at = text ? strstr(text, name) : NULL;
    if (!at)
        fail_msg("there is no metric%s", name);
    uint64_t n = strtoull(at + strlen(name), NULL, 10);
    free(text);
    return n;
}

static void expect_failed(struct rig *rig, const char *what, const char *reason, uint64_t n)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS), is;
    while ((is = failed(rig, reason)) != n) {
        if (is > n || check_left(deadline) == 0)
            fail_msg("%s: %s is %llu, not %llu", what, reason, (unsigned long long)is,
                     (unsigned long long)n);
        poll(NULL, 0, 5);
    }
}

/* ClientHellos that no library makes any more. */
#define HELLO(version, cipher)                                                                     \
    "\x16\x03\x01\x00\x46\x01\x00\x00\x42" version "0123456789abcdef0123456789abcdef\x00"          \
    "\x00\x02" cipher "\x01\x00\x00\x17"                                                           \
    "\x00\x0a\x00\x04\x00\x02\x00\x17"                                                             \
    "\x00\x0b\x00\x02\x01\x00"                                                                     \
    "\x00\x10\x00\x05\x00\x03\x02h2"

enum ending { STAYS, CLOSES, RESETS };

static const struct failing {
    const char *what, *reason, *words; /* NULL: no line above debug */
    enum wire_alpn alpn;
    const char *bytes; /* in place of a handshake; NULL: there is one */
    size_t len;
    enum ending ending;
    bool distrusts;
} failings[] = {
    {.what = "http/1.1 only",
     .reason = "no-application-protocol",
     .words = "no application protocol",
     .alpn = WIRE_ALPN_HTTP11},
    {.what = "plain HTTP",
     .reason = "not-tls",
     .words = "http request",
     .bytes = "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
     .len = 27},
    {.what = "TLS 1.1",
     .reason = "protocol-version",
     .words = "unsupported protocol",
     .bytes = HELLO("\x03\x02", "\xc0\x2b"),
     .len = 75},
    {.what = "CBC",
     .reason = "no-shared-cipher",
     .words = "no shared cipher",
     .bytes = HELLO("\x03\x03", "\xc0\x09"),
     .len = 75},
    {.what = "a client that does not trust the certificate",
     .reason = "refused",
     .words = "unknown ca",
     .distrusts = true},
    {.what = "half a hello",
     .reason = "closed",
     .words = "closed by the peer",
     .bytes = "\x16\x03\x01\x00\x47\x01",
     .len = 6,
     .ending = CLOSES},
    {.what = "a reset",
     .reason = "closed",
     .words = "closed by the peer",
     .bytes = "\x16\x03\x01\x00\x47\x01",
     .len = 6,
     .ending = RESETS},
    {.what = "no word", .reason = "silent", .bytes = "", .ending = CLOSES},
    {.what = "no more words",
     .reason = "timeout",
     .words = "timeouts.handshake",
     .bytes = "\x16\x03\x01\x00\x47\x01",
     .len = 6},
};

/* Fails as it says, and waits until the daemon is done with it. */
static void fail_so(struct rig *rig, const struct failing *f)
{
    struct wire *w =
        wire_connect(&(struct wire_options){.port = daemon_port(rig->daemon, 0), .alpn = f->alpn});
    char byte;
    if (f->distrusts)
        SSL_set_verify(w->channel.ssl, SSL_VERIFY_PEER, NULL);
    if (f->bytes)
        (void)!send(w->channel.fd, f->bytes, f->len, MSG_NOSIGNAL);
    else if (wire_handshake(w))
        (void)!wire_read(w, &byte, 1, CHECK_SOON_MS);
    if (f->ending == RESETS)
        channel_reset(&w->channel);
    else if (f->ending == STAYS)
        wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
}

static void each_failure_is_counted_by_its_reason(void **state)
{
    struct rig *rig = *state;
    rig_start_alone(rig, rig_text(rig, ADMIN "[timeouts]\nhandshake = %ums\n", check_slowed(500)));
    for (size_t i = 0; i < CHECK_LEN(failings); i++) {
        const struct failing *f = &failings[i];
        uint64_t before = failed(rig, f->reason);
        fail_so(rig, f);
        expect_failed(rig, f->what, f->reason, before + 1);
        if (before == 0 && f->words) {
            const char *line = rig_text(rig, "info: client 127.0.0.1: TLS handshake failed: ");
            bool said = daemon_says(rig->daemon, line, CHECK_SOON_MS) &&
                        daemon_says(rig->daemon, f->words, CHECK_SOON_MS) &&
                        daemon_says(rig->daemon, rig_text(rig, "(%s)", f->reason), CHECK_SOON_MS);
            if (!said)
                fail_msg("%s: the log does not say so", f->what);
        }
    }
    char *messages = daemon_messages(rig->daemon);
    check_lacks(messages, "silent");
    free(messages);
    assert_int_equal(failed(rig, "other"), 0);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
    assert_int_equal(failed(rig, "closed"), 2);
}

static size_t times(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* A line of each reason in ten seconds. */
static void scanners_do_not_fill_the_log(void **state)
{
    enum { SCANS = 100, PERIOD_MS = 10000 };
    struct rig *rig = *state;
    rig_start_alone(rig, ADMIN);
    uint64_t began_ms = check_now_ms();
    for (int i = 0; i < SCANS; i++)
        fail_so(rig, &failings[1]);
    expect_failed(rig, "scans", "not-tls", SCANS);
    fail_so(rig, &failings[0]);
    assert_true(daemon_says(rig->daemon, "no-application-protocol", CHECK_SOON_MS));
    size_t most = 1 + (size_t)(check_now_ms() - began_ms) / PERIOD_MS;
    char *messages = daemon_messages(rig->daemon);
    assert_in_range(times(messages, "(not-tls)"), 1, most);
    free(messages);
}

/* What failed under the old configuration stays counted. */
static void counts_survive_a_reload(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const struct daemon_setup setup = {
        .conf = rig_text(rig, ADMIN "[origin app]\n%s", rig_url(rig, stub)),
    };
    rig_daemon(rig, &setup);
    fail_so(rig, &failings[0]);
    expect_failed(rig, "before", "no-application-protocol", 1);
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    fail_so(rig, &failings[0]);
    expect_failed(rig, "after", "no-application-protocol", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(each_failure_is_counted_by_its_reason),
        RIG_TEST(scanners_do_not_fill_the_log),
        RIG_TEST(counts_survive_a_reload),
    };
    return rig_run(tests);
}
