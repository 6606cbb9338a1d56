#include "origin/multi.h"

#include "base/mem.h"

/* Attempts to connect to several addresses, each with a socket, and one for a thread that resolves.
 */
enum { MAX_SOCKETS = 40, EXTRA_MS = 1000 };

/* One socket that libcurl wants watched. */
struct watch {
    struct multi *multi;
    curl_socket_t fd;
    struct event *event; /* NULL: the slot is free */
};

struct multi {
    struct event_base *base;
    CURLM *curl;
    struct event *timer;
    void (*ended)(void *user, CURL *easy, CURLcode code);
    void *user;
    struct watch watches[MAX_SOCKETS];
};

/* libcurl has returned: now its verdicts may be told. */
static void look_for_ends(struct multi *m)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(m->curl, &left))) {
        if (message->msg == CURLMSG_DONE)
            m->ended(m->user, message->easy_handle, message->data.result);
    }
}

static void act_on(struct multi *m, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(m->curl, fd, what, &running);
    look_for_ends(m);
}

static void on_socket(evutil_socket_t fd, short events, void *user)
{
    const struct watch *w = user;
    int what = 0;
    if (events & EV_READ)
        what |= CURL_CSELECT_IN;
    if (events & EV_WRITE)
        what |= CURL_CSELECT_OUT;
    act_on(w->multi, fd, what);
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

static struct watch *find_watch(struct multi *m, curl_socket_t fd)
{
    struct watch *unused = NULL;
    for (size_t i = 0; i < MAX_SOCKETS; i++) {
        struct watch *w = &m->watches[i];
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
    struct multi *m = user;
    struct watch *w = find_watch(m, fd);
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
    *w =
        (struct watch){.multi = m, .fd = fd, .event = event_new(m->base, fd, events, on_socket, w)};
    return w->event && event_add(w->event, NULL) == 0 ? 0 : -1;
}

static int want_timer(CURLM *curl, long timeout_ms, void *user)
{
    (void)curl;
    struct multi *m = user;
    if (timeout_ms < 0)
        return event_del(m->timer);
    struct timeval wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    return event_add(m->timer, &wait);
}

struct multi *multi_new(struct event_base *base,
                        void (*ended)(void *user, CURL *easy, CURLcode code), void *user)
{
    struct multi *m = mem_zalloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->base = base;
    m->ended = ended;
    m->user = user;
    m->curl = curl_multi_init();
    m->timer = evtimer_new(base, on_timer, m);
    if (m->curl && m->timer &&
        curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, want_socket) == CURLM_OK &&
        curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m) == CURLM_OK &&
        curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, want_timer) == CURLM_OK &&
        curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m) == CURLM_OK)
        return m;
    multi_free(m);
    return NULL;
}

void multi_free(struct multi *m)
{
    if (!m)
        return;
    if (m->curl)
        curl_multi_cleanup(m->curl);
    for (size_t i = 0; i < MAX_SOCKETS; i++)
        unwatch(&m->watches[i]);
    if (m->timer)
        event_free(m->timer);
    mem_free(m);
}

/* FRESH_CONNECT: a connection of its own. PROXY: the environment of the daemon must not divert what
 * goes to the origin. QUICK_EXIT: nobody waits for the thread that asks a silent name server. */
CURL *multi_connector(const char *url, uint64_t timeout_ms, char *why)
{
    long most_ms = (long)(timeout_ms + EXTRA_MS);
    CURL *easy = curl_easy_init();
    if (easy && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, most_ms) == CURLE_OK)
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

bool multi_add(struct multi *m, CURL *easy)
{
    return curl_multi_add_handle(m->curl, easy) == CURLM_OK;
}

void multi_push(struct multi *m)
{
    int running;
    curl_multi_perform(m->curl, &running);
    look_for_ends(m);
}

void multi_drop(struct multi *m, CURL *easy)
{
    if (!easy)
        return;
    curl_multi_remove_handle(m->curl, easy);
    curl_easy_cleanup(easy);
}
