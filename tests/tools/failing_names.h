/* failing_names.h - what a test shares with a daemon whose name server is silent on purpose: a FIFO
 * that the test opens to let the server speak. The daemon finds its path in the environment's
 * HEADSTART_FAILING_NAMES. */
#ifndef FAILING_NAMES_H
#define FAILING_NAMES_H

#define FAILING_NAMES_VARIABLE "HEADSTART_FAILING_NAMES"
/* What such a name ends in, and what the daemon says when it asks for one. */
#define FAILING_NAMES_SLOW  "slow.test"
#define FAILING_NAMES_ASKED "asked for "

#endif
