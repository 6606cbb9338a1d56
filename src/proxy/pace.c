#include "proxy/pace.h"

static void watch_stall(struct pace *p, const struct pace_rules *rules,
                        const struct pace_facts *facts, uint64_t now_ms)
{
    if (facts->wait == PACE_WAIT_NONE || facts->wait == PACE_WAIT_CONTINUE) {
        timeout_stop(&p->stall);
    } else if (list_empty(&p->stall.node)) {
        p->stall_bytes = p->bytes;
        timeout_start(rules->stall, &p->stall, now_ms);
    }
}

bool pace_watch(struct pace *p, const struct pace_rules *rules, const struct pace_facts *facts,
                uint64_t now_ms)
{
    bool awaited = facts->wait != PACE_WAIT_NONE && facts->wait != PACE_WAIT_TALK;
    bool begins = p->wait == PACE_WAIT_CONTINUE && facts->wait != PACE_WAIT_CONTINUE;
    p->wait = facts->wait;
    watch_stall(p, rules, facts, now_ms);
    if (!awaited || !facts->holds || begins)
        timeout_stop(&p->grace);
    if (!awaited || !facts->holds)
        return false;
    if (list_empty(&p->grace.node) && (!facts->offered || begins)) {
        p->grace_bytes = p->bytes;
        p->client_bytes = facts->client_bytes;
        timeout_start(rules->grace, &p->grace, now_ms);
    }
    return !begins;
}

/* `moved` in `ms` is no less than the least rate, for each of `streams`. */
static bool is_enough(const struct pace_rules *rules, uint64_t moved, uint64_t ms, uint64_t streams)
{
    return moved > 0 && moved >= rules->min_rate * ms / 1000 * streams;
}

/* The client takes what others of its streams have, and this one waits its turn: it has window, and
 * the connection has not been quiet for `ms`. */
static bool waits_its_turn(const struct pace_facts *facts, uint64_t ms)
{
    return facts->wait == PACE_WAIT_READ && facts->has_window && facts->quiet_ms < ms;
}

/* Only when both are silent for as long as each may be, this is over. */
static bool talk_goes_on(struct pace *p, const struct pace_rules *rules)
{
    uint64_t stall_ms = rules->stall->duration_ms;
    if (p->bytes != p->stall_bytes)
        p->silent_ms = 0;
    else
        p->silent_ms += stall_ms;
    return p->silent_ms < stall_ms + rules->origin_stall_ms;
}

bool pace_goes_on(struct pace *p, const struct pace_rules *rules, const struct pace_facts *facts)
{
    uint64_t ms = rules->stall->duration_ms;
    if (facts->wait == PACE_WAIT_TALK)
        return talk_goes_on(p, rules);
    if (facts->wait == PACE_WAIT_NONE || facts->wait == PACE_WAIT_CONTINUE)
        return true;
    return waits_its_turn(facts, ms) || is_enough(rules, p->bytes - p->stall_bytes, ms, 1);
}

/* A client that moves enough for all its streams may move it on one of them after the other. */
bool pace_keeps(const struct pace *p, const struct pace_rules *rules,
                const struct pace_facts *facts)
{
    uint64_t ms = rules->grace->duration_ms;
    return facts->wait == PACE_WAIT_NONE || waits_its_turn(facts, ms) ||
           is_enough(rules, p->bytes - p->grace_bytes, ms, 1) ||
           is_enough(rules, facts->client_bytes - p->client_bytes, ms, facts->streams);
}

void pace_init(struct pace *p, void (*on_stall)(struct timeout *t),
               void (*on_grace)(struct timeout *t))
{
    timeout_init(&p->stall, on_stall);
    timeout_init(&p->grace, on_grace);
}

void pace_moved(struct pace *p, size_t n, uint64_t now_ms)
{
    p->bytes += n;
    p->moved_ms = now_ms;
}

/* Both clocks count: when it became the client's turn, and when it last moved anything. */
uint64_t pace_silent_ms(const struct pace *p, const struct pace_rules *rules, uint64_t now_ms)
{
    uint64_t awaited = timeouts_age_ms(rules->stall, &p->stall, now_ms);
    uint64_t silent = now_ms - p->moved_ms;
    return silent < awaited ? silent : awaited;
}

enum pace_step pace_step(const struct pace *p, const struct pace_rules *rules,
                         const struct pace_facts *facts, uint64_t ms, uint64_t now_ms)
{
    uint64_t awaited = timeouts_age_ms(rules->stall, &p->stall, now_ms);
    if (pace_silent_ms(p, rules, now_ms) >= ms && !waits_its_turn(facts, ms))
        return PACE_STILL;
    return is_enough(rules, p->bytes - p->stall_bytes, awaited, 1) ? PACE_FINE : PACE_SLOW;
}

void pace_stop(struct pace *p)
{
    timeout_stop(&p->stall);
    timeout_stop(&p->grace);
}
