#include "server/worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "proxy/client.h"
#include "server/generation.h"

/* What the main thread may tell, as bits. */
enum order {
    ORDER_NONE = 0, /* it is only to make a turn */
    ORDER_DRAIN = 1,
    ORDER_STOP = 2,
    ORDER_ADOPT = 4,
    ORDER_SHED = 8, /* the end of any turn looks at it */
};

/* How many clients there were. */
struct tally {
    uint64_t open, total, refused, streams_refused;
    uint64_t handshakes_failed[TLS_FAILURES_END];
};

struct worker {
    struct worker_rules rules;
    size_t index;
    pthread_t thread;
    bool running;
    struct event_base *base;
    struct list generations; /* the newest first: new clients join it */
    struct tally gone;       /* of generations that are no more */
    struct metrics metrics;
    struct account account; /* of its memory */
    struct coalesce coalesce;
    struct acceptor **acceptors;
    int orders_fd;
    atomic_uint orders;
    struct generation *prepared;         /* the main thread's */
    struct generation *_Atomic to_adopt; /* handed over */
    struct event *orders_event, *timer;
    uint64_t armed_ms; /* when the timer ends; UINT64_MAX: it does not run */
    uint64_t drain_deadline_ms;
    bool draining, ended;
    _Atomic uint64_t turns;
    _Atomic enum worker_stage stage;
};

static struct generation *newest(const struct worker *w)
{
    return CONTAINER_OF(w->generations.next, struct generation, node);
}

static uint64_t now_ms(const struct worker *w)
{
    return turn_now_ms(&newest(w)->env.turn);
}

static void drain(struct worker *w)
{
    if (w->draining)
        return;
    w->draining = true;
    for (size_t i = 0; i < w->rules.listeners->len; i++)
        acceptor_stop(w->acceptors[i]);
    w->drain_deadline_ms = now_ms(w) + newest(w)->setup->config->timeouts.drain_ms;
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node)
        clients_drain(&g->env);
}

static void begin_coalescing(struct worker *w, const struct config *config)
{
    coalesce_init(&w->coalesce, config->coalesce_ms * 1000, clock_monotonic_us());
}

static void adopt(struct worker *w)
{
    struct generation *next = atomic_exchange(&w->to_adopt, NULL);
    if (!next)
        return;
    struct generation *last = newest(w);
    list_push_front(&w->generations, &next->node);
    for (size_t i = 0; i < w->rules.listeners->len; i++)
        acceptor_serve(w->acceptors[i], &next->env);
    begin_coalescing(w, next->setup->config);
    clients_retire(&last->env);
}

static void on_orders(evutil_socket_t fd, short events, void *user)
{
    struct worker *w = user;
    eventfd_t count;
    (void)events;
    eventfd_read(fd, &count);
    unsigned orders = atomic_exchange(&w->orders, 0);
    if (orders & ORDER_ADOPT)
        adopt(w);
    if (orders & (ORDER_DRAIN | ORDER_STOP))
        drain(w);
    if (orders & ORDER_STOP)
        w->drain_deadline_ms = 0;
}

static void on_timer(evutil_socket_t fd, short events, void *user)
{
    struct worker *w = user;
    (void)fd;
    (void)events;
    w->armed_ms = UINT64_MAX;
}

/* The loop must wake when the next time-out ends. A wake too early does no harm, so the timer is
 * only ever moved forwards. */
static void arm_timer(struct worker *w, uint64_t left_ms)
{
    uint64_t now = now_ms(w);
    if (left_ms == UINT64_MAX || w->armed_ms <= now + left_ms)
        return;
    struct timeval wait = {(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)};
    if (event_add(w->timer, &wait) == 0)
        w->armed_ms = now + left_ms;
}

static uint64_t drain_left_ms(struct worker *w)
{
    uint64_t now = now_ms(w);
    if (!w->draining)
        return UINT64_MAX;
    return w->drain_deadline_ms > now ? w->drain_deadline_ms - now : 0;
}

static void tally_add(struct tally *t, const struct env *e)
{
    t->open += e->clients_len;
    t->total += e->clients_total;
    t->refused += e->clients_refused;
    for (size_t i = 0; i < TLS_FAILURES_END; i++)
        t->handshakes_failed[i] += e->handshakes.failed[i];
    t->streams_refused += e->streams_refused;
}

static void publish(struct worker *w, const struct tally *t)
{
    atomic_store_explicit(&w->metrics.connections_open, t->open, memory_order_relaxed);
    atomic_store_explicit(&w->metrics.connections_total, t->total, memory_order_relaxed);
    atomic_store_explicit(&w->metrics.connections_refused_total, t->refused, memory_order_relaxed);
    for (size_t i = 0; i < TLS_FAILURES_END; i++)
        atomic_store_explicit(&w->metrics.handshakes_failed[i], t->handshakes_failed[i],
                              memory_order_relaxed);
    atomic_store_explicit(&w->metrics.streams_refused_total, t->streams_refused,
                          memory_order_relaxed);
}

static void end_turn(struct worker *w)
{
    uint64_t left = UINT64_MAX;
    struct tally now = w->gone;
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node) {
        uint64_t of_this = generation_end_turn(g);
        left = of_this < left ? of_this : left;
        tally_add(&now, &g->env);
        if (g != newest(w) && g->env.clients_len == 0) {
            tally_add(&w->gone, &g->env);
            generation_free(g);
            mem_trim();
        }
    }
    uint64_t drain_left = drain_left_ms(w);
    if (w->draining && (now.open == 0 || drain_left == 0))
        w->ended = true;
    arm_timer(w, left < drain_left ? left : drain_left);
    publish(w, &now);
}

/* False: something is to be done in the next turn that no event tells of. */
static bool begin_turn(struct worker *w)
{
    bool may_wait = true;
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node) {
        may_wait = may_wait && !turn_has_more(&g->env.turn);
        turn_begin(&g->env.turn);
    }
    return may_wait;
}

static void end(struct worker *w)
{
    uint64_t left_open = 0;
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node) {
        left_open += g->env.clients_len;
        generation_free(g);
    }
    if (left_open > 0) {
        log_warning("%llu connections were open when the drain time-out ended: they are closed",
                    (unsigned long long)left_open);
    }
}

/* Lets events gather; what the main thread tells waits with them. */
static void gather(struct worker *w)
{
    uint64_t us = coalesce_wait(&w->coalesce, clock_monotonic_us());
    struct timespec wait = {0, (long)us * 1000};
    if (us == 0)
        return;
    nanosleep(&wait, NULL);
    metrics_add_coalesced(&w->metrics, us);
}

/* All generations share the loop, with listeners, dials and whoever can be written to again: that
 * is why the loop itself is asked. */
static void note_events(struct worker *w)
{
    int n = event_base_get_max_events(w->base, EVENT_BASE_COUNT_ACTIVE, 1);
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node)
        turn_note_events(&g->env.turn, (unsigned)n);
}

static void *run(void *user)
{
    struct worker *w = user;
    end_turn(w);
    while (!w->ended) {
        bool may_wait = begin_turn(w);
        if (may_wait)
            gather(w);
        event_base_loop(w->base, may_wait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
        note_events(w);
        end_turn(w);
        atomic_fetch_add_explicit(&w->turns, 1, memory_order_relaxed);
    }
    atomic_store(&w->stage, WORKER_ENDS);
    end(w);
    atomic_store(&w->stage, WORKER_HAS_ENDED);
    eventfd_write(w->rules.ended_fd, 1);
    return NULL;
}

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
                                                    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

static struct generation *make_generation(struct worker *w, struct setup *setup)
{
    const struct generation_rules rules = {
        .base = w->base,
        .crowd = w->rules.crowd,
        .account = &w->account,
        .key = w->rules.key,
        .metrics = &w->metrics,
        .coalesce = &w->coalesce,
    };
    return generation_new(&rules, setup);
}

static bool open_acceptors(struct worker *w)
{
    const struct listeners *l = w->rules.listeners;
    w->acceptors = mem_zalloc(l->len, sizeof w->acceptors[0]);
    for (size_t i = 0; w->acceptors && i < l->len; i++) {
        w->acceptors[i] =
            acceptor_new(&newest(w)->env, l->at[i].name, listeners_fd(l, w->index, i));
        if (!w->acceptors[i])
            return false;
    }
    return w->acceptors;
}

static bool open_loop(struct worker *w, struct setup *setup)
{
    w->orders_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->base = make_base();
    if (!w->base || w->orders_fd < 0)
        return false;
    w->orders_event = event_new(w->base, w->orders_fd, EV_READ | EV_PERSIST, on_orders, w);
    w->timer = evtimer_new(w->base, on_timer, w);
    if (!w->orders_event || !w->timer || event_add(w->orders_event, NULL) != 0)
        return false;
    struct generation *first = make_generation(w, setup);
    if (!first)
        return false;
    begin_coalescing(w, setup->config);
    list_push(&w->generations, &first->node);
    return open_acceptors(w);
}

struct worker *worker_start(const struct worker_rules *rules, struct setup *setup, size_t index)
{
    struct worker *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        log_error("no memory for a worker");
        return NULL;
    }
    w->rules = *rules;
    w->index = index;
    w->armed_ms = UINT64_MAX;
    w->orders_fd = -1;
    account_init(&w->account, rules->budget);
    list_init(&w->generations);
    if (open_loop(w, setup)) {
        char name[16];
        snprintf(name, sizeof name, "worker %zu", index);
        int code = thread_start(&w->thread, name, run, w);
        w->running = code == 0;
        errno = code;
    }
    if (w->running)
        return w;
    log_error("worker %zu cannot be started: %s", index, strerror(errno));
    worker_join(w);
    return NULL;
}

bool worker_prepare(struct worker *w, struct setup *setup)
{
    worker_abandon(w);
    w->prepared = make_generation(w, setup);
    return w->prepared;
}

void worker_abandon(struct worker *w)
{
    generation_free(w->prepared);
    w->prepared = NULL;
}

static void order(struct worker *w, enum order what)
{
    atomic_fetch_or(&w->orders, what);
    eventfd_write(w->orders_fd, 1);
}

void worker_adopt(struct worker *w)
{
    /* One that was handed over before and not yet taken was never used. */
    generation_free(atomic_exchange(&w->to_adopt, w->prepared));
    w->prepared = NULL;
    order(w, ORDER_ADOPT);
}

void worker_drain(struct worker *w)
{
    order(w, ORDER_DRAIN);
}

void worker_stop(struct worker *w)
{
    order(w, ORDER_STOP);
}

void worker_shed(struct worker *w)
{
    order(w, ORDER_SHED);
}

void worker_wake(struct worker *w)
{
    order(w, ORDER_NONE);
}

uint64_t worker_turns(const struct worker *w)
{
    return atomic_load_explicit(&w->turns, memory_order_relaxed);
}

enum worker_stage worker_stage(const struct worker *w)
{
    return atomic_load(&w->stage);
}

void worker_add_metrics(const struct worker *w, struct metrics *sum)
{
    metrics_add(sum, &w->metrics);
}

void worker_join(struct worker *w)
{
    if (!w)
        return;
    if (w->running)
        pthread_join(w->thread, NULL);
    for (size_t i = 0; w->acceptors && i < w->rules.listeners->len; i++)
        acceptor_free(w->acceptors[i]);
    mem_free(w->acceptors);
    worker_abandon(w);
    generation_free(w->to_adopt);
    LIST_FOR_EACH_SAFE (g, &w->generations, struct generation, node)
        generation_free(g);
    if (w->orders_event)
        event_free(w->orders_event);
    if (w->timer)
        event_free(w->timer);
    if (w->base)
        event_base_free(w->base);
    if (w->orders_fd >= 0)
        close(w->orders_fd);
    mem_free(w);
}
