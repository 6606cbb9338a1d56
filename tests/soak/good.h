/* good.h - clients that do all right and check all they get.
 * Each is a thread with one connection at a time, on which it makes a few requests at once, again
 * and again. On the steady origin every one must be answered to the byte; on the flapping one it
 * may fail, as the origin's fault and in no other way. When told to leave, a client opens a new
 * connection, and makes again only what the GOAWAY says was not processed. */
#ifndef GOOD_H
#define GOOD_H

#include "soak.h"

/* The thread's function; `arg` is a struct good. */
void *good_run(void *arg);

struct good {
    struct soak_site *site;
    uint64_t lane;
    bool flapping; /* asks the flapping origin */
};

#endif
