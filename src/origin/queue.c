#include "origin/queue.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

void queue_init(struct queue *q)
{
    for (size_t i = 0; i < QUEUE_ROUNDS; i++)
        list_init(&q->rounds[i]);
    q->now = 0;
    q->len = 0;
}

static unsigned index_of(const struct queue *q, unsigned behind)
{
    return (q->now + behind) % QUEUE_ROUNDS;
}

void queue_push(struct queue *q, struct list *node, unsigned behind)
{
    unsigned last = QUEUE_ROUNDS - 2;
    list_push(&q->rounds[index_of(q, 1 + (behind < last ? behind : last))], node);
    q->len++;
}

void queue_push_front(struct queue *q, struct list *node)
{
    list_push_front(&q->rounds[q->now], node);
    q->len++;
}

void queue_remove(struct queue *q, struct list *node)
{
    assert(q->len > 0);
    while (list_empty(&q->rounds[q->now]))
        q->now = index_of(q, 1);
    list_remove(node);
    q->len--;
}

static struct list *first_from(const struct queue *q, unsigned behind)
{
    for (; behind < QUEUE_ROUNDS; behind++) {
        const struct list *round = &q->rounds[index_of(q, behind)];
        if (!list_empty(round))
            return round->next;
    }
    return NULL;
}

struct list *queue_first(const struct queue *q)
{
    return q->len > 0 ? first_from(q, 0) : NULL;
}

struct list *queue_after(const struct queue *q, const struct list *node)
{
    if (q->len == 1)
        return NULL;
    uintptr_t offset = (uintptr_t)node->next - (uintptr_t)q->rounds;
    if (offset >= sizeof q->rounds)
        return node->next;
    unsigned index = (unsigned)(offset / sizeof q->rounds[0]); /* the end of that round */
    unsigned behind = (index + QUEUE_ROUNDS - q->now) % QUEUE_ROUNDS;
    return first_from(q, behind + 1);
}
