/* The process: its command line, its end, its workers, and the time-outs of client connections. */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rig.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define MAIN_CONF                                                                                  \
    "[listen main]\naddress = 127.0.0.1:0\n[certificate main]\nchain = main.pem\nkey = main.key\n" \
    "[origin app]\nurl = http://127.0.0.1:8080\n"
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Writes a proxy.conf and gives its path. */
static const char *write_conf(struct rig *rig, const char *name, const char *text)
{
    const char *path = rig_text(rig, "%s/%s", rig->dir, name);
    check_write_file(path, text);
    return path;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void good_file_passes_the_check(void **state)
{
    struct rig *rig = *state;
    const char *path = write_conf(rig, "good.conf", MAIN_CONF);
    char *err;
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, &err), 0);
    check_lacks(err, "error");
    free(err);
}

static void bad_file_is_refused_in_one_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[listen main]\naddress = 127.0.0.1:0\nadress = x\n", ":3: "},
        {MAIN_CONF "[push]\nmax_per_page = many\n", ":9: "},
        {MAIN_CONF "[posh]\n", ":8: "},
        {MAIN_CONF "[log]\nlevel = info\nlevel = info\n", ":10: "},
        {"[listen main]\naddress = 127.0.0.1:0\n", "certificate"},
        {"[origin app]\nurl = ftp://127.0.0.1/\n", ":2: "},
        {"garbage\n", ":1: "},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *path = write_conf(rig, "bad.conf", cases[i].text);
        for (int check = 0; check < 2; check++) {
            char *err;
            int status =
                daemon_run(rig->dir, check ? ARGS("-t", "-c", path) : ARGS("-c", path), NULL, &err);
            if (status != 1 || count_lines(err) != 1 || !strstr(err, "bad.conf") ||
                !strstr(err, cases[i].says))
                fail_msg("case %zu: status %d, said: %s", i, status, err);
            free(err);
        }
    }
}

static void missing_files_are_named(void **state)
{
    static const char *const confs[] = {
        "[listen main]\naddress = 127.0.0.1:0\n[certificate main]\nchain = gone.pem\n"
        "key = main.key\n[origin app]\nurl = http://127.0.0.1:8080\n",
        "[listen main]\naddress = 127.0.0.1:0\n[certificate main]\nchain = main.pem\n"
        "key = gone.key\n[origin app]\nurl = http://127.0.0.1:8080\n",
    };
    struct rig *rig = *state;
    char *err;
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", "gone.conf"), NULL, &err), 1);
    check_holds(err, "gone.conf");
    assert_int_equal(count_lines(err), 1);
    free(err);
    for (size_t i = 0; i < CHECK_LEN(confs); i++) {
        const char *path = write_conf(rig, "half.conf", confs[i]);
        assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, &err), 1);
        check_holds(err, "half.conf:");
        check_holds(err, "gone.");
        assert_int_equal(count_lines(err), 1);
        free(err);
    }
}

/* Somebody who has just installed it has no file, and is told how to do without. */
static void first_run_is_told_of_the_quick_start(void **state)
{
    struct rig *rig = *state;
    char *err;
    if (access("/etc/headstart/proxy.conf", F_OK) == 0)
        skip();
    assert_int_equal(daemon_run(rig->dir, ARGS(NULL), NULL, &err), 1);
    check_holds(err, "/etc/headstart/proxy.conf: cannot be read: ");
    check_holds(err, "headstart --origin http://");
    assert_int_equal(count_lines(err), 1);
    free(err);
}

/* Its own name, and every way to write it, that the file alone does not show. */
static void origin_that_is_this_machine_is_warned_of(void **state)
{
    struct rig *rig = *state;
    char name[256] = "", *err;
    assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
    const char *conf = rig_text(rig,
                                "[listen main]\naddress = *:8443\n[certificate main]\n"
                                "chain = main.pem\nkey = main.key\n[origin app]\n"
                                "url = https://%s:8443\n",
                                name);
    const char *path = write_conf(rig, "loop.conf", conf);
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, &err), 0);
    check_holds(err, "loop.conf:6: [origin app] url = https://");
    check_holds(err, "where headstart itself listens on *:8443");
    free(err);
    /* TEST-NET-1 is nobody's, and so not this machine's. */
    path = write_conf(rig, "no_loop.conf",
                      "[listen main]\naddress = *:8443\n[certificate main]\nchain = main.pem\n"
                      "key = main.key\n[origin app]\nurl = https://192.0.2.1:8443\n");
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, &err), 0);
    check_lacks(err, "itself listens");
    free(err);
}

static void certificate_without_its_key_is_refused(void **state)
{
    struct rig *rig = *state;
    const char *path =
        write_conf(rig, "mixed.conf",
                   "[listen main]\naddress = 127.0.0.1:0\n[certificate main]\nchain = main.pem\n"
                   "key = other.key\n[origin app]\nurl = http://127.0.0.1:8080\n");
    char *err;
    assert_int_equal(daemon_run(rig->dir, ARGS("-c", path), NULL, &err), 1);
    assert_int_equal(count_lines(err), 1);
    free(err);
}

static void dumped_configuration_reads_back_the_same(void **state)
{
    struct rig *rig = *state;
    const char *path =
        write_conf(rig, "one.conf", MAIN_CONF "[push]\nmax_per_page = 7\n[timeouts]\nidle = 90s\n");
    char *first, *second;
    assert_int_equal(daemon_run(rig->dir, ARGS("--dump-config", "-c", path), &first, NULL), 0);
    check_holds(first, "max_per_page = 7");
    check_holds(first, "max_open = 100");
    path = write_conf(rig, "two.conf", first);
    assert_int_equal(daemon_run(rig->dir, ARGS("--dump-config", "-c", path), &second, NULL), 0);
    check_text(second, first);
    free(first);
    free(second);
}

static void command_line_answers_questions(void **state)
{
    struct rig *rig = *state;
    char *out;
    assert_int_equal(daemon_run(rig->dir, ARGS("-V"), &out, NULL), 0);
    assert_int_equal(strncmp(out, "headstart ", 10), 0);
    free(out);
    assert_int_equal(daemon_run(rig->dir, ARGS("-h"), &out, NULL), 0);
    check_holds(out, "--dump-config");
    check_holds(out, "--origin");
    check_holds(out, "demo");
    static const char *const signals[] = {"SIGHUP", "SIGUSR1", "SIGTERM", "SIGINT"};
    for (size_t i = 0; i < CHECK_LEN(signals); i++)
        check_holds(out, signals[i]);
    free(out);
}

static void wrong_command_line_is_told(void **state)
{
    struct rig *rig = *state;
    static const char *const wrong[][3] = {
        {"--frobnicate", NULL}, {"-c", NULL}, {"nonsense", NULL}, {"--origin", NULL}, {"-x", NULL}};
    for (size_t i = 0; i < CHECK_LEN(wrong); i++) {
        char *err;
        int status = daemon_run(rig->dir, wrong[i], NULL, &err);
        if (status != 2 || !*err)
            fail_msg("%s: status %d, said: %s", wrong[i][0], status, err);
        free(err);
    }
}

static void address_in_use_is_a_failure_at_run_time(void **state)
{
    struct rig *rig = *state;
    int fd;
    const char *conf = rig_text(rig,
                                "[listen main]\naddress = 127.0.0.1:%u\n"
                                "[certificate main]\nchain = main.pem\nkey = main.key\n"
                                "[origin app]\nurl = http://127.0.0.1:8080\n",
                                rig_closed_port(&fd));
    const char *path = write_conf(rig, "busy.conf", conf);
    char *err;
    int status = daemon_run(rig->dir, ARGS("-c", path), NULL, &err);
    close(fd);
    check_holds(err, "127.0.0.1:");
    free(err);
    assert_int_equal(status, 3);
}

static void quick_start_needs_no_file(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *url = rig_text(rig, "http://127.0.0.1:%u", stub_port(stub));
    rig->daemon = daemon_start_with(rig->dir, ARGS("--origin", url, "--listen", "127.0.0.1:0"));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    rig_close_peer(rig, p);
    rig_stop_daemon(rig);
    rig->daemon =
        daemon_start_with(rig->dir, ARGS("--origin", url, "--listen", "127.0.0.1:0",
                                         "--certificate", "other.pem", "--key", "other.key"));
    p = rig_peer(rig, NULL);
    check_text(wire_certificate(peer_wire(p)), "other");
    assert_int_equal(peer_fetch(p, "/")->status, 200);
}

static void running_response_is_finished_after_sigterm(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/head", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
    STUB_ON(stub, "/body", SEND("HTTP/1.1 200 OK\r\nContent-Length: 300002\r\n\r\nhi"), AWAIT(0),
            PATTERN(300000));
    struct peer *idle = rig_peer(rig, NULL);
    peer_settle(idle);
    struct peer *p = rig_peer(rig, NULL);
    int32_t body = peer_get(p, "/body", NULL);
    peer_until_bytes(p, body, 2);
    int32_t head = peer_get(p, "/head", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 2);
    daemon_drain(rig->daemon);
    peer_until_events(p, PEER_GOAWAY, 1);
    assert_true(peer_ends(idle, CHECK_SOON_MS));
    assert_int_equal(peer_count(idle, PEER_GOAWAY) > 0, 1);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, head);
    check_text(bytes_text(&s->body), "hi");
    s = peer_until_closed(p, body);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body_bytes, 300002);
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
}

static void draining_ends_when_its_time_is_over(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\ndrain = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    uint64_t start = check_now_ms();
    daemon_drain(rig->daemon);
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
    assert_true(check_now_ms() - start >= check_slowed(250));
    stub_wait(stub, STUB_CANCELLED, 1);
    json_t *line = daemon_log_of(rig->daemon, "/");
    check_text(json_string_value(json_object_get(line, "failure")), "draining");
    json_decref(line);
}

/* A client that comes now: false if it is refused or turned away at once, true if it is let in or
 * left waiting. */
static bool is_let_in(unsigned port)
{
    int fd = check_dial(port);
    if (fd < 0)
        return false;
    char byte;
    struct pollfd polled = {fd, POLLIN, 0};
    int ready = poll(&polled, 1, check_left(check_deadline(1000)));
    bool refused = ready > 0 && recv(fd, &byte, 1, 0) <= 0;
    close(fd);
    return !refused;
}

static void new_clients_are_refused_while_it_drains(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npa"), AWAIT(0),
            SEND("ge"));
    unsigned port = daemon_port(rig->daemon, 0);
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_bytes(p, id, 2);
    daemon_drain(rig->daemon);
    peer_until_events(p, PEER_GOAWAY, 1);
    for (int i = 0; i < 3; i++)
        assert_false(is_let_in(port));
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "page");
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* The socket of a service manager (sd_notify(3)). */
static int open_notify_socket(const char *path)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static bool accepts(const char *path)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool accepted = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return accepted;
}

/* The next message to the service manager begins with `text`. */
static void check_notified(int fd, const char *text)
{
    char message[256];
    struct pollfd polled = {fd, POLLIN, 0};
    if (poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS))) <= 0)
        fail_msg("%s never came", text);
    ssize_t n = recv(fd, message, sizeof(message) - 1, 0);
    assert_true(n >= 0);
    message[n] = '\0';
    if (strncmp(message, text, strlen(text)) != 0)
        fail_msg("not %s but %s", text, message);
}

static void service_manager_is_told(void **state)
{
    struct rig *rig = *state;
    const char *notify = rig_text(rig, "%s/notify.sock", rig->dir);
    const char *door = rig_text(rig, "%s/door.sock", rig->dir);
    struct stub *stub = rig_stub(rig, NULL);
    STUB_ON(stub, "/", AWAIT(0), SEND(OK_EMPTY));
    const char *conf = rig_text(rig, "[origin app]\n%s[listen door]\naddress = unix:door.sock\n",
                                rig_url(rig, stub));
    int fd = open_notify_socket(notify);
    setenv("NOTIFY_SOCKET", notify, 1);
    rig->daemon = daemon_launch(rig->dir, &(struct daemon_setup){.conf = conf});
    unsetenv("NOTIFY_SOCKET");
    check_notified(fd, "READY=1");
    assert_true(accepts(door));
    assert_true(daemon_says(rig->daemon, "listening on 127.0.0.1:", CHECK_SOON_MS));
    daemon_reload(rig->daemon, rig->dir, &(struct daemon_setup){.conf = conf}, true);
    check_notified(fd, "RELOADING=1\nMONOTONIC_USEC=");
    check_notified(fd, "READY=1");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    daemon_drain(rig->daemon);
    check_notified(fd, "STOPPING=1");
    close(fd);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    assert_true(peer_ends(p, CHECK_SOON_MS));
}

static void second_signal_ends_it_at_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    daemon_signal(rig->daemon, SIGINT);
    peer_until_events(p, PEER_GOAWAY, 1);
    assert_false(peer_is_over(p));
    daemon_signal(rig->daemon, SIGTERM);
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
    stub_wait(stub, STUB_CANCELLED, 1);
}

static void every_worker_serves(void **state)
{
    enum { PEERS = 12 };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 4", .conf = conf});
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 200 OK\r\nLink: </a>; rel=preload\r\n"
                 "Content-Length: 100000\r\n\r\n"),
            PATTERN(100000));
    struct peer *peers[PEERS];
    int32_t ids[PEERS];
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = rig_peer(rig, NULL);
        ids[i] = peer_get(peers[i], "/", NULL);
        peer_settle(peers[i]);
    }
    for (size_t i = 0; i < PEERS; i++) {
        const struct peer_stream *s = peer_until_closed(peers[i], ids[i]);
        assert_int_equal(s->status, 200);
        assert_int_equal(s->body_bytes, 100000);
        assert_true(s->body_is_pattern);
        peer_until_quiet(peers[i]);
        assert_int_equal(peer_push(peers[i], 0)->status, 200);
    }
    daemon_log_lines(rig->daemon, 2 * (size_t)PEERS);
}

static void all_listeners_serve(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s[listen second]\naddress = 127.0.0.1:0\n",
                                rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    for (size_t i = 0; i < 2; i++) {
        struct peer_options options = {.wire.port = daemon_port(rig->daemon, i)};
        assert_int_equal(peer_fetch(rig_peer(rig, &options), "/")->status, 200);
    }
    assert_int_not_equal(daemon_port(rig->daemon, 0), daemon_port(rig->daemon, 1));
}

static bool has_ended(const struct peer *p, const void *unused)
{
    (void)unused;
    return peer_is_over(p);
}

static void expect_end_in_order(struct peer *p)
{
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_int_equal(peer_count(p, PEER_GOAWAY), 1);
    size_t last = peer_events(p) - 1;
    assert_int_equal(peer_event(p, last).type, PEER_GOAWAY);
    assert_int_equal(peer_event(p, last).value, NGHTTP2_NO_ERROR);
}

static void idle_connection_is_closed_in_order(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nidle = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/", AWAIT(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    /* A connection with an open request is not idle. */
    int32_t id = peer_get(p, "/", NULL);
    peer_until_still(p);
    peer_until_still(p);
    assert_false(peer_is_over(p));
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    expect_end_in_order(p);
}

/* The session gives memory back meanwhile: that is neither the end nor a new beginning. */
static void idle_connection_that_rests_has_all_its_time(void **state)
{
    struct rig *rig = *state;
    unsigned idle_ms = check_slowed(1500);
    rig_start(rig, rig_text(rig, "[timeouts]\nidle = %ums\n", idle_ms));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    uint64_t since_ms = check_now_ms();
    expect_end_in_order(p);
    assert_true(check_now_ms() - since_ms >= idle_ms / 2);
}

/* PINGs are answered, and begin no new idle time: neither before the first request nor after the
 * last. */
static void what_is_no_request_keeps_no_connection(void **state)
{
    struct rig *rig = *state;
    unsigned idle_ms = check_slowed(800);
    rig_start(rig, rig_text(rig, "[timeouts]\nidle = %ums\n", idle_ms));
    for (int requests = 0; requests < 2; requests++) {
        struct peer *p = rig_peer(rig, NULL);
        if (requests > 0)
            assert_int_equal(peer_fetch(p, "/")->status, 200);
        uint64_t since_ms = check_now_ms(), deadline = check_deadline(CHECK_SOON_MS);
        while (!peer_is_over(p) && check_left(deadline) > 0) {
            peer_ping(p);
            peer_runs(p, has_ended, NULL, 50);
        }
        assert_true(check_now_ms() - since_ms >= idle_ms / 2);
        expect_end_in_order(p);
        assert_true(check_now_ms() - since_ms < 3 * (uint64_t)idle_ms);
    }
}

/* Each request begins it anew. */
static void requests_keep_a_connection(void **state)
{
    struct rig *rig = *state;
    unsigned idle_ms = check_slowed(600);
    rig_start(rig, rig_text(rig, "[timeouts]\nidle = %ums\n", idle_ms));
    struct peer *p = rig_peer(rig, NULL);
    uint64_t end = check_now_ms() + 3 * (uint64_t)idle_ms;
    while (check_now_ms() < end) {
        assert_int_equal(peer_fetch(p, "/")->status, 200);
        peer_runs(p, has_ended, NULL, idle_ms / 4);
    }
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
}

/* Nothing but the time-outs themselves wakes the only worker here. */
static void time_out_is_followed_by_the_next(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s[timeouts]\nresponse = %ums\nidle = %ums\n",
                                rig_url(rig, stub), check_slowed(300), check_slowed(300));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    STUB_ON(stub, "/", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 504);
    assert_true(peer_ends(p, CHECK_SOON_MS));
    assert_int_equal(peer_count(p, PEER_GOAWAY), 1);
}

static void handshake_must_be_done_in_time(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, rig_text(rig, "[timeouts]\nhandshake = %ums\n", check_slowed(300)));
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct wire *w = wire_connect(&options);
    bool ended = wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
    assert_true(ended);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
}

static void head_must_come_in_time(void **state)
{
    /* SETTINGS, and HEADERS of stream 1 without END_HEADERS. */
    static const char half[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                               "\0\0\0\4\0\0\0\0\0"
                               "\0\0\1\1\0\0\0\0\1\x82";
    struct rig *rig = *state;
    rig_start(rig, rig_text(rig, "[timeouts]\nheader = %ums\n", check_slowed(300)));
    for (int silent = 0; silent < 2; silent++) {
        struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
        struct wire *w = wire_connect(&options);
        bool fine = wire_handshake(w) && (silent || wire_write(w, half, sizeof(half) - 1));
        bool ended = wire_ends(w, CHECK_SOON_MS);
        wire_free(w);
        assert_true(fine);
        assert_true(ended);
    }
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
}

static void too_many_streams_are_refused_one_by_one(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nstreams = 2\n");
    STUB_ON(stub, "/", AWAIT(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    /* These leave before the daemon's settings have come. */
    int32_t ids[3];
    for (size_t i = 0; i < 3; i++)
        ids[i] = peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 2);
    stub_open(stub, 0);
    for (size_t i = 0; i < 3; i++) {
        const struct peer_stream *s = peer_until_closed(p, ids[i]);
        assert_true(s->status == 200 || (i == 2 && s->error == NGHTTP2_REFUSED_STREAM));
    }
    assert_int_equal(peer_fetch(p, "/after")->status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(good_file_passes_the_check),
        RIG_TEST(bad_file_is_refused_in_one_line),
        RIG_TEST(missing_files_are_named),
        RIG_TEST(first_run_is_told_of_the_quick_start),
        RIG_TEST(origin_that_is_this_machine_is_warned_of),
        RIG_TEST(certificate_without_its_key_is_refused),
        RIG_TEST(dumped_configuration_reads_back_the_same),
        RIG_TEST(command_line_answers_questions),
        RIG_TEST(wrong_command_line_is_told),
        RIG_TEST(address_in_use_is_a_failure_at_run_time),
        RIG_TEST(quick_start_needs_no_file),
        RIG_TEST(running_response_is_finished_after_sigterm),
        RIG_TEST(draining_ends_when_its_time_is_over),
        RIG_TEST(new_clients_are_refused_while_it_drains),
        RIG_TEST(service_manager_is_told),
        RIG_TEST(second_signal_ends_it_at_once),
        RIG_TEST(every_worker_serves),
        RIG_TEST(all_listeners_serve),
        RIG_TEST(idle_connection_is_closed_in_order),
        RIG_TEST(idle_connection_that_rests_has_all_its_time),
        RIG_TEST(what_is_no_request_keeps_no_connection),
        RIG_TEST(requests_keep_a_connection),
        RIG_TEST(time_out_is_followed_by_the_next),
        RIG_TEST(handshake_must_be_done_in_time),
        RIG_TEST(head_must_come_in_time),
        RIG_TEST(too_many_streams_are_refused_one_by_one),
    };
    return rig_run(tests);
}
