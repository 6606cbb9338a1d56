/* Reload: SIGHUP reads proxy.conf anew, for new connections; what runs goes on as it began. */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* The configuration of a test: its origin, and more lines. */
static struct daemon_setup setup_of(struct rig *rig, const char *more)
{
    const char *conf = rig_text(rig, "[origin app]\n%s%s", rig_url(rig, rig->stubs[0]), more);
    return (struct daemon_setup){.conf = conf};
}

static void reload(struct rig *rig, const char *more)
{
    const struct daemon_setup setup = setup_of(rig, more);
    daemon_reload(rig->daemon, rig->dir, &setup, true);
}

/* The file is refused with a message that has `says`. */
static void reload_in_vain(struct rig *rig, const struct daemon_setup *setup, const char *says)
{
    daemon_reload(rig->daemon, rig->dir, setup, false);
    char *messages = daemon_messages(rig->daemon);
    check_holds(messages, says);
    free(messages);
}

static void new_connections_get_the_new_configuration(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", ASSET("200 OK"));
    STUB_ON(stub, "/slow", SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfir"), AWAIT(0),
            SEND("st!"));
    struct peer *old = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(old, "/")->status, 200);
    assert_int_equal(peer_pushes(old), 1);
    int32_t slow = peer_get(old, "/slow", NULL);
    peer_until_bytes(old, slow, 3);

    reload(rig, "[push]\nenabled = off\n");
    peer_until_events(old, PEER_GOAWAY, 1);
    struct peer *young = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(young, "/")->status, 200);
    assert_int_equal(peer_pushes(young), 0);

    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(old, slow);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "first!");
    assert_true(peer_ends(old, CHECK_SOON_MS));
    assert_int_equal(peer_count(old, PEER_GOAWAY), 2);
    assert_false(peer_is_over(young));
    assert_int_equal(peer_fetch(young, "/")->status, 200);
}

static void broken_file_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    const struct daemon_setup wrong = setup_of(rig, "[push]\nenabled = maybe\n");
    reload_in_vain(rig, &wrong, "[push] enabled = maybe: allowed is on or off");
    const struct daemon_setup moved = {.conf = setup_of(rig, "").conf, .top = "workers = 7"};
    reload_in_vain(rig, &moved, "workers = 7: a reload cannot change it");
    const struct daemon_setup no_key = {
        .conf = setup_of(rig, "").conf,
        .certificates = "[certificate main]\nchain = main.pem\nkey = other.key\n"};
    reload_in_vain(rig, &no_key, "[certificate main]");
    const struct daemon_setup no_log = {.conf = setup_of(rig, "").conf, .access = "gone/a.log"};
    reload_in_vain(rig, &no_log, "gone/a.log cannot be opened");

    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
    assert_int_equal(peer_fetch(p, "/a")->status, 200);
    assert_false(peer_is_over(p));
    struct peer *other = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(other, "/")->status, 200);
    assert_int_equal(peer_pushes(other), 1);
}

static void new_certificate_is_shown(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct peer *old = rig_peer(rig, NULL);
    check_text(wire_certificate(peer_wire(old)), "main");
    const struct daemon_setup renewed = {
        .conf = setup_of(rig, "").conf,
        .certificates = "[certificate main]\nchain = other.pem\nkey = other.key\n"};
    daemon_reload(rig->daemon, rig->dir, &renewed, true);
    struct peer *young = rig_peer(rig, NULL);
    check_text(wire_certificate(peer_wire(young)), "other");
    assert_int_equal(peer_fetch(young, "/")->status, 200);
}

static void sessions_are_resumed_after_a_reload(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, 0};
    struct rig *rig = *state;
    rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(versions); i++) {
        struct peer_options options = {.wire.version = versions[i]};
        struct peer *p = rig_peer(rig, &options);
        assert_int_equal(peer_fetch(p, "/")->status, 200);
        options.wire.session = peer_wire(p)->session;
        reload(rig, "");
        struct peer *again = rig_peer(rig, &options);
        assert_true(SSL_session_reused(peer_wire(again)->channel.ssl));
        assert_int_equal(peer_fetch(again, "/")->status, 200);
    }
}

static void handshake_that_has_begun_is_finished(void **state)
{
    /* SETTINGS, and a GET of /w on stream 1. */
    static const char request[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\0\4\0\0\0\0\0"
                                  "\0\0\23\1\5\0\0\0\1\x82\x87\x44\2/w\x41\13example.com";
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    STUB_ON(stub, "/w", SEND(OK_EMPTY));
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct wire *w = wire_connect(&options);
    /* Who comes later is accepted later. */
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
    struct daemon_setup setup = setup_of(rig, "[limits]\nstreams = 5\n");
    setup.top = "workers = 1";
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    bool fine = wire_handshake(w) && wire_write(w, request, sizeof(request) - 1);
    json_t *line = fine ? daemon_log_of(rig->daemon, "/w") : NULL;
    wire_free(w);
    assert_true(fine);
    assert_int_equal(json_integer_value(json_object_get(line, "status")), 200);
    json_decref(line);
}

static void listeners_keep_their_clients_in_another_order(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *origin = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    const char *second = "[listen second]\naddress = 127.0.0.1:0\nforwarded = append\n";
    const struct daemon_setup before = {.conf = rig_text(rig, "%s%s", origin, second)};
    rig_daemon(rig, &before);
    /* `top` stands before [listen main]. */
    const struct daemon_setup after = {
        .top = rig_text(rig, "workers = %u\n%s", (unsigned)check_env("HEADSTART_TEST_WORKERS", 1),
                        second),
        .conf = origin};
    daemon_reload(rig->daemon, rig->dir, &after, true);
    for (unsigned i = 0; i < 2; i++) {
        struct peer_options options = {.wire.port = daemon_port(rig->daemon, i)};
        struct peer *p = rig_peer(rig, &options);
        const char *path = rig_text(rig, "/%u", i);
        peer_until_closed(p, peer_get(p, path, FIELDS("x-forwarded-for", "192.0.2.1")));
        check_text(fieldset_get(&stub_expect(stub, path)->fields, "x-forwarded-for"),
                   i == 0 ? "127.0.0.1" : "192.0.2.1, 127.0.0.1");
    }
}

static void access_log_moves_to_the_new_file(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    STUB_ON(stub, "/slow", AWAIT(0), SEND(OK_EMPTY));
    struct daemon_setup setup = setup_of(rig, "");
    setup.access = "first.log";
    rig_daemon(rig, &setup);
    struct peer *old = rig_peer(rig, NULL);
    int32_t slow = peer_get(old, "/slow", NULL);
    peer_settle(old);
    stub_wait(stub, STUB_REQUESTS, 1);
    setup.access = "second.log";
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    struct peer *young = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(young, "/new")->status, 200);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(old, slow)->status, 200);
    assert_true(peer_ends(old, CHECK_SOON_MS));
    rig_close_peer(rig, young);
    rig_stop_daemon(rig);
    char *first = check_read_file(rig_text(rig, "%s/first.log", rig->dir));
    char *second = check_read_file(rig_text(rig, "%s/second.log", rig->dir));
    check_holds(first, "/slow");
    check_lacks(first, "/new");
    check_holds(second, "/new");
    check_lacks(second, "/slow");
    free(first);
    free(second);
}

static void stop_waits_for_the_clients_of_every_configuration(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/slow", AWAIT(0), SEND(OK_EMPTY));
    struct peer *peers[3];
    int32_t ids[3];
    for (size_t i = 0; i < CHECK_LEN(peers); i++) {
        peers[i] = rig_peer(rig, NULL);
        ids[i] = peer_get(peers[i], "/slow", NULL);
        peer_settle(peers[i]);
        stub_wait(stub, STUB_REQUESTS, i + 1);
        if (i < 2)
            reload(rig, rig_text(rig, "[limits]\nstreams = %zu\n", i + 1));
    }
    daemon_drain(rig->daemon);
    peer_until_events(peers[2], PEER_GOAWAY, 1);
    stub_open(stub, 0);
    for (size_t i = 0; i < CHECK_LEN(peers); i++) {
        assert_int_equal(peer_until_closed(peers[i], ids[i])->status, 200);
        assert_true(peer_ends(peers[i], CHECK_SOON_MS));
    }
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
}

/* Each round a connection is left over by a reload with a request under way, which ends well. */
static void nothing_is_lost_through_many_reloads(void **state)
{
    enum { ROUNDS = 12 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"),
            PATTERN(400000));
    size_t before = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct peer_options options = {.stream_window = 65535, .manual = true};
        struct peer *p = rig_peer(rig, &options);
        int32_t id = peer_get(p, "/large", NULL);
        peer_until_bytes(p, id, 65535);
        reload(rig, rig_text(rig, "[limits]\nstreams = %u\n", 10 + i % 2));
        peer_widen(p, id, 1 << 20);
        const struct peer_stream *s = peer_until_closed(p, id);
        assert_int_equal(s->error, 0);
        assert_int_equal(s->body_bytes, 400000);
        assert_true(s->body_is_pattern);
        assert_true(peer_ends(p, CHECK_SOON_MS));
        rig_close_peer(rig, p);
        if (i == 0)
            before = daemon_descriptors(rig->daemon, INT_MAX);
    }
    /* A worker closes what was its origin's a moment after the client. */
    assert_true(daemon_descriptors_fall_to(rig->daemon, before));
}

static void reloads_in_a_row_end_with_the_last(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct daemon_setup setup = setup_of(rig, "");
    /* Written before any of them is read. */
    daemon_freeze(rig->daemon);
    for (int i = 0; i < 5; i++) {
        setup.conf = setup_of(rig, rig_text(rig, "[limits]\nstreams = %d\n", 20 + i)).conf;
        daemon_write_conf(rig->dir, &setup);
        daemon_signal(rig->daemon, SIGHUP);
    }
    daemon_thaw(rig->daemon);
    assert_true(daemon_says(rig->daemon, "new connections are served by it", CHECK_SOON_MS));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(peer_setting(p, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0), 24);
}

static void without_a_file_hangup_is_the_end(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *url = rig_text(rig, "http://127.0.0.1:%u", stub_port(stub));
    rig->daemon = daemon_start_with(
        rig->dir, (const char *const[]){"--origin", url, "--listen", "127.0.0.1:0", NULL});
    daemon_signal(rig->daemon, SIGHUP);
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
}

/* The loop tells of so many events at once, at first: after that, of the stray bytes only in its
 * next turn, though they came before this one. */
static void stray_bytes_are_found_among_events_of_older_clients(void **state)
{
    enum { AT_ONCE = 32, OLD = AT_ONCE - 1 };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *old[OLD];
    STUB_ON(stub, "/held", AWAIT(0), SEND(OK_EMPTY));
    STUB_ON(stub, "/stray", SEND(OK_EMPTY), AWAIT(1),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    for (size_t i = 0; i < OLD; i++) {
        old[i] = rig_peer(rig, NULL);
        peer_get(old[i], "/held", NULL);
        peer_settle(old[i]);
    }
    stub_wait(stub, STUB_REQUESTS, OLD);
    struct daemon_setup setup = setup_of(rig, "");
    setup.top = "workers = 1";
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    struct peer *young = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(young, "/stray")->status, 200);
    for (size_t i = 0; i < OLD; i++)
        peer_settle(old[i]);
    daemon_freeze(rig->daemon);
    int32_t next = peer_get(young, "/next", NULL);
    peer_ping(young);
    for (size_t i = 0; i < OLD; i++)
        peer_ping(old[i]);
    stub_open(stub, 1);
    stub_wait(stub, STUB_ANSWERED, 1);
    daemon_thaw(rig->daemon);
    check_text(bytes_text(&peer_until_closed(young, next)->body), "ok\n");
}

/* The heap is another library's then, and nobody has set up the C library's. Workers are done with
 * a configuration at the same moment. */
static void reloads_with_another_allocator_end_well(void **state)
{
    enum { STARTS = 50 };
    static const char *const paths[] = {"/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
                                        "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2"};
    struct rig *rig = *state;
    const char *wrapper = getenv("HEADSTART_WRAPPER"), *path = NULL;
    for (size_t i = 0; i < CHECK_LEN(paths); i++)
        path = access(paths[i], R_OK) == 0 ? paths[i] : path;
    /* Valgrind and the sanitizers bring one of their own. */
    if (!path || (wrapper && *wrapper) || check_env("HEADSTART_CHECK_MEMORY", 1) == 0)
        skip();
    rig_stub(rig, NULL);
    struct daemon_setup setup = setup_of(rig, "");
    setup.top = "workers = 8";
    for (int i = 0; i < STARTS; i++) {
        setenv("LD_PRELOAD", path, 1);
        rig_daemon(rig, &setup);
        unsetenv("LD_PRELOAD");
        daemon_reload(rig->daemon, rig->dir, &setup, true);
        daemon_reload(rig->daemon, rig->dir, &setup, true);
        rig_stop_daemon(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(new_connections_get_the_new_configuration),
        RIG_TEST(broken_file_changes_nothing),
        RIG_TEST(new_certificate_is_shown),
        RIG_TEST(sessions_are_resumed_after_a_reload),
        RIG_TEST(handshake_that_has_begun_is_finished),
        RIG_TEST(listeners_keep_their_clients_in_another_order),
        RIG_TEST(access_log_moves_to_the_new_file),
        RIG_TEST(stop_waits_for_the_clients_of_every_configuration),
        RIG_TEST(nothing_is_lost_through_many_reloads),
        RIG_TEST(reloads_in_a_row_end_with_the_last),
        RIG_TEST(without_a_file_hangup_is_the_end),
        RIG_TEST(stray_bytes_are_found_among_events_of_older_clients),
        RIG_TEST(reloads_with_another_allocator_end_well),
    };
    return rig_run(tests);
}
