/* names.h - the addresses of one origin, which its name stands for. Internal to the origin room.
 * libcurl resolves, in a thread of its own; an answer is kept for a minute. One question is open at
 * a time, however many dials wait for its answer. An origin that is an address, or a unix socket,
 * has that one address, always. One worker's. Borrows everything for its life. Calls back from the
 * turn's act phase, never after names_leave(). */
#ifndef ORIGIN_NAMES_H
#define ORIGIN_NAMES_H

#include <event2/event.h>

#include "base/list.h"
#include "base/turn.h"
#include "config/config.h"

enum {
    NAMES_MOST = 32,
    NAMES_ADDRESS_BYTES = 80, /* "[ADDRESS%25SCOPE]:PORT" and its NUL */
    NAMES_WHY_BYTES = 256,
};

struct names_address {
    char text[NAMES_ADDRESS_BYTES]; /* as a URL has it: "192.0.2.1:80", "[2001:db8::1]:80" */
};

struct names_list {
    size_t len;
    struct names_address at[NAMES_MOST];
};

/* One who waits for an answer. */
struct names_waiter {
    struct list node;
    void (*told)(struct names_waiter *w);
};

struct question;

struct names {
    struct event_base *base;
    struct turn *turn;
    const struct config_url *url;
    uint64_t timeout_ms; /* of a question */
    bool is_fixed;
    struct names_list known;
    uint64_t answered_ms; /* when that was said */
    struct question *question;
    char why[NAMES_WHY_BYTES]; /* of the last one, where it had no answer */
    struct list waiting;
    struct turn_task act;
};

/* Knows nothing yet of a name; allocates nothing. */
void names_init(struct names *n, struct event_base *base, struct turn *turn,
                const struct config_url *url, uint64_t timeout_ms);
/* Ends a question that is open; nobody may wait. */
void names_fini(struct names *n);

/* The addresses, the one to try first in front; those that are older than a minute are gone. Valid
 * until the next turn, or names_prefer(). */
const struct names_list *names_known(struct names *n);
/* A question could bring other addresses: they can change, and the last answer is not of just now.
 */
bool names_may_ask(const struct names *n);
/* A question is open. */
bool names_is_asking(const struct names *n);
/* One who does not wait, and whom `told` will tell. */
void names_waiter_init(struct names_waiter *w, void (*told)(struct names_waiter *w));
/* Waits for the answer to a new question, or to the one that is open: `w->told` is called once.
 * False when memory is out. */
NODISCARD bool names_ask(struct names *n, struct names_waiter *w);
/* Waits no more; one that does not wait is fine. */
void names_leave(struct names_waiter *w);
/* Why the last question brought nothing, in words; empty: it did. */
const char *names_why(const struct names *n);
/* A connection to `text` was made: it is tried first from now on. */
void names_prefer(struct names *n, const char *text);

#endif
