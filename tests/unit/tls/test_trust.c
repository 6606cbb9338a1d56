#include "target_fixture.h"

static struct fixture_folder folder;
static struct fixture_pair named, addressed, expired, early;

static int make(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    fixture_folder_init(&folder);
    named = fixture_pair(&folder, "named", "DNS:a.example,DNS:*.b.example,DNS:f*.c.example", -1, 1);
    addressed = fixture_pair(&folder, "addressed", "IP:192.0.2.1,IP:2001:db8::1", -1, 1);
    expired = fixture_pair(&folder, "expired", "DNS:a.example", -2, -1);
    early = fixture_pair(&folder, "early", "DNS:a.example", 1, 2);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    fixture_pair_fini(&named);
    fixture_pair_fini(&addressed);
    fixture_pair_fini(&expired);
    fixture_pair_fini(&early);
    fixture_folder_fini(&folder);
    return 0;
}

static enum tls_result read_byte(struct visit *v)
{
    char byte;
    size_t n;
    return tls_conn_read(v->conn, &byte, 1, &n);
}

struct visit_case {
    struct visit_options o;
    const char *why, *sni; /* why NULL: it is trusted */
};

static void check_cases(const struct visit_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct visit v;
        visit_init(&v, &cases[i].o);
        visit_open(&v);
        enum tls_result r = visit_handshake(&v);
        if (!cases[i].why && r != TLS_OK)
            fail_msg("case %zu: %s", i, tls_conn_why(v.conn));
        if (cases[i].why && (r != TLS_FAILED || !strstr(tls_conn_why(v.conn), cases[i].why)))
            fail_msg("case %zu: %d, %s", i, (int)r, tls_conn_why(v.conn));
        if (cases[i].sni)
            assert_string_equal(v.sni, cases[i].sni);
        assert_int_equal(ERR_peek_error(), 0);
        visit_fini(&v);
    }
}

static void certificate_must_be_for_the_host(void **state)
{
    (void)state;
    const char *ca = named.chain_path, *of_addresses = addressed.chain_path;
    const struct visit_case cases[] = {
        {ORIGIN(&named, ca, "a.example"), NULL, "a.example"},
        {ORIGIN(&named, ca, "A.Example"), NULL, NULL},
        {ORIGIN(&named, ca, "a.example."), NULL, "a.example"},
        {ORIGIN(&named, ca, "x.b.example"), NULL, NULL},
        {ORIGIN(&named, ca, "b.example"), "another name", NULL},
        {ORIGIN(&named, ca, "x.y.b.example"), "another name", NULL},
        {ORIGIN(&named, ca, "fx.c.example"), "another name", NULL},
        {ORIGIN(&named, ca, "named"), "another name", NULL}, /* its CN, which does not count */
        {ORIGIN(&named, ca, "192.0.2.1"), "another address", ""},
        {ORIGIN(&addressed, of_addresses, "192.0.2.1"), NULL, ""},
        {ORIGIN(&addressed, of_addresses, "2001:db8::1"), NULL, ""},
        {ORIGIN(&addressed, of_addresses, "2001:db8:0:0::1"), NULL, ""},
        {ORIGIN(&addressed, of_addresses, "192.0.2.2"), "another address", ""},
        {ORIGIN(&addressed, of_addresses, "2001:db8::2"), "another address", ""},
    };
    check_cases(cases, ARRAY_LEN(cases));
}

static void certificate_must_be_trusted_and_valid(void **state)
{
    (void)state;
    const struct visit_case cases[] = {
        {ORIGIN(&named, addressed.chain_path, "a.example"), "signed by itself", NULL},
        {ORIGIN(&expired, expired.chain_path, "a.example"), "has expired", NULL},
        {ORIGIN(&early, early.chain_path, "a.example"), "not yet valid", NULL},
    };
    check_cases(cases, ARRAY_LEN(cases));
}

static void nothing_is_looked_at_where_verify_is_off(void **state)
{
    (void)state;
    const struct visit_case cases[] = {
        {ORIGIN(&expired, NULL, "other.example", .unverified = true), NULL, "other.example"},
        {ORIGIN(&named, "/nowhere", "192.0.2.1", .unverified = true), NULL, ""},
    };
    check_cases(cases, ARRAY_LEN(cases));
}

static void other_versions_and_protocols_are_refused(void **state)
{
    (void)state;
    const char *ca = named.chain_path;
    const struct visit_case cases[] = {
        {ORIGIN(&named, ca, "a.example", .version = TLS1_2_VERSION), NULL, NULL},
        {ORIGIN(&named, ca, "a.example", .version = TLS1_3_VERSION), NULL, NULL},
        {ORIGIN(&named, ca, "a.example", .version = TLS1_1_VERSION), "TLS 1.2 or 1.3", NULL},
        {ORIGIN(&named, ca, "a.example", .alpn = "\x08http/1.1"), NULL, NULL},
        {ORIGIN(&named, ca, "a.example", .alpn = "\x02h2"), "bad extension", NULL},
    };
    check_cases(cases, ARRAY_LEN(cases));
}

static void http_1_1_is_offered(void **state)
{
    (void)state;
    struct visit v;
    visit_init(&v, &(struct visit_options)ORIGIN(&named, named.chain_path, "a.example"));
    visit_open(&v);
    assert_int_equal(visit_handshake(&v), TLS_OK);
    assert_string_equal(v.offered, "\x08http/1.1");
    visit_fini(&v);
}

static void origin_that_speaks_no_tls_is_told_of(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct visit v;
    visit_init(&v, &(struct visit_options)ORIGIN(&named, named.chain_path, "a.example"));
    visit_open(&v);
    assert_int_equal(tls_conn_handshake(v.conn), TLS_WANT_READ);
    assert_int_equal(send(v.fds[0], answer, sizeof answer - 1, 0), sizeof answer - 1);
    assert_int_equal(tls_conn_handshake(v.conn), TLS_FAILED);
    assert_non_null(strstr(tls_conn_why(v.conn), "no TLS"));
    visit_fini(&v);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void end_is_told_from_a_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct visit v;
        visit_init(&v, &(struct visit_options)ORIGIN(&named, named.chain_path, "a.example",
                                                     .version = versions[i]));
        for (int is_cut = 0; is_cut < 2; is_cut++) {
            visit_open(&v);
            assert_int_equal(visit_handshake(&v), TLS_OK);
            assert_int_equal(SSL_write(v.server, "x", 1), 1);
            if (!is_cut)
                SSL_shutdown(v.server);
            shutdown(v.fds[0], SHUT_WR);
            assert_int_equal(read_byte(&v), TLS_OK);
            assert_int_equal(read_byte(&v), is_cut ? TLS_CUT : TLS_CLOSED);
            visit_leave(&v);
        }
        visit_fini(&v);
    }
}

/* The newest session is offered again, also after a cut; one with which a handshake failed is not.
 */
static void session_is_resumed_until_a_handshake_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct visit v;
        visit_init(&v, &(struct visit_options)ORIGIN(&named, named.chain_path, "a.example",
                                                     .version = versions[i]));
        for (int n = 0; n < 4; n++) {
            visit_open(&v);
            assert_int_equal(visit_handshake(&v), TLS_OK);
            assert_int_equal(tls_conn_resumed(v.conn), n > 0);
            assert_int_equal(read_byte(&v), TLS_WANT_READ); /* the tickets */
            if (n == 1) {
                shutdown(v.fds[0], SHUT_RDWR);
                assert_int_equal(read_byte(&v), TLS_CUT);
            }
            visit_leave(&v);
        }
        visit_open(&v);
        assert_int_equal(tls_conn_handshake(v.conn), TLS_WANT_READ);
        shutdown(v.fds[0], SHUT_RDWR);
        assert_int_equal(tls_conn_handshake(v.conn), TLS_CUT);
        visit_leave(&v);
        visit_open(&v);
        assert_int_equal(visit_handshake(&v), TLS_OK);
        assert_false(tls_conn_resumed(v.conn));
        visit_fini(&v);
    }
}

static void file_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *ca, *says;
        unsigned line;
    } cases[] = {
        {"/nowhere", "proxy.conf:7: [origin app]: ca /nowhere: No such file or directory", 7},
        {"/nowhere", "proxy.conf: [origin app]: ca /nowhere: No such file or directory", 0},
        {named.key_path, "is no file of certificates in PEM form", 7},
        {folder.path, "is no file of certificates in PEM form", 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_error error = {""};
        struct config_origin origin = {.name = "app",
                                       .line = cases[i].line,
                                       .url = {.host = "a.example", .tls = true},
                                       .ca = cases[i].ca,
                                       .verify = true};
        const struct config config = {.file = "proxy.conf", .origins = &origin, .origins_len = 1};
        assert_null(tls_trust_new(&config, &error));
        assert_non_null(strstr(error.text, cases[i].says));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* Only those that are spoken to in TLS read files, and the same file once. */
static void origins_share_what_they_trust(void **state)
{
    (void)state;
    struct tls_error error = {""};
    struct config_origin origins[] = {
        {.name = "plain", .url = {.host = "a"}, .ca = "/nowhere", .verify = true},
        {.name = "a", .url = {.host = "a", .tls = true}, .ca = named.chain_path, .verify = true},
        {.name = "b", .url = {.host = "b", .tls = true}, .ca = named.chain_path, .verify = true},
        {.name = "c", .url = {.host = "c", .tls = true}, .ca = early.chain_path, .verify = true},
        {.name = "d", .url = {.host = "d", .tls = true}, .ca = named.chain_path},
    };
    const struct config config = {
        .file = "proxy.conf", .origins = origins, .origins_len = ARRAY_LEN(origins)};
    struct tls_trust *trust = tls_trust_new(&config, &error);
    struct tls_target *targets[ARRAY_LEN(origins)];
    SSL *ssl[ARRAY_LEN(origins)];
    assert_non_null(trust);
    for (size_t i = 1; i < ARRAY_LEN(origins); i++) {
        targets[i] = tls_target_new(trust, &config, &origins[i]);
        ssl[i] = tls_target_ssl(targets[i]);
        assert_non_null(ssl[i]);
    }
    assert_ptr_equal(SSL_get_SSL_CTX(ssl[1]), SSL_get_SSL_CTX(ssl[2]));
    assert_ptr_not_equal(SSL_get_SSL_CTX(ssl[1]), SSL_get_SSL_CTX(ssl[3]));
    assert_ptr_not_equal(SSL_get_SSL_CTX(ssl[1]), SSL_get_SSL_CTX(ssl[4]));
    for (size_t i = 1; i < ARRAY_LEN(origins); i++) {
        SSL_free(ssl[i]);
        tls_target_free(targets[i]);
    }
    tls_trust_free(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate_must_be_for_the_host),
        cmocka_unit_test(certificate_must_be_trusted_and_valid),
        cmocka_unit_test(nothing_is_looked_at_where_verify_is_off),
        cmocka_unit_test(other_versions_and_protocols_are_refused),
        cmocka_unit_test(http_1_1_is_offered),
        cmocka_unit_test(origin_that_speaks_no_tls_is_told_of),
        cmocka_unit_test(end_is_told_from_a_cut),
        cmocka_unit_test(session_is_resumed_until_a_handshake_fails),
        cmocka_unit_test(file_that_cannot_be_used_is_refused),
        cmocka_unit_test(origins_share_what_they_trust),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
