#include "origin/dial.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_SOCKETS = 16, URL_BYTES = 512 };

/* One socket that libcurl wants watched. */
struct watch {
    struct dial *dial;
    curl_socket_t fd;
    struct event *event; /* NULL: the slot is free */
};

struct dial {
    struct event_base *base;
    CURLM *multi;
    CURL *easy;
    struct event *timer;
    struct watch watches[MAX_SOCKETS]; /* a race of two addresses and a resolver need three */
    bool added, ended, is_plain;
    curl_socket_t taken; /* it is not libcurl's any more */
    char why[CURL_ERROR_SIZE];
    void (*done)(void *user, enum dial_result result);
    void *user;
};

bool dial_setup(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void dial_teardown(void)
{
    curl_global_cleanup();
}

void *dial_share_new(void)
{
    CURLSH *share = curl_share_init();
    if (share &&
        (curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
         curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)) {
        curl_share_cleanup(share);
        return NULL;
    }
    return share;
}

void dial_share_free(void *share)
{
    if (share)
        curl_share_cleanup(share);
}

static enum dial_result result_of(CURLcode code)
{
    if (code == CURLE_OK)
        return DIAL_DONE;
    return code == CURLE_OPERATION_TIMEDOUT ? DIAL_TIMED_OUT : DIAL_REFUSED;
}

/* libcurl has returned: now its verdict may be acted on. */
static void look_for_end(struct dial *d)
{
    int left;
    CURLMsg *message;
    while (!d->ended && (message = curl_multi_info_read(d->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        d->ended = true;
        if (code != CURLE_OK && d->why[0] == '\0')
            snprintf(d->why, sizeof d->why, "%s", curl_easy_strerror(code));
        event_del(d->timer);
        d->done(d->user, result_of(code));
    }
}

static void act_on(struct dial *d, curl_socket_t fd, int what)
{
    int running;
    if (d->ended)
        return;
    curl_multi_socket_action(d->multi, fd, what, &running);
    look_for_end(d);
}

static void on_socket(evutil_socket_t fd, short events, void *user)
{
    const struct watch *w = user;
    int what = 0;
    if (events & EV_READ)
        what |= CURL_CSELECT_IN;
    if (events & EV_WRITE)
        what |= CURL_CSELECT_OUT;
    act_on(w->dial, fd, what);
}

static void on_timer(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    act_on(user, CURL_SOCKET_TIMEOUT, 0);
}

static void unwatch(struct watch *w)
{
    if (w->event)
        event_free(w->event);
    w->event = NULL;
}

static struct watch *find_watch(struct dial *d, curl_socket_t fd)
{
    struct watch *unused = NULL;
    for (size_t i = 0; i < MAX_SOCKETS; i++) {
        struct watch *w = &d->watches[i];
        if (w->event && w->fd == fd)
            return w;
        if (!w->event && !unused)
            unused = w;
    }
    return unused;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    (void)easy;
    (void)socket_user;
    struct dial *d = user;
    struct watch *w = find_watch(d, fd);
    if (!w)
        return -1;
    unwatch(w);
    if (what == CURL_POLL_REMOVE)
        return 0;
    short events = EV_PERSIST;
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    *w = (struct watch){.dial = d, .fd = fd, .event = event_new(d->base, fd, events, on_socket, w)};
    return w->event && event_add(w->event, NULL) == 0 ? 0 : -1;
}

static int want_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct dial *d = user;
    if (timeout_ms < 0)
        return event_del(d->timer);
    struct timeval wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    return event_add(d->timer, &wait);
}

/* A copy of the descriptor would do, but for epoll: what libcurl's own descriptor was registered
 * for stays with the open file, and wakes the loop for ever (event_base_new_with_config tells). */
static int close_socket(void *user, curl_socket_t fd)
{
    const struct dial *d = user;
    return fd == d->taken ? 0 : close(fd);
}

/* The callback must not outlive the dial, so a connection under TLS, which does, has none. */
static bool keep_socket(struct dial *d)
{
    return !d->is_plain ||
           (curl_easy_setopt(d->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
            curl_easy_setopt(d->easy, CURLOPT_CLOSESOCKETDATA, d) == CURLE_OK);
}

static bool set_target(CURL *easy, const struct config_origin *origin)
{
    char url[URL_BYTES];
    const struct config_url *u = &origin->url;
    const char *scheme = u->tls ? "https" : "http";
    if (u->unix_path) {
        return curl_easy_setopt(easy, CURLOPT_URL, "http://localhost/") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, u->unix_path) == CURLE_OK;
    }
    bool bare_v6 = strchr(u->host, ':') != NULL;
    int n = snprintf(url, sizeof url, bare_v6 ? "%s://[%s]:%u/" : "%s://%s:%u/", scheme, u->host,
                     u->port);
    return n > 0 && (size_t)n < sizeof url && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

static bool set_trust(CURL *easy, const struct config_origin *origin)
{
    if (origin->ca && curl_easy_setopt(easy, CURLOPT_CAINFO, origin->ca) != CURLE_OK)
        return false;
    return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, origin->verify ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, origin->verify ? 2L : 0L) == CURLE_OK;
}

/* FRESH_CONNECT and HTTP_VERSION: a connection of its own that speaks HTTP/1.1, whatever ALPN
 * offers. PROXY: the environment of the daemon must not divert what goes to the origin.
 * QUICK_EXIT: a time-out does not wait for the thread that asks a silent name server. */
static bool set_rules(struct dial *d, const struct config_origin *origin, uint64_t timeout_ms,
                      void *share)
{
    CURL *easy = d->easy;
    return curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && keep_socket(d) &&
           curl_easy_setopt(easy, CURLOPT_SHARE, share) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, d->why) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           set_trust(easy, origin) && set_target(easy, origin);
}

static bool set_loop(struct dial *d)
{
    return curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, want_socket) == CURLM_OK &&
           curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d) == CURLM_OK &&
           curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, want_timer) == CURLM_OK &&
           curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d) == CURLM_OK;
}

struct dial *dial_start(struct event_base *base, const struct config_origin *origin,
                        uint64_t timeout_ms, void *share,
                        void (*done)(void *user, enum dial_result result), void *user)
{
    struct dial *d = mem_zalloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->base = base;
    d->done = done;
    d->user = user;
    d->is_plain = !origin->url.tls;
    d->taken = CURL_SOCKET_BAD;
    d->multi = curl_multi_init();
    d->easy = curl_easy_init();
    d->timer = evtimer_new(base, on_timer, d);
    if (d->multi && d->easy && d->timer && set_loop(d) && set_rules(d, origin, timeout_ms, share))
        d->added = curl_multi_add_handle(d->multi, d->easy) == CURLM_OK;
    if (!d->added) {
        dial_free(d);
        return NULL;
    }
    return d;
}

/* libcurl's handles are done with after a plain dial: they go with the dial, the socket stays.
 * Under TLS they are the only way to the bytes, and stay. */
bool dial_take(struct dial *d, struct wire *out)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(d->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return false;
    if (d->is_plain) {
        d->taken = fd;
        *out = (struct wire){.fd = fd};
        return true;
    }
    *out = (struct wire){.fd = fd, .tls = d->easy, .tls_loop = d->multi};
    curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, NULL);
    curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, NULL);
    d->easy = NULL;
    d->multi = NULL;
    return true;
}

const char *dial_why(const struct dial *d)
{
    return d->why;
}

void dial_free(struct dial *d)
{
    if (!d)
        return;
    d->ended = true;
    if (d->added && d->easy)
        curl_multi_remove_handle(d->multi, d->easy);
    if (d->easy)
        curl_easy_cleanup(d->easy);
    if (d->multi)
        curl_multi_cleanup(d->multi);
    for (size_t i = 0; i < MAX_SOCKETS; i++)
        unwatch(&d->watches[i]);
    if (d->timer)
        event_free(d->timer);
    mem_free(d);
}
