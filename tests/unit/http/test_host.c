#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "http/host.h"

static void hosts_are_the_same_however_they_are_spelled(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"", "", true},
        {"example.com", "EXAMPLE.Com", true},
        {"example.com", "example.org", false},
        {"example.com", "example.com.", false},
        {"example.com", "", false},
        /* what need not be encoded */
        {"example.com", "ex%61mple%2ecom", true},
        {"example.com", "%45XAMPLE%2Ecom", true},
        {"a-._~9", "%61%2D%2e%5F%7e%39", true},
        {"ex%61mple.com", "e%78ample.com", true},
        {"example.com", "ex%62mple.com", false},
        /* what must stay encoded, in either case of its digits, is not what it stands for */
        {"a%2fb", "a%2Fb", true},
        {"a%2cb", "a,b", false},
        {"a%252eb", "a%2eb", false},
        {"%c3%a9", "%C3%A9", true},
        {"%00", "%01", false},
        /* not encoded */
        {"a%", "a%", true},
        {"a%6", "a%6", true},
        {"a%6g", "A%6G", true},
        {"a%6", "af", false},
        {"%%61", "%a", true},
        /* addresses */
        {"[::1]", "[0:0:0:0:0:0:0:1]", true},
        {"[::1]", "[0000::0001]", true},
        {"[2001:DB8::1]", "[2001:db8:0:0::1]", true},
        {"[::ffff:192.0.2.1]", "[::FFFF:c000:201]", true},
        {"[::1]", "[::2]", false},
        {"[::1]", "::1", false},
        {"[::ffff:192.0.2.1]", "192.0.2.1", false},
        {"192.0.2.1", "192.0.2.01", false},
        /* not addresses, though in brackets */
        {"[1:2]", "[1:2]", true},
        {"[1:2]", "[01:2]", false},
        {"[v1.A:b]", "[v1.a:b]", true},
        {"[]", "[]", true},
        {"[", "[", true},
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", "[::]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span a = span_str(cases[i].a), b = span_str(cases[i].b);
        if (host_is_same(a, b) != cases[i].same || host_is_same(b, a) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void a_host_that_no_name_is_as_long_as_is_compared_as_it_is(void **state)
{
    (void)state;
    char plain[HOST_BYTES + 1], encoded[HOST_BYTES * 3 + 3], room[HOST_BYTES];
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = 'a';
        memcpy(encoded + i * 3, "%61", 3);
    }
    struct span fits = span_of(encoded, HOST_BYTES * 3), longer = span_of(encoded, sizeof encoded);
    assert_true(span_eq(host_normal(fits, room), span_of(plain, HOST_BYTES)));
    assert_true(host_is_same(fits, span_of(plain, HOST_BYTES)));
    assert_ptr_equal(host_normal(longer, room).ptr, longer.ptr);
    assert_int_equal(host_normal(longer, room).len, longer.len);
    assert_true(host_is_same(longer, longer));
    assert_false(host_is_same(longer, span_of(plain, sizeof plain)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_the_same_however_they_are_spelled),
        cmocka_unit_test(a_host_that_no_name_is_as_long_as_is_compared_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
