/* admin.h - the admin listener: plain HTTP/1.1, for those who watch the daemon.
 * Runs in the loop of the main thread. Answers GET and HEAD of /metrics and /healthz, one request a
 * connection; a connection lasts 10 s at the most, of 64 the oldest is closed for a new one. Over
 * TCP the request's Host must be a number, localhost, or one of the configuration's. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <event2/event.h>

#include "config/config.h"
#include "server/metrics.h"

struct admin;

/* Opens the listener of `config` (borrowed) in `base`; `collect` fills a zeroed set with the sum of
 * all workers. Returns NULL, after one message, if it cannot be opened. */
NODISCARD struct admin *admin_open(struct event_base *base, const struct config *config,
                                   void (*collect)(void *user, struct metrics *sum), void *user);
/* Borrows `config` instead from now on, whose address is the same. NULL is fine. */
void admin_serve(struct admin *a, const struct config *config);
/* NULL is fine. */
void admin_close(struct admin *a);

#endif
