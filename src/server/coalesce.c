#include "server/coalesce.h"

enum {
    FOLD_US = 1000,
    STALE_US = 50000, /* sums that are so old tell nothing */
    WEIGHT = 8,       /* with each fold the past loses the 8th part */
    PART = 4,         /* turns are at least that part of an answer's time apart */
    FEW_ANSWERS = 16, /* fewer are not worth a wait */
    LEAST_US = 50,    /* a sleep takes about as long to begin and end */
};

void coalesce_init(struct coalesce *c, uint64_t most_us, uint64_t now_us)
{
    *c = (struct coalesce){.most_us = most_us, .began_us = now_us, .folded_us = now_us};
}

/* One answer that took very long, a poll perhaps, says nothing of the others. This also keeps the
 * interval of turns within its bound. */
void coalesce_answered(struct coalesce *c, uint64_t waited_us)
{
    uint64_t most = c->most_us * PART;
    c->recent.answers++;
    c->recent.waited_us += waited_us < most ? waited_us : most;
}

static uint64_t fade(uint64_t sum)
{
    return sum - sum / WEIGHT;
}

static void fold(struct coalesce *c, uint64_t now_us)
{
    c->recent.us = now_us - c->folded_us;
    if (c->recent.us < FOLD_US)
        return;
    if (c->recent.us > STALE_US)
        c->sums = (struct coalesce_sums){0};
    c->sums.us = fade(c->sums.us) + c->recent.us;
    c->sums.answers = fade(c->sums.answers) + c->recent.answers;
    c->sums.waited_us = fade(c->sums.waited_us) + c->recent.waited_us;
    c->recent = (struct coalesce_sums){0};
    c->folded_us = now_us;
}

/* How far apart turns are to begin. */
static uint64_t interval(const struct coalesce *c)
{
    const struct coalesce_sums *s = &c->sums;
    if (s->answers == 0)
        return 0;
    uint64_t us = s->waited_us / s->answers / PART;
    return s->answers * us < s->us * FEW_ANSWERS ? 0 : us;
}

uint64_t coalesce_wait(struct coalesce *c, uint64_t now_us)
{
    fold(c, now_us);
    uint64_t next = c->began_us + interval(c);
    uint64_t wait = next > now_us + LEAST_US ? next - now_us : 0;
    c->began_us = now_us + wait;
    return wait;
}
