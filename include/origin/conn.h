/* conn.h - one connection to an origin: dialed, then carrying one call after the other.
 * Internal to the origin room. Owned by its pool; freed at the end of the turn in which it was
 * closed. */
#ifndef ORIGIN_CONN_H
#define ORIGIN_CONN_H

#include <event2/event.h>

#include "base/timeouts.h"
#include "base/turn.h"
#include "h1/reader.h"
#include "origin/dial.h"

struct call;
struct pool;

/* What one direction of the wire waits for. */
enum conn_wait {
    CONN_GOES,
    CONN_AWAITS_READABLE,
    CONN_AWAITS_WRITABLE,
};

enum conn_state {
    CONN_DIALING,
    CONN_IDLE,
    CONN_BUSY,
    CONN_DEAD,
    CONN_STATES,
};

struct conn {
    struct pool *pool;
    enum conn_state state;
    struct list node; /* in the pool, by state */
    struct dial *dial;
    struct wire wire;
    struct event *read_event, *write_event;
    struct h1_reader *reader;
    struct call *call;   /* while busy */
    unsigned served;     /* calls that were carried */
    uint64_t emptied_in; /* the turn in which the last read took all there was; 0: it did not */
    uint64_t idle_since; /* the turn in which it became idle last */
    bool paused;         /* not reading: the call's buffer is full */
    enum conn_wait reading, writing;
    bool write_broken; /* the origin takes no more, but may have answered */
    struct timeout idle_timeout;
    struct turn_task act, write, die;
};

/* Starts to dial. NULL when memory is out. */
NODISCARD struct conn *conn_new(struct pool *pool);
/* An idle connection may carry a call: nothing had come on it when this turn began, or later. It is
 * closed otherwise. One whose dial ended in this turn is not looked at. */
NODISCARD bool conn_is_clean(struct conn *c);
/* An idle connection begins to carry `call`. */
void conn_carry(struct conn *c, struct call *call);
/* The call has more to write. */
void conn_write_soon(struct conn *c);
/* The call has room again. */
void conn_resume(struct conn *c);
/* The call is complete: the connection becomes idle, or is closed if it cannot be used again. */
void conn_release(struct conn *c, bool reusable);
/* Closes it; it is freed at the end of the turn. A call on it must have been taken off. */
void conn_close(struct conn *c);

#endif
