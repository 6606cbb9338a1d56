#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "tls/selfsigned.h"

struct made {
    X509 *certificate;
    EVP_PKEY *key;
};

static int make(void **state)
{
    struct made *m = calloc(1, sizeof *m);
    *state = m;
    return m && selfsigned_make(&m->certificate, &m->key) ? 0 : -1;
}

static int drop(void **state)
{
    struct made *m = *state;
    X509_free(m->certificate);
    EVP_PKEY_free(m->key);
    free(m);
    return 0;
}

static void the_key_is_ec_p256_and_fits(void **state)
{
    const struct made *m = *state;
    char group[32];
    size_t len;
    assert_int_equal(EVP_PKEY_get_group_name(m->key, group, sizeof group, &len), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_check_private_key(m->certificate, m->key), 1);
    assert_int_equal(X509_verify(m->certificate, m->key), 1);
}

static void local_names_are_in_it_and_no_others(void **state)
{
    const struct made *m = *state;
    assert_int_equal(X509_check_host(m->certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(m->certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(m->certificate, "::1", 0), 1);
    assert_int_equal(X509_check_host(m->certificate, "example.com", 0, 0, NULL), 0);
}

static void it_is_valid_for_30_days_from_an_hour_ago(void **state)
{
    const struct made *m = *state;
    const ASN1_TIME *start = X509_get0_notBefore(m->certificate);
    int days, seconds;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, start, X509_get0_notAfter(m->certificate)), 1);
    assert_int_equal(days, 30);
    assert_in_range(seconds + 1, 0, 2);
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, start, NULL), 1);
    assert_int_equal(days, 0);
    assert_in_range(seconds, 3600, 3660);
}

static void a_client_that_trusts_it_accepts_it_as_a_server(void **state)
{
    const struct made *m = *state;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, m->certificate);
    X509_STORE_CTX_init(ctx, store, m->certificate, NULL);
    X509_STORE_CTX_set_default(ctx, "ssl_server");
    assert_int_equal(X509_verify_cert(ctx), 1);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}

static void serial_numbers_differ(void **state)
{
    const struct made *m = *state;
    X509 *other;
    EVP_PKEY *key;
    assert_true(selfsigned_make(&other, &key));
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(m->certificate), X509_get0_serialNumber(other)), 0);
    X509_free(other);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_ec_p256_and_fits),
        cmocka_unit_test(local_names_are_in_it_and_no_others),
        cmocka_unit_test(it_is_valid_for_30_days_from_an_hour_ago),
        cmocka_unit_test(a_client_that_trusts_it_accepts_it_as_a_server),
        cmocka_unit_test(serial_numbers_differ),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
