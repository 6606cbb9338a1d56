/* offer.h - what a ClientHello says of the certificates that its client can verify: the algorithms
 * of signatures (RFC 8446 §4.2.3, RFC 5246 §7.4.1.4.1) and, in TLS 1.2, the ciphers. For this room
 * only.
 * Borrows the hello: only for the callback in which it was read. */
#ifndef TLS_OFFER_H
#define TLS_OFFER_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/span.h"
#include "tls/certificate.h"

struct offer {
    struct span schemes;       /* that the server may sign with, of two bytes each */
    struct span chain_schemes; /* that certificates may be signed with */
    struct span ciphers;       /* of two bytes each */
    bool tls13;
};

/* Reads the hello that OpenSSL is looking at in its callback. What is missing or malformed is
 * empty; OpenSSL judges it later. */
void offer_read(struct offer *out, SSL *ssl);
/* The client can verify the certificate, its chain, and what is signed with its key; as far as the
 * hello tells. */
bool offer_suits(const struct offer *o, const struct certificate *c);

#endif
