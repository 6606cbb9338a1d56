#include "crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { CROWD_EVENTS = 256, CROWD_OPENING = 64 };

static void crowd_keep_time(struct crowd *c, uint64_t began_ns)
{
    if (c->times < c->times_room)
        c->times_us[c->times++] = (uint32_t)((dial_now_ns() - began_ns) / 1000);
}

static void crowd_on_answer(void *arg, uint64_t began_ns)
{
    struct crowd *c = arg;
    if (c->options.visits)
        return;
    crowd_keep_time(c, began_ns);
    c->done++;
}

void crowd_init(struct crowd *c, const struct crowd_options *options, const struct target *target)
{
    *c = (struct crowd){.options = *options, .target = *target};
    c->target.answered = crowd_on_answer;
    c->target.arg = c;
    c->visitors = calloc(options->connections ? options->connections : 1, sizeof(*c->visitors));
    if (!c->visitors)
        dial_die("out of memory");
}

static bool crowd_may_ask(const struct crowd *c, const struct visitor *v)
{
    return v->state == VISITOR_OPEN && v->active < c->options.streams && c->started < c->total &&
           (c->each == 0 || v->asked < c->each);
}

static void crowd_top_up(struct crowd *c, struct visitor *v)
{
    if (c->rate > 0)
        return;
    uint64_t now = dial_now_ns();
    while (crowd_may_ask(c, v)) {
        visitor_ask(v, now);
        c->started++;
    }
}

static void crowd_go_on_visiting(struct crowd *c, struct visitor *v)
{
    if (v->state == VISITOR_OPEN && v->asked == 0)
        visitor_ask(v, v->began_ns);
    visitor_flush(v);
    if (v->asked == 0 || v->active > 0 || v->promised > 0)
        return;
    crowd_keep_time(c, v->began_ns);
    c->done++;
    visitor_close(v);
    if (c->started < c->total) {
        c->started++;
        visitor_open(v, &c->target, c);
    }
}

static void crowd_on_event(struct crowd *c, struct visitor *v)
{
    bool was_greeted = v->greeted;
    visitor_on_event(v);
    if (c->options.visits) {
        crowd_go_on_visiting(c, v);
        return;
    }
    if (v->greeted && !was_greeted)
        c->opening--;
    crowd_top_up(c, v);
    visitor_flush(v);
}

/* One wait and what it brought; UINT64_MAX waits for as long as it takes. */
static void crowd_turn(int epoll, uint64_t wait_ns)
{
    struct epoll_event events[CROWD_EVENTS];
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u),
                            .tv_nsec = (long)(wait_ns % 1000000000u)};
    int n = epoll_pwait2(epoll, events, CROWD_EVENTS, wait_ns == UINT64_MAX ? NULL : &wait, NULL);
    if (n < 0 && errno != EINTR)
        dial_die("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        struct visitor *v = events[i].data.ptr;
        crowd_on_event(v->crowd, v);
    }
}

void crowd_open(struct crowd *c)
{
    while (c->opened < c->options.connections || c->opening > 0) {
        for (; c->opened < c->options.connections && c->opening < CROWD_OPENING; c->opened++) {
            c->opening++;
            visitor_open(&c->visitors[c->opened], &c->target, c);
        }
        crowd_turn(c->target.epoll, UINT64_MAX);
    }
}

/* Makes the requests that are due by now, each in turn by the next visitor that has room. Returns
 * how long it is until the next is due. */
static uint64_t crowd_ask_what_is_due(struct crowd *c, uint64_t start_ns, unsigned *turn)
{
    double gap_ns = 1e9 / c->rate;
    unsigned full = 0;
    while (c->started < c->total && full < c->options.connections) {
        uint64_t due_ns = start_ns + (uint64_t)((double)c->started * gap_ns);
        uint64_t now = dial_now_ns();
        if (due_ns > now)
            return due_ns - now;
        struct visitor *v = &c->visitors[(*turn)++ % c->options.connections];
        if (!crowd_may_ask(c, v)) {
            full++;
            continue;
        }
        full = 0;
        visitor_ask(v, due_ns);
        c->started++;
        visitor_flush(v);
    }
    return UINT64_MAX;
}

void crowd_run(struct crowd *c, uint64_t total)
{
    c->total = total;
    c->started = c->done = 0;
    uint64_t start_ns = dial_now_ns();
    unsigned turn = 0;
    for (unsigned i = 0; i < c->options.connections && c->started < total && c->rate == 0; i++) {
        struct visitor *v = &c->visitors[i];
        if (c->options.visits) {
            c->started++;
            visitor_open(v, &c->target, c);
            continue;
        }
        crowd_top_up(c, v);
        visitor_flush(v);
    }
    while (c->done < total) {
        uint64_t wait_ns = UINT64_MAX;
        if (c->rate > 0)
            wait_ns = crowd_ask_what_is_due(c, start_ns, &turn);
        crowd_turn(c->target.epoll, wait_ns);
    }
}

void crowd_rest(const struct crowd *c, uint64_t ns)
{
    uint64_t until = dial_now_ns() + ns;
    for (uint64_t now = until - ns; now < until; now = dial_now_ns())
        crowd_turn(c->target.epoll, until - now);
}

void crowd_close(struct crowd *c)
{
    for (unsigned i = 0; i < c->options.connections; i++)
        visitor_close(&c->visitors[i]);
    free(c->visitors);
    c->visitors = NULL;
}
