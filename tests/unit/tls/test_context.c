#include "fixture.h"

#include <openssl/rsa.h>

#define H2      "\x02h2"
#define H2_LAST "\x08http/1.1\x02h2"
#define HTTP11  "\x08http/1.1"

/* Three certificates: the first for first.example, the second for *.shop.example, the third for
 * www.shop.example. */
static struct fixture_folder folder;
static struct fixture_pair pairs[3];
static struct config_certificate sections[3];
static struct tls_context *context;

static int make(void **state)
{
    (void)state;
    static const char *const names[] = {"first", "wild", "exact"};
    static const char *const sans[] = {"DNS:first.example", "DNS:*.shop.example",
                                       "DNS:www.shop.example"};
    fixture_folder_init(&folder);
    for (size_t i = 0; i < 3; i++) {
        pairs[i] = fixture_pair(&folder, names[i], sans[i], -1, 30);
        sections[i] = (struct config_certificate){names[i], (unsigned)i + 1, pairs[i].chain_path,
                                                  pairs[i].key_path};
    }
    struct config c = fixture_config(sections, 3);
    context = fixture_context(&c);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    tls_context_free(context);
    for (size_t i = 0; i < 3; i++)
        fixture_pair_fini(&pairs[i]);
    fixture_folder_fini(&folder);
    return 0;
}

/* The index of the certificate that the client was shown; -1: another one. */
static int shown(const struct talk *t)
{
    X509 *x = SSL_get0_peer_certificate(t->client);
    for (int i = 0; i < 3; i++) {
        if (x && X509_cmp(x, pairs[i].certificate) == 0)
            return i;
    }
    return -1;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void the_name_chooses_the_certificate(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int certificate;
    } cases[] = {
        {NULL, 0},
        {"first.example", 0},
        {"www.shop.example", 2},
        {"WWW.Shop.Example", 2},
        {"img.shop.example", 1},
        {"shop.example", 0},
        {"a.img.shop.example", 0},
        {"unknown.example", 0},
    };
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct talk t;
            talk_init(&t, context,
                      &(struct client_options){
                          .name = cases[i].name, .alpn = H2, .version = versions[v]});
            assert_int_equal(talk_handshake(&t), TLS_OK);
            assert_int_equal(shown(&t), cases[i].certificate);
            talk_fini(&t);
        }
    }
}

static void the_certificate_stays_chosen_after_a_hello_retry(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t, context,
              &(struct client_options){.name = "img.shop.example",
                                       .alpn = H2,
                                       .version = TLS1_3_VERSION,
                                       .groups = "P-384:P-256"});
    assert_int_equal(talk_handshake(&t), TLS_OK);
    assert_int_equal(shown(&t), 1);
    talk_fini(&t);
}

static void h2_is_chosen_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const offers[] = {H2, H2_LAST};
    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        struct talk t;
        const unsigned char *alpn;
        unsigned len;
        talk_init(&t, context, &(struct client_options){.alpn = offers[i]});
        assert_int_equal(talk_handshake(&t), TLS_OK);
        SSL_get0_alpn_selected(t.client, &alpn, &len);
        assert_int_equal(len, 2);
        assert_memory_equal(alpn, "h2", 2);
        talk_fini(&t);
    }
}

static void clients_that_do_not_offer_h2_are_refused_with_an_alert(void **state)
{
    (void)state;
    static const char *const offers[] = {NULL, HTTP11};
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
            struct talk t;
            talk_init(&t, context,
                      &(struct client_options){
                          .name = "first.example", .alpn = offers[i], .version = versions[v]});
            assert_int_equal(talk_handshake(&t), TLS_FAILED);
            assert_string_equal(tls_conn_why(t.server), "no application protocol");
            assert_int_equal(t.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
            talk_fini(&t);
        }
    }
}

static void the_version_is_told(void **state)
{
    (void)state;
    static const char *const texts[] = {"TLSv1.2", "TLSv1.3"};
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        talk_init(&t, context, &(struct client_options){.alpn = H2, .version = versions[v]});
        assert_int_equal(talk_handshake(&t), TLS_OK);
        assert_string_equal(tls_conn_version(t.server), texts[v]);
        talk_fini(&t);
    }
}

static void versions_below_the_least_are_refused(void **state)
{
    (void)state;
    struct config c = fixture_config(sections, 3);
    c.tls.min_version = 3;
    struct tls_context *strict = fixture_context(&c);
    struct talk t;
    talk_init(&t, strict, &(struct client_options){.alpn = H2, .version = TLS1_2_VERSION});
    assert_int_equal(talk_handshake(&t), TLS_FAILED);
    assert_int_equal(t.alert, SSL_AD_PROTOCOL_VERSION);
    talk_fini(&t);
    tls_context_free(strict);

    talk_init(&t, context, &(struct client_options){.alpn = H2, .version = TLS1_1_VERSION});
    assert_int_equal(talk_handshake(&t), TLS_FAILED);
    assert_int_equal(t.alert, SSL_AD_PROTOCOL_VERSION);
    talk_fini(&t);
}

static void tls_1_2_takes_only_aead_with_ecdhe(void **state)
{
    (void)state;
    static const struct {
        const char *cipher;
        enum tls_result result;
    } cases[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS_OK}, {"ECDHE-ECDSA-CHACHA20-POLY1305", TLS_OK},
        {"ECDHE-ECDSA-AES128-SHA256", TLS_FAILED}, {"ECDHE-ECDSA-AES256-SHA", TLS_FAILED},
        {"ECDHE-ECDSA-AES128-CCM8", TLS_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        talk_init(&t, context,
                  &(struct client_options){
                      .alpn = H2, .version = TLS1_2_VERSION, .ciphers = cases[i].cipher});
        assert_int_equal(talk_handshake(&t), cases[i].result);
        talk_fini(&t);
    }
}

static void tls_1_3_prefers_aes_128_and_takes_each_of_its_ciphers(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *chosen;
    } cases[] = {
        {"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
        {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
        {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        talk_init(&t, context, &(struct client_options){.alpn = H2, .version = TLS1_3_VERSION});
        assert_int_equal(SSL_set_ciphersuites(t.client, cases[i].offered), 1);
        assert_int_equal(talk_handshake(&t), TLS_OK);
        assert_string_equal(SSL_get_cipher_name(t.client), cases[i].chosen);
        talk_fini(&t);
    }
}

/* Connects, and again with the ticket that came; returns whether that was resumed. */
static bool resumes(struct tls_context *ctx, int version, const char *first, const char *second)
{
    struct talk t;
    talk_init(&t, ctx, &(struct client_options){.name = first, .alpn = H2, .version = version});
    assert_int_equal(talk_handshake(&t), TLS_OK);
    assert_false(tls_conn_resumed(t.server));
    SSL_SESSION *ticket = t.ticket;
    t.ticket = NULL;
    talk_fini(&t);

    talk_init(&t, ctx,
              &(struct client_options){
                  .name = second, .alpn = H2, .version = version, .session = ticket});
    assert_int_equal(talk_handshake(&t), TLS_OK);
    bool resumed = tls_conn_resumed(t.server);
    assert_int_equal(SSL_session_reused(t.client), resumed);
    talk_fini(&t);
    SSL_SESSION_free(ticket);
    return resumed;
}

static void a_session_is_resumed_where_its_certificate_would_be_shown(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        assert_true(resumes(context, versions[v], NULL, NULL));
        assert_true(resumes(context, versions[v], "www.shop.example", "www.shop.example"));
        assert_true(resumes(context, versions[v], "a.shop.example", "b.shop.example"));
        assert_false(resumes(context, versions[v], "a.shop.example", "www.shop.example"));
        assert_false(resumes(context, versions[v], "first.example", "www.shop.example"));
    }
}

static void a_resumed_session_must_offer_h2_again(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t, again;
        talk_init(&t, context, &(struct client_options){.alpn = H2, .version = versions[v]});
        assert_int_equal(talk_handshake(&t), TLS_OK);
        assert_non_null(t.ticket);
        talk_init(
            &again, context,
            &(struct client_options){.alpn = HTTP11, .version = versions[v], .session = t.ticket});
        assert_int_equal(talk_handshake(&again), TLS_FAILED);
        assert_int_equal(again.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
        talk_fini(&again);
        talk_fini(&t);
    }
}

static void one_ticket_is_sent(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        talk_init(&t, context,
                  &(struct client_options){
                      .name = "www.shop.example", .alpn = H2, .version = versions[v]});
        assert_int_equal(talk_handshake(&t), TLS_OK);
        assert_int_equal(t.tickets, 1);
        assert_true(SSL_SESSION_has_ticket(t.ticket));
        talk_fini(&t);
    }
}

static void without_session_tickets_nothing_is_resumed(void **state)
{
    (void)state;
    struct config c = fixture_config(sections, 3);
    c.tls.session_tickets = false;
    struct tls_context *ctx = fixture_context(&c);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++)
        assert_false(resumes(ctx, versions[v], "first.example", "first.example"));
    tls_context_free(ctx);
}

static void a_section_without_files_gets_a_self_signed_certificate(void **state)
{
    (void)state;
    struct config_certificate section = {.name = "main"};
    struct config c = fixture_config(&section, 1);
    struct tls_context *ctx = fixture_context(&c);
    struct talk t;
    talk_init(&t, ctx, &(struct client_options){.name = "localhost", .alpn = H2});
    assert_int_equal(talk_handshake(&t), TLS_OK);
    assert_int_equal(X509_check_host(SSL_get0_peer_certificate(t.client), "localhost", 0, 0, NULL),
                     1);
    talk_fini(&t);
    tls_context_free(ctx);
}

static void one_bad_certificate_among_good_ones_is_an_error(void **state)
{
    (void)state;
    struct config_certificate mixed[2] = {sections[0], sections[1]};
    mixed[1].key = sections[0].key;
    struct config c = fixture_config(mixed, 2);
    struct tls_error error = {""};
    assert_null(tls_context_new(&c, fixture_tickets(), &error));
    assert_non_null(strstr(error.text, "proxy.conf:2: [certificate wild]: key "));
}

static void a_key_that_openssl_finds_too_weak_is_an_error(void **state)
{
    (void)state;
    struct fixture_pair weak = fixture_pair(&folder, "weak", NULL, -1, 30);
    EVP_PKEY *rsa = EVP_RSA_gen(1024);
    X509_set_pubkey(weak.certificate, rsa);
    assert_true(X509_sign(weak.certificate, rsa, EVP_sha256()) > 0);
    FILE *out = fopen(weak.chain_path, "we");
    PEM_write_X509(out, weak.certificate);
    fclose(out);
    out = fopen(weak.key_path, "we");
    PEM_write_PrivateKey(out, rsa, NULL, NULL, 0, NULL, NULL);
    fclose(out);

    struct config_certificate section = {"weak", 9, weak.chain_path, weak.key_path};
    struct config c = fixture_config(&section, 1);
    struct tls_error error = {""};
    assert_null(tls_context_new(&c, fixture_tickets(), &error));
    assert_non_null(strstr(error.text, "proxy.conf:9: [certificate weak]: chain "));
    assert_non_null(strstr(error.text, "ee key too small"));
    EVP_PKEY_free(rsa);
    fixture_pair_fini(&weak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_chooses_the_certificate),
        cmocka_unit_test(the_certificate_stays_chosen_after_a_hello_retry),
        cmocka_unit_test(h2_is_chosen_wherever_it_stands),
        cmocka_unit_test(clients_that_do_not_offer_h2_are_refused_with_an_alert),
        cmocka_unit_test(the_version_is_told),
        cmocka_unit_test(versions_below_the_least_are_refused),
        cmocka_unit_test(tls_1_2_takes_only_aead_with_ecdhe),
        cmocka_unit_test(tls_1_3_prefers_aes_128_and_takes_each_of_its_ciphers),
        cmocka_unit_test(a_session_is_resumed_where_its_certificate_would_be_shown),
        cmocka_unit_test(a_resumed_session_must_offer_h2_again),
        cmocka_unit_test(one_ticket_is_sent),
        cmocka_unit_test(without_session_tickets_nothing_is_resumed),
        cmocka_unit_test(a_section_without_files_gets_a_self_signed_certificate),
        cmocka_unit_test(one_bad_certificate_among_good_ones_is_an_error),
        cmocka_unit_test(a_key_that_openssl_finds_too_weak_is_an_error),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
