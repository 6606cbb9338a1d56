/* thread.h - how every thread of the process is started.
 * Signals that come from outside are the main thread's. Those of a fault (SIGSEGV and its like) are
 * nobody's to block: they end the process, with the report of a sanitizer where there is one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/attr.h"

/* Starts a thread that runs `run` with `user`; `name` (15 bytes at most) is what ps and debuggers
 * show. Returns 0, or the number of the error. Threads that it starts inherit its signals. */
NODISCARD int thread_start(pthread_t *thread, const char *name, void *(*run)(void *user),
                           void *user);

#endif
