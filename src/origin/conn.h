/* conn.h - one connection to an origin: dialed, then used by one call after the other. Knows its
 * owner and its user by two tables. For this room only. Freed at the end of the turn in which it
 * was closed. */
#ifndef ORIGIN_CONN_H
#define ORIGIN_CONN_H

#include <event2/event.h>

#include "base/timeouts.h"
#include "base/turn.h"
#include "h1/reader.h"
#include "origin/dial.h"
#include "origin/wire.h"

enum { CONN_PIECES = 4 }; /* the most that are written at once */

struct conn;

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

/* What a connection tells whoever owns it. */
struct conn_owner {
    /* The dial ended without a connection, which is closed then. */
    void (*dial_failed)(struct conn *c, enum dial_result result, const char *why);
    /* It became idle; `was` is the state before. */
    void (*idle)(struct conn *c, enum conn_state was);
    /* It was closed; `was` is the state before. */
    void (*closed)(struct conn *c, enum conn_state was);
    /* The other side broke the connection. */
    void (*broke)(struct conn *c, const char *why);
};

/* What a connection asks and tells whoever uses it, while it is busy. */
struct conn_user {
    /* Returns where the next bytes go; NULL: nowhere for now, or no memory (`*full` is false). */
    char *(*space)(void *user, size_t *room, bool *full);
    /* `n` bytes came to space(); none may have. The use may be over after this. */
    void (*received)(void *user, char *at, size_t n);
    /* The origin will send no more; `in_order`: it said so, rather than that the connection broke.
     */
    void (*closed)(void *user, bool in_order);
    /* Memory for what it sends is out. */
    void (*no_memory)(void *user);
    /* Fills in the pieces to write next, and returns how many; 0: none now. */
    int (*output)(void *user, struct iovec pieces[CONN_PIECES]);
    /* `n` bytes of them were written. */
    void (*written)(void *user, size_t n);
    /* Reading or writing stopped: it may be somebody else's turn. */
    void (*watch)(void *user);
};

/* What all connections to an origin have in common. Borrowed for their lives. */
struct conn_rules {
    struct dial_rules dial;
    struct timeouts *idle;
    size_t head_bytes; /* of a response */
    bool strict;       /* refuses quirks (h1/quirk.h) */
};

struct conn {
    const struct conn_rules *rules;
    const struct conn_owner *owner;
    void *owner_data;
    enum conn_state state;
    struct list node; /* whoever owns it links it here */
    struct dial *dial;
    struct wire wire;
    struct event *read_event, *write_event;
    struct h1_reader *reader;
    const struct conn_user *uses; /* while busy */
    void *user;
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
NODISCARD struct conn *conn_new(const struct conn_rules *rules, const struct conn_owner *owner,
                                void *owner_data);
/* An idle connection may carry a call: nothing had come on it when this turn began, or later. It is
 * closed otherwise. One whose dial ended in this turn is not looked at. */
NODISCARD bool conn_is_clean(struct conn *c);
/* An idle connection is used from now on; it asks what to write at the end of the turn. */
void conn_carry(struct conn *c, const struct conn_user *uses, void *user);
/* The user has more to write. */
void conn_write_soon(struct conn *c);
/* The user has room again. */
void conn_resume(struct conn *c);
/* The use is over: the connection becomes idle, or is closed if it cannot be used again. */
void conn_release(struct conn *c, bool reusable);
/* Closes it; it is freed at the end of the turn. Whoever used it must have released it. */
void conn_close(struct conn *c);

#endif
