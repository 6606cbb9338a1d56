/* admin.h - the admin listener: plain HTTP, for those who watch the daemon.
 * Runs in the loop of the main thread. Answers GET /metrics and GET /healthz. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <event2/event.h>

#include "config/config.h"
#include "server/metrics.h"

struct admin;

/* Opens the listener of `config` in `base`; `collect` fills a zeroed set with the sum of all
 * workers. Returns NULL, after one message, if it cannot be opened. */
NODISCARD struct admin *admin_open(struct event_base *base, const struct config *config,
                                   void (*collect)(void *user, struct metrics *sum), void *user);
/* NULL is fine. */
void admin_close(struct admin *a);

#endif
