/* shed.h - what a worker does while all workers together hold more memory than limits.memory.
 * It gives back what it keeps for later. Then what is held for clients that do not take it, or do
 * not send what it waits for, gives way, the longest wait first: connections whose sockets take
 * nothing, exchanges whose clients move nothing, heads that do not come to their end; after those,
 * exchanges whose clients move less than limits.min_rate; and at last connections without a
 * request; until there is some room below the limit. Nothing gives way that has
 * waited for less than a second, as a round trip may take that. New requests are refused by whoever
 * begins them. */
#ifndef PROXY_SHED_H
#define PROXY_SHED_H

#include <stdint.h>

struct env;

/* The tasks of the turn have run: looks whether memory is over, and does what is said above. What
 * gives way queues tasks of its own. Returns the milliseconds until it is to be called again, or
 * UINT64_MAX. */
uint64_t shed_memory(struct env *e);

#endif
