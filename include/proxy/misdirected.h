/* misdirected.h - tells the operator of requests that no route takes (421). */
#ifndef PROXY_MISDIRECTED_H
#define PROXY_MISDIRECTED_H

#include "proxy/env.h"

/* Warns that `request`, which request_check() found fine, is for none of the routes, and says what
 * these are for. At most one warning in ten seconds: whoever asks decides how many there are. */
void misdirected_warn(struct env *e, const struct request *request);

#endif
