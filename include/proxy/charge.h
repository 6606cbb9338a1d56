/* charge.h - what a client does that costs us and asks for nothing: each kind is counted by a token
 * bucket against a limit over ten seconds. Says what was too much; whoever owns the connection ends
 * it. */
#ifndef PROXY_CHARGE_H
#define PROXY_CHARGE_H

#include "base/bucket.h"
#include "config/config.h"
#include "http/session.h"

/* Part of a client; zeroed to begin with. */
struct charges {
    struct bucket resets, idle_frames;
    size_t waste_bytes; /* of heads that were too large, which count as less than one reset */
};

/* What was too much. */
struct charge {
    const char *what; /* in words, with the name of its limit; NULL: nothing */
    uint64_t most;    /* in ten seconds */
};

/* Bytes were received: charges what `session` saw in them, apart from requests, and `idle_records`
 * of TLS that carried nothing. */
struct charge charge_received(struct charges *c, const struct config *config,
                              struct session *session, unsigned idle_records, uint64_t now_ms);
/* Charges a request that the client has abandoned while we worked on it, or made us end, or whose
 * head was too large. */
struct charge charge_reset(struct charges *c, const struct config *config, uint64_t now_ms);

#endif
