#include "fixture.h"

struct network_case {
    const char *networks, *address;
    bool has;
};

static const struct network_case CASES[] = {
    {"127.0.0.0/8 ::1", "127.0.0.1", true},
    {"127.0.0.0/8 ::1", "127.255.255.255", true},
    {"127.0.0.0/8 ::1", "128.0.0.0", false},
    {"127.0.0.0/8 ::1", "126.255.255.255", false},
    {"127.0.0.0/8 ::1", "::1", true},
    {"127.0.0.0/8 ::1", "::2", false},
    {"127.0.0.0/8 ::1", "::ffff:127.0.0.1", true},
    {"127.0.0.0/8 ::1", "::127.0.0.1", false},
    {"10.1.2.3", "10.1.2.3", true},
    {"10.1.2.3", "10.1.2.2", false},
    {"10.1.2.2/31", "10.1.2.3", true},
    {"10.1.2.2/31", "10.1.2.4", false},
    {"10.32.0.0/11", "10.63.255.255", true},
    {"10.32.0.0/11", "10.64.0.0", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "10.0.0.1", true},
    {"::/0", "2001:db8::1", true},
    {"fe80::/10", "febf::1", true},
    {"fe80::/10", "fec0::1", false},
    {"2001:db8::/32", "2001:db8:ffff::", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"", "127.0.0.1", false},
};

static void networks_have_what_their_bits_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char text[512];
        struct address address;
        assert_true(address_parse_ip(&address, span_str(CASES[i].address)));
        snprintf(text, sizeof text, "%s[push]\nexplain_from = %s\n", FIXTURE_SMALLEST,
                 CASES[i].networks);
        struct config *c = fixture_config(text);
        if (config_networks_have(&c->push.explain_from, &address) != CASES[i].has)
            fail_msg("%s and %s", CASES[i].networks, CASES[i].address);
        config_free(c);
    }
}

static void unix_socket_is_in_no_network(void **state)
{
    (void)state;
    struct address socket = {.kind = ADDRESS_UNIX};
    struct config *c = fixture_config(FIXTURE_SMALLEST "[push]\nexplain_from = 0.0.0.0/0 ::/0\n");
    assert_false(config_networks_have(&c->push.explain_from, &socket));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_what_their_bits_say),
        cmocka_unit_test(unix_socket_is_in_no_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
