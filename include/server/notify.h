/* notify.h - what the service manager is told (sd_notify(3)), and how often it wants to hear that
 * the daemon lives. Does nothing where the environment names no socket. A manager that does not
 * read its socket holds nobody up for longer than NOTIFY_WAIT_MS. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdint.h>

#include "base/attr.h"

enum { NOTIFY_WAIT_MS = 250 };

/* Sends a state such as "READY=1". */
void notify_send(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Says that the daemon lives; not if that would have to wait. */
void notify_alive(void);
/* Within how many microseconds that is to be said again (the unit's WatchdogSec=); 0: never. */
uint64_t notify_watchdog_us(void);

#endif
