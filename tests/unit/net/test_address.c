#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/address.h"

static struct address parsed(const char *text)
{
    struct address a;
    if (!address_parse(&a, span_str(text)))
        fail_msg("\"%s\" was not read", text);
    return a;
}

static struct address parsed_ip(const char *text)
{
    struct address a;
    if (!address_parse_ip(&a, span_str(text)))
        fail_msg("\"%s\" was not read", text);
    return a;
}

static void addresses_with_ports_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: refused */
    } cases[] = {
        {"127.0.0.1:443", "127.0.0.1:443"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::1]:65535", "[::1]:65535"},
        {"[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"},
        {"[::ffff:10.1.2.3]:80", "10.1.2.3:80"},
        {"*:443", "[::]:443"},
        {":443", "[::]:443"},
        {"", NULL},
        {"443", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:+1", NULL},
        {"127.0.0.1: 1", NULL},
        {"127.0.0:1", NULL},
        {"127.0.0.256:1", NULL},
        {"::1:443", NULL}, /* without brackets it could end anywhere */
        {"[127.0.0.1]:443", NULL},
        {"[::1:443", NULL},
        {"[]:443", NULL},
        {"[fe80::1%lo]:443", NULL},
        {"example.com:443", NULL},
        {"[1:2:3:4:5:6:7:8:9]:1", NULL},
        {"[1111:2222:3333:4444:5555:6666:123.123.123.1234]:1", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[ADDRESS_TEXT_BYTES];
        struct address a;
        bool read = address_parse(&a, span_str(cases[i].text));
        if (read != (cases[i].printed != NULL))
            fail_msg("\"%s\": %s", cases[i].text, read ? "read" : "refused");
        if (read)
            assert_string_equal(address_print(&a, out), cases[i].printed);
    }
}

static void a_nul_in_an_address_is_refused(void **state)
{
    (void)state;
    struct address a;
    assert_false(address_parse_ip(&a, span_of("127.0.0.1\0x", 11)));
}

static void the_longest_address_has_room(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_BYTES];
    const char *text = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
    struct address a = parsed(text);
    assert_string_equal(address_print(&a, out), text);
    struct network n;
    assert_true(network_parse(&n, SPAN("1111:2222:3333:4444:5555:6666:7777:8888/127")));
    assert_string_equal(network_print(&n, out), "1111:2222:3333:4444:5555:6666:7777:8888/127");
}

static void an_address_survives_the_system_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1:443", "[::1]:8443", "[::]:0", "10.0.0.1:80"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sockaddr_storage storage;
        struct address a = parsed(texts[i]);
        socklen_t len = address_to_sockaddr(&a, &storage);
        assert_int_equal(len, storage.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                           : sizeof(struct sockaddr_in6));
        struct address b = address_of_sockaddr((const struct sockaddr *)&storage);
        assert_true(address_eq(&a, &b));
    }
}

static void unix_sockets_have_a_path_and_no_ip(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_BYTES], longest[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    struct sockaddr_storage storage;
    struct address a = {.kind = ADDRESS_UNIX, .path = "/run/x.sock"},
                   unnamed = {.kind = ADDRESS_UNIX};
    assert_int_equal(address_to_sockaddr(&a, &storage), sizeof(struct sockaddr_un));
    struct address b = address_of_sockaddr((const struct sockaddr *)&storage);
    assert_true(address_eq(&a, &b));
    assert_false(address_eq(&a, &unnamed));
    assert_true(address_eq(&unnamed, &unnamed));
    assert_string_equal(address_print(&a, out), "");
    assert_string_equal(address_print_ip(&a, out), "");
    assert_int_equal(address_holder(&a).len, 0);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    a.path = longest;
    assert_int_equal(address_to_sockaddr(&a, &storage), 0);
    a.path = longest + 1;
    assert_int_equal(address_to_sockaddr(&a, &storage), sizeof(struct sockaddr_un));
}

static void nothing_is_no_address(void **state)
{
    (void)state;
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    struct address a = address_of_sockaddr((const struct sockaddr *)&storage), one = parsed("*:1");
    assert_int_equal(a.kind, ADDRESS_NONE);
    assert_int_equal(address_to_sockaddr(&a, &storage), 0);
    assert_true(address_eq(&a, &a));
    assert_false(address_eq(&a, &one));
    assert_false(address_is_any(&a));
    assert_false(address_is_ipv4(&a));
}

static void kinds_of_addresses_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ipv4, any, loopback;
        size_t holder_len;
    } cases[] = {
        {"127.0.0.1", true, false, true, 4},
        {"127.255.255.255", true, false, true, 4},
        {"128.0.0.1", true, false, false, 4},
        {"0.0.0.0", true, true, false, 4},
        {"::", false, true, false, 8},
        {"::1", false, false, true, 8},
        {"::2", false, false, false, 8},
        {"::ffff:127.0.0.1", true, false, true, 4},
        {"::ffff:0.0.0.0", true, true, false, 4},
        {"::127.0.0.1", false, false, false, 8},
        {"2001:db8::1", false, false, false, 8},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address a = parsed_ip(cases[i].text);
        if (address_is_ipv4(&a) != cases[i].ipv4 || address_is_any(&a) != cases[i].any ||
            address_is_loopback(&a) != cases[i].loopback ||
            address_holder(&a).len != cases[i].holder_len)
            fail_msg("%s", cases[i].text);
    }
}

static void a_holder_of_ipv6_has_a_network_of_64_bits(void **state)
{
    (void)state;
    struct address a = parsed_ip("2001:db8::1"), b = parsed_ip("2001:db8::ffff:1"),
                   c = parsed_ip("2001:db8:0:1::1");
    assert_true(span_eq(address_holder(&a), address_holder(&b)));
    assert_false(span_eq(address_holder(&a), address_holder(&c)));
}

static void networks_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: refused */
        bool host_bits;
    } cases[] = {
        {"127.0.0.0/8", "127.0.0.0/8", false},
        {"10.1.2.3", "10.1.2.3", false},
        {"10.1.2.3/32", "10.1.2.3", false},
        {"10.1.2.3/8", "10.1.2.3/8", true},
        {"0.0.0.0/0", "0.0.0.0/0", false},
        {"::/0", "::/0", false},
        {"2001:db8::/32", "2001:db8::/32", false},
        {"2001:db8::1/32", "2001:db8::1/32", true},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", false},
        {"10.0.0.0/33", NULL, false},
        {"::/129", NULL, false},
        {"10.0.0.0/", NULL, false},
        {"10.0.0.0/-1", NULL, false},
        {"10.0.0/8", NULL, false},
        {"/8", NULL, false},
        {"", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[ADDRESS_TEXT_BYTES];
        struct network n;
        bool read = network_parse(&n, span_str(cases[i].text));
        if (read != (cases[i].printed != NULL))
            fail_msg("\"%s\": %s", cases[i].text, read ? "read" : "refused");
        if (!read)
            continue;
        assert_string_equal(network_print(&n, out), cases[i].printed);
        assert_int_equal(network_has_host_bits(&n), cases[i].host_bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_with_ports_are_read_and_printed),
        cmocka_unit_test(a_nul_in_an_address_is_refused),
        cmocka_unit_test(the_longest_address_has_room),
        cmocka_unit_test(an_address_survives_the_system_and_back),
        cmocka_unit_test(unix_sockets_have_a_path_and_no_ip),
        cmocka_unit_test(nothing_is_no_address),
        cmocka_unit_test(kinds_of_addresses_are_told_apart),
        cmocka_unit_test(a_holder_of_ipv6_has_a_network_of_64_bits),
        cmocka_unit_test(networks_are_read_and_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
