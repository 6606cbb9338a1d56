#include "server/watchdog.h"

#include "base/mem.h"
#include "server/notify.h"

struct watchdog {
    struct event *timer;
    struct worker **workers;
    size_t len;
    uint64_t turns[]; /* of each worker, when it was last looked at */
};

/* A worker that has ended makes no more turns. */
static bool lives(const struct watchdog *w, size_t i)
{
    return worker_turns(w->workers[i]) != w->turns[i] ||
           worker_stage(w->workers[i]) == WORKER_HAS_ENDED;
}

/* Where one hangs, the count of the others is taken anew all the same: if it comes back, all of
 * them must have made a turn meanwhile. */
static void on_time(evutil_socket_t fd, short events, void *user)
{
    struct watchdog *w = user;
    bool all = true;
    (void)fd;
    (void)events;
    for (size_t i = 0; i < w->len; i++) {
        all = lives(w, i) && all;
        w->turns[i] = worker_turns(w->workers[i]);
        worker_wake(w->workers[i]);
    }
    if (all)
        notify_alive();
}

struct watchdog *watchdog_new(struct event_base *base, struct worker **workers, size_t len,
                              uint64_t every_us)
{
    uint64_t half_us = every_us / 2;
    const struct timeval half = {(time_t)(half_us / 1000000), (suseconds_t)(half_us % 1000000)};
    struct watchdog *w = mem_zalloc(1, sizeof *w + len * sizeof w->turns[0]);
    if (!w)
        return NULL;
    w->workers = workers;
    w->len = len;
    w->timer = event_new(base, -1, EV_PERSIST, on_time, w);
    if (!w->timer || event_add(w->timer, &half) != 0) {
        watchdog_free(w);
        return NULL;
    }
    for (size_t i = 0; i < len; i++)
        worker_wake(workers[i]);
    return w;
}

void watchdog_free(struct watchdog *w)
{
    if (!w)
        return;
    if (w->timer)
        event_free(w->timer);
    mem_free(w);
}
