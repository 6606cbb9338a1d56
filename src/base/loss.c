#include "base/loss.h"

static enum loss_news go_on(struct loss *l, uint64_t lost, uint64_t now_ms)
{
    bool begins = !l->is_on, again = l->over_ms > 0 && now_ms - l->over_ms < LOSS_AGAIN_MS;
    l->seen = lost;
    l->last_ms = now_ms;
    l->is_on = true;
    if (begins)
        l->quiet_ms = again ? LOSS_AGAIN_MS : LOSS_QUIET_MS;
    return begins && !again ? LOSS_BEGINS : LOSS_NO_NEWS;
}

enum loss_news loss_look(struct loss *l, uint64_t lost, bool flows, uint64_t now_ms)
{
    if (lost > l->seen)
        return go_on(l, lost, now_ms);
    if (loss_left_ms(l, flows, now_ms) > 0)
        return LOSS_NO_NEWS;
    l->is_on = false;
    l->over_ms = now_ms;
    return LOSS_IS_OVER;
}

uint64_t loss_count(struct loss *l)
{
    uint64_t n = l->seen - l->told;
    l->told = l->seen;
    return n;
}

uint64_t loss_left_ms(const struct loss *l, bool flows, uint64_t now_ms)
{
    if (!l->is_on || !flows)
        return UINT64_MAX;
    uint64_t since = now_ms - l->last_ms;
    return since < l->quiet_ms ? l->quiet_ms - since : 0;
}
