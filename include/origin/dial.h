/* dial.h - opens one connection to an origin, TLS included. Internal to the origin room.
 * The addresses of the origin race (RFC 8305): each gets a start of 250 ms before the next, or less
 * where they would not all be tried in time; one that fails makes way at once. libcurl connects,
 * each address by itself; the handshake of TLS follows on the socket, and the first that is through
 * wins. Where all known addresses have had their start, the name is resolved anew. Calls back once,
 * from the turn's act phase; never after dial_free(), which may be called there. */
#ifndef ORIGIN_DIAL_H
#define ORIGIN_DIAL_H

#include <event2/event.h>

#include "base/attr.h"
#include "base/timeouts.h"
#include "base/turn.h"
#include "origin/wire.h"

enum dial_result {
    DIAL_DONE,
    DIAL_REFUSED, /* no name, no route, refused, certificate not trusted */
    DIAL_TIMED_OUT,
};

struct dial;
struct names;
struct tls_target;

/* How an origin is dialed. Borrowed for the life of its dials. */
struct dial_rules {
    struct event_base *base;
    struct turn *turn;
    struct timeouts *connect;  /* of the whole dial */
    const char *unix_path;     /* NULL: over TCP */
    struct names *names;       /* of the addresses */
    struct tls_target *target; /* NULL: without TLS */
    struct blocks *blocks;     /* of TLS_OUT_BYTES, for what TLS has to send */
};

/* To be called once, before there are threads; false: libcurl cannot be used. */
NODISCARD bool dial_setup(void);
/* The end of that, when the threads are gone. */
void dial_teardown(void);

/* Starts to dial, for at most as long as `rules->connect` runs. `done` is called with `user` when
 * it has ended. NULL when memory is out. */
NODISCARD struct dial *dial_start(const struct dial_rules *rules,
                                  void (*done)(void *user, enum dial_result result), void *user);
/* After DIAL_DONE: hands the connection over, once. */
struct wire dial_take(struct dial *d);
/* After any other result: what went wrong, in words. */
const char *dial_why(const struct dial *d);
/* Ends a dial at any stage and frees it; NULL is fine. */
void dial_free(struct dial *d);

#endif
