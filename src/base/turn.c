#include "base/turn.h"

#include "base/clock.h"

void turn_init(struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++)
        list_init(&t->phases[i]);
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
    t->now_ms = 0;
}

uint64_t turn_now_ms(struct turn *t)
{
    if (t->now_ms == 0)
        t->now_ms = clock_monotonic_ms();
    return t->now_ms;
}
