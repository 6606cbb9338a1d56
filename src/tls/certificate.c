#include "tls/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config/config.h"
#include "http/url.h"
#include "tls/error.h"
#include "tls/selfsigned.h"

enum { PLACE_BYTES = 256 };

enum purpose {
    TO_SERVE,
    TO_LOOK, /* outside of the service, which has credentials of its own */
};

/* "FILE:LINE: [certificate NAME]", or what stands for it where the section is not from a file. */
static void print_place(char out[PLACE_BYTES], const struct certificate_source *from)
{
    if (from->section->line > 0)
        snprintf(out, PLACE_BYTES, "%s:%u: [certificate %s]", from->file, from->section->line,
                 from->section->name);
    else
        snprintf(out, PLACE_BYTES, "%s: certificate", from->file);
}

PRINTF_LIKE(3, 4)
static bool fail(struct tls_error *error, const struct certificate_source *from, const char *fmt,
                 ...)
{
    char place[PLACE_BYTES];
    print_place(place, from);
    int n = snprintf(error->text, sizeof error->text, "%s: ", place);
    size_t used = n < 0 ? 0 : (size_t)n;
    va_list args;
    va_start(args, fmt);
    if (used < sizeof error->text)
        vsnprintf(error->text + used, sizeof error->text - used, fmt, args);
    va_end(args);
    ERR_clear_error();
    return false;
}

/* What OpenSSL says of its first error. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text ? text : "unknown error";
}

static FILE *open_pem(const char *path)
{
    FILE *in = fopen(path, "re");
    struct stat st;
    if (in && fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(in);
        in = NULL;
        errno = EISDIR;
    }
    return in;
}

static bool fail_open(struct tls_error *error, const struct certificate_source *from,
                      const char *option, const char *path)
{
    int code = errno;
    return fail(error, from, "%s %s: %s%s", option, path, strerrordesc_np(code),
                code == EACCES ? "; the user that headstart runs as must be able to read it" : "");
}

/* A file that only the service has was skipped, with a warning: LoadCredential= of systemd.exec(5)
 * puts it where nobody else can look, and for as long as the service runs. Asked when `path` could
 * not be opened. */
static bool is_skipped(const struct certificate_source *from, const char *option, const char *path)
{
    char place[PLACE_BYTES];
    bool is_hidden = errno == ENOENT || errno == EACCES;
    if (!is_hidden || !span_starts(span_str(path), SPAN("/run/credentials/")))
        return false;
    print_place(place, from);
    log_warning("%s: %s %s is not checked: systemd hands it to the service alone, when that starts "
                "(LoadCredential= in its unit)",
                place, option, path);
    return true;
}

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *asked)
{
    (void)out;
    (void)size;
    (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
}

/* Reading certificates ended because the file did, not because one of them is broken. */
static bool at_end(void)
{
    unsigned long e = ERR_peek_last_error();
    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static bool keep(struct certificate *c, X509 *x)
{
    if (!c->leaf) {
        c->leaf = x;
        return true;
    }
    if (!c->chain)
        c->chain = sk_X509_new_null();
    if (c->chain && sk_X509_push(c->chain, x) > 0)
        return true;
    X509_free(x);
    return false;
}

static bool read_chain(struct certificate *c, FILE *in, const struct certificate_source *from,
                       struct tls_error *error)
{
    const char *path = from->section->chain;
    size_t n = 1;
    X509 *x;
    for (; (x = PEM_read_X509(in, NULL, no_passphrase, NULL)); n++) {
        if (!keep(c, x))
            return fail(error, from, "chain %s: out of memory", path);
    }
    if (ferror(in))
        return fail(error, from, "chain %s: cannot be read to its end", path);
    if (!at_end())
        return fail(error, from, "chain %s: certificate %zu of the file is broken: %s", path, n,
                    reason());
    if (!c->leaf)
        return fail(error, from,
                    "chain %s: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
                    path);
    ERR_clear_error();
    return true;
}

static bool load_chain(struct certificate *c, const struct certificate_source *from,
                       enum purpose purpose, struct tls_error *error)
{
    FILE *in = open_pem(from->section->chain);
    if (!in)
        return (purpose == TO_LOOK && is_skipped(from, "chain", from->section->chain)) ||
               fail_open(error, from, "chain", from->section->chain);
    bool fine = read_chain(c, in, from, error);
    fclose(in);
    return fine;
}

static bool load_key(struct certificate *c, const struct certificate_source *from,
                     enum purpose purpose, struct tls_error *error)
{
    const char *path = from->section->key;
    FILE *in = open_pem(path);
    if (!in)
        return (purpose == TO_LOOK && is_skipped(from, "key", path)) ||
               fail_open(error, from, "key", path);
    bool encrypted = false;
    c->key = PEM_read_PrivateKey(in, NULL, no_passphrase, &encrypted);
    fclose(in);
    if (c->key)
        return true;
    if (encrypted)
        return fail(error, from,
                    "key %s: is encrypted, and there is nobody to ask for the passphrase; "
                    "decrypt it with `openssl pkey`",
                    path);
    return fail(error, from,
                "key %s: holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", path);
}

static bool check_pair(const struct certificate *c, const struct certificate_source *from,
                       struct tls_error *error)
{
    if (!c->leaf || !c->key || X509_check_private_key(c->leaf, c->key) == 1)
        return true;
    return fail(error, from, "key %s: does not belong to the first certificate in %s",
                from->section->key, from->section->chain);
}

static void warn(const struct certificate_source *from, const char *what, const ASN1_TIME *when)
{
    char place[PLACE_BYTES], day[sizeof "YYYY-MM-DD"] = "?";
    struct tm tm;
    print_place(place, from);
    if (ASN1_TIME_to_tm(when, &tm) == 1)
        strftime(day, sizeof day, "%Y-%m-%d", &tm);
    log_warning("%s: chain %s: the certificate %s %s; clients will refuse it", place,
                from->section->chain, what, day);
}

static void warn_of_validity(const struct certificate *c, const struct certificate_source *from)
{
    const ASN1_TIME *start = X509_get0_notBefore(c->leaf);
    const ASN1_TIME *end = X509_get0_notAfter(c->leaf);
    if (X509_cmp_current_time(end) < 0)
        warn(from, "expired on", end);
    else if (X509_cmp_current_time(start) > 0)
        warn(from, "is not valid before", start);
}

static bool load(struct certificate *out, const struct certificate_source *from,
                 enum purpose purpose, struct tls_error *error)
{
    struct certificate c = {0};
    bool fine;
    ERR_clear_error();
    if (!from->section->chain)
        fine = selfsigned_make(&c.leaf, &c.key) ||
               fail(error, from, "cannot make a self-signed one: %s", reason());
    else if (!from->section->key)
        fine = fail(error, from, "chain %s: the option `key` is missing", from->section->chain);
    else
        fine = load_chain(&c, from, purpose, error) && load_key(&c, from, purpose, error) &&
               check_pair(&c, from, error);
    if (!fine) {
        certificate_fini(&c);
        return false;
    }
    if (from->section->chain && c.leaf)
        warn_of_validity(&c, from);
    if (c.leaf)
        c.names = X509_get_ext_d2i(c.leaf, NID_subject_alt_name, NULL, NULL);
    ERR_clear_error();
    *out = c;
    return true;
}

bool certificate_load(struct certificate *out, const struct certificate_source *from,
                      struct tls_error *error)
{
    return load(out, from, TO_SERVE, error);
}

bool certificate_look(struct certificate *out, const struct certificate_source *from,
                      struct tls_error *error)
{
    return load(out, from, TO_LOOK, error);
}

void certificate_fini(struct certificate *c)
{
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    GENERAL_NAMES_free(c->names);
    *c = (struct certificate){0};
}

bool certificate_use(const struct certificate *c, SSL_CTX *ctx,
                     const struct certificate_source *from, struct tls_error *error)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned id_len = 0;
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(ctx, c->leaf, c->key, c->chain, 1) != 1)
        return fail(error, from, "chain %s: OpenSSL does not take the certificate: %s",
                    from->section->chain ? from->section->chain : "(self-signed)", reason());
    /* A session is resumed only where the certificate that it began with would be shown again. */
    if (X509_digest(c->leaf, EVP_sha256(), id, &id_len) != 1 ||
        SSL_CTX_set_session_id_context(ctx, id, id_len) != 1)
        return fail(error, from, "cannot name its sessions: %s", reason());
    return true;
}

enum certificate_kind certificate_kind(const struct certificate *c)
{
    switch (EVP_PKEY_get_base_id(c->key)) {
    case EVP_PKEY_EC:
        return CERTIFICATE_EC;
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return CERTIFICATE_RSA;
    default:
        return CERTIFICATE_OTHER;
    }
}

bool certificate_add(const struct certificate *c, SSL *ssl)
{
    return SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) == 1;
}

/* The wildcard is the whole first label, and stands for exactly one. */
static bool under_wildcard(struct span pattern, struct span name)
{
    size_t dot = span_find(name, '.');
    return span_starts(pattern, SPAN("*.")) && dot > 0 && dot < name.len &&
           span_ieq(span_from(pattern, 1), span_from(name, dot));
}

static bool any_name(const struct certificate *c, struct span name,
                     bool (*matches)(struct span pattern, struct span name))
{
    for (int i = 0; i < sk_GENERAL_NAME_num(c->names); i++) {
        const GENERAL_NAME *general = sk_GENERAL_NAME_value(c->names, i);
        if (general->type != GEN_DNS)
            continue;
        const ASN1_IA5STRING *text = general->d.dNSName;
        struct span pattern =
            span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        if (matches(pattern, name))
            return true;
    }
    return false;
}

bool certificate_names(const struct certificate *c, struct span name)
{
    return any_name(c, name, span_ieq);
}

bool certificate_covers(const struct certificate *c, struct span name)
{
    return any_name(c, name, under_wildcard);
}

static bool is_address_of(const struct certificate *c, struct span host)
{
    char text[INET6_ADDRSTRLEN];
    if (span_starts(host, SPAN("[")))
        host = span_of(host.ptr + 1, host.len - 2);
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    bool is_it = X509_check_ip_asc(c->leaf, text, 0) == 1;
    ERR_clear_error();
    return is_it;
}

bool certificate_serves(const struct certificate *c, struct span host)
{
    if (span_starts(host, SPAN("*.")))
        return any_name(c, host, url_host_is_under);
    return certificate_names(c, host) || certificate_covers(c, host) || is_address_of(c, host);
}

/* Text of a certificate, which may be another's: nothing that a log could be forged with. */
static bool print_name(const GENERAL_NAME *name, char *out, size_t room)
{
    const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char *bytes = ASN1_STRING_get0_data(text);
    int len = ASN1_STRING_length(text);
    if (name->type == GEN_IPADD && (len == 4 || len == 16))
        return inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, out, (socklen_t)room) != NULL;
    size_t used = 0;
    for (int i = 0; i < len && used + 1 < room; i++)
        out[used++] = bytes[i] > ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    out[used] = '\0';
    return used == (size_t)len;
}

/* `name` is a name, an address, or a wildcard of another certificate. */
static bool has_name(const struct certificate *c, struct span name)
{
    return certificate_names(c, name) || certificate_covers(c, name) || is_address_of(c, name);
}

bool certificate_replaces(const struct certificate *c, const struct certificate *other)
{
    size_t names = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(other->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(other->names, i);
        char text[256];
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        if (!print_name(name, text, sizeof text) || !has_name(c, span_str(text)))
            return false;
        names++;
    }
    return names > 0;
}

void certificate_print_names(const struct certificate *c, char *out, size_t room)
{
    size_t used = 0;
    snprintf(out, room, "no name");
    for (int i = 0; i < sk_GENERAL_NAME_num(c->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(c->names, i);
        char text[256];
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        bool fits = print_name(name, text, sizeof text);
        const char *gap = used > 0 ? ", " : "";
        if (!fits || used + strlen(gap) + strlen(text) + sizeof ", ..." > room) {
            snprintf(out + used, room - used, "%s...", gap);
            return;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%s", gap, text);
    }
}
