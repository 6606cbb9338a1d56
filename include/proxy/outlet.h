/* outlet.h - the way out of a connection: takes what a session has to send and gives it to TLS in
 * whole records.
 * Owns the bytes that TLS has not taken yet; borrows the session and the connection for each call.
 */
#ifndef PROXY_OUTLET_H
#define PROXY_OUTLET_H

#include "base/buf.h"
#include "http/session.h"
#include "tls/conn.h"

enum outlet_result {
    OUTLET_EMPTY,   /* everything was handed to the system */
    OUTLET_BLOCKED, /* the socket takes nothing more: again when it is writable */
    OUTLET_CROSSED, /* TLS must read before it writes more: again when it has */
    OUTLET_OVER,    /* everything was handed over, and the session will send no more */
    OUTLET_GONE,    /* the connection is broken */
};

struct outlet {
    struct buf waiting;   /* what the session has to send and TLS has not taken */
    uint64_t sent_bytes;  /* that the system had taken at the last look */
    uint64_t progress_ms; /* when the system last took bytes */
    uint64_t ramp_bytes;  /* written since the connection was new, or quiet */
};

/* Nothing waits. The block for what waits will come from `blocks`, which are to be of the size of a
 * record. */
void outlet_init(struct outlet *o, struct blocks *blocks);
/* Gives its memory back. */
void outlet_fini(struct outlet *o);
/* Hands on what waits, and refills, until the session has no more or the socket takes no more; it
 * all leaves together. The session may report. */
enum outlet_result outlet_write(struct outlet *o, struct session *session, struct tls_conn *tls,
                                uint64_t now_ms);

#endif
