/* pace.h - how long an exchange waits for its client, which is to take bytes of the answer or to
 * send bytes of the request.
 * Two time-outs run while it is the client's turn: `stall`, at whose end the exchange fails, and
 * the shorter `grace`, at whose end its connection to the origin is on offer to others that have
 * none. Neither starts anew with every byte: a client that sends or takes single bytes is seen when
 * the time-out ends. While the client waits for 100 Continue it is the origin's turn, which has a
 * time-out of its own; but `grace` runs, since a connection is held all the while, and begins anew
 * with the 100. Facts go in, verdicts come out; whoever owns the pace acts on them. */
#ifndef PROXY_PACE_H
#define PROXY_PACE_H

#include <stdbool.h>

#include "base/timeouts.h"

/* What the client is to do before the exchange can go on. */
enum pace_wait {
    PACE_WAIT_NONE,
    PACE_WAIT_READ,     /* take bytes of the answer */
    PACE_WAIT_SEND,     /* send bytes of the request */
    PACE_WAIT_CONTINUE, /* nothing, until the origin has said 100 Continue; but it may send before
                         * (RFC 9110 §10.1.1) */
    PACE_WAIT_TALK, /* both sides send at once: it is either's turn, and either may have little to
                     * say */
};

struct pace_facts {
    enum pace_wait wait;
    bool holds;            /* a connection to the origin, which others may want */
    bool offered;          /* it is on offer */
    bool has_window;       /* the client lets the stream send */
    uint64_t quiet_ms;     /* since the client's connection last took bytes */
    uint64_t client_bytes; /* of the bodies of all its exchanges, that the client sent or took */
    unsigned streams;      /* that the client has open */
};

/* How an exchange fares for which `stall` runs. */
enum pace_step {
    PACE_STILL, /* the client moves nothing on it, nor, where it has window, on any other */
    PACE_SLOW,  /* it has moved less than the least rate since it is awaited */
    PACE_FINE,
};

/* What all exchanges of a worker have in common. */
struct pace_rules {
    struct timeouts *stall, *grace;
    uint64_t origin_stall_ms;
    uint64_t min_rate; /* bytes a second that a client must move */
};

/* Part of an exchange. */
struct pace {
    struct timeout stall, grace;
    uint64_t bytes;                    /* that the client sent or took */
    uint64_t moved_ms;                 /* when it last did */
    uint64_t stall_bytes, grace_bytes; /* the same, when the time-out was started */
    uint64_t client_bytes;             /* pace_facts.client_bytes when `grace` was started */
    uint64_t silent_ms;                /* for which both sides have been, while they talk */
    enum pace_wait wait;               /* pace_facts.wait when it was last looked at */
};

/* Nothing is awaited. The functions are called when a time-out has ended; each asks for a verdict
 * then. */
void pace_init(struct pace *p, void (*on_stall)(struct timeout *t),
               void (*on_grace)(struct timeout *t));
/* The client sent or took `n` bytes of a body, at `now_ms`. */
void pace_moved(struct pace *p, size_t n, uint64_t now_ms);
/* Something has changed: starts or stops what is due. Returns false where a connection on offer is
 * to be kept, since the client is not awaited any more, or only from now on. */
bool pace_watch(struct pace *p, const struct pace_rules *rules, const struct pace_facts *facts,
                uint64_t now_ms);
/* `stall` has ended: whether the exchange may go on. */
bool pace_goes_on(struct pace *p, const struct pace_rules *rules, const struct pace_facts *facts);
/* `grace` has ended: whether the exchange may keep its connection for as long again. */
bool pace_keeps(const struct pace *p, const struct pace_rules *rules,
                const struct pace_facts *facts);
/* `stall` runs: how the exchange fares. Nothing that comes within `ms` is still. */
enum pace_step pace_step(const struct pace *p, const struct pace_rules *rules,
                         const struct pace_facts *facts, uint64_t ms, uint64_t now_ms);
/* `stall` runs: for how long the client has moved nothing of what is awaited. */
uint64_t pace_silent_ms(const struct pace *p, const struct pace_rules *rules, uint64_t now_ms);
/* The exchange is over. */
void pace_stop(struct pace *p);

#endif
