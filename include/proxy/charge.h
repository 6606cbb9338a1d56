/* charge.h - what a client does that costs us and asks for nothing: each kind is counted against a
 * limit over ten seconds, and what is too much ends the connection with ENHANCE_YOUR_CALM. */
#ifndef PROXY_CHARGE_H
#define PROXY_CHARGE_H

#include "proxy/client.h"

/* Bytes were received: charges what the session saw in them, apart from requests. */
void charge_received(struct client *c);
/* The client has abandoned a request that we worked on, or made us end it, or sent a head that is
 * too large. */
void charge_reset(struct client *c);

#endif
