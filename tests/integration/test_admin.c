/* The admin listener: metrics and health, over plain HTTP. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

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
    char *request = check_printf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
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

static void only_reading_is_allowed(void **state)
{
    static const char *const requests[] = {
        "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    };
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    for (size_t i = 0; i < CHECK_LEN(requests); i++) {
        char *text = ask(rig, requests[i]);
        unsigned long status = strncmp(text, "HTTP/1.1 ", 9) == 0 ? strtoul(text + 9, NULL, 10) : 0;
        if (status < 400 || status > 599 || strstr(text, "headstart_"))
            fail_msg("%s got: %s", requests[i], text);
        free(text);
    }
    free(get(rig, "/healthz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(exchanges_are_counted),
        RIG_TEST(metrics_are_of_all_workers),
        RIG_TEST(metrics_are_in_the_format_of_prometheus),
        RIG_TEST(health_is_told),
        RIG_TEST(only_reading_is_allowed),
    };
    return rig_run(tests);
}
