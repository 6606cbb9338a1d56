/* handshakes.h - handshakes with clients that failed: all are counted, by their reason; the log
 * gets a line of each reason now and then, since scanners fail without end. */
#ifndef PROXY_HANDSHAKES_H
#define PROXY_HANDSHAKES_H

#include "base/bucket.h"
#include "proxy/peer.h"
#include "tls/failure.h"

/* A zeroed one is fine. */
struct handshakes {
    uint64_t failed[TLS_FAILURES_END];
    uint64_t unsaid[TLS_FAILURES_END]; /* of these, since the last line */
    struct bucket lines[TLS_FAILURES_END];
};

/* A handshake with `peer` failed for the reason `why`, or as OpenSSL has it, `words`. */
void handshakes_note(struct handshakes *h, const struct peer *peer, enum tls_failure why,
                     const char *words, uint64_t now_ms);

#endif
