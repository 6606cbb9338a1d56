#include "base/turn.h"

#include "base/clock.h"

void turn_init(struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++)
        list_init(&t->phases[i]);
    list_init(&t->next);
    t->number = 1;
    t->now_ms = 0;
}

void turn_task_init(struct turn_task *task, void (*run)(struct turn_task *task))
{
    list_init(&task->node);
    task->run = run;
}

void turn_add(struct turn *t, enum turn_phase phase, struct turn_task *task)
{
    if (list_empty(&task->node))
        list_push(&t->phases[phase], &task->node);
}

void turn_defer(struct turn *t, struct turn_task *task)
{
    if (list_empty(&task->node))
        list_push(&t->next, &task->node);
}

bool turn_has_deferred(const struct turn *t)
{
    return !list_empty(&t->next);
}

bool turn_is_over(const struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++) {
        if (!list_empty(&t->phases[i]))
            return false;
    }
    return true;
}

void turn_begin(struct turn *t)
{
    struct list *node;
    t->number++;
    t->now_ms = 0;
    while ((node = list_pop(&t->next)))
        list_push(&t->phases[TURN_ACT], node);
}

void turn_cancel(struct turn_task *task)
{
    list_remove(&task->node);
}

static struct list *next_task(struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++) {
        struct list *node = list_pop(&t->phases[i]);
        if (node)
            return node;
    }
    return NULL;
}

void turn_run(struct turn *t)
{
    struct list *node;
    while ((node = next_task(t))) {
        struct turn_task *task = CONTAINER_OF(node, struct turn_task, node);
        task->run(task);
    }
}

uint64_t turn_now_ms(struct turn *t)
{
    if (t->now_ms == 0)
        t->now_ms = clock_monotonic_ms();
    return t->now_ms;
}
