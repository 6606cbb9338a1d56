/* hostile.h - clients that do what the daemon must bear: one attack after the other, in rotation,
 * each on a connection of its own. What becomes of them is not looked at (the integration tests do
 * that); only that each comes to its end. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "soak.h"

/* The thread's function; `arg` is a struct hostile. */
void *hostile_run(void *arg);

struct hostile {
    struct soak_site *site;
    uint64_t lane;
};

#endif
