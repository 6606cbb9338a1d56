/* waiter.h - one who wants a connection to an origin: waits in the pool's queue, then is lent one.
 * Part of a call. */
#ifndef ORIGIN_WAITER_H
#define ORIGIN_WAITER_H

#include "base/timeouts.h"

struct conn;
struct pool;
struct waiter;

enum call_fault {
    CALL_FINE,
    CALL_REFUSED,         /* no connection could be made */
    CALL_CONNECT_TIMEOUT, /* none could be made in time */
    CALL_BUSY,            /* none became free in time */
    CALL_YIELDED,         /* it was on offer, and another took the connection */
    CALL_TIMEOUT,         /* the head did not come in time */
    CALL_CLOSED,          /* the origin closed the connection before the head */
    CALL_MALFORMED,       /* what came is not HTTP/1.1 */
    CALL_BROKEN,          /* the body ended early */
    CALL_STALLED,         /* the origin neither sent nor took bytes for too long */
    CALL_NO_MEMORY,
};

/* Requests of clients go before those of pushes. */
enum call_rank {
    CALL_OF_CLIENT,
    CALL_OF_PUSH,
    CALL_RANKS,
};

/* Who calls, as far as sharing connections goes: all calls of one client. Zeroed to begin with. */
struct caller {
    unsigned calls[CALL_RANKS]; /* that wait or run */
};

/* What a pool tells; `failed` may come while it waits, and while its connection is on offer. */
struct waiter_events {
    void (*got)(struct waiter *w, struct conn *conn);
    void (*failed)(struct waiter *w, enum call_fault why);
};

struct waiter {
    const struct waiter_events *events;
    enum call_rank rank;
    bool retried; /* a second time: it gets a connection that has carried nothing, and at once */
    struct caller *caller;
    struct list node;       /* in the pool's queue, while it waits */
    struct list offer_node; /* among those that would make room, while it has a connection */
    struct timeout timeout; /* while it waits */
};

#endif
