/* failing_mem.h - what a test shares with a daemon whose memory runs out, or whose heap hangs, on
 * purpose: a file that both have mapped. The daemon finds its path in the environment's
 * HEADSTART_FAILING_MEMORY. */
#ifndef FAILING_MEM_H
#define FAILING_MEM_H

#include <stdatomic.h>

#define FAILING_MEM_VARIABLE "HEADSTART_FAILING_MEMORY"

struct failing_mem {
    atomic_llong taken; /* allocations so far */
    atomic_llong left;  /* so many more succeed, then one fails; below 0: all succeed */
    atomic_int hangs;   /* so many threads that allocate never return from it */
};

#endif
