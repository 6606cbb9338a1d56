/* origin.h - an origin that answers what ask.h describes, in threads of this process; it checks
 * the bodies that it gets to the byte.
 * One that flaps does what bad luck does, by its dice: it refuses connections for a while, closes,
 * resets or half-closes them anywhere in an answer, stalls, drips, sends what is no HTTP, or more
 * than it should. It never sends a body that is whole and wrong. */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

#include "soak.h"

struct origin;

struct origin *origin_start(struct ledger *ledger, uint64_t seed, bool flapping);
unsigned origin_port(const struct origin *o);
/* Connections that are open. */
unsigned origin_open(struct origin *o);
/* Ends its connections and threads and frees it. */
void origin_stop(struct origin *o);

#endif
