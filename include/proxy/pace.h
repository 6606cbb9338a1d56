/* pace.h - how long an exchange waits for its client, which is to take bytes of the answer or to
 * send bytes of the request.
 * Two time-outs run while it is the client's turn: `stall`, at whose end the exchange fails, and
 * the shorter `grace`, at whose end its connection to the origin is on offer to others that have
 * none (call_offer()). Neither starts anew with every byte: who drips bytes is seen when it ends.
 */
#ifndef PROXY_PACE_H
#define PROXY_PACE_H

#include "base/timeouts.h"

struct exchange;

/* Part of an exchange. */
struct pace {
    struct timeout stall, grace;
    uint64_t bytes;                    /* that the client sent or took */
    uint64_t stall_bytes, grace_bytes; /* the same, when the time-out was started */
    uint64_t client_bytes;             /* of all its client's exchanges, when `grace` was */
    uint64_t silent_ms;                /* for which both sides have been, while they talk at once */
};

void pace_init(struct exchange *x);
/* Its client sent or took `n` bytes of a body. */
void pace_moved(struct exchange *x, size_t n);
/* Something has changed: starts or stops what is due. */
void pace_watch(struct exchange *x);
/* The exchange is over. */
void pace_stop(struct exchange *x);

#endif
