/* loops.h - warns of origins that are this very proxy, where only the machine can tell: by an
 * address of one of its interfaces, or by its own name. What the file alone shows is refused when
 * it is read (config/addresses.h). Asks no name server. */
#ifndef SERVER_LOOPS_H
#define SERVER_LOOPS_H

#include "config/config.h"

/* One warning for each such origin. */
void loops_warn(const struct config *config);

#endif
