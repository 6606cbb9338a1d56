#include "server/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/access.h"

/* What the main thread may tell, as bits. */
enum order {
    ORDER_DRAIN = 1,
    ORDER_REOPEN_LOG = 2,
    ORDER_STOP = 4,
};

struct worker {
    struct worker_rules rules;
    pthread_t thread;
    bool running;
    struct event_base *base;
    struct env env;
    bool has_env, has_access;
    struct access access;
    struct metrics metrics;
    struct acceptor **acceptors;
    int orders_fd;
    atomic_uint orders;
    struct event *orders_event, *timer;
    uint64_t armed_ms; /* when the timer ends; UINT64_MAX: it does not run */
    uint64_t drain_deadline_ms;
    bool ended;
};

static void drain(struct worker *w)
{
    if (w->env.draining)
        return;
    for (size_t i = 0; i < w->rules.env.config->listens_len; i++)
        acceptor_stop(w->acceptors[i]);
    w->drain_deadline_ms = turn_now_ms(&w->env.turn) + w->rules.env.config->timeouts.drain_ms;
    env_drain(&w->env);
}

static void on_orders(evutil_socket_t fd, short events, void *user)
{
    struct worker *w = user;
    eventfd_t count;
    (void)events;
    eventfd_read(fd, &count);
    unsigned orders = atomic_exchange(&w->orders, 0);
    if (orders & ORDER_REOPEN_LOG)
        access_reopen(&w->access);
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
    uint64_t now = turn_now_ms(&w->env.turn);
    if (left_ms == UINT64_MAX || w->armed_ms <= now + left_ms)
        return;
    struct timeval wait = {(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)};
    if (event_add(w->timer, &wait) == 0)
        w->armed_ms = now + left_ms;
}

static uint64_t drain_left_ms(struct worker *w)
{
    uint64_t now = turn_now_ms(&w->env.turn);
    if (!w->env.draining)
        return UINT64_MAX;
    return w->drain_deadline_ms > now ? w->drain_deadline_ms - now : 0;
}

static void end_turn(struct worker *w)
{
    uint64_t left;
    do {
        turn_run(&w->env.turn);
        left = env_expire(&w->env);
    } while (!turn_is_over(&w->env.turn));
    env_rest(&w->env);
    uint64_t drain_left = drain_left_ms(w);
    if (w->env.draining && (w->env.clients_len == 0 || drain_left == 0))
        w->ended = true;
    arm_timer(w, left < drain_left ? left : drain_left);
    access_flush(&w->access);
    atomic_store_explicit(&w->metrics.connections_open, w->env.clients_len, memory_order_relaxed);
    atomic_store_explicit(&w->metrics.connections_total, w->env.clients_total,
                          memory_order_relaxed);
    atomic_store_explicit(&w->metrics.connections_refused_total, w->env.clients_refused,
                          memory_order_relaxed);
}

static void *run(void *user)
{
    struct worker *w = user;
    end_turn(w);
    while (!w->ended) {
        bool waits = !turn_has_deferred(&w->env.turn);
        turn_begin(&w->env.turn);
        event_base_loop(w->base, waits ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
        end_turn(w);
    }
    if (w->env.clients_len > 0) {
        log_warning("%u connections were open when the drain time-out ended: they are closed",
                    w->env.clients_len);
    }
    env_fini(&w->env);
    w->has_env = false;
    eventfd_write(w->rules.ended_fd, 1);
    return NULL;
}

static void report(void *user, const struct record *record)
{
    struct worker *w = user;
    access_add(&w->access, record);
    metrics_count(&w->metrics, record);
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

static bool open_acceptors(struct worker *w, size_t index)
{
    const struct config *config = w->rules.env.config;
    w->acceptors = mem_zalloc(config->listens_len, sizeof w->acceptors[0]);
    if (!w->acceptors)
        return false;
    for (size_t i = 0; i < config->listens_len; i++) {
        int fd = listeners_fd(w->rules.listeners, index, i);
        w->acceptors[i] = acceptor_new(&w->env, &config->listens[i], fd);
        if (!w->acceptors[i])
            return false;
    }
    return true;
}

static bool open_loop(struct worker *w, size_t index)
{
    w->base = make_base();
    if (!w->base)
        return false;
    w->orders_event = event_new(w->base, w->orders_fd, EV_READ | EV_PERSIST, on_orders, w);
    w->timer = evtimer_new(w->base, on_timer, w);
    if (!w->orders_event || !w->timer || event_add(w->orders_event, NULL) != 0)
        return false;
    w->has_env = env_init(&w->env, w->base, &w->rules.env);
    if (!w->has_env)
        return false;
    w->env.report = report;
    w->env.report_user = w;
    return open_acceptors(w, index);
}

struct worker *worker_start(const struct worker_rules *rules, size_t index)
{
    struct worker *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        log_error("no memory for a worker");
        return NULL;
    }
    w->rules = *rules;
    w->armed_ms = UINT64_MAX;
    w->orders_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->has_access = access_init(&w->access, rules->env.config);
    if (w->has_access && w->orders_fd >= 0 && open_loop(w, index)) {
        int code = pthread_create(&w->thread, NULL, run, w);
        w->running = code == 0;
        errno = code;
    }
    if (w->running)
        return w;
    log_error("worker %zu cannot be started: %s", index, strerror(errno));
    worker_join(w);
    return NULL;
}

static void order(struct worker *w, enum order what)
{
    atomic_fetch_or(&w->orders, what);
    eventfd_write(w->orders_fd, 1);
}

void worker_drain(struct worker *w)
{
    order(w, ORDER_DRAIN);
}

void worker_stop(struct worker *w)
{
    order(w, ORDER_STOP);
}

void worker_reopen_log(struct worker *w)
{
    order(w, ORDER_REOPEN_LOG);
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
    for (size_t i = 0; w->acceptors && i < w->rules.env.config->listens_len; i++)
        acceptor_free(w->acceptors[i]);
    mem_free(w->acceptors);
    if (w->has_env)
        env_fini(&w->env);
    if (w->has_access)
        access_fini(&w->access);
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
