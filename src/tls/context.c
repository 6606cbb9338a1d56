#include "tls/context.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "tls/certificate.h"
#include "tls/offer.h"
#include "tls/socket.h"
#include "tls/tickets.h"

/* Forward secrecy and AEAD, as RFC 9113 §9.2.2 asks for; TLS 1.3 has nothing else. The kind of the
 * certificate comes first: to sign with RSA costs more than any cipher here. */
#define CIPHERS_TLS12                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"   \
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256"

/* The order is ours: processors help with SHA-256, and SHA-384 costs several times as much. */
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* ALPN's list of the protocols that are spoken here: each with its length in front. */
static const unsigned char alpn[] = {2, 'h', '2'};

enum { NAMES_BYTES = 256 };

struct site {
    struct certificate certificate;
    SSL_CTX *ssl;
};

/* What may be shown for one name: the best certificate of each kind of key (RSA, EC, ...). OpenSSL
 * picks the one that the client can verify. */
struct choice {
    const struct site *main; /* the best of all, whose context the connection gets; NULL: none */
    const struct site *of_kind[CERTIFICATE_KINDS];
};

struct tls_context {
    BIO_METHOD *sockets;
    struct tls_tickets *tickets;
    struct choice fallback; /* for a client that asks for no name of ours */
    size_t len;
    struct site sites[]; /* every connection begins with the first */
};

static void add_site(struct choice *choice, const struct site *site)
{
    enum certificate_kind kind = certificate_kind(&site->certificate);
    if (!choice->main)
        choice->main = site;
    if (!choice->of_kind[kind])
        choice->of_kind[kind] = site;
}

/* Certificates that name the host itself come before those with a wildcard. */
static struct choice choose(const struct tls_context *ctx, struct span name)
{
    struct choice choice = {0};
    for (size_t i = 0; i < ctx->len; i++) {
        if (certificate_names(&ctx->sites[i].certificate, name))
            add_site(&choice, &ctx->sites[i]);
    }
    for (size_t i = 0; i < ctx->len; i++) {
        if (certificate_covers(&ctx->sites[i].certificate, name))
            add_site(&choice, &ctx->sites[i]);
    }
    return choice;
}

/* The first certificate, and those of other kinds that are good for all that it is good for. */
static void choose_fallback(struct tls_context *ctx)
{
    const struct certificate *first = &ctx->sites[0].certificate;
    add_site(&ctx->fallback, &ctx->sites[0]);
    for (size_t i = 1; i < ctx->len; i++) {
        if (certificate_replaces(&ctx->sites[i].certificate, first))
            add_site(&ctx->fallback, &ctx->sites[i]);
    }
}

/* Leaves out what the client cannot verify. OpenSSL itself looks at what the key signs, and hardly
 * at how the certificates are signed. Where nothing would be left, it shall decide. */
static void narrow(struct choice *choice, SSL *ssl)
{
    struct choice suited = {0};
    struct offer client;
    offer_read(&client, ssl);
    for (size_t kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        const struct site *site = choice->of_kind[kind];
        if (site && offer_suits(&client, &site->certificate))
            add_site(&suited, site);
    }
    if (suited.main)
        *choice = suited;
}

static bool has_several(const struct choice *choice)
{
    size_t n = 0;
    for (size_t kind = 0; kind < CERTIFICATE_KINDS; kind++)
        n += choice->of_kind[kind] != NULL;
    return n > 1;
}

static bool show(SSL *ssl, const struct choice *choice)
{
    if (!SSL_set_SSL_CTX(ssl, choice->main->ssl))
        return false;
    for (size_t kind = 0; kind < CERTIFICATE_KINDS; kind++) {
        const struct site *site = choice->of_kind[kind];
        if (site && site != choice->main && !certificate_add(&site->certificate, ssl))
            return false;
    }
    return true;
}

/* A big-endian number of `bytes` bytes off the front of `in`. */
static bool take_number(struct span *in, size_t bytes, size_t *out)
{
    if (in->len < bytes)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | (unsigned char)in->ptr[i];
    *in = span_from(*in, bytes);
    *out = n;
    return true;
}

/* The host name in the extension server_name (RFC 6066 §3): a list of one name of type 0. An empty
 * span where it is malformed: OpenSSL's own parser, which comes next, refuses that. */
static struct span server_name(struct span in)
{
    size_t list, type, len;
    if (take_number(&in, 2, &list) && list == in.len && take_number(&in, 1, &type) &&
        type == TLSEXT_NAMETYPE_host_name && take_number(&in, 2, &len) && len == in.len)
        return in;
    return SPAN("");
}

/* Runs before OpenSSL looks for the session that the client wants to resume, so that the chosen
 * certificate's session id context decides on it. It also sees clients without ALPN, for which
 * choose_protocol() is never asked. */
static int choose_site(SSL *ssl, int *alert, void *arg)
{
    const struct tls_context *ctx = arg;
    struct choice choice = {0};
    const unsigned char *at;
    size_t len;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &at,
                                   &len)) {
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &len))
        choice = choose(ctx, server_name(span_of(at, len)));
    if (!choice.main)
        choice = ctx->fallback;
    if (has_several(&choice))
        narrow(&choice, ssl);
    if (show(ssl, &choice))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* The name is acknowledged where it had a say in the choice (RFC 6066 §3). */
static int acknowledge_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return name && choose(arg, span_str(name)).main ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, alpn, sizeof alpn, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void set_options(SSL_CTX *ssl, bool session_tickets)
{
    /* A connection that is cut off is an ordinary end: HTTP/2 knows itself what is missing. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS |
                              SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, session_tickets ? 1 : 0);
    if (!session_tickets)
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
}

static bool make_ssl(struct site *site, struct tls_context *ctx, const struct config *config,
                     struct tls_error *error)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    site->ssl = ssl;
    int min_version = config->tls.min_version == 3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (!ssl || SSL_CTX_set_min_proto_version(ssl, min_version) != 1 ||
        SSL_CTX_set_cipher_list(ssl, CIPHERS_TLS12) != 1 ||
        SSL_CTX_set_ciphersuites(ssl, CIPHERS_TLS13) != 1 ||
        SSL_CTX_set1_groups_list(ssl, GROUPS) != 1 || !tls_tickets_use(ctx->tickets, ssl)) {
        const char *why = ERR_reason_error_string(ERR_peek_error());
        snprintf(error->text, sizeof error->text, "%s: [tls]: OpenSSL cannot be set up: %s",
                 config->file, why ? why : "unknown error");
        ERR_clear_error();
        return false;
    }
    set_options(ssl, config->tls.session_tickets);
    SSL_CTX_set_client_hello_cb(ssl, choose_site, ctx);
    SSL_CTX_set_tlsext_servername_callback(ssl, acknowledge_name);
    SSL_CTX_set_tlsext_servername_arg(ssl, ctx);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return true;
}

/* The first route that names the host of `route`, which may be itself: one line for each host. */
static bool is_first_of_host(const struct config *config, const struct config_route *route)
{
    for (const struct config_route *r = config->routes; r < route; r++) {
        if (span_eq(r->host, route->host))
            return false;
    }
    return route->host.len > 0;
}

/* A host that clients are to ask for, but whose certificate nobody has. */
static void warn_of_route(const struct tls_context *ctx, const struct config *config,
                          const struct config_route *route)
{
    char names[NAMES_BYTES];
    for (size_t i = 0; i < ctx->len; i++) {
        if (certificate_serves(&ctx->sites[i].certificate, route->host))
            return;
    }
    certificate_print_names(&ctx->sites[0].certificate, names, sizeof names);
    log_warning("%s:%u: [route %s] match = %s: no certificate is for this host, so clients will "
                "refuse the first one, [certificate %s], which is for %s; allowed is a host that a "
                "[certificate NAME] is for",
                config->file, route->line, route->name, route->match, config->certificates[0].name,
                names);
}

/* A certificate that is shown to nobody who asks for a host that there is. */
static void warn_of_certificate(const struct tls_context *ctx, const struct config *config,
                                size_t i)
{
    const struct config_certificate *section = &config->certificates[i];
    const struct certificate *certificate = &ctx->sites[i].certificate;
    char names[NAMES_BYTES];
    for (size_t r = 0; r < config->routes_len; r++) {
        const struct config_route *route = &config->routes[r];
        if (route->host.len == 0 || certificate_serves(certificate, route->host))
            return;
    }
    certificate_print_names(certificate, names, sizeof names);
    log_warning("%s:%u: [certificate %s]: chain %s: the certificate is for %s, and for none of the "
                "hosts of the routes; allowed is one that is for the host of a [route NAME]",
                config->file, section->line, section->name, section->chain, names);
}

/* Certificates and routes that do not belong together are warned of, since a balancer in front may
 * take any certificate. Where no route names a host, nobody knows which names are meant. */
static void warn_of_names(const struct tls_context *ctx, const struct config *config)
{
    for (size_t i = 0; i < config->routes_len; i++) {
        if (is_first_of_host(config, &config->routes[i]))
            warn_of_route(ctx, config, &config->routes[i]);
    }
    for (size_t i = 0; config->routes_len > 0 && i < ctx->len; i++)
        warn_of_certificate(ctx, config, i);
}

/* A certificate that was not looked at may be for any name. */
static bool all_are_seen(const struct tls_context *ctx)
{
    for (size_t i = 0; i < ctx->len; i++) {
        if (!ctx->sites[i].certificate.leaf)
            return false;
    }
    return true;
}

typedef bool certificate_loader(struct certificate *out, const struct certificate_source *from,
                                struct tls_error *error);

static bool load_site(struct tls_context *ctx, const struct config *config, size_t i,
                      certificate_loader *load_certificate, struct tls_error *error)
{
    struct site *site = &ctx->sites[i];
    const struct certificate_source from = {config->file, &config->certificates[i]};
    if (!load_certificate(&site->certificate, &from, error) || !make_ssl(site, ctx, config, error))
        return false;
    return !site->certificate.leaf || certificate_use(&site->certificate, site->ssl, &from, error);
}

static struct tls_context *load(const struct config *config, struct tls_tickets *tickets,
                                certificate_loader *load_certificate, struct tls_error *error)
{
    size_t len = config->certificates_len;
    assert(len > 0);
    struct tls_context *ctx = mem_zalloc(1, sizeof *ctx + len * sizeof ctx->sites[0]);
    if (!ctx) {
        snprintf(error->text, sizeof error->text, "%s: [tls]: out of memory", config->file);
        return NULL;
    }
    ctx->tickets = tickets;
    ctx->len = len;
    ctx->sockets = tls_socket_method();
    if (!ctx->sockets) {
        snprintf(error->text, sizeof error->text, "%s: [tls]: out of memory", config->file);
        tls_context_free(ctx);
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if (!load_site(ctx, config, i, load_certificate, error)) {
            tls_context_free(ctx);
            return NULL;
        }
    }
    if (all_are_seen(ctx))
        warn_of_names(ctx, config);
    return ctx;
}

struct tls_context *tls_context_new(const struct config *config, struct tls_tickets *tickets,
                                    struct tls_error *error)
{
    struct tls_context *ctx = load(config, tickets, certificate_load, error);
    if (ctx)
        choose_fallback(ctx);
    return ctx;
}

bool tls_context_check(const struct config *config, struct tls_tickets *tickets,
                       struct tls_error *error)
{
    struct tls_context *ctx = load(config, tickets, certificate_look, error);
    tls_context_free(ctx);
    return ctx;
}

void tls_context_free(struct tls_context *ctx)
{
    if (!ctx)
        return;
    for (size_t i = 0; i < ctx->len; i++) {
        SSL_CTX_free(ctx->sites[i].ssl);
        certificate_fini(&ctx->sites[i].certificate);
    }
    BIO_meth_free(ctx->sockets);
    mem_free(ctx);
}

struct bio_st *tls_context_bio(struct tls_context *ctx, struct tls_socket *socket)
{
    return tls_socket_bio(socket, ctx->sockets);
}

struct ssl_st *tls_context_ssl(struct tls_context *ctx)
{
    return SSL_new(ctx->sites[0].ssl);
}
