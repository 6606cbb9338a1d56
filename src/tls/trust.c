#include "tls/trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "tls/error.h"
#include "tls/socket.h"

/* ALPN's list of the protocols that are spoken here: each with its length in front. */
static const unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/* Where systems keep the authorities that they trust. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Gentoo */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
    "/etc/ssl/cert.pem",                  /* Alpine */
};

struct tls_trust {
    BIO_METHOD *sockets;
    size_t len;
    SSL_CTX *of[]; /* each origin's, in the order of the configuration; NULL: it speaks no TLS */
};

struct tls_target {
    struct tls_trust *trust;
    SSL_CTX *ssl;
    SSL_SESSION *session; /* the newest; NULL: there is none */
    bool verify, is_address;
    char name[]; /* as it stands in certificates, without the dot of a name's end */
};

enum { PLACE_BYTES = 256 };

/* "FILE:LINE: [origin NAME]"; of the command line without the line. */
static const char *place(char out[PLACE_BYTES], const struct config *config,
                         const struct config_origin *origin)
{
    if (origin->line > 0)
        snprintf(out, PLACE_BYTES, "%s:%u: [origin %s]", config->file, origin->line, origin->name);
    else
        snprintf(out, PLACE_BYTES, "%s: [origin %s]", config->file, origin->name);
    return out;
}

PRINTF_LIKE(4, 5)
static bool fail(struct tls_error *error, const struct config *config,
                 const struct config_origin *origin, const char *fmt, ...)
{
    char at[PLACE_BYTES];
    va_list args;
    int n = snprintf(error->text, sizeof error->text, "%s: ", place(at, config, origin));
    size_t used = n < 0 ? 0 : (size_t)n;
    va_start(args, fmt);
    if (used < sizeof error->text)
        vsnprintf(error->text + used, sizeof error->text - used, fmt, args);
    va_end(args);
    ERR_clear_error();
    return false;
}

/* One that the origin names, or the system's: NULL where that has none. */
static const char *bundle_of(const struct config_origin *origin)
{
    if (origin->ca)
        return origin->ca;
    for (size_t i = 0; i < ARRAY_LEN(bundles); i++) {
        if (access(bundles[i], F_OK) == 0)
            return bundles[i];
    }
    const char *built_in = X509_get_default_cert_file();
    return access(built_in, F_OK) == 0 ? built_in : NULL;
}

/* OpenSSL's reasons for a file that is empty, a folder, or no PEM say little. */
static bool load_authorities(SSL_CTX *ssl, const struct config *config,
                             const struct config_origin *origin, struct tls_error *error)
{
    const char *path = bundle_of(origin);
    if (!path) {
        char at[PLACE_BYTES];
        log_warning("%s url = %s: this system has no authorities to trust, so every certificate "
                    "will be refused; install ca-certificates, or give `ca`",
                    place(at, config, origin), origin->url.text);
        return true;
    }
    if (access(path, R_OK) != 0) {
        int code = errno;
        return fail(error, config, origin, "ca %s: %s%s", path, strerrordesc_np(code),
                    code == EACCES ? "; the user that headstart runs as must be able to read it"
                                   : "");
    }
    if (SSL_CTX_load_verify_file(ssl, path) == 1)
        return true;
    return fail(error, config, origin,
                "ca %s: is no file of certificates in PEM form (-----BEGIN CERTIFICATE-----), or "
                "one of them is broken",
                path);
}

/* Called in the thread of the connection. The newest is kept, as servers ask for (RFC 8446 §C.4
 * is for clients that do not want to be known again). */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_target *target = SSL_get_app_data(ssl);
    tls_target_forget_session(target);
    target->session = session;
    return 1;
}

/* PARTIAL_CHAIN: `ca` may hold the certificate of the origin itself, or one between. */
static void set_rules(SSL_CTX *ssl, bool verify)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, keep_session);
    SSL_CTX_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
}

static SSL_CTX *make_ssl(const struct config *config, const struct config_origin *origin,
                         struct tls_error *error)
{
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (!ssl || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(ssl, alpn, sizeof alpn) != 0) {
        const char *why = ERR_reason_error_string(ERR_peek_error());
        fail(error, config, origin, "OpenSSL cannot be set up: %s", why ? why : "unknown error");
        SSL_CTX_free(ssl);
        return NULL;
    }
    set_rules(ssl, origin->verify);
    if (origin->verify && !load_authorities(ssl, config, origin, error)) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    return ssl;
}

static bool trusts_the_same(const struct config_origin *a, const struct config_origin *b)
{
    if (!a->url.tls || !b->url.tls || a->verify != b->verify)
        return false;
    return !a->verify || a->ca == b->ca || (a->ca && b->ca && strcmp(a->ca, b->ca) == 0);
}

/* The context of an origin before this one that trusts the same, with one more holder. */
static SSL_CTX *share_ssl(const struct tls_trust *trust, const struct config *config, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (trusts_the_same(&config->origins[j], &config->origins[i])) {
            SSL_CTX_up_ref(trust->of[j]);
            return trust->of[j];
        }
    }
    return NULL;
}

struct tls_trust *tls_trust_new(const struct config *config, struct tls_error *error)
{
    size_t len = config->origins_len;
    struct tls_trust *trust = mem_zalloc(1, sizeof *trust + len * sizeof trust->of[0]);
    if (trust) {
        trust->len = len;
        trust->sockets = tls_socket_method();
    }
    if (!trust || !trust->sockets) {
        snprintf(error->text, sizeof error->text, "%s: out of memory", config->file);
        tls_trust_free(trust);
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        const struct config_origin *origin = &config->origins[i];
        if (!origin->url.tls)
            continue;
        trust->of[i] = share_ssl(trust, config, i);
        if (!trust->of[i])
            trust->of[i] = make_ssl(config, origin, error);
        if (!trust->of[i]) {
            tls_trust_free(trust);
            return NULL;
        }
    }
    return trust;
}

void tls_trust_free(struct tls_trust *trust)
{
    if (!trust)
        return;
    for (size_t i = 0; i < trust->len; i++)
        SSL_CTX_free(trust->of[i]);
    BIO_meth_free(trust->sockets);
    mem_free(trust);
}

struct tls_target *tls_target_new(struct tls_trust *trust, const struct config *config,
                                  const struct config_origin *origin)
{
    size_t len = strlen(origin->url.host);
    struct in6_addr ip;
    struct tls_target *target = mem_zalloc(1, sizeof *target + len + 1);
    if (!target)
        return NULL;
    target->trust = trust;
    target->ssl = trust->of[origin - config->origins];
    target->verify = origin->verify;
    memcpy(target->name, origin->url.host, len);
    target->is_address =
        inet_pton(AF_INET, target->name, &ip) == 1 || inet_pton(AF_INET6, target->name, &ip) == 1;
    if (!target->is_address && len > 1 && target->name[len - 1] == '.')
        target->name[len - 1] = '\0';
    return target;
}

void tls_target_free(struct tls_target *target)
{
    if (!target)
        return;
    tls_target_forget_session(target);
    mem_free(target);
}

/* RFC 6066 §3: only names are indicated. */
static bool set_name(SSL *ssl, const struct tls_target *target)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    if (!target->is_address && SSL_set_tlsext_host_name(ssl, target->name) != 1)
        return false;
    if (!target->verify)
        return true;
    if (target->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(rules, target->name) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, target->name, 0) == 1;
}

struct ssl_st *tls_target_ssl(struct tls_target *target)
{
    SSL *ssl = SSL_new(target->ssl);
    if (!ssl)
        return NULL;
    SSL_set_app_data(ssl, target);
    SSL_set_connect_state(ssl);
    if (!set_name(ssl, target) || (target->session && SSL_set_session(ssl, target->session) != 1)) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

struct bio_st *tls_target_bio(struct tls_target *target, struct tls_socket *socket)
{
    return tls_socket_bio(socket, target->trust->sockets);
}

void tls_target_forget_session(struct tls_target *target)
{
    SSL_SESSION_free(target->session);
    target->session = NULL;
}

static const char *why_refused(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "its certificate, or one that this was signed with, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "its certificate, or one that this was signed with, is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return "its certificate is for another name";
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "its certificate is for another address";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "its certificate is signed by itself, and is not trusted (see `ca`)";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "its certificate is signed by an authority that is not trusted (see `ca`)";
    default:
        return X509_verify_cert_error_string(verdict);
    }
}

const char *tls_target_why(const struct ssl_st *ssl, unsigned long error)
{
    switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return why_refused(SSL_get_verify_result(ssl));
    case SSL_R_WRONG_VERSION_NUMBER:
        return "what it sends is no TLS; is it an http origin?";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "it does not speak TLS 1.2 or 1.3";
    default:
        return ERR_reason_error_string(error);
    }
}
