/* context.h - what the TLS listeners offer: certificates by SNI, ALPN, session tickets (RFC 5246,
 * RFC 8446, RFC 9113 §9.2).
 * Made once, shared by all threads, read only after that. Reads files when it is made, never
 * later. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <stdbool.h>

#include "base/attr.h"
#include "tls/error.h"

struct config;
struct ssl_st; /* OpenSSL's SSL */
struct bio_st; /* OpenSSL's BIO */
struct tls_context;
struct tls_socket;
struct tls_tickets;

/* Loads every certificate of the configuration (or makes the self-signed one). Returns NULL and
 * fills `error`, "FILE:LINE: [certificate NAME]: ...", where one cannot be read or does not fit its
 * key. One that is not valid today is warned of in the log and loaded, and so is one that is for
 * none of the hosts of the routes; a host of a route that no certificate is for is warned of too.
 * Keeps nothing of `config`; borrows `tickets`, for its sessions.
 * Free with tls_context_free(). */
NODISCARD struct tls_context *tls_context_new(const struct config *config,
                                              struct tls_tickets *tickets, struct tls_error *error);
/* Checks the same, and keeps nothing. What systemd hands to the service alone (/run/credentials/)
 * need not be there: it is warned of and left out. False fills `error`. */
NODISCARD bool tls_context_check(const struct config *config, struct tls_tickets *tickets,
                                 struct tls_error *error);
/* NULL is fine. Connections made from it must be gone. */
void tls_context_free(struct tls_context *ctx);
/* OpenSSL's side of a new connection, for conn.c; NULL when memory is out. */
NODISCARD struct ssl_st *tls_context_ssl(struct tls_context *ctx);
/* A BIO over a socket of a connection, for conn.c; NULL when memory is out. */
NODISCARD struct bio_st *tls_context_bio(struct tls_context *ctx, struct tls_socket *socket);

#endif
