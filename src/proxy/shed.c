#include "proxy/shed.h"

#include "base/mem.h"
#include "proxy/exchange.h"

enum {
    LEAST_WAIT_MS = 1000,
    MOST_A_TURN = 64,    /* that give way: others wait for the end of the turn */
    LOOK_AGAIN_MS = 100, /* where nothing could */
    TRIM_EVERY_MS = 1000,
};

static void trim(struct env *e)
{
    env_trim(e);
    account_settle(e->account);
    if (bucket_take(&e->shed.trims, 1, 1, TRIM_EVERY_MS, turn_now_ms(&e->turn)))
        mem_trim();
}

/* How long the first of `q` has been running, if that is long enough; 0 otherwise. */
static uint64_t wait_of_first(struct env *e, const struct timeouts *q)
{
    const struct timeout *t = timeouts_first(q);
    uint64_t ms = t ? timeouts_age_ms(q, t, turn_now_ms(&e->turn)) : 0;
    return ms >= LEAST_WAIT_MS ? ms : 0;
}

static bool end_head(struct env *e)
{
    struct client *c = CONTAINER_OF(timeouts_first(&e->header), struct client, timeout);
    c->leaving_why = FAIL_MEMORY_YIELDED;
    client_end(c, SESSION_LEAVE_CALM);
    return true;
}

static bool close_unread(struct env *e)
{
    client_close(CONTAINER_OF(timeouts_first(&e->write_stall), struct client, stall),
                 FAIL_MEMORY_YIELDED);
    return true;
}

/* What moves nothing. */
static bool end_still(struct env *e)
{
    uint64_t of_exchange = 0, of_socket = wait_of_first(e, &e->write_stall),
             of_head = wait_of_first(e, &e->header);
    struct exchange *x = exchange_longest(e, PACE_STILL, LEAST_WAIT_MS, &of_exchange);
    if (of_socket > 0 && of_socket >= of_exchange && of_socket >= of_head)
        return close_unread(e);
    if (of_head > 0 && of_head >= of_exchange)
        return end_head(e);
    if (x)
        exchange_fail(x, FAIL_MEMORY_YIELDED);
    return x;
}

static bool end_slow(struct env *e)
{
    uint64_t waited_ms;
    struct exchange *x = exchange_longest(e, PACE_SLOW, LEAST_WAIT_MS, &waited_ms);
    if (x)
        exchange_fail(x, FAIL_MEMORY_YIELDED);
    return x;
}

static bool end_idle(struct env *e)
{
    if (wait_of_first(e, &e->idle) == 0)
        return false;
    struct timeout *t = timeouts_first(&e->idle);
    timeout_stop(t);
    t->expired(t);
    return true;
}

static bool may_go_on(struct env *e)
{
    if (e->shed.turn != e->turn.number)
        e->shed.yielded = 0;
    e->shed.turn = e->turn.number;
    return e->shed.yielded++ < MOST_A_TURN;
}

/* Some room is made below the limit, so that the next requests are served. */
static bool is_needed(struct env *e)
{
    const struct budget *budget = e->account->budget;
    e->shed.active = e->shed.active ? budget_is_tight(budget) : budget_is_over(budget);
    return e->shed.active;
}

uint64_t shed_memory(struct env *e)
{
    uint64_t now = turn_now_ms(&e->turn);
    if (!is_needed(e))
        return UINT64_MAX;
    if (now < e->shed.next_ms)
        return e->shed.next_ms - now;
    trim(e);
    if (!is_needed(e))
        return UINT64_MAX;
    bool may = may_go_on(e);
    if (may && (end_still(e) || end_slow(e) || end_idle(e)))
        return 0;
    e->shed.next_ms = now + (may ? LOOK_AGAIN_MS : 1);
    return e->shed.next_ms - now;
}
