/* How origins are reached: their addresses, and the pool of connections to them. */
#include <dirent.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cert.h"
#include "rig.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void connection_is_kept_and_used_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    STUB_ON(stub, "/chunked",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    struct peer *second = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/a")->status, 200);
    assert_int_equal(peer_fetch(p, "/chunked")->status, 200);
    assert_int_equal(peer_fetch(second, "/b")->status, 200);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
    assert_int_equal(stub_request(stub, 2)->connection, 1);
}

/* How many descriptors the epoll instance described by `text` (proc(5), fdinfo) watches. Fails the
 * test where one of them is closed, or has become another file. */
static size_t check_watched(struct rig *rig, const char *text)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, "tfd:")); at++) {
        const char *ino = strstr(at, "ino:");
        assert_non_null(ino);
        unsigned long fd = strtoul(at + 4, NULL, 10);
        struct stat status;
        const char *path = rig_text(rig, "/proc/%d/fd/%lu", daemon_pid(rig->daemon), fd);
        if (stat(path, &status) < 0 || status.st_ino != strtoull(ino + 4, NULL, 16))
            fail_msg("descriptor %lu is watched, but closed:\n%s", fd, text);
        n++;
    }
    return n;
}

/* An open file outlives its descriptor where a copy of that is left: epoll then goes on to tell of
 * it, and nobody can take it back. */
static void loop_watches_only_what_is_open(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    peer_settle(p);
    const char *folder = rig_text(rig, "/proc/%d/fdinfo", daemon_pid(rig->daemon));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    size_t watched = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *text = check_read_file(rig_text(rig, "%s/%s", folder, entry->d_name));
        if (text)
            watched += check_watched(rig, text);
        free(text);
    }
    closedir(dir);
    /* The worker's own, its listener, the client, the kept connection. */
    assert_true(watched >= 4);
}

static void connection_that_the_origin_ends_is_not_used_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/close",
            SEND("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    STUB_ON(stub, "/old", SEND("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    STUB_ON(stub, "/more", SEND(OK_EMPTY "HTTP/1.1 200 OK\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/close", "/old", "/more"};
    for (size_t i = 0; i < CHECK_LEN(targets); i++) {
        assert_int_equal(peer_fetch(p, targets[i])->status, 200);
        stub_wait(stub, STUB_GONE, i + 1);
    }
    assert_int_equal(peer_fetch(p, "/after")->status, 200);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), CHECK_LEN(targets) + 1);
}

static void stale_connection_does_not_fail_the_next_request(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/silent", SEND(OK_EMPTY), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/silent")->status, 200);
    stub_wait(stub, STUB_GONE, 1);
    assert_int_equal(peer_fetch(p, "/next")->status, 200);
    stub_wait(stub, STUB_ANSWERED, 2);
    stub_drop_idle(stub);
    stub_wait(stub, STUB_GONE, 2);
    assert_int_equal(peer_fetch(p, "/next")->status, 200);
}

/* Asks for `target`, which the origin holds at `gate`, and meanwhile for /next. All that the origin
 * says of the first is there when the daemon begins to read it. */
static void check_next_answer(struct rig *rig, struct stub *stub, const char *method,
                              const char *target, unsigned gate)
{
    struct peer *p = rig_peer(rig, NULL);
    uint64_t answered = stub_counted(stub, STUB_ANSWERED);
    int32_t first = peer_send(p, &(struct peer_request){.method = method, .path = target});
    int32_t next = peer_get(p, "/next", NULL);
    peer_settle(p);
    stub_expect(stub, target);
    daemon_freeze(rig->daemon);
    stub_open(stub, gate);
    stub_wait(stub, STUB_ANSWERED, answered + 1);
    daemon_thaw(rig->daemon);
    assert_int_equal(peer_until_closed(p, first)->status, 200);
    const struct peer_stream *s = peer_until_closed(p, next);
    if (s->status != 200 || strcmp(bytes_text(&s->body), "ok\n") != 0)
        fail_msg("after %s: %u, %s", target, s->status, bytes_text(&s->body));
}

static void bytes_after_a_response_are_nobodys_answer(void **state)
{
    static const char stray[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 32690\r\n\r\n";
    enum { BODY_BYTES = 32690, READ_BYTES = 32768 - 36 };
    /* As much as the daemon reads at once: what comes after it has not been seen yet when the next
     * request gets the connection. */
    assert_int_equal(sizeof(head) - 1 + BODY_BYTES, READ_BYTES);
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 1\n");
    struct stub_step say_stray = {STUB_SEND, stray, sizeof(stray) - 1};
    STUB_ON(stub, "/same", AWAIT(0),
            SEND(OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    STUB_ON(stub, "/later", AWAIT(1), {STUB_SEND, head, sizeof(head) - 1}, PATTERN(BODY_BYTES),
            say_stray);
    STUB_ON(stub, "/head", AWAIT(2),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    check_next_answer(rig, stub, "GET", "/same", 0);
    check_next_answer(rig, stub, "GET", "/later", 1);
    check_next_answer(rig, stub, "HEAD", "/head", 2);
    /* Each time the connection was given up, and the next request got another. */
    stub_wait(stub, STUB_GONE, 3);
}

static void request_that_may_be_repeated_survives_a_stale_connection(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    /* The origin drops the connection just as the next request comes in. */
    STUB_ON(stub, "/get", SEND(OK_EMPTY));
    STUB_ON(stub, "/get", CLOSE());
    STUB_ON(stub, "/get", SEND(OK_EMPTY));
    STUB_ON(stub, "/post", CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/get")->status, 200);
    assert_int_equal(peer_fetch(p, "/get")->status, 200);
    assert_int_equal(stub_times(stub, "/get"), 3);
    int32_t id = peer_send(
        p,
        &(struct peer_request){.method = "POST", .path = "/post", .body = true, .body_text = "x"});
    assert_int_equal(peer_until_closed(p, id)->status, 502);
    assert_int_equal(stub_times(stub, "/post"), 1);
}

static void pool_is_bounded_and_everyone_is_served(void **state)
{
    enum { REQUESTS = 10 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 2\n");
    struct peer *p = rig_peer(rig, NULL);
    int32_t ids[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
        const char *target = rig_text(rig, "/%d", i);
        STUB_ON(stub, target, AWAIT(0), SEND(OK_EMPTY));
        ids[i] = peer_get(p, target, NULL);
    }
    peer_settle(p);
    stub_wait(stub, STUB_RUNNING, 2);
    stub_open(stub, 0);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(peer_until_closed(p, ids[i])->status, 200);
    assert_int_equal(stub_counted(stub, STUB_OPEN_MOST), 2);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 2);
}

static void waiting_requests_start_in_their_order(void **state)
{
    enum { REQUESTS = 8 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 1\n");
    struct peer *p = rig_peer(rig, NULL);
    int32_t ids[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
        const char *target = rig_text(rig, "/%d", i);
        STUB_ON(stub, target, AWAIT(0), SEND(OK_EMPTY));
        ids[i] = peer_get(p, target, NULL);
    }
    peer_settle(p);
    stub_open(stub, 0);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(peer_until_closed(p, ids[i])->status, 200);
    for (int i = 0; i < REQUESTS; i++)
        check_text(stub_request(stub, (size_t)i)->target, rig_text(rig, "/%d", i));
}

static void waiting_request_that_is_reset_never_starts(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 1\n");
    STUB_ON(stub, "/first", AWAIT(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    int32_t first = peer_get(p, "/first", NULL);
    int32_t waiting = peer_get(p, "/waiting", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    peer_reset(p, waiting, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, first)->status, 200);
    assert_int_equal(peer_fetch(p, "/last")->status, 200);
    assert_int_equal(stub_times(stub, "/waiting"), 0);
}

static void request_that_waits_too_long_is_told_so(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(
        rig, rig_text(rig, "max_connections = 1\n[timeouts]\nqueue = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/first", AWAIT(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    int32_t first = peer_get(p, "/first", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    assert_int_equal(peer_fetch(p, "/waiting")->status, 503);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, first)->status, 200);
    json_t *line = daemon_log_of(rig->daemon, "/waiting");
    check_text(json_string_value(json_object_get(line, "failure")), "origin-busy");
    json_decref(line);
}

static void idle_connections_to_the_origin_end(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\norigin_idle = %ums\n", check_slowed(200)));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    stub_wait(stub, STUB_GONE, 1);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 2);
}

static void unix_socket_is_an_origin(void **state)
{
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/origin.sock", rig->dir);
    struct stub *stub = rig_stub(rig, &(struct stub_options){.unix_path = path});
    const char *conf = rig_text(rig, "[origin app]\nurl = http://unix:%s\n", path);
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/u")->status, 200);
    assert_int_equal(peer_fetch(p, "/u")->status, 200);
    check_text(fieldset_get(&stub_request(stub, 0)->fields, "host"), "example.com");
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
}

static void host_name_is_resolved(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\nurl = http://localhost:%u\n", stub_port(stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    check_text(fieldset_get(&stub_request(stub, 0)->fields, "host"), "example.com");
}

/* The status of a request through an https origin whose certificate is `name`. */
static unsigned status_over_tls(struct rig *rig, const char *name, const char *more,
                                struct stub **stub)
{
    struct stub_options options = {.chain = rig_text(rig, "%s/%s.pem", rig->dir, name),
                                   .key = rig_text(rig, "%s/%s.key", rig->dir, name)};
    *stub = rig_stub(rig, &options);
    const char *conf =
        rig_text(rig, "[origin app]\nurl = https://localhost:%u\n%s", stub_port(*stub), more);
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    STUB_ON(*stub, "/tls", SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
            PATTERN(3000000));
    struct peer *p = rig_peer(rig, NULL);
    unsigned status = peer_fetch(p, "/tls")->status;
    const struct peer_stream *again = peer_fetch(p, "/tls");
    assert_int_equal(again->status, status);
    if (status == 200) {
        assert_int_equal(again->body_bytes, 3000000);
        assert_true(again->body_is_pattern);
    }
    return status;
}

static void https_origin_is_verified_with_its_authority(void **state)
{
    struct rig *rig = *state;
    struct stub *stub;
    assert_int_equal(status_over_tls(rig, "main", "ca = ca.pem\n", &stub), 200);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
}

static void https_origin_of_an_unknown_authority_is_refused(void **state)
{
    struct stub *stub;
    assert_int_equal(status_over_tls(*state, "main", "", &stub), 502);
    assert_int_equal(stub_counted(stub, STUB_REQUESTS), 0);
}

static void https_origin_of_another_name_is_refused(void **state)
{
    struct stub *stub;
    assert_int_equal(status_over_tls(*state, "other", "ca = ca.pem\n", &stub), 502);
    assert_int_equal(stub_counted(stub, STUB_REQUESTS), 0);
}

static void https_origin_is_not_verified_where_that_is_off(void **state)
{
    struct stub *stub;
    assert_int_equal(status_over_tls(*state, "other", "verify = off\n", &stub), 200);
}

static void upload_reaches_an_https_origin(void **state)
{
    struct rig *rig = *state;
    struct stub *stub;
    assert_int_equal(status_over_tls(rig, "main", "ca = ca.pem\n", &stub), 200);
    int32_t id = peer_send(
        rig->peers[0], &(struct peer_request){
                           .method = "PUT", .path = "/up", .body = true, .body_bytes = 3000000});
    assert_int_equal(peer_until_closed(rig->peers[0], id)->status, 200);
    const struct stub_request *r = stub_expect(stub, "/up");
    assert_int_equal(r->body_bytes, 3000000);
    assert_true(r->body_is_pattern);
}

/* An https origin with the certificate `name`. */
static struct stub *https_stub(struct rig *rig, const char *name, int version)
{
    const struct stub_options options = {.chain = rig_text(rig, "%s/%s.pem", rig->dir, name),
                                         .key = rig_text(rig, "%s/%s.key", rig->dir, name),
                                         .tls_version = version};
    return rig_stub(rig, &options);
}

static void https_origin_is_verified_by_its_address(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = https_stub(rig, "main", 0);
    const char *conf =
        rig_text(rig, "[origin app]\nurl = https://127.0.0.1:%u\nca = ca.pem\n", stub_port(stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
}

static void https_origin_is_trusted_by_its_own_certificate(void **state)
{
    struct stub *stub;
    assert_int_equal(status_over_tls(*state, "main", "ca = main.pem\n", &stub), 200);
}

/* Each origin that is refused is told of in words that say what to do. */
static void https_origin_that_is_refused_is_explained(void **state)
{
    enum { HOUR_S = 3600 };
    static const struct {
        const char *certificate, *host;
        int version;
        const char *ca, *says;
    } cases[] = {
        {"expired", "localhost", 0, "ca.pem", "has expired"},
        {"early", "localhost", 0, "ca.pem", "is not yet valid"},
        {"other", "localhost", 0, "ca.pem", "is for another name"},
        {"other", "127.0.0.1", 0, "ca.pem", "is for another address"},
        {"main", "localhost", 0, "other.pem", "an authority that is not trusted"},
        {"ca", "localhost", 0, "other.pem", "is signed by itself"},
        {"main", "localhost", TLS1_1_VERSION, "ca.pem", "does not speak TLS 1.2 or 1.3"},
    };
    struct rig *rig = *state;
    cert_make_between(rig->dir, "ca", "expired", "DNS:localhost", -2L * HOUR_S, -HOUR_S);
    cert_make_between(rig->dir, "ca", "early", "DNS:localhost", HOUR_S, 2L * HOUR_S);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct stub *stub = https_stub(rig, cases[i].certificate, cases[i].version);
        STUB_ON(stub, "/", SEND(OK_EMPTY));
        rig_daemon(rig, &(struct daemon_setup){
                            .conf = rig_text(rig, "[origin app]\nurl = https://%s:%u\nca = %s\n",
                                             cases[i].host, stub_port(stub), cases[i].ca)});
        struct peer *p = rig_peer(rig, NULL);
        assert_int_equal(peer_fetch(p, "/")->status, 502);
        if (!daemon_says(rig->daemon, cases[i].says, CHECK_SOON_MS))
            fail_msg("case %zu is not told of as \"%s\":\n%s", i, cases[i].says,
                     daemon_messages(rig->daemon));
        assert_int_equal(stub_counted(stub, STUB_REQUESTS), 0);
        rig_close_peer(rig, p);
        rig_stop_daemon(rig);
        rig->stubs[--rig->stubs_len] = NULL;
        stub_stop(stub);
    }
}

/* No file is read when a connection is made. */
static void authorities_are_read_once(void **state)
{
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/gone.pem", rig->dir);
    char *text = check_read_file(rig_text(rig, "%s/ca.pem", rig->dir));
    check_write_file(path, text);
    free(text);
    struct stub *stub = https_stub(rig, "main", 0);
    STUB_ON(stub, "/", SEND(OK_EMPTY), CLOSE());
    const char *conf =
        rig_text(rig, "[origin app]\nurl = https://localhost:%u\nca = gone.pem\n", stub_port(stub));
    const struct daemon_setup setup = {.conf = conf};
    rig_daemon(rig, &setup);
    unlink(path);
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    /* A reload would need it, and is refused as a whole. */
    daemon_reload(rig->daemon, rig->dir, &setup, false);
    assert_true(daemon_says(rig->daemon, "gone.pem: No such file or directory", CHECK_SOON_MS));
    assert_int_equal(peer_fetch(p, "/")->status, 200);
}

static void ca_that_holds_no_certificate_is_refused(void **state)
{
    static const struct {
        const char *name, *says;
    } cases[] = {
        {"none.pem", "none.pem: No such file or directory"},
        {"main.key", "main.key: is no file of certificates"},
        {"empty.pem", "empty.pem: is no file of certificates"},
        {".", "is no file of certificates"},
    };
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/proxy.conf", rig->dir);
    check_write_file(rig_text(rig, "%s/empty.pem", rig->dir), "");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        char *err;
        check_write_file(path, rig_text(rig,
                                        "[listen main]\naddress = 127.0.0.1:0\n"
                                        "[certificate main]\nchain = main.pem\nkey = main.key\n"
                                        "[origin app]\nurl = https://localhost:1\nca = %s\n",
                                        cases[i].name));
        assert_int_equal(
            daemon_run(rig->dir, (const char *const[]){"-t", "-c", path, NULL}, NULL, &err), 1);
        check_holds(err, "proxy.conf:6: [origin app]: ca ");
        check_holds(err, cases[i].says);
        free(err);
    }
}

static void check_resumption(struct rig *rig, int version)
{
    enum { CONNECTIONS = 5 };
    struct stub *stub = https_stub(rig, "main", version);
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\n\r\n"), CLOSE());
    STUB_ON(stub, "/cut", SEND(OK_EMPTY), SHUT_WRITE());
    const char *conf =
        rig_text(rig, "[origin app]\nurl = https://localhost:%u\nca = ca.pem\n", stub_port(stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(peer_fetch(p, i == 1 ? "/cut" : "/")->status, 200);
        stub_wait(stub, STUB_GONE, i + 1);
    }
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), CONNECTIONS);
    assert_int_equal(stub_counted(stub, STUB_RESUMED), CONNECTIONS - 1);
}

static void session_with_an_https_origin_is_resumed(void **state)
{
    check_resumption(*state, TLS1_3_VERSION);
}

static void session_with_an_https_origin_is_resumed_in_tls_1_2(void **state)
{
    check_resumption(*state, TLS1_2_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(connection_is_kept_and_used_again),
        RIG_TEST(loop_watches_only_what_is_open),
        RIG_TEST(connection_that_the_origin_ends_is_not_used_again),
        RIG_TEST(stale_connection_does_not_fail_the_next_request),
        RIG_TEST(bytes_after_a_response_are_nobodys_answer),
        RIG_TEST(request_that_may_be_repeated_survives_a_stale_connection),
        RIG_TEST(pool_is_bounded_and_everyone_is_served),
        RIG_TEST(waiting_requests_start_in_their_order),
        RIG_TEST(waiting_request_that_is_reset_never_starts),
        RIG_TEST(request_that_waits_too_long_is_told_so),
        RIG_TEST(idle_connections_to_the_origin_end),
        RIG_TEST(unix_socket_is_an_origin),
        RIG_TEST(host_name_is_resolved),
        RIG_TEST(https_origin_is_verified_with_its_authority),
        RIG_TEST(https_origin_of_an_unknown_authority_is_refused),
        RIG_TEST(https_origin_of_another_name_is_refused),
        RIG_TEST(https_origin_is_not_verified_where_that_is_off),
        RIG_TEST(upload_reaches_an_https_origin),
        RIG_TEST(https_origin_is_verified_by_its_address),
        RIG_TEST(https_origin_is_trusted_by_its_own_certificate),
        RIG_TEST(https_origin_that_is_refused_is_explained),
        RIG_TEST(authorities_are_read_once),
        RIG_TEST(ca_that_holds_no_certificate_is_refused),
        RIG_TEST(session_with_an_https_origin_is_resumed),
        RIG_TEST(session_with_an_https_origin_is_resumed_in_tls_1_2),
    };
    return rig_run(tests);
}
