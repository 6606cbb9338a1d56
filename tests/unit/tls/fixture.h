/* fixture.h - what the tests of this room share: certificates in a folder of their own, and an
 * OpenSSL client whose bytes the test carries to the server's socket by hand.
 * No threads and no waiting: every step is made by the test. Aborts the test on a fault of its
 * own. */
#ifndef TESTS_UNIT_TLS_FIXTURE_H
#define TESTS_UNIT_TLS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/tickets.h"

enum { FIXTURE_PATH_BYTES = 256, FIXTURE_FILES = 64 };

/* A folder of files that goes away with fixture_folder_fini(). */
struct fixture_folder {
    char path[64];
    char *files[FIXTURE_FILES];
    size_t len;
};

static inline void fixture_folder_init(struct fixture_folder *f)
{
    *f = (struct fixture_folder){.path = "/tmp/headstart-tls-XXXXXX"};
    assert_non_null(mkdtemp(f->path));
}

static inline void fixture_folder_fini(struct fixture_folder *f)
{
    for (size_t i = 0; i < f->len; i++) {
        unlink(f->files[i]);
        free(f->files[i]);
    }
    assert_int_equal(rmdir(f->path), 0);
}

/* The path of the file `name`, which the test is going to make. */
static inline const char *fixture_path(struct fixture_folder *f, const char *name)
{
    assert_true(f->len < FIXTURE_FILES);
    char **path = &f->files[f->len++];
    assert_true(asprintf(path, "%s/%s", f->path, name) > 0);
    return *path;
}

static inline const char *fixture_text(struct fixture_folder *f, const char *name, const char *text)
{
    const char *path = fixture_path(f, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return path;
}

struct fixture_pair {
    X509 *certificate;
    EVP_PKEY *key;
    const char *chain_path, *key_path;
};

/* A self-signed certificate of `key`, which it takes over, for the names in `san`
 * ("DNS:a.example,DNS:*.b.example"), valid from and to so many days from now; both in files called
 * after `name`. */
static inline struct fixture_pair fixture_pair_of(struct fixture_folder *f, EVP_PKEY *key,
                                                  const char *name, const char *san, int from_day,
                                                  int to_day)
{
    const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    struct fixture_pair pair = {X509_new(), key, NULL, NULL};
    X509 *x = pair.certificate;
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 1);
    X509_time_adj_ex(X509_getm_notBefore(x), from_day, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(x), to_day, 0, NULL);
    X509_set_pubkey(x, pair.key);
    if (san) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
        assert_int_equal(X509_add_ext(x, ext, -1), 1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(x, pair.key, digest) > 0);

    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    pair.chain_path = fixture_path(f, file);
    FILE *out = fopen(pair.chain_path, "we");
    assert_non_null(out);
    assert_int_equal(PEM_write_X509(out, x), 1);
    fclose(out);
    snprintf(file, sizeof file, "%s.key", name);
    pair.key_path = fixture_path(f, file);
    out = fopen(pair.key_path, "we");
    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, pair.key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
    return pair;
}

/* The same, of a new key (EC P-256). */
static inline struct fixture_pair fixture_pair(struct fixture_folder *f, const char *name,
                                               const char *san, int from_day, int to_day)
{
    return fixture_pair_of(f, EVP_EC_gen("P-256"), name, san, from_day, to_day);
}

static inline void fixture_pair_fini(struct fixture_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
}

struct client_options {
    const char *name; /* SNI; NULL: none */
    const char *alpn; /* in wire form; NULL: none */
    int version;      /* TLS1_2_VERSION, ...; 0: any */
    const char *groups;
    const char *ciphers;
    const char *sigalgs;      /* "ECDSA+SHA256:..."; NULL: OpenSSL's */
    const char *sigalgs_cert; /* the body of signature_algorithms_cert, of two bytes each */
    SSL_SESSION *session;     /* to resume */
};

/* A client and the server's connection that it talks to. */
struct talk {
    SSL_CTX *client_ctx;
    SSL *client;
    BIO *in, *out;        /* the client's bytes: from and to the server */
    int fds[2];           /* the test's end, the server's end */
    struct blocks blocks; /* what the server has to send waits there */
    struct tls_conn *server;
    SSL_SESSION *ticket; /* the last one that came */
    int tickets;
    int alert; /* the last fatal one of the server; -1: none */
};

static inline int talk_on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct talk *t = SSL_get_app_data(ssl);
    SSL_SESSION_free(t->ticket);
    t->ticket = session;
    t->tickets++;
    return 1;
}

static inline void talk_on_info(const SSL *ssl, int where, int value)
{
    struct talk *t = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        t->alert = value & 0xff;
}

static inline int talk_add_sigalgs_cert(SSL *ssl, unsigned type, unsigned context,
                                        const unsigned char **out, size_t *len, X509 *x,
                                        size_t chain, int *alert, void *user)
{
    static unsigned char body[64];
    const char *pairs = user;
    (void)ssl, (void)type, (void)context, (void)x, (void)chain, (void)alert;
    body[0] = 0;
    body[1] = (unsigned char)strlen(pairs);
    memcpy(body + 2, pairs, body[1]);
    *out = body;
    *len = (size_t)body[1] + 2;
    return 1;
}

static inline void talk_init(struct talk *t, struct tls_context *ctx,
                             const struct client_options *o)
{
    *t = (struct talk){.alert = -1};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, t->fds), 0);
    blocks_init(&t->blocks, NULL, TLS_OUT_BYTES, 1);
    t->server = tls_conn_new(ctx, t->fds[1], &t->blocks);
    assert_non_null(t->server);
    t->client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(t->client_ctx, 0);
    /* a cache spoils its sessions when it is freed, and the tests take theirs along */
    SSL_CTX_set_session_cache_mode(t->client_ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->client_ctx, talk_on_ticket);
    SSL_CTX_set_info_callback(t->client_ctx, talk_on_info);
    SSL_CTX_set_min_proto_version(t->client_ctx, o->version ? o->version : TLS1_VERSION);
    SSL_CTX_set_max_proto_version(t->client_ctx, o->version);
    if (o->ciphers)
        assert_int_equal(SSL_CTX_set_cipher_list(t->client_ctx, o->ciphers), 1);
    if (o->groups)
        assert_int_equal(SSL_CTX_set1_groups_list(t->client_ctx, o->groups), 1);
    if (o->sigalgs)
        assert_int_equal(SSL_CTX_set1_sigalgs_list(t->client_ctx, o->sigalgs), 1);
    if (o->sigalgs_cert)
        assert_int_equal(SSL_CTX_add_custom_ext(t->client_ctx,
                                                TLSEXT_TYPE_signature_algorithms_cert,
                                                SSL_EXT_CLIENT_HELLO, talk_add_sigalgs_cert, NULL,
                                                (void *)o->sigalgs_cert, NULL, NULL),
                         1);
    t->client = SSL_new(t->client_ctx);
    SSL_set_app_data(t->client, t);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    SSL_set_bio(t->client, t->in, t->out);
    SSL_set_connect_state(t->client);
    if (o->name)
        SSL_set_tlsext_host_name(t->client, o->name);
    if (o->alpn)
        SSL_set_alpn_protos(t->client, (const unsigned char *)o->alpn, (unsigned)strlen(o->alpn));
    if (o->session)
        SSL_set_session(t->client, o->session);
}

static inline void talk_fini(struct talk *t)
{
    SSL_set_shutdown(t->client, SSL_SENT_SHUTDOWN); /* or OpenSSL spoils the ticket */
    SSL_free(t->client);
    SSL_CTX_free(t->client_ctx);
    SSL_SESSION_free(t->ticket);
    tls_conn_free(t->server);
    blocks_fini(&t->blocks);
    close(t->fds[0]);
    if (t->fds[1] >= 0)
        close(t->fds[1]);
    ERR_clear_error();
}

/* Carries at most `max` of the client's bytes to the server's socket; returns how many. */
static inline size_t talk_send(struct talk *t, size_t max)
{
    size_t sent = 0;
    char bytes[4096];
    while (sent < max) {
        size_t room = max - sent < sizeof bytes ? max - sent : sizeof bytes;
        int n = BIO_read(t->out, bytes, (int)room);
        if (n <= 0)
            break;
        assert_int_equal(send(t->fds[0], bytes, (size_t)n, MSG_NOSIGNAL), n);
        sent += (size_t)n;
    }
    return sent;
}

/* Carries what the server wrote to the client; returns how many bytes. */
static inline size_t talk_receive(struct talk *t)
{
    size_t received = 0;
    char bytes[4096];
    ssize_t n;
    while ((n = recv(t->fds[0], bytes, sizeof bytes, 0)) > 0) {
        assert_int_equal(BIO_write(t->in, bytes, (int)n), n);
        received += (size_t)n;
    }
    return received;
}

/* Both sides go on by turns until the server is done or neither has anything to say. Returns the
 * server's last answer; the client has read all that came. */
static inline enum tls_result talk_handshake(struct talk *t)
{
    enum tls_result result = TLS_WANT_READ;
    for (;;) {
        ERR_clear_error();
        SSL_do_handshake(t->client);
        ERR_clear_error();
        size_t moved = talk_send(t, SIZE_MAX);
        if (result == TLS_WANT_READ)
            result = tls_conn_handshake(t->server);
        if (result == TLS_OK)
            assert_int_equal(tls_conn_flush(t->server), TLS_OK);
        moved += talk_receive(t);
        if (moved == 0)
            break;
    }
    char byte;
    SSL_read(t->client, &byte, 1); /* tickets and alerts come in while reading */
    ERR_clear_error();
    return result;
}

/* A configuration of these certificates, TLS 1.2 and tickets allowed. Borrows them. */
static inline struct config fixture_config(struct config_certificate *certificates, size_t len)
{
    struct config c = {.file = "proxy.conf"};
    c.certificates = certificates;
    c.certificates_len = len;
    c.tls.min_version = 2;
    c.tls.session_tickets = true;
    return c;
}

/* The time of the tests' session tickets. */
static uint64_t fixture_now_ms = 1;

static inline uint64_t fixture_clock(void)
{
    return fixture_now_ms;
}

/* The keys of all contexts of the process. */
static inline struct tls_tickets *fixture_tickets(void)
{
    static struct tls_tickets *tickets;
    if (!tickets)
        tickets = tls_tickets_new(fixture_clock);
    assert_non_null(tickets);
    return tickets;
}

static inline struct tls_context *fixture_context(const struct config *c)
{
    struct tls_error error = {""};
    struct tls_context *ctx = tls_context_new(c, fixture_tickets(), &error);
    assert_string_equal(error.text, "");
    assert_non_null(ctx);
    return ctx;
}

#endif
