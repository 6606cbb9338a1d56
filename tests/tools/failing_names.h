/* failing_names.h - what a test shares with a daemon whose name server does what the test wants.
 * It is silent about some names: a FIFO that the test opens lets the server speak. The daemon finds
 * its path in the environment's HEADSTART_FAILING_NAMES. The addresses of other names are what the
 * test has written, one a line, into the file that the environment's HEADSTART_FAILING_ANSWERS
 * names. */
#ifndef FAILING_NAMES_H
#define FAILING_NAMES_H

#define FAILING_NAMES_VARIABLE "HEADSTART_FAILING_NAMES"
#define FAILING_NAMES_ANSWERS  "HEADSTART_FAILING_ANSWERS"
/* What such names end in, and what the daemon says when it asks for one. */
#define FAILING_NAMES_SLOW  "slow.test"
#define FAILING_NAMES_MANY  "many.test"
#define FAILING_NAMES_ASKED "asked for "

#endif
