#include "proxy/pace.h"

#include "proxy/exchange.h"

/* Something waits for the client to take it. */
static bool awaits_reading(const struct exchange *x)
{
    bool has_rest = call_body(&x->call).len > 0 || x->call.state != CALL_RUNNING;
    return x->state == EXCHANGE_ANSWERING && (x->has_own_body || has_rest);
}

/* The client is to send more of its body. A few bytes of it that are on their way to the origin do
 * not make it the origin's turn: a window of them does. */
static bool awaits_sending(const struct exchange *x)
{
    bool open = x->state == EXCHANGE_FORWARDING || x->state == EXCHANGE_ANSWERING;
    return open && !x->request_ended && !x->call.awaits_continue &&
           buf_len(&x->call.upload) < POOL_UPLOAD_BYTES / 2;
}

/* Both sides talk at once: it is either's turn, and either may have little to say. */
static bool is_talk(const struct exchange *x)
{
    return x->state == EXCHANGE_ANSWERING && !awaits_reading(x);
}

static void watch_stall(struct exchange *x)
{
    struct env *env = x->client->env;
    struct pace *p = &x->pace;
    if (!awaits_reading(x) && !awaits_sending(x)) {
        timeout_stop(&p->stall);
    } else if (list_empty(&p->stall.node)) {
        p->stall_bytes = p->bytes;
        timeout_start(&env->stall, &p->stall, turn_now_ms(&env->turn));
    }
}

/* Only a running call holds a connection that others may want. */
static void watch_grace(struct exchange *x)
{
    struct env *env = x->client->env;
    struct pace *p = &x->pace;
    bool awaits = awaits_reading(x) || (awaits_sending(x) && !is_talk(x));
    if (!awaits || x->call.state != CALL_RUNNING) {
        timeout_stop(&p->grace);
        call_keep(&x->call);
    } else if (list_empty(&p->grace.node) && !call_is_offered(&x->call)) {
        p->grace_bytes = p->bytes;
        p->client_bytes = x->client->body_bytes;
        timeout_start(&env->grace, &p->grace, turn_now_ms(&env->turn));
    }
}

/* `moved` in `ms` is no less than limits.min_rate, for each of `streams`. */
static bool is_enough(const struct exchange *x, uint64_t moved, uint64_t ms, uint64_t streams)
{
    uint64_t rate = x->client->env->config->limits.min_rate;
    return moved > 0 && moved >= rate * ms / 1000 * streams;
}

/* The client takes what others of its streams have, and this one waits its turn: it has window, and
 * the connection has not been quiet for `ms`. */
static bool waits_its_turn(const struct exchange *x, uint64_t ms)
{
    struct client *c = x->client;
    uint64_t quiet_ms = turn_now_ms(&c->env->turn) - c->progress_ms;
    return awaits_reading(x) && stream_has_window(x) && quiet_ms < ms;
}

/* Only when both are silent for as long as each may be, this is over. */
static bool talk_goes_on(struct exchange *x)
{
    const struct config *config = x->client->env->config;
    struct pace *p = &x->pace;
    if (p->bytes != p->stall_bytes)
        p->silent_ms = 0;
    else
        p->silent_ms += config->timeouts.stall_ms;
    return p->silent_ms < config->timeouts.stall_ms + config->timeouts.origin_stall_ms;
}

static void on_stall(struct timeout *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, pace.stall);
    uint64_t ms = x->client->env->config->timeouts.stall_ms;
    bool goes_on = is_talk(x) ? talk_goes_on(x)
                              : waits_its_turn(x, ms) ||
                                    is_enough(x, x->pace.bytes - x->pace.stall_bytes, ms, 1);
    if (!goes_on)
        exchange_fail(x, FAIL_CLIENT_STALLED);
    pace_watch(x);
}

/* A client that moves enough for all its streams may move it on one of them after the other. */
static void on_grace(struct timeout *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, pace.grace);
    const struct client *c = x->client;
    uint64_t ms = c->env->config->timeouts.grace_ms;
    if (x->call.state != CALL_RUNNING)
        return; /* it ended in this turn, and the exchange has not looked yet */
    if (waits_its_turn(x, ms) || is_enough(x, x->pace.bytes - x->pace.grace_bytes, ms, 1) ||
        is_enough(x, c->body_bytes - x->pace.client_bytes, ms, c->exchanges_len))
        watch_grace(x);
    else
        call_offer(&x->call);
}

void pace_init(struct exchange *x)
{
    timeout_init(&x->pace.stall, on_stall);
    timeout_init(&x->pace.grace, on_grace);
}

void pace_moved(struct exchange *x, size_t n)
{
    x->pace.bytes += n;
    x->client->body_bytes += n;
    call_keep(&x->call);
}

void pace_watch(struct exchange *x)
{
    watch_stall(x);
    watch_grace(x);
}

void pace_stop(struct exchange *x)
{
    timeout_stop(&x->pace.stall);
    timeout_stop(&x->pace.grace);
}
