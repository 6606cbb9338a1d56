#include "proxy/thrift.h"

enum {
    GONE_EVERY_MS = 1000,
    /* Giving memory back takes a while: among idle clients it is done in pauses, and only for as
     * much work. */
    PAUSE_MS = 250,
    IDLE_EVERY_MS = 10000,
    PAUSE_WORK = 64,
};

static void give_back(struct thrift *t)
{
    t->work_given_back = t->work;
    t->give_back(t);
}

static void on_pause(struct timeout *timeout)
{
    struct thrift *t = CONTAINER_OF(timeout, struct thrift, pause);
    if (bucket_take(&t->when_idle, 1, 1, IDLE_EVERY_MS, timeout->deadline_ms))
        give_back(t);
    else
        timeout_start(&t->pauses, timeout, timeout->deadline_ms);
}

void thrift_init(struct thrift *t, void (*give_back_now)(struct thrift *t))
{
    *t = (struct thrift){.give_back = give_back_now};
    timeouts_init(&t->pauses, PAUSE_MS);
    timeout_init(&t->pause, on_pause);
}

void thrift_note_client(struct thrift *t)
{
    t->work++;
}

void thrift_note_idle(struct thrift *t, bool was_idle, bool is_idle)
{
    t->idle_len += is_idle;
    t->idle_len -= was_idle;
    t->work += was_idle && !is_idle;
}

void thrift_look(struct thrift *t, unsigned clients, uint64_t now_ms)
{
    if (t->idle_len < clients || t->work == t->work_given_back)
        timeout_stop(&t->pause);
    else if (clients == 0 && bucket_take(&t->when_gone, 1, 1, GONE_EVERY_MS, now_ms))
        give_back(t);
    else if (t->work - t->work_given_back >= PAUSE_WORK && list_empty(&t->pause.node))
        timeout_start(&t->pauses, &t->pause, now_ms);
}
