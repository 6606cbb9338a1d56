#include "base/turn.h"

#include "base/clock.h"

enum {
    EVENTS_AT_ONCE =
        16,        /* libevent asks for 32 at first, and for at least as many as it ever got */
    SURE_PART = 4, /* it counts a socket twice that is ready both ways, and timers too */
    LINE_BYTES = 64,
    LINES_BEFORE = 2,
    LINES_AFTER = 14,
};

void turn_init(struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++) {
        list_init(&t->phases[i]);
        list_init(&t->next[i]);
    }
    list_init(&t->put_off);
    t->number = 1;
    t->events = t->most_events = 0;
    t->read_bytes = 0;
    t->now_ms = 0;
}

void turn_task_init(struct turn_task *task, void (*run)(struct turn_task *task))
{
    list_init(&task->node);
    task->run = run;
    task->due_ms = 0;
}

void turn_add(struct turn *t, enum turn_phase phase, struct turn_task *task)
{
    if (turn_is_put_off(task))
        turn_cancel(task);
    if (list_empty(&task->node))
        list_push(&t->phases[phase], &task->node);
}

void turn_defer(struct turn *t, enum turn_phase phase, struct turn_task *task)
{
    if (list_empty(&task->node))
        list_push(&t->next[phase], &task->node);
}

void turn_note_read(struct turn *t, size_t n)
{
    t->read_bytes += n;
}

void turn_note_events(struct turn *t, unsigned n)
{
    t->events = n;
    if (n > t->most_events)
        t->most_events = n;
}

bool turn_knows_all(const struct turn *t)
{
    return t->events < EVENTS_AT_ONCE || t->events < t->most_events / SURE_PART;
}

void turn_put_off(struct turn *t, struct turn_task *task)
{
    if (!list_empty(&task->node))
        return;
    task->due_ms = turn_now_ms(t) + TURN_PUT_OFF_MS;
    list_push(&t->put_off, &task->node);
}

bool turn_is_put_off(const struct turn_task *task)
{
    return task->due_ms != 0;
}

static bool is_empty(const struct list phases[TURN_PHASES])
{
    for (int i = 0; i < TURN_PHASES; i++) {
        if (!list_empty(&phases[i]))
            return false;
    }
    return true;
}

bool turn_has_more(const struct turn *t)
{
    return !is_empty(t->next) || !list_empty(&t->put_off);
}

bool turn_is_over(const struct turn *t)
{
    return is_empty(t->phases);
}

void turn_begin(struct turn *t)
{
    struct list *node;
    t->number++;
    t->events = 0;
    t->read_bytes = 0;
    t->now_ms = 0;
    for (int i = 0; i < TURN_PHASES; i++) {
        while ((node = list_pop(&t->next[i])))
            list_push(&t->phases[i], node);
    }
}

void turn_cancel(struct turn_task *task)
{
    list_remove(&task->node);
    task->due_ms = 0;
}

/* Where there are many, the object that a task lies in was last touched long ago: it is fetched
 * while the task before it runs. */
static void fetch_first(const struct list *phase)
{
    if (list_empty(phase))
        return;
    const struct list *node = phase->next;
    const char *at = (const char *)node - (size_t)LINES_BEFORE * LINE_BYTES;
    for (size_t i = 0; i < LINES_BEFORE + LINES_AFTER; i++)
        __builtin_prefetch(at + i * LINE_BYTES);
}

/* So much was read that it is to be written before more is; when it was, the count begins anew. */
static bool must_write(struct turn *t)
{
    if (t->read_bytes < TURN_READ_BYTES)
        return false;
    if (!list_empty(&t->phases[TURN_WRITE]))
        return true;
    t->read_bytes = 0;
    return false;
}

static struct list *next_task(struct turn *t)
{
    for (int i = 0; i < TURN_PHASES; i++) {
        if (i == TURN_READ && must_write(t))
            i = TURN_WRITE;
        struct list *node = list_pop(&t->phases[i]);
        if (node) {
            fetch_first(&t->phases[i]);
            return node;
        }
    }
    return NULL;
}

static void take_put_off(struct turn *t)
{
    bool quiet = turn_is_over(t);
    while (!list_empty(&t->put_off)) {
        struct turn_task *task = CONTAINER_OF(t->put_off.next, struct turn_task, node);
        if (!quiet && turn_now_ms(t) < task->due_ms)
            break;
        turn_add(t, TURN_WRITE, task);
    }
}

void turn_run(struct turn *t)
{
    struct list *node;
    take_put_off(t);
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
