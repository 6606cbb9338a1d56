/* The admin listener: metrics and health, over plain HTTP. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "page.h"

#define ADMIN "[admin]\naddress = 127.0.0.1:0\n"

/* All that comes back until the listener closes, as it must. Free with free(). */
static char *ask(struct rig *rig, const char *request)
{
    char *text = daemon_ask(rig->daemon, request);
    if (!text)
        fail_msg("the admin listener did not answer and close");
    return text;
}

static char *get(struct rig *rig, const char *path)
{
    char *request =
        check_printf("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    char *text = ask(rig, request);
    free(request);
    return text;
}

/* Waits until the metric has this value: what has ended is counted a moment later. */
static void check_metric(struct rig *rig, const char *name, unsigned value)
{
    const char *line = rig_text(rig, "\nheadstart_%s %u\n", name, value);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    for (;;) {
        char *text = get(rig, "/metrics");
        bool found = strstr(text, line) != NULL;
        if (!found && check_left(deadline) == 0)
            fail_msg("there is no%s in: %s", line, text);
        free(text);
        if (found)
            return;
        poll(NULL, 0, 5);
    }
}

static void exchanges_are_counted(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, ADMIN);
    STUB_ON(stub, "/",
            PAGE("</a>; rel=preload, </b>; rel=preload, <https://cdn.example/x>; rel=preload"));
    STUB_ON(stub, "/a", ASSET("200 OK"));
    STUB_ON(stub, "/b", ASSET("404 Not Found"));
    STUB_ON(stub, "/gone", CLOSE());
    check_metric(rig, "requests_total", 0);
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    page_delivered(p, "/a", 200);
    page_denied(p, "/b", NGHTTP2_CANCEL);
    assert_int_equal(peer_fetch(p, "/gone")->status, 502);
    struct peer *plain = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_OFF});
    peer_fetch(plain, "/");
    check_metric(rig, "requests_total", 3);
    check_metric(rig, "pushes_total", 2);
    check_metric(rig, "responses_total{class=\"2xx\"}", 3);
    check_metric(rig, "responses_total{class=\"5xx\"}", 1);
    check_metric(rig, "responses_total{class=\"none\"}", 1);
    check_metric(rig, "failures_total{failure=\"origin-closed\"}", 1);
    check_metric(rig, "failures_total{failure=\"push-status\"}", 1);
    check_metric(rig, "links_total{verdict=\"pushed\"}", 2);
    check_metric(rig, "links_total{verdict=\"cross-origin\"}", 2);
    check_metric(rig, "links_total{verdict=\"would-push\"}", 1);
    check_metric(rig, "links_total{verdict=\"refused-before\"}", 1);
    check_metric(rig, "push_off_total{reason=\"client\"}", 1);
    check_metric(rig, "connections_total", 2);
    check_metric(rig, "connections_open", 2);
    rig_close_peer(rig, p);
    check_metric(rig, "connections_open", 1);
}

static void metrics_are_of_all_workers(void **state)
{
    enum { PEERS = 8 };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s" ADMIN, rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 4", .conf = conf});
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
    check_metric(rig, "connections_total", PEERS);
    check_metric(rig, "requests_total", PEERS);
}

static void metrics_are_in_the_format_of_prometheus(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    char *text = get(rig, "/metrics");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    check_holds(text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    check_holds(text, "\n# TYPE headstart_requests_total counter\n");
    free(text);
}

static void health_is_told(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    char *text = get(rig, "/healthz");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    check_text(strstr(text, "\r\n\r\n"), "\r\n\r\nok\n");
    free(text);
}

static unsigned status_of(const char *text)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(text + 9, NULL, 10) : 0;
}

/* The value of Content-Length; -1 where there is none. */
static long length_of(const char *text)
{
    const char *at = strstr(text, "\r\nContent-Length: ");
    const char *end = strstr(text, "\r\n\r\n");
    return at && at < end ? strtol(at + strlen("\r\nContent-Length: "), NULL, 10) : -1;
}

static void only_reading_is_allowed(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        {"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405},
        {"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", 405},
        {"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"OPTIONS /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"BREW /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /metrics HTTP/1.1\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400},
        {"GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
        {"nonsense\r\n\r\n", 400},
    };
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        char *text = ask(rig, cases[i].request);
        bool allows = strstr(text, "\r\nAllow: GET, HEAD\r\n") != NULL;
        if (status_of(text) != cases[i].status || strstr(text, "headstart_") ||
            allows != (cases[i].status == 405))
            fail_msg("%s got: %s", cases[i].request, text);
        free(text);
    }
    free(get(rig, "/healthz"));
}

/* RFC 9110 §9.3.2: the head that GET would have got, and no body. */
static void head_gets_the_head_of_get(void **state)
{
    static const char *const paths[] = {"/healthz", "/metrics", "/nothing"};
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    for (size_t i = 0; i < CHECK_LEN(paths); i++) {
        char *full = get(rig, paths[i]);
        char *head =
            ask(rig, rig_text(rig, "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]));
        const char *body = strstr(full, "\r\n\r\n") + 4;
        assert_int_equal(length_of(full), strlen(body));
        assert_int_equal(length_of(head), length_of(full));
        check_text(strstr(head, "\r\n\r\n"), "\r\n\r\n");
        assert_int_equal(status_of(head), status_of(full));
        free(full);
        free(head);
    }
}

/* A page of another site could otherwise read the metrics through its visitor's browser, by a name
 * that leads here. */
static void host_of_another_site_is_refused(void **state)
{
    static const struct {
        const char *host;
        unsigned status;
    } cases[] = {
        {"localhost", 200},      {"LOCALHOST:9443", 200},
        {"127.0.0.1:1", 200},    {"[::1]", 200},
        {"192.0.2.7", 200},      {"Metrics.Internal:80", 200},
        {"prometheus.", 200},    {"evil.example", 403},
        {"localhost.evil", 403}, {"127.0.0.1.evil.example", 403},
        {"x.prometheus", 403},   {"", 403},
        {"2130706433", 403},     {"[::ffff:localhost]", 400},
    };
    struct rig *rig = *state;
    rig_start(rig, ADMIN "hosts = metrics.internal prometheus\n");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        char *text =
            ask(rig, rig_text(rig, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host));
        if (status_of(text) != cases[i].status)
            fail_msg("Host %s got: %s", cases[i].host, text);
        free(text);
    }
    char *text = ask(rig, "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(status_of(text), 403);
    check_lacks(text, "headstart_");
    check_lacks(text, "evil");
    free(text);
    text = ask(rig, "GET /healthz HTTP/1.0\r\n\r\n"); /* a simple probe; no browser */
    assert_int_equal(status_of(text), 200);
    free(text);
}

static void reload_changes_the_hosts(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, ADMIN);
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: prometheus\r\n\r\n";
    char *text = ask(rig, request);
    assert_int_equal(status_of(text), 403);
    free(text);
    const char *conf =
        rig_text(rig, "[origin app]\n%s" ADMIN "hosts = prometheus\n", rig_url(rig, stub));
    daemon_reload(rig->daemon, rig->dir, &(struct daemon_setup){.conf = conf}, true);
    text = ask(rig, request);
    assert_int_equal(status_of(text), 200);
    free(text);
}

static void head_without_end_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    char *request = check_printf("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: %09000d", 0);
    char *text = ask(rig, request);
    assert_int_equal(status_of(text), 431);
    free(text);
    free(request);
}

/* The other side has closed the connection; waits for it. */
static bool is_ended(int fd, unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    char byte;
    for (;;) {
        struct pollfd polled = {fd, POLLIN, 0};
        if (poll(&polled, 1, check_left(deadline)) <= 0)
            return false;
        if (recv(fd, &byte, 1, 0) <= 0)
            return true;
    }
}

/* A byte now and then does not keep a connection: the time is for all of it. */
static void slow_request_is_ended(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    int fd = check_dial(daemon_port(rig->daemon, 1));
    assert_true(fd >= 0);
    uint64_t deadline = check_deadline(20000);
    while (!is_ended(fd, 500)) {
        assert_true(check_left(deadline) > 0);
        send(fd, "G", 1, MSG_NOSIGNAL);
    }
    close(fd);
    free(get(rig, "/healthz"));
}

/* Of those who connect and say nothing, the oldest give way. */
static void crowd_does_not_lock_anybody_out(void **state)
{
    enum { CROWD = 80, MOST = 64 };
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    int fds[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = check_dial(daemon_port(rig->daemon, 1));
        assert_true(fds[i] >= 0);
    }
    char *text = get(rig, "/healthz");
    assert_int_equal(status_of(text), 200);
    free(text);
    for (size_t i = 0; i <= CROWD - MOST; i++)
        assert_true(is_ended(fds[i], CHECK_SOON_MS));
    assert_false(is_ended(fds[CROWD - 1], 50));
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
}

/* Sends a request to a unix socket; the status of the answer. */
static unsigned ask_unix(const char *path, const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[256] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return status_of(text);
}

static void unix_socket_takes_any_host_and_is_removed(void **state)
{
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/admin.sock", rig->dir);
    struct stat st;
    rig_start(rig, "[admin]\naddress = unix:admin.sock\nmode = 0600\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(ask_unix(path, "GET /healthz HTTP/1.1\r\nHost: any.thing\r\n\r\n"), 200);
    rig_stop_daemon(rig);
    assert_int_not_equal(stat(path, &st), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(exchanges_are_counted),
        RIG_TEST(metrics_are_of_all_workers),
        RIG_TEST(metrics_are_in_the_format_of_prometheus),
        RIG_TEST(health_is_told),
        RIG_TEST(only_reading_is_allowed),
        RIG_TEST(head_gets_the_head_of_get),
        RIG_TEST(host_of_another_site_is_refused),
        RIG_TEST(reload_changes_the_hosts),
        RIG_TEST(head_without_end_is_refused),
        RIG_TEST(slow_request_is_ended),
        RIG_TEST(crowd_does_not_lock_anybody_out),
        RIG_TEST(unix_socket_takes_any_host_and_is_removed),
    };
    return rig_run(tests);
}
