#include "server/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/date.h"
#include "http/message.h"
#include "net/address.h"
#include "server/ask.h"
#include "server/listener.h"

enum {
    MAX_VISITS = 64,
    MAX_HEAD_BYTES = 8192,
    MAX_LEFT_BYTES = 65536, /* read and dropped of one who goes on sending */
    ACCEPTS_AT_ONCE = 16,
};

/* How long one connection may last, whatever it does. */
static const struct timeval visit_time = {.tv_sec = 10};
static const struct timeval pause_time = {.tv_usec = 100000};

struct admin {
    struct event_base *base;
    const struct config *config;
    struct socketfile file;
    int fd;
    struct event *acceptable, *pause;
    struct list visits; /* struct visit, the oldest first */
    unsigned visits_len;
    void (*collect)(void *user, struct metrics *sum);
    void *user;
};

enum visit_state {
    VISIT_ASKS,
    VISIT_IS_ANSWERED,
    VISIT_LEAVES, /* all was sent; what still comes is dropped, so that no reset overtakes it */
};

/* One connection, for one request. */
struct visit {
    struct list node;
    struct admin *admin;
    enum visit_state state;
    bool has_ended; /* the other side will send no more */
    size_t dropped_bytes;
    struct bufferevent *wire;
    struct event *deadline;
};

/* What is answered. */
struct answer {
    unsigned status;
    const char *type;  /* NULL: a sentence */
    const char *field; /* one more line of the head, or "" */
    struct span body;
};

static void visit_free(struct visit *v)
{
    list_remove(&v->node);
    v->admin->visits_len--;
    if (v->wire)
        bufferevent_free(v->wire);
    if (v->deadline)
        event_free(v->deadline);
    mem_free(v);
}

static void on_deadline(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    visit_free(user);
}

static void send_answer(struct visit *v, const struct answer *a, bool is_head)
{
    struct evbuffer *out = bufferevent_get_output(v->wire);
    char date[DATE_BYTES];
    date_format(date, clock_wall_ms() / 1000);
    evbuffer_add_printf(out,
                        "HTTP/1.1 %u %s\r\nDate: %.*s\r\nContent-Type: %s\r\n"
                        "Content-Length: %zu\r\n%sCache-Control: no-store\r\n"
                        "Connection: close\r\n\r\n",
                        a->status, status_reason(a->status), DATE_BYTES, date,
                        a->type ? a->type : "text/plain; charset=utf-8", a->body.len, a->field);
    if (!is_head)
        evbuffer_add(out, a->body.ptr, a->body.len);
    v->state = VISIT_IS_ANSWERED;
}

static void send_sentence(struct visit *v, unsigned status, const char *sentence, bool is_head)
{
    const struct answer a = {.status = status,
                             .field = status == 405 ? "Allow: GET, HEAD\r\n" : "",
                             .body = span_str(sentence)};
    send_answer(v, &a, is_head);
}

static void send_metrics(struct visit *v, bool is_head)
{
    struct metrics sum = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool complete = false;
    if (out) {
        v->admin->collect(v->admin->user, &sum);
        metrics_print(&sum, out);
        complete = fclose(out) == 0;
    }
    const struct answer a = {.status = 200,
                             .type = "text/plain; version=0.0.4; charset=utf-8",
                             .field = "",
                             .body = span_of(text, len)};
    if (complete)
        send_answer(v, &a, is_head);
    else
        send_sentence(v, 503, "There is no memory for the metrics.\n", is_head);
    free(text);
}

static bool is_number(struct span host)
{
    struct address ip;
    bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed)
        host = span_of(host.ptr + 1, host.len - 2);
    return address_parse_ip(&ip, host) && is_bracketed == (span_find(host, ':') < host.len);
}

/* A page of another site can make a browser ask here, and read the answer, by a name of its own
 * that it points at this address (DNS rebinding). It cannot do so by a number, by "localhost", or
 * without a Host, which every browser sends. */
static bool is_allowed_host(const struct admin *a, const struct ask *ask)
{
    struct span host = ask->host;
    if (!ask->names_host || a->config->admin.address.storage.ss_family == AF_UNIX)
        return true;
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--; /* the root's dot */
    for (size_t i = 0; i < a->config->admin.hosts.len; i++) {
        if (span_ieq(a->config->admin.hosts.at[i], host))
            return true;
    }
    return is_number(host) || span_ieq(host, SPAN("localhost"));
}

static void answer(struct visit *v, const struct ask *ask)
{
    bool is_head = ask->method == ASK_HEAD;
    if (!is_allowed_host(v->admin, ask))
        send_sentence(v, 403,
                      "This Host is not allowed: ask by the address or as localhost, or name the "
                      "host in `hosts` of [admin].\n",
                      is_head);
    else if (ask->method == ASK_OTHER)
        send_sentence(v, 405, "Only GET and HEAD are answered here.\n", false);
    else if (span_eq(ask->path, SPAN("/metrics")))
        send_metrics(v, is_head);
    else if (span_eq(ask->path, SPAN("/healthz")))
        send_sentence(v, 200, "ok\n", is_head);
    else
        send_sentence(v, 404, "Here are /metrics and /healthz, and nothing else.\n", is_head);
}

static void read_head(struct visit *v)
{
    struct evbuffer *in = bufferevent_get_input(v->wire);
    size_t len = evbuffer_get_length(in);
    const void *text = evbuffer_pullup(in, -1);
    struct ask ask;
    if (!text)
        return;
    switch (ask_read(&ask, span_of(text, len))) {
    case ASK_FINE:
        answer(v, &ask);
        break;
    case ASK_MORE:
        if (len >= MAX_HEAD_BYTES)
            send_sentence(v, 431, "The head of the request is too large.\n", false);
        break;
    case ASK_VERSION:
        send_sentence(v, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.\n", false);
        break;
    default:
        send_sentence(v, 400, "This is no HTTP/1.1 request with one Host field.\n", false);
    }
}

static void on_readable(struct bufferevent *wire, void *user)
{
    struct visit *v = user;
    struct evbuffer *in = bufferevent_get_input(wire);
    if (v->state == VISIT_ASKS)
        read_head(v);
    if (v->state == VISIT_ASKS)
        return;
    v->dropped_bytes += evbuffer_get_length(in);
    evbuffer_drain(in, evbuffer_get_length(in));
    if (v->dropped_bytes > MAX_LEFT_BYTES)
        visit_free(v);
}

/* The output is empty: the answer was sent. */
static void on_written(struct bufferevent *wire, void *user)
{
    struct visit *v = user;
    if (v->state != VISIT_IS_ANSWERED)
        return;
    v->state = VISIT_LEAVES;
    if (v->has_ended || shutdown(bufferevent_getfd(wire), SHUT_WR) != 0)
        visit_free(v);
}

static void on_over(struct bufferevent *wire, short events, void *user)
{
    struct visit *v = user;
    (void)wire;
    v->has_ended = true;
    if (!(events & BEV_EVENT_EOF) || v->state != VISIT_IS_ANSWERED)
        visit_free(v);
}

static bool visit_start(struct admin *a, int fd)
{
    struct visit *v = mem_zalloc(1, sizeof *v);
    if (!v) {
        close(fd);
        return false;
    }
    list_push(&a->visits, &v->node);
    a->visits_len++;
    v->admin = a;
    v->wire = bufferevent_socket_new(a->base, fd, BEV_OPT_CLOSE_ON_FREE);
    v->deadline = evtimer_new(a->base, on_deadline, v);
    if (v->wire)
        bufferevent_setcb(v->wire, on_readable, on_written, on_over, v);
    else
        close(fd);
    if (v->wire && v->deadline && evtimer_add(v->deadline, &visit_time) == 0 &&
        bufferevent_enable(v->wire, EV_READ | EV_WRITE) == 0) {
        bufferevent_setwatermark(v->wire, EV_READ, 0, MAX_HEAD_BYTES);
        return true;
    }
    visit_free(v);
    return false;
}

/* Those who come in crowds lose the oldest of them: one request takes no time. */
static void make_room(struct admin *a)
{
    while (a->visits_len >= MAX_VISITS)
        visit_free(CONTAINER_OF(a->visits.next, struct visit, node));
}

static void on_acceptable(evutil_socket_t fd, short events, void *user)
{
    struct admin *a = user;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
            return;
        if (client >= 0)
            make_room(a);
        if (client >= 0 && visit_start(a, client))
            continue;
        event_del(a->acceptable); /* descriptors or memory are out: the loop must not spin */
        evtimer_add(a->pause, &pause_time);
        return;
    }
}

static void on_pause_over(evutil_socket_t fd, short events, void *user)
{
    struct admin *a = user;
    (void)fd;
    (void)events;
    event_add(a->acceptable, NULL);
}

struct admin *admin_open(struct event_base *base, const struct config *config,
                         void (*collect)(void *user, struct metrics *sum), void *user)
{
    struct admin *a = mem_zalloc(1, sizeof *a);
    if (!a) {
        log_error("no memory for the admin listener");
        return NULL;
    }
    *a = (struct admin){.base = base, .config = config, .collect = collect, .user = user};
    list_init(&a->visits);
    a->fd = listener_open(&config->admin.address, &config->admin.access, "admin", &a->file);
    if (a->fd < 0) {
        admin_close(a);
        return NULL;
    }
    a->acceptable = event_new(base, a->fd, EV_READ | EV_PERSIST, on_acceptable, a);
    a->pause = evtimer_new(base, on_pause_over, a);
    if (a->acceptable && a->pause && event_add(a->acceptable, NULL) == 0)
        return a;
    log_error("no memory for the admin listener");
    admin_close(a);
    return NULL;
}

void admin_serve(struct admin *a, const struct config *config)
{
    if (a)
        a->config = config;
}

void admin_close(struct admin *a)
{
    if (!a)
        return;
    LIST_FOR_EACH_SAFE (v, &a->visits, struct visit, node)
        visit_free(v);
    if (a->acceptable)
        event_free(a->acceptable);
    if (a->pause)
        event_free(a->pause);
    if (a->fd >= 0)
        close(a->fd);
    socketfile_remove(&a->file, &a->config->admin.address);
    mem_free(a);
}
