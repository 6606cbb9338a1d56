#include "proxy/charge.h"

#include "base/log.h"

/* Ends the connection of a client that does `what` too often. */
RARE static void charge(struct client *c, struct bucket *bucket, uint64_t n, uint64_t most,
                        const char *what)
{
    enum { PERIOD_MS = 10000 };
    if (c->state != CLIENT_OPEN || c->wait == CLIENT_WAIT_CLOSE ||
        bucket_take(bucket, n, most, PERIOD_MS, turn_now_ms(&c->env->turn)))
        return;
    log_info("client %s: over %llu in 10 s of %s", c->peer.text, (unsigned long long)most, what);
    client_end(c, SESSION_LEAVE_CALM);
}

static void charge_resets(struct client *c, uint64_t n)
{
    charge(c, &c->reset_bucket, n, c->env->config->limits.resets,
           "requests abandoned or too large (limits.resets)");
}

/* The fields of a head that is too large are decoded to its end: each limits.header_list of them
 * that is not kept costs as much as another head. */
static uint64_t take_waste(struct client *c)
{
    uint64_t limit = c->env->config->limits.header_list_bytes;
    size_t waste = session_take_waste(c->session);
    if (waste == 0)
        return 0;
    c->waste_bytes += waste;
    uint64_t n = c->waste_bytes / limit;
    c->waste_bytes -= n * limit;
    return n;
}

void charge_received(struct client *c)
{
    const struct config *config = c->env->config;
    unsigned idle = session_take_idle_frames(c->session) + tls_conn_take_idle_records(c->tls);
    uint64_t wasted = take_waste(c);
    if (idle > 0)
        charge(c, &c->idle_frame_bucket, idle, config->limits.idle_frames,
               "frames and TLS records that ask for nothing (limits.idle_frames)");
    if (wasted > 0)
        charge_resets(c, wasted);
}

void charge_reset(struct client *c)
{
    charge_resets(c, 1);
}
