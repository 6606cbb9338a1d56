#include "server/demo.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "server/demo_assets.h"

enum { MAX_HEADER_BYTES = 64 * 1024, MAX_VERSION_BYTES = 16, IDLE_SECONDS = 300 };

static const struct timeval thinking_time = {.tv_usec = 300000};

/* The Link field of the page, in the style of the sites that announced theirs first: own assets,
 * those of third parties, and one that a template left empty. */
static const struct {
    const char *target, *as;
    bool versioned;
} links[] = {
    {"/assets/css/screen.css", "style", true},
    {"//cdn.example/analytics.js", "script", false},
    {"/assets/img/track.svg", "image", true},
    {"/assets/img/sunrise.png", "image", true},
    {"/assets/img/lanes.svg", "image", true},
    {"/assets/img/baton.svg", "image", true},
    {"//cdn.example/consent.js", "script", false},
    {"//fonts.example/sans.woff2", "font", false},
    {"", "script", false},
    {"/assets/js/theme.js", "script", true},
    {"/assets/js/app.js", "script", true},
};

struct demo {
    struct event_base *base;
    struct evhttp *http;
    struct event *stop_event;
    int stop_fd;
    unsigned port;
    bool has_thread;
    pthread_t thread;
    struct list thoughts; /* struct thought */
};

/* A request for the page that is being thought about. */
struct thought {
    struct list node;
    struct evhttp_request *request;
    struct event *timer;
};

static void add_header(struct evhttp_request *request, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

/* Answers with what was put into the request's output buffer; for HEAD with its length only. */
static void answer(struct evhttp_request *request, int status, const char *content_type,
                   const char *cache_control)
{
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    add_header(request, "Content-Type", content_type);
    add_header(request, "Cache-Control", cache_control);
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        char length[24];
        snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
        add_header(request, "Content-Length", length);
        evbuffer_drain(body, evbuffer_get_length(body));
    }
    evhttp_send_reply(request, status, NULL, NULL);
}

static void answer_error(struct evhttp_request *request, int status, const char *text)
{
    evbuffer_add_printf(evhttp_request_get_output_buffer(request), "%s\n", text);
    answer(request, status, "text/plain; charset=utf-8", "no-store");
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z');
}

/* The version that the page is asked for, "/?v=abc123": whoever asks for another one gets the page
 * with other assets, as after a deployment. */
static struct span wanted_version(const struct evhttp_request *request)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct span version = query ? span_str(query) : SPAN("");
    if (!span_starts(version, SPAN("v=")))
        return SPAN(DEMO_ASSETS_VERSION);
    version = span_from(version, 2);
    if (version.len == 0 || version.len > MAX_VERSION_BYTES)
        return SPAN(DEMO_ASSETS_VERSION);
    for (size_t i = 0; i < version.len; i++) {
        if (!is_alphanumeric(version.ptr[i]))
            return SPAN(DEMO_ASSETS_VERSION);
    }
    return version;
}

static void add_link_header(struct evhttp_request *request, struct span version)
{
    char value[1024];
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct span v = links[i].versioned ? version : SPAN("");
        int n = snprintf(value + len, sizeof value - len, "%s<%s%s%.*s>; rel=preload; as=%s",
                         i > 0 ? "," : "", links[i].target, v.len > 0 ? "?v=" : "", SPAN_ARG(v),
                         links[i].as);
        assert(n > 0 && (size_t)n < sizeof value - len);
        len += (size_t)n;
    }
    add_header(request, "Link", value);
}

static void add_page(struct evbuffer *to, struct span page, struct span version)
{
    const struct span mark = SPAN(DEMO_ASSETS_VERSION);
    const char *at;
    while ((at = memmem(page.ptr, page.len, mark.ptr, mark.len))) {
        evbuffer_add(to, page.ptr, (size_t)(at - page.ptr));
        evbuffer_add(to, version.ptr, version.len);
        page = span_from(page, (size_t)(at - page.ptr) + mark.len);
    }
    evbuffer_add(to, page.ptr, page.len);
}

static void answer_page(struct evhttp_request *request)
{
    const struct demo_asset *page = demo_assets_page();
    struct span version = wanted_version(request);
    add_link_header(request, version);
    add_page(evhttp_request_get_output_buffer(request), demo_asset_body(page), version);
    answer(request, HTTP_OK, page->content_type, "public, max-age=0");
}

static void thought_free(struct thought *t)
{
    list_remove(&t->node);
    if (t->timer)
        event_free(t->timer);
    mem_free(t);
}

/* The client may have gone meanwhile: then evhttp_send_reply() only frees the request. */
static void thought_ends(evutil_socket_t fd, short what, void *arg)
{
    struct thought *t = arg;
    struct evhttp_request *request = t->request;
    (void)fd;
    (void)what;
    thought_free(t);
    answer_page(request);
}

static void think(struct demo *d, struct evhttp_request *request)
{
    struct thought *t = mem_zalloc(1, sizeof *t);
    if (t) {
        list_init(&t->node);
        t->request = request;
        t->timer = evtimer_new(d->base, thought_ends, t);
    }
    if (!t || !t->timer || evtimer_add(t->timer, &thinking_time) != 0) {
        if (t)
            thought_free(t);
        answer_error(request, HTTP_SERVUNAVAIL, "out of memory");
        return;
    }
    list_push(&d->thoughts, &t->node);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const struct demo_asset *asset = path ? demo_assets_find(span_str(path)) : NULL;
    if (!(evhttp_request_get_command(request) & (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD))) {
        add_header(request, "Allow", "GET, HEAD");
        answer_error(request, HTTP_BADMETHOD, "method not allowed");
    } else if (!asset) {
        answer_error(request, HTTP_NOTFOUND, "not found");
    } else if (asset == demo_assets_page()) {
        think(arg, request);
    } else {
        struct span body = demo_asset_body(asset);
        evbuffer_add_reference(evhttp_request_get_output_buffer(request), body.ptr, body.len, NULL,
                               NULL);
        answer(request, HTTP_OK, asset->content_type, "public, max-age=60");
    }
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct demo *d = arg;
    (void)fd;
    (void)what;
    event_base_loopbreak(d->base);
}

static void *run(void *arg)
{
    struct demo *d = arg;
    event_base_dispatch(d->base);
    return NULL;
}

static bool bind_port(struct demo *d)
{
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(d->http, "127.0.0.1", 0);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    if (!bound ||
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0)
        return false;
    d->port = ntohs(address.sin_port);
    return true;
}

static bool make_server(struct demo *d)
{
    d->http = evhttp_new(d->base);
    if (!d->http)
        return false;
    evhttp_set_gencb(d->http, on_request, d);
    evhttp_set_default_content_type(d->http, NULL);
    evhttp_set_max_headers_size(d->http, MAX_HEADER_BYTES);
    evhttp_set_timeout(d->http, IDLE_SECONDS);
    evhttp_set_allowed_methods(d->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                            EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                            EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    return bind_port(d);
}

static bool start_thread(struct demo *d)
{
    int error = thread_start(&d->thread, "demo", run, d);
    d->has_thread = error == 0;
    errno = error;
    return d->has_thread;
}

struct demo *demo_start(void)
{
    struct demo *d = mem_zalloc(1, sizeof *d);
    if (d) {
        list_init(&d->thoughts);
        d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        d->base = event_base_new();
        if (d->base && d->stop_fd >= 0)
            d->stop_event = event_new(d->base, d->stop_fd, EV_READ, on_stop, d);
        if (d->stop_event && event_add(d->stop_event, NULL) == 0 && make_server(d) &&
            start_thread(d))
            return d;
    }
    log_error("the demo's origin cannot be started: %s", strerrordesc_np(errno));
    demo_stop(d);
    return NULL;
}

unsigned demo_port(const struct demo *d)
{
    return d->port;
}

/* A request whose client is gone is nobody's but ours; the others go with their connections. */
static void drop_thoughts(struct demo *d)
{
    LIST_FOR_EACH_SAFE (t, &d->thoughts, struct thought, node) {
        if (!evhttp_request_get_connection(t->request))
            evhttp_request_free(t->request);
        thought_free(t);
    }
}

void demo_stop(struct demo *d)
{
    if (!d)
        return;
    if (d->has_thread) {
        eventfd_write(d->stop_fd, 1);
        pthread_join(d->thread, NULL);
    }
    drop_thoughts(d);
    if (d->http)
        evhttp_free(d->http);
    if (d->stop_event)
        event_free(d->stop_event);
    if (d->base)
        event_base_free(d->base);
    if (d->stop_fd >= 0)
        close(d->stop_fd);
    mem_free(d);
}
