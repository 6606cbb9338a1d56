#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "http/claims.h"

static void claims_are_known_in_any_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum claim claim;
    } cases[] = {
        {"forwarded", CLAIM_OF_PROXIES},
        {"x-real-ip", CLAIM_OF_PROXIES},
        {"x-forwarded", CLAIM_OF_PROXIES},
        {"x-forwarded-", CLAIM_OF_PROXIES},
        {"x-forwarded-for", CLAIM_OF_PROXIES},
        {"x-forwarded-user", CLAIM_OF_PROXIES},
        {"x-forwarded-client-cert", CLAIM_OF_PROXIES},
        {"x-forwarded-from-the-future", CLAIM_OF_PROXIES},
        {"x-ssl", CLAIM_OF_PROXIES},
        {"x-ssl-client-verify", CLAIM_OF_PROXIES},
        {"ssl-client-s-dn", CLAIM_OF_PROXIES},
        {"client-cert", CLAIM_OF_PROXIES},
        {"client-cert-chain", CLAIM_OF_PROXIES},
        {"true-client-ip", CLAIM_OF_PROXIES},
        {"cf-connecting-ip", CLAIM_OF_PROXIES},
        {"front-end-https", CLAIM_OF_PROXIES},
        {"x-original-url", CLAIM_OF_PROXIES},
        {"x-rewrite-url", CLAIM_OF_PROXIES},
        {"cf-connecting-ipv6", CLAIM_OF_PROXIES},
        {"client-ip", CLAIM_OF_PROXIES},
        {"fastly-client-ip", CLAIM_OF_PROXIES},
        {"forwarded-for", CLAIM_OF_PROXIES},
        {"x-client-ip", CLAIM_OF_PROXIES},
        {"x-cluster-client-ip", CLAIM_OF_PROXIES},
        {"x-original-forwarded-for", CLAIM_OF_PROXIES},
        {"x-remote-addr", CLAIM_OF_PROXIES},
        {"x-remote-ip", CLAIM_OF_PROXIES},
        {"x-scheme", CLAIM_OF_PROXIES},
        {"x-url-scheme", CLAIM_OF_PROXIES},
        {"x-original-host", CLAIM_OF_PROXIES},
        {"x-original-uri", CLAIM_OF_PROXIES},
        {"x-script-name", CLAIM_OF_PROXIES},
        {"remote-user", CLAIM_OF_PROXIES},
        {"x-client-cert", CLAIM_OF_PROXIES},
        {"x-remote-user", CLAIM_OF_PROXIES},
        {"ssl-client", CLAIM_OF_PROXIES},
        {"x-ssl-cipher", CLAIM_OF_PROXIES},
        {"proxy", CLAIM_OF_NOBODY},
        /* spelled otherwise */
        {"X-Forwarded-For", CLAIM_OF_PROXIES},
        {"x_forwarded_for", CLAIM_OF_PROXIES},
        {"x-forwarded_for", CLAIM_OF_PROXIES},
        {"x_forwarded-for", CLAIM_OF_PROXIES},
        {"X_FORWARDED_USER", CLAIM_OF_PROXIES},
        {"x.forwarded.for", CLAIM_OF_PROXIES},
        {"x_real-ip", CLAIM_OF_PROXIES},
        {"true_client_ip", CLAIM_OF_PROXIES},
        {"SSL_CLIENT_CERT", CLAIM_OF_PROXIES},
        {"Proxy", CLAIM_OF_NOBODY},
        /* others */
        {"", CLAIM_NONE},
        {"x", CLAIM_NONE},
        {"x-forward", CLAIM_NONE},
        {"x-forwardedfor", CLAIM_NONE},
        {"xforwarded-for", CLAIM_NONE},
        {"x--forwarded-for", CLAIM_NONE},
        {"my-x-forwarded-for", CLAIM_NONE},
        {"forwarded-by-me", CLAIM_NONE},
        {"x-real-ips", CLAIM_NONE},
        {"x-real", CLAIM_NONE},
        {"x-sslx", CLAIM_NONE},
        {"proxy-", CLAIM_NONE},
        {"proxy-authorization", CLAIM_NONE},
        {"cookie", CLAIM_NONE},
        {"client-hints", CLAIM_NONE},
        {"sec-ssl-client", CLAIM_NONE},
        {"content-type", CLAIM_NONE},
        {"x-requested-with", CLAIM_NONE},
        {"x-http-method-override", CLAIM_NONE},
        {"sec-fetch-mode", CLAIM_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (claim_of(span_str(cases[i].name)) != cases[i].claim)
            fail_msg("%s", cases[i].name);
    }
}

static void plain_names_stand_for_themselves(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool plain;
    } cases[] = {{"x-a", true}, {"X9-", true},  {"x_a", false},
                 {"_", false},  {"x.a", false}, {"x-a~", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(claim_is_plain(span_str(cases[i].name)), cases[i].plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_known_in_any_spelling),
        cmocka_unit_test(plain_names_stand_for_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
