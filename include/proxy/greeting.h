/* greeting.h - what comes before a client's protocol: the TLS handshake, and which protocol it
 * chose. */
#ifndef PROXY_GREETING_H
#define PROXY_GREETING_H

#include "proxy/env.h"

enum greeting_result {
    GREETING_DONE,
    GREETING_WANTS_READ,  /* again when the socket is readable */
    GREETING_WANTS_WRITE, /* again when the socket is writable */
    GREETING_GONE,        /* the client closed the connection */
    GREETING_FAILED,      /* tls_conn_why() says why */
};

/* Goes on with the handshake. */
enum greeting_result greeting_go_on(struct tls_conn *tls);
/* Makes the session of the protocol that was chosen; it reports to env.events, with `user`. NULL
 * when memory is out. */
NODISCARD struct session *greeting_session(struct env *env, void *user);

#endif
