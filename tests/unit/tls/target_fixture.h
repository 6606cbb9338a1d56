/* target_fixture.h - an https origin on one end of a pair of sockets, and our connection on the
 * other. The origin is OpenSSL itself; the test lets it go on. */
#ifndef TESTS_UNIT_TLS_TARGET_FIXTURE_H
#define TESTS_UNIT_TLS_TARGET_FIXTURE_H

#include "fixture.h"
#include "tls/trust.h"

/* The origin's side of a connection, and ours. */
struct visit_options {
    const struct fixture_pair *shows;
    const char *ca, *host;
    bool unverified;
    int version;
    const char *alpn; /* that it chooses, in wire form, whatever is offered; NULL: none */
};

#define ORIGIN(pair, authority, name, ...)                                                         \
    {                                                                                              \
        .shows = (pair), .ca = (authority), .host = (name), __VA_ARGS__                            \
    }

struct visit {
    struct config config;
    struct config_origin origin;
    struct tls_trust *trust;
    struct tls_target *target;
    struct blocks blocks;
    SSL_CTX *ctx;
    int fds[2]; /* the origin's end, ours */
    SSL *server;
    struct tls_conn *conn;
    char sni[64], offered[64];
};

static inline int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                              const unsigned char *offered, unsigned offered_len, void *user)
{
    const char *alpn = user;
    struct visit *v = SSL_get_app_data(ssl);
    memcpy(v->offered, offered, offered_len);
    *out = (const unsigned char *)alpn + 1;
    *out_len = alpn ? (unsigned char)alpn[0] : 0;
    return alpn ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static inline void visit_init(struct visit *v, const struct visit_options *o)
{
    struct tls_error error = {""};
    *v = (struct visit){.fds = {-1, -1}};
    v->origin = (struct config_origin){.name = "app",
                                       .line = 7,
                                       .url = {.text = "", .host = o->host, .port = 1, .tls = true},
                                       .ca = o->ca,
                                       .verify = !o->unverified};
    v->config = (struct config){.file = "proxy.conf", .origins = &v->origin, .origins_len = 1};
    v->trust = tls_trust_new(&v->config, &error);
    assert_string_equal(error.text, "");
    v->target = tls_target_new(v->trust, &v->config, &v->origin);
    assert_non_null(v->target);
    blocks_init(&v->blocks, NULL, TLS_OUT_BYTES, 1);
    v->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(v->ctx, 0);
    SSL_CTX_set_min_proto_version(v->ctx, o->version);
    SSL_CTX_set_max_proto_version(v->ctx, o->version);
    SSL_CTX_set_alpn_select_cb(v->ctx, choose_alpn, (void *)o->alpn);
    assert_int_equal(SSL_CTX_use_certificate(v->ctx, o->shows->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(v->ctx, o->shows->key), 1);
}

static inline void visit_leave(struct visit *v)
{
    tls_conn_free(v->conn);
    SSL_free(v->server);
    for (int i = 0; i < 2; i++) {
        if (v->fds[i] >= 0)
            close(v->fds[i]);
        v->fds[i] = -1;
    }
    v->conn = NULL;
    v->server = NULL;
    ERR_clear_error();
}

static inline void visit_fini(struct visit *v)
{
    visit_leave(v);
    SSL_CTX_free(v->ctx);
    tls_target_free(v->target);
    tls_trust_free(v->trust);
    blocks_fini(&v->blocks);
}

static inline void visit_open(struct visit *v)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, v->fds), 0);
    v->conn = tls_conn_dial(v->target, v->fds[1], &v->blocks);
    v->server = SSL_new(v->ctx);
    assert_non_null(v->conn);
    SSL_set_app_data(v->server, v);
    SSL_set_fd(v->server, v->fds[0]);
    SSL_set_accept_state(v->server);
}

/* Both sides go on by turns; our last answer. */
static inline enum tls_result visit_handshake(struct visit *v)
{
    enum tls_result result = TLS_WANT_READ;
    for (int i = 0; i < 8; i++) {
        if (result == TLS_WANT_READ)
            result = tls_conn_handshake(v->conn);
        if (result == TLS_OK)
            assert_int_equal(tls_conn_flush(v->conn), TLS_OK);
        ERR_clear_error();
        SSL_do_handshake(v->server);
        ERR_clear_error();
    }
    const char *sni = SSL_get_servername(v->server, TLSEXT_NAMETYPE_host_name);
    snprintf(v->sni, sizeof v->sni, "%s", sni ? sni : "");
    return result;
}

#endif
