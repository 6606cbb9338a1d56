/* watchdog.h - tells the service manager that the daemon lives, as long as all of its workers do.
 * Twice in the manager's interval, in the loop of the main thread, each worker is looked at and
 * woken: one that has made no turn since the last look hangs, and then the manager hears nothing.
 * Borrows the workers. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include <event2/event.h>

#include "server/worker.h"

struct watchdog;

/* Begins to watch `len` workers; `every_us` is the manager's interval in microseconds. NULL when
 * memory is out. */
NODISCARD struct watchdog *watchdog_new(struct event_base *base, struct worker **workers,
                                        size_t len, uint64_t every_us);
/* NULL is fine. */
void watchdog_free(struct watchdog *w);

#endif
