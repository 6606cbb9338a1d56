#include "proxy/charge.h"

static struct charge charge(struct bucket *bucket, uint64_t n, uint64_t most, const char *what,
                            uint64_t now_ms)
{
    enum { PERIOD_MS = 10000 };
    bool fine = n == 0 || bucket_take(bucket, n, most, PERIOD_MS, now_ms);
    return (struct charge){fine ? NULL : what, most};
}

static struct charge charge_resets(struct charges *c, uint64_t n, const struct config *config,
                                   uint64_t now_ms)
{
    return charge(&c->resets, n, config->limits.resets,
                  "requests abandoned or too large (limits.resets)", now_ms);
}

/* The fields of a head that is too large are decoded to its end: each limits.header_list of them
 * that is not kept costs as much as another head. */
static uint64_t take_waste(struct charges *c, const struct config *config, struct session *session)
{
    uint64_t limit = config->limits.header_list_bytes;
    size_t waste = session_take_waste(session);
    if (waste == 0)
        return 0;
    c->waste_bytes += waste;
    uint64_t n = c->waste_bytes / limit;
    c->waste_bytes -= n * limit;
    return n;
}

struct charge charge_received(struct charges *c, const struct config *config,
                              struct session *session, unsigned idle_records, uint64_t now_ms)
{
    unsigned idle = session_take_idle_frames(session) + idle_records;
    uint64_t wasted = take_waste(c, config, session);
    struct charge over =
        charge(&c->idle_frames, idle, config->limits.idle_frames,
               "frames and TLS records that ask for nothing (limits.idle_frames)", now_ms);
    return over.what ? over : charge_resets(c, wasted, config, now_ms);
}

struct charge charge_reset(struct charges *c, const struct config *config, uint64_t now_ms)
{
    return charge_resets(c, 1, config, now_ms);
}
