/* trust.h - the TLS side of connections to https origins: whom they trust, whose name the
 * certificate must have (RFC 9110 §4.3.4), sessions that are resumed (RFC 5246, RFC 8446).
 * A tls_trust is made once for a configuration and shared by all threads, read only after that; it
 * reads files when it is made, never later. A tls_target is one origin as one thread sees it. */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include "base/attr.h"

struct bio_st; /* OpenSSL's BIO */
struct config;
struct config_origin;
struct ssl_st; /* OpenSSL's SSL */
struct tls_error;
struct tls_socket;
struct tls_target;
struct tls_trust;

/* Loads the authorities of every https origin of the configuration; origins that trust the same
 * ones share them. NULL, and "FILE:LINE: [origin NAME]: ..." in `error`, where a file cannot be
 * read. Where an origin trusts the system's authorities and there are none, that is warned of in
 * the log. Keeps nothing of `config`. */
NODISCARD struct tls_trust *tls_trust_new(const struct config *config, struct tls_error *error);
/* NULL is fine. Targets made from it must be gone. */
void tls_trust_free(struct tls_trust *trust);

/* What the connections of one thread to `origin`, an https origin of the configuration, share.
 * Borrows both, and `trust`. NULL when memory is out. */
NODISCARD struct tls_target *tls_target_new(struct tls_trust *trust, const struct config *config,
                                            const struct config_origin *origin);
/* NULL is fine. Connections made from it must be gone. */
void tls_target_free(struct tls_target *target);

/* OpenSSL's side of a new connection, for conn.c: a client that offers to resume the last session.
 * NULL when memory is out. */
NODISCARD struct ssl_st *tls_target_ssl(struct tls_target *target);
/* A BIO over a socket of a connection, for conn.c; NULL when memory is out. */
NODISCARD struct bio_st *tls_target_bio(struct tls_target *target, struct tls_socket *socket);
/* The last session is not offered again: with it, or for other reasons, a handshake failed. */
void tls_target_forget_session(struct tls_target *target);
/* OpenSSL's `error` on a connection to an origin, in words. NULL: it has none either. */
const char *tls_target_why(const struct ssl_st *ssl, unsigned long error);

#endif
