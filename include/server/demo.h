/* demo.h - the origin of `headstart demo`: a page that takes 300 ms to think, and its assets.
 * Listens on a loopback port that the system chooses. Owns a thread with an event loop of its own;
 * everything it serves is part of the executable. */
#ifndef SERVER_DEMO_H
#define SERVER_DEMO_H

#include "base/attr.h"

struct demo;

/* Starts to serve; the signals of the process stay with the other threads. Returns NULL, with one
 * line in the log, where that fails. Stop with demo_stop(). */
NODISCARD struct demo *demo_start(void);
/* The port on 127.0.0.1. */
unsigned demo_port(const struct demo *d);
/* Ends the thread, waits for it, and frees everything. NULL is fine. */
void demo_stop(struct demo *d);

#endif
