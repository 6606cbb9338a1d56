#include "base/timeouts.h"

void timeouts_init(struct timeouts *q, uint64_t duration_ms)
{
    list_init(&q->running);
    q->duration_ms = duration_ms;
}

void timeout_init(struct timeout *t, void (*expired)(struct timeout *t))
{
    list_init(&t->node);
    t->deadline_ms = 0;
    t->expired = expired;
}

void timeout_start(struct timeouts *q, struct timeout *t, uint64_t now_ms)
{
    list_remove(&t->node);
    if (q->duration_ms == 0)
        return;
    t->deadline_ms = now_ms + q->duration_ms;
    list_push(&q->running, &t->node);
}

static struct timeout *at_node(const struct timeouts *q, const struct list *node)
{
    return node == &q->running ? NULL : CONTAINER_OF(node, struct timeout, node);
}

struct timeout *timeouts_first(const struct timeouts *q)
{
    return at_node(q, q->running.next);
}

struct timeout *timeouts_next(const struct timeouts *q, const struct timeout *t)
{
    return at_node(q, t->node.next);
}

uint64_t timeouts_age_ms(const struct timeouts *q, const struct timeout *t, uint64_t now_ms)
{
    uint64_t started_ms = t->deadline_ms - q->duration_ms;
    return now_ms > started_ms ? now_ms - started_ms : 0;
}

void timeout_stop(struct timeout *t)
{
    list_remove(&t->node);
}

uint64_t timeouts_expire(struct timeouts *q, uint64_t now_ms)
{
    while (!list_empty(&q->running)) {
        struct timeout *t = CONTAINER_OF(q->running.next, struct timeout, node);
        if (t->deadline_ms > now_ms)
            return t->deadline_ms - now_ms;
        list_remove(&t->node);
        t->expired(t);
    }
    return UINT64_MAX;
}

uint64_t timeouts_expire_all(struct timeouts *const *queues, size_t len, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < len; i++) {
        uint64_t left = timeouts_expire(queues[i], now_ms);
        if (left < next)
            next = left;
    }
    return next;
}
