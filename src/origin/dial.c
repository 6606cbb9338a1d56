#include "origin/dial.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "origin/multi.h"
#include "origin/names.h"

enum {
    START_MS = 250, /* RFC 8305 §5 */
    URL_BYTES = NAMES_ADDRESS_BYTES + sizeof "http:///",
    WHY_BYTES = 512,
};

enum attempt_state {
    ATTEMPT_CONNECTING,
    ATTEMPT_HANDSHAKING,
    ATTEMPT_DONE,
    ATTEMPT_FAILED,
    ATTEMPT_STATES,
};

/* One address that is tried. */
struct attempt {
    struct list node;
    struct dial *dial;
    enum attempt_state state;
    bool is_ready;       /* there is something to go on with */
    CURL *easy;          /* while it connects */
    CURLcode code;       /* libcurl's verdict */
    curl_socket_t taken; /* it is not libcurl's any more */
    struct wire wire;
    struct event *event; /* of the wire */
    struct names_address address;
    char why[CURL_ERROR_SIZE];
};

struct dial {
    const struct dial_rules *rules;
    struct multi *multi;
    struct list attempts; /* in the order of their starts; those that failed, too */
    struct names_waiter waiter;
    struct timeout timeout;
    struct event *next; /* when the next address starts */
    struct turn_task act;
    bool may_start; /* the next address */
    bool has_asked; /* a question of its own */
    bool is_late;
    char why[WHY_BYTES];
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

static void set_state(struct attempt *a, enum attempt_state to)
{
    static const bool allowed[ATTEMPT_STATES][ATTEMPT_STATES] = {
        [ATTEMPT_CONNECTING] =
            {[ATTEMPT_HANDSHAKING] = true, [ATTEMPT_DONE] = true, [ATTEMPT_FAILED] = true},
        [ATTEMPT_HANDSHAKING] = {[ATTEMPT_DONE] = true, [ATTEMPT_FAILED] = true},
    };
    assert(allowed[a->state][to]);
    a->state = to;
}

static void act_soon(struct dial *d)
{
    turn_add(d->rules->turn, TURN_ACT, &d->act);
}

static void let_go(struct attempt *a)
{
    multi_drop(a->dial->multi, a->easy);
    a->easy = NULL;
    if (a->event)
        event_free(a->event);
    a->event = NULL;
    wire_close(&a->wire);
}

/* One thing more that went wrong, as far as there is room. */
PRINTF_LIKE(2, 3)
static void note(struct dial *d, const char *fmt, ...)
{
    size_t used = strlen(d->why);
    va_list args;
    if (used > 0)
        used += (size_t)snprintf(d->why + used, sizeof d->why - used, "; ");
    va_start(args, fmt);
    if (used < sizeof d->why)
        vsnprintf(d->why + used, sizeof d->why - used, fmt, args);
    va_end(args);
}

/* The next address makes up for it. */
static void fail(struct attempt *a, const char *why)
{
    struct dial *d = a->dial;
    if (d->rules->names->is_fixed)
        note(d, "%s", why);
    else
        note(d, "%s: %s", a->address.text, why);
    set_state(a, ATTEMPT_FAILED);
    let_go(a);
    d->may_start = true;
}

/* A copy of the descriptor would do, but for epoll: what libcurl's own descriptor was registered
 * for stays with the open file, and wakes the loop for ever (event_base_new_with_config tells). */
static int close_socket(void *user, curl_socket_t fd)
{
    const struct attempt *a = user;
    return fd == a->taken ? 0 : close(fd);
}

static void on_ended(void *user, CURL *easy, CURLcode code)
{
    struct attempt *a;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &a);
    a->code = code;
    a->is_ready = true;
    act_soon(user);
}

static bool set_rules(struct attempt *a)
{
    const char *unix_path = a->dial->rules->unix_path;
    return curl_easy_setopt(a->easy, CURLOPT_PRIVATE, a) == CURLE_OK &&
           curl_easy_setopt(a->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
           curl_easy_setopt(a->easy, CURLOPT_CLOSESOCKETDATA, a) == CURLE_OK &&
           (!unix_path ||
            curl_easy_setopt(a->easy, CURLOPT_UNIX_SOCKET_PATH, unix_path) == CURLE_OK);
}

/* False when memory is out: then nothing was started. */
static bool start(struct dial *d, const struct names_address *address)
{
    char url[URL_BYTES];
    uint64_t timeout_ms = d->rules->connect->duration_ms;
    struct attempt *a = mem_zalloc(1, sizeof *a);
    if (!a)
        return false;
    a->dial = d;
    a->taken = CURL_SOCKET_BAD;
    a->wire.fd = -1;
    a->address = *address;
    snprintf(url, sizeof url, "http://%s/", address->text);
    a->easy = multi_connector(url, timeout_ms, a->why);
    if (!a->easy || !set_rules(a) || !multi_add(d->multi, a->easy)) {
        let_go(a);
        mem_free(a);
        return false;
    }
    list_push(&d->attempts, &a->node);
    return true;
}

static bool was_tried(const struct dial *d, const struct names_address *address)
{
    LIST_FOR_EACH (a, &d->attempts, struct attempt, node) {
        if (strcmp(a->address.text, address->text) == 0)
            return true;
    }
    return false;
}

/* How many addresses are left, and the first of them. */
static size_t find_untried(struct dial *d, const struct names_address **first)
{
    const struct names_list *known = names_known(d->rules->names);
    size_t n = 0;
    *first = NULL;
    for (size_t i = 0; i < known->len; i++) {
        if (was_tried(d, &known->at[i]))
            continue;
        if (n++ == 0)
            *first = &known->at[i];
    }
    return n;
}

static size_t count(const struct dial *d, enum attempt_state state)
{
    size_t n = 0;
    LIST_FOR_EACH (a, &d->attempts, struct attempt, node)
        n += a->state == state;
    return n;
}

static bool may_ask(const struct dial *d)
{
    return !d->has_asked && names_may_ask(d->rules->names);
}

/* All that is left is to have its turn in time. Who answered TCP is worth waiting for: the others
 * are asked only so that they can still make it. */
static void arm_next(struct dial *d)
{
    const struct names_address *first;
    uint64_t now = turn_now_ms(d->rules->turn), end = d->timeout.deadline_ms;
    uint64_t left = find_untried(d, &first) + may_ask(d);
    uint64_t ms = (end > now ? end - now : 0) / (left + 1);
    if (ms > START_MS && count(d, ATTEMPT_HANDSHAKING) == 0)
        ms = START_MS;
    struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    evtimer_add(d->next, &wait);
}

static void on_next(evutil_socket_t fd, short events, void *user)
{
    struct dial *d = user;
    (void)fd;
    (void)events;
    d->may_start = true;
    act_soon(d);
}

/* A question that was open already may have been so for long: its end need not be the last word. */
static void ask(struct dial *d)
{
    struct names *n = d->rules->names;
    if (!list_empty(&d->waiter.node) || !may_ask(d))
        return;
    d->has_asked = !names_is_asking(n);
    if (!names_ask(n, &d->waiter)) {
        d->has_asked = true;
        note(d, "memory is out");
    }
}

static void on_told(struct names_waiter *w)
{
    struct dial *d = CONTAINER_OF(w, struct dial, waiter);
    const char *why = names_why(d->rules->names);
    if (why[0])
        note(d, "%s", why);
    d->may_start = true;
    act_soon(d);
}

static void start_next(struct dial *d)
{
    const struct names_address *address;
    if (!d->may_start)
        return;
    d->may_start = false;
    if (find_untried(d, &address) == 0)
        ask(d);
    else if (!start(d, address))
        note(d, "memory is out");
    else
        arm_next(d);
}

static void on_event(evutil_socket_t fd, short events, void *user)
{
    struct attempt *a = user;
    (void)fd;
    (void)events;
    a->is_ready = true;
    act_soon(a->dial);
}

static void wait_for(struct attempt *a, short events)
{
    struct event_base *base = a->dial->rules->base;
    if (!a->event)
        a->event = event_new(base, a->wire.fd, events, on_event, a);
    else if (event_get_events(a->event) != events)
        event_assign(a->event, base, a->wire.fd, events, on_event, a);
    if (!a->event || event_add(a->event, NULL) != 0)
        fail(a, "memory is out");
}

static void shake_hands(struct attempt *a)
{
    switch (wire_handshake(&a->wire)) {
    case WIRE_OK:
        set_state(a, ATTEMPT_DONE);
        break;
    case WIRE_WANTS_READ:
        wait_for(a, EV_READ);
        break;
    case WIRE_WANTS_WRITE:
        wait_for(a, EV_WRITE);
        break;
    case WIRE_CLOSED:
    case WIRE_CUT:
        fail(a, "it closed the connection during the TLS handshake");
        break;
    case WIRE_FAILED:
        fail(a, wire_why(&a->wire));
        break;
    }
}

/* What the system said is shorter than what libcurl makes of it. */
static const char *why_unconnected(const struct attempt *a)
{
    long code = 0;
    if (a->code == CURLE_OK)
        return "the connection was lost at once";
    if (a->code == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &code);
    if (code > 0 && strerrordesc_np((int)code))
        return strerrordesc_np((int)code);
    return a->why[0] ? a->why : curl_easy_strerror(a->code);
}

/* libcurl's handle is done with, and goes; the socket stays. */
static void take_socket(struct attempt *a)
{
    const struct dial_rules *rules = a->dial->rules;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (a->code == CURLE_OK)
        curl_easy_getinfo(a->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD) {
        fail(a, why_unconnected(a));
        return;
    }
    a->taken = fd;
    multi_drop(a->dial->multi, a->easy);
    a->easy = NULL;
    a->wire.fd = fd;
    if (!rules->target) {
        set_state(a, ATTEMPT_DONE);
    } else if (wire_secure(&a->wire, rules->target, rules->blocks)) {
        set_state(a, ATTEMPT_HANDSHAKING);
        arm_next(a->dial);
        shake_hands(a);
    } else {
        fail(a, "memory is out");
    }
}

static void go_on(struct attempt *a)
{
    if (!a->is_ready)
        return;
    a->is_ready = false;
    if (a->state == ATTEMPT_CONNECTING)
        take_socket(a);
    else if (a->state == ATTEMPT_HANDSHAKING)
        shake_hands(a);
}

static struct attempt *find_winner(const struct dial *d)
{
    LIST_FOR_EACH (a, &d->attempts, struct attempt, node) {
        if (a->state == ATTEMPT_DONE)
            return a;
    }
    return NULL;
}

static bool is_under_way(const struct dial *d)
{
    return count(d, ATTEMPT_CONNECTING) + count(d, ATTEMPT_HANDSHAKING) > 0 ||
           !list_empty(&d->waiter.node);
}

/* Says where it stood. */
static void explain_lateness(struct dial *d)
{
    LIST_FOR_EACH (a, &d->attempts, struct attempt, node) {
        const char *who = d->rules->names->is_fixed ? "it" : a->address.text;
        if (a->state == ATTEMPT_CONNECTING)
            note(d, "%s did not answer in time", who);
        else if (a->state == ATTEMPT_HANDSHAKING)
            note(d, "%s did not finish the TLS handshake in time", who);
    }
    if (list_empty(&d->attempts))
        note(d, "its name was not resolved in time");
}

static void end(struct dial *d, enum dial_result result)
{
    timeout_stop(&d->timeout);
    event_del(d->next);
    names_leave(&d->waiter);
    turn_cancel(&d->act);
    d->done(d->user, result);
}

static void run_act(struct turn_task *task)
{
    struct dial *d = CONTAINER_OF(task, struct dial, act);
    LIST_FOR_EACH_SAFE (a, &d->attempts, struct attempt, node)
        go_on(a);
    const struct attempt *winner = find_winner(d);
    if (winner) {
        names_prefer(d->rules->names, winner->address.text);
        end(d, DIAL_DONE);
    } else if (d->is_late) {
        explain_lateness(d);
        end(d, DIAL_TIMED_OUT);
    } else {
        start_next(d);
        if (!is_under_way(d))
            end(d, DIAL_REFUSED);
    }
}

static void on_timeout(struct timeout *t)
{
    struct dial *d = CONTAINER_OF(t, struct dial, timeout);
    d->is_late = true;
    act_soon(d);
}

struct dial *dial_start(const struct dial_rules *rules,
                        void (*done)(void *user, enum dial_result result), void *user)
{
    struct dial *d = mem_zalloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->rules = rules;
    d->done = done;
    d->user = user;
    d->may_start = true;
    list_init(&d->attempts);
    names_waiter_init(&d->waiter, on_told);
    timeout_init(&d->timeout, on_timeout);
    turn_task_init(&d->act, run_act);
    d->multi = multi_new(rules->base, on_ended, d);
    d->next = evtimer_new(rules->base, on_next, d);
    if (!d->multi || !d->next) {
        dial_free(d);
        return NULL;
    }
    timeout_start(rules->connect, &d->timeout, turn_now_ms(rules->turn));
    act_soon(d);
    return d;
}

struct wire dial_take(struct dial *d)
{
    struct attempt *winner = find_winner(d);
    assert(winner);
    struct wire wire = winner->wire;
    winner->wire = (struct wire){.fd = -1};
    return wire;
}

const char *dial_why(const struct dial *d)
{
    return d->why;
}

void dial_free(struct dial *d)
{
    if (!d)
        return;
    timeout_stop(&d->timeout);
    turn_cancel(&d->act);
    names_leave(&d->waiter);
    LIST_FOR_EACH_SAFE (a, &d->attempts, struct attempt, node) {
        list_remove(&a->node);
        let_go(a);
        mem_free(a);
    }
    multi_free(d->multi);
    if (d->next)
        event_free(d->next);
    mem_free(d);
}
