/* dial.h - opens one connection to an origin through libcurl, which resolves names, races address
 * families (RFC 8305) and does TLS.
 * Every dial has a multi handle of its own: libcurl looks through the idle connections of a shared
 * one and closes what it takes for dead, and ours would look idle to it.
 * Calls back once, from the loop; never after dial_free(). */
#ifndef ORIGIN_DIAL_H
#define ORIGIN_DIAL_H

#include <event2/event.h>

#include "base/attr.h"
#include "config/config.h"
#include "origin/wire.h"

enum dial_result {
    DIAL_DONE,
    DIAL_REFUSED, /* no name, no route, refused, certificate not trusted */
    DIAL_TIMED_OUT,
};

struct dial;

/* To be called once, before there are threads; false: libcurl cannot be used. */
NODISCARD bool dial_setup(void);
/* The end of that, when the threads are gone. */
void dial_teardown(void);

/* What dials share, of one thread: names that were resolved, TLS sessions. NULL when memory is
 * out. */
NODISCARD void *dial_share_new(void);
/* NULL is fine; no dial or wire may use it any more. */
void dial_share_free(void *share);

/* Starts to dial `origin`. `done` is called with `user` when it has ended. NULL when memory is
 * out. */
NODISCARD struct dial *dial_start(struct event_base *base, const struct config_origin *origin,
                                  uint64_t timeout_ms, void *share,
                                  void (*done)(void *user, enum dial_result result), void *user);
/* After DIAL_DONE: hands the connection over, once. False: it is gone already. */
NODISCARD bool dial_take(struct dial *d, struct wire *out);
/* After any other result: what went wrong, in words. */
const char *dial_why(const struct dial *d);
/* Ends a dial at any stage and frees it; NULL is fine. Not from its callback. */
void dial_free(struct dial *d);

#endif
