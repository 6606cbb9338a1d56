/* Certificates of several kinds of keys for the same names: each client gets one that it can
 * verify, and the one of EC where it can verify all. */
#include "fixture.h"

#define H2 "\x02h2"

enum { EC, RSA_, ED, WILD_EC, WILD_RSA, PART_EC, PART_RSA, PAIRS, NONE = -1 };

static struct fixture_folder folder;
static struct fixture_pair pairs[PAIRS];
static struct config_certificate sections[PAIRS];

static int make(void **state)
{
    (void)state;
    static const struct {
        const char *name, *san;
        bool rsa;
    } files[PAIRS] = {
        [EC] = {"ec", "DNS:both.example,IP:192.0.2.1", false},
        [RSA_] = {"rsa", "DNS:both.example,DNS:more.example,IP:192.0.2.1", true},
        [ED] = {"ed", "DNS:both.example", false},
        [WILD_EC] = {"wild-ec", "DNS:*.shop.example,DNS:exact.example", false},
        [WILD_RSA] = {"wild-rsa", "DNS:*.shop.example,DNS:*.example", true},
        [PART_EC] = {"part-ec", "DNS:a.part,DNS:b.part", false},
        [PART_RSA] = {"part-rsa", "DNS:a.part,DNS:c.part", true},
    };
    fixture_folder_init(&folder);
    for (size_t i = 0; i < PAIRS; i++) {
        EVP_PKEY *key = i == ED        ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                        : files[i].rsa ? EVP_RSA_gen(2048)
                                       : EVP_EC_gen("P-256");
        pairs[i] = fixture_pair_of(&folder, key, files[i].name, files[i].san, -1, 30);
        sections[i] = (struct config_certificate){files[i].name, (unsigned)i + 1,
                                                  pairs[i].chain_path, pairs[i].key_path};
    }
    return 0;
}

static int drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++)
        fixture_pair_fini(&pairs[i]);
    fixture_folder_fini(&folder);
    return 0;
}

/* A context of these certificates, in this order. */
static struct tls_context *context_of(const int *which, size_t len)
{
    struct config_certificate chosen[PAIRS];
    for (size_t i = 0; i < len; i++)
        chosen[i] = sections[which[i]];
    struct config c = fixture_config(chosen, len);
    return fixture_context(&c);
}
#define CONTEXT(...)                                                                               \
    context_of((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

/* The certificate that the client is shown; NONE: the handshake failed. */
static int shown(struct tls_context *ctx, struct client_options options)
{
    struct talk t;
    int which = NONE;
    options.alpn = H2;
    talk_init(&t, ctx, &options);
    if (talk_handshake(&t) == TLS_OK) {
        X509 *x = SSL_get0_peer_certificate(t.client);
        for (int i = 0; i < PAIRS; i++) {
            if (X509_cmp(x, pairs[i].certificate) == 0)
                which = i;
        }
        assert_int_not_equal(which, NONE);
    }
    talk_fini(&t);
    return which;
}

#define RSA_ONLY "RSA-PSS+SHA256:RSA+SHA256"
#define EC_ONLY  "ECDSA+SHA256:ECDSA+SHA384"
#define ALL      "RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA256"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void the_client_gets_what_it_can_verify(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sigalgs;
        int expected;
    } cases[] = {
        {"both.example", NULL, EC},
        {"both.example", ALL, EC},
        {"both.example", EC_ONLY, EC},
        {"both.example", RSA_ONLY, RSA_},
        {"BOTH.example", RSA_ONLY, RSA_},
        {"more.example", NULL, RSA_},
        {"more.example", EC_ONLY, NONE},
        /* wildcards */
        {"www.shop.example", NULL, WILD_EC},
        {"www.shop.example", RSA_ONLY, WILD_RSA},
        {"exact.example", NULL, WILD_EC},
        {"exact.example", RSA_ONLY, WILD_RSA},
        {"under.example", NULL, WILD_RSA},
        /* certificates that share some of their names */
        {"a.part", NULL, PART_EC},
        {"a.part", RSA_ONLY, PART_RSA},
        {"b.part", RSA_ONLY, NONE},
        {"c.part", NULL, PART_RSA},
        /* nobody's name, or none */
        {"unknown.test", NULL, EC},
        {"unknown.test", RSA_ONLY, RSA_},
        {NULL, NULL, EC},
        {NULL, ALL, EC},
        {NULL, RSA_ONLY, RSA_},
    };
    struct tls_context *ctx = CONTEXT(EC, RSA_, WILD_EC, WILD_RSA, PART_EC, PART_RSA);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            int got = shown(ctx, (struct client_options){.name = cases[i].name,
                                                         .sigalgs = cases[i].sigalgs,
                                                         .version = versions[v]});
            if (got != cases[i].expected)
                fail_msg("case %zu, version %zu: %d, not %d", i, v, got, cases[i].expected);
        }
    }
    tls_context_free(ctx);
}

static void their_order_in_the_file_does_not_matter(void **state)
{
    (void)state;
    struct tls_context *ctx = CONTEXT(RSA_, ED, EC);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        static const char *const names[] = {"both.example", NULL};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            struct client_options o = {.name = names[i], .version = versions[v]};
            /* EC is not good for all names of the default, and so not shown in its place */
            assert_int_equal(shown(ctx, o), names[i] ? EC : RSA_);
            o.sigalgs = RSA_ONLY;
            assert_int_equal(shown(ctx, o), RSA_);
        }
        struct client_options o = {.name = "both.example", .version = versions[v]};
        o.sigalgs = "ed25519";
        assert_int_equal(shown(ctx, o), ED);
    }
    tls_context_free(ctx);
}

/* In TLS 1.2 the cipher says with what the server signs. */
static void ciphers_of_tls_1_2_decide_too(void **state)
{
    (void)state;
    static const struct {
        const char *ciphers, *sigalgs;
        int expected;
    } cases[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256", NULL, RSA_},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", NULL, EC},
        {"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", NULL, EC},
        {"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", ALL, RSA_},
        {"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", RSA_ONLY, RSA_},
        {"ECDHE-RSA-AES128-GCM-SHA256", EC_ONLY, NONE},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", RSA_ONLY, NONE},
    };
    struct tls_context *ctx = CONTEXT(EC, RSA_);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int got = shown(ctx, (struct client_options){.name = "both.example",
                                                     .ciphers = cases[i].ciphers,
                                                     .sigalgs = cases[i].sigalgs,
                                                     .version = TLS1_2_VERSION});
        if (got != cases[i].expected)
            fail_msg("case %zu: %d, not %d", i, got, cases[i].expected);
    }
    tls_context_free(ctx);
}

/* TLS 1.3 says the curve with the algorithm (RFC 8446 §4.2.3), and so does the client's list of
 * groups in TLS 1.2 (RFC 8422 §5.1). */
static void a_curve_that_the_client_does_not_know_is_not_shown(void **state)
{
    (void)state;
    struct tls_context *ctx = CONTEXT(EC, RSA_);
    assert_int_equal(shown(ctx, (struct client_options){.name = "both.example",
                                                        .sigalgs = "ECDSA+SHA384:RSA-PSS+SHA256",
                                                        .version = TLS1_3_VERSION}),
                     RSA_);
    assert_int_equal(shown(ctx, (struct client_options){.name = "both.example",
                                                        .groups = "X25519",
                                                        .version = TLS1_2_VERSION}),
                     RSA_);
    tls_context_free(ctx);
}

/* RFC 8446 §4.2.3: what the certificates themselves are signed with. */
static void signature_algorithms_cert_counts(void **state)
{
    static const char rsa_pkcs1_sha256[] = "\x04\x01", ecdsa_p256_sha256[] = "\x04\x03";
    (void)state;
    struct tls_context *ctx = CONTEXT(EC, RSA_);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct client_options o = {.name = "both.example", .sigalgs = ALL, .version = versions[v]};
        o.sigalgs_cert = rsa_pkcs1_sha256;
        assert_int_equal(shown(ctx, o), RSA_);
        o.sigalgs_cert = ecdsa_p256_sha256;
        assert_int_equal(shown(ctx, o), EC);
    }
    tls_context_free(ctx);
}

/* A chain of EC that ends in P-384, as public authorities have them, and a client that knows P-256
 * only; without signature_algorithms_cert its one list is for both. */
static void a_chain_that_the_client_cannot_verify_is_not_shown(void **state)
{
    (void)state;
    struct fixture_pair pair = fixture_pair(&folder, "signed-384", "DNS:both.example", -1, 30);
    EVP_PKEY *authority = EVP_EC_gen("P-384");
    assert_true(X509_sign(pair.certificate, authority, EVP_sha384()) > 0);
    FILE *out = fopen(pair.chain_path, "we");
    assert_int_equal(PEM_write_X509(out, pair.certificate), 1);
    fclose(out);
    struct config_certificate both[] = {{"ec", 1, pair.chain_path, pair.key_path}, sections[RSA_]};
    struct config c = fixture_config(both, 2);
    struct tls_context *ctx = fixture_context(&c);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct client_options o = {.name = "both.example", .alpn = H2, .version = versions[v]};
        o.sigalgs = "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
        assert_int_equal(shown(ctx, o), RSA_);
        struct talk t;
        o.sigalgs = "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA+SHA256";
        talk_init(&t, ctx, &o);
        assert_int_equal(talk_handshake(&t), TLS_OK);
        assert_int_equal(X509_cmp(SSL_get0_peer_certificate(t.client), pair.certificate), 0);
        talk_fini(&t);
    }
    tls_context_free(ctx);
    EVP_PKEY_free(authority);
    fixture_pair_fini(&pair);
}

/* RFC 9155 §6: that would mean SHA-1. */
static void a_client_without_signature_algorithms_is_refused(void **state)
{
    static const char hello[] = "\x16\x03\x01\x00\x4f\x01\x00\x00\x4b\x03\x03"
                                "0123456789abcdef0123456789abcdef\x00" /* random, no session */
                                "\x00\x04\xc0\x2b\xc0\x2f\x01\x00" /* ECDHE with ECDSA and RSA */
                                "\x00\x1e"
                                "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17" /* groups */
                                "\x00\x0b\x00\x02\x01\x00"                 /* points */
                                "\x00\x10\x00\x05\x00\x03\x02h2"           /* ALPN */
                                "\xff\x01\x00\x01\x00";
    static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28"; /* handshake_failure */
    (void)state;
    struct tls_context *ctx = CONTEXT(EC, RSA_);
    struct talk t;
    char bytes[64];
    talk_init(&t, ctx, &(struct client_options){0});
    assert_int_equal(send(t.fds[0], hello, sizeof hello - 1, 0), sizeof hello - 1);
    assert_int_equal(tls_conn_handshake(t.server), TLS_FAILED);
    assert_int_equal(recv(t.fds[0], bytes, sizeof bytes, 0), sizeof alert - 1);
    assert_memory_equal(bytes, alert, sizeof alert - 1);
    talk_fini(&t);
    tls_context_free(ctx);
}

static void sessions_are_resumed_with_either(void **state)
{
    (void)state;
    struct tls_context *ctx = CONTEXT(EC, RSA_);
    static const char *const sigalgs[] = {RSA_ONLY, EC_ONLY};
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        for (size_t i = 0; i < ARRAY_LEN(sigalgs); i++) {
            struct talk first, second;
            struct client_options o = {
                .name = "both.example", .alpn = H2, .sigalgs = sigalgs[i], .version = versions[v]};
            talk_init(&first, ctx, &o);
            assert_int_equal(talk_handshake(&first), TLS_OK);
            o.session = first.ticket;
            assert_non_null(o.session);
            talk_init(&second, ctx, &o);
            assert_int_equal(talk_handshake(&second), TLS_OK);
            assert_true(tls_conn_resumed(second.server));
            talk_fini(&second);
            talk_fini(&first);
        }
    }
    tls_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_gets_what_it_can_verify),
        cmocka_unit_test(their_order_in_the_file_does_not_matter),
        cmocka_unit_test(ciphers_of_tls_1_2_decide_too),
        cmocka_unit_test(a_curve_that_the_client_does_not_know_is_not_shown),
        cmocka_unit_test(signature_algorithms_cert_counts),
        cmocka_unit_test(a_chain_that_the_client_cannot_verify_is_not_shown),
        cmocka_unit_test(a_client_without_signature_algorithms_is_refused),
        cmocka_unit_test(sessions_are_resumed_with_either),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
