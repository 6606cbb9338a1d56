#include "server/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/listener.h"

enum { TIMEOUT_S = 10, MAX_HEAD_BYTES = 8192 };

struct admin {
    struct evhttp *http;
    void (*collect)(void *user, struct metrics *sum);
    void *user;
};

static void reply(struct evhttp_request *request, const char *type, struct span body)
{
    struct evbuffer *buffer = evhttp_request_get_output_buffer(request);
    struct evkeyvalq *fields = evhttp_request_get_output_headers(request);
    evhttp_add_header(fields, "Content-Type", type);
    evbuffer_add(buffer, body.ptr, body.len);
    evhttp_send_reply(request, 200, "OK", NULL);
}

static void on_metrics(struct evhttp_request *request, void *user)
{
    const struct admin *a = user;
    struct metrics sum = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        evhttp_send_error(request, 503, NULL);
        return;
    }
    a->collect(a->user, &sum);
    metrics_print(&sum, out);
    bool complete = fclose(out) == 0;
    if (complete)
        reply(request, "text/plain; version=0.0.4; charset=utf-8", span_of(text, len));
    else
        evhttp_send_error(request, 503, NULL);
    free(text);
}

static void on_health(struct evhttp_request *request, void *user)
{
    (void)user;
    reply(request, "text/plain; charset=utf-8", SPAN("ok\n"));
}

struct admin *admin_open(struct event_base *base, const struct config *config,
                         void (*collect)(void *user, struct metrics *sum), void *user)
{
    int fd = listener_open(&config->admin.address, "admin");
    if (fd < 0)
        return NULL;
    struct admin *a = mem_zalloc(1, sizeof *a);
    if (a) {
        *a = (struct admin){.http = evhttp_new(base), .collect = collect, .user = user};
        if (a->http && evhttp_accept_socket(a->http, fd) == 0) {
            evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
            evhttp_set_timeout(a->http, TIMEOUT_S);
            evhttp_set_max_headers_size(a->http, MAX_HEAD_BYTES);
            evhttp_set_max_body_size(a->http, 0);
            evhttp_set_cb(a->http, "/metrics", on_metrics, a);
            evhttp_set_cb(a->http, "/healthz", on_health, a);
            return a;
        }
    }
    log_error("no memory for the admin listener");
    close(fd);
    admin_close(a);
    return NULL;
}

void admin_close(struct admin *a)
{
    if (!a)
        return;
    if (a->http)
        evhttp_free(a->http);
    mem_free(a);
}
