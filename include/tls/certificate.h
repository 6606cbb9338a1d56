/* certificate.h - a certificate, its chain and its key, and the names that it is good for. For this
 * room only.
 * Owns what it loaded. Reads files in certificate_load() only, and asks nobody for a passphrase. */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct config_certificate;
struct tls_error;

struct certificate {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf; NULL: none */
    EVP_PKEY *key;
    GENERAL_NAMES *names; /* the leaf's subjectAltName; NULL: none */
};

/* What a client must be able to verify. */
enum certificate_kind {
    CERTIFICATE_EC,
    CERTIFICATE_RSA,
    CERTIFICATE_OTHER, /* Ed25519 and Ed448 */
    CERTIFICATE_KINDS,
};

/* Where a certificate comes from, for messages. */
struct certificate_source {
    const char *file; /* the configuration's */
    const struct config_certificate *section;
};

/* Reads the section's files, or makes the self-signed certificate where there are none. False, and
 * one line in `error`, where that cannot be. Warns in the log of one that is not valid today. */
NODISCARD bool certificate_load(struct certificate *out, const struct certificate_source *from,
                                struct tls_error *error);
/* The same to look only: a file that systemd hands to the service alone need not be there. It is
 * warned of, and the key, or all of `out`, stays empty. */
NODISCARD bool certificate_look(struct certificate *out, const struct certificate_source *from,
                                struct tls_error *error);
/* Frees what it holds. A zeroed certificate is fine. */
void certificate_fini(struct certificate *c);
/* Makes `ctx` show this certificate. False, and one line in `error`, where OpenSSL does not take
 * it. */
NODISCARD bool certificate_use(const struct certificate *c, SSL_CTX *ctx,
                               const struct certificate_source *from, struct tls_error *error);
enum certificate_kind certificate_kind(const struct certificate *c);
/* Makes `ssl` show this certificate, too, to a client that cannot verify those of other kinds.
 * False when memory is out. */
NODISCARD bool certificate_add(const struct certificate *c, SSL *ssl);
/* The certificate is good for every name and address of `other`, which has at least one. */
bool certificate_replaces(const struct certificate *c, const struct certificate *other);
/* The certificate names the host `name` (any case) itself. */
bool certificate_names(const struct certificate *c, struct span name);
/* The certificate names "*.PARENT", and `name` is one label under PARENT (RFC 6125 §6.4.3). */
bool certificate_covers(const struct certificate *c, struct span name);
/* The certificate is good for requests of `host`: a name, an address (of IPv6 in brackets), or
 * "*.PARENT", which stands for any name under PARENT: then one of these is enough. */
bool certificate_serves(const struct certificate *c, struct span host);
/* Writes the names and addresses of the certificate, with ", " between them; "..." stands for what
 * there is no room for. "no name" where it has none. */
void certificate_print_names(const struct certificate *c, char *out, size_t room);

#endif
