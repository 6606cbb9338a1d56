/* Which addresses are one place. */
#include "fixture.h"

#include "config/addresses.h"

/* A configuration with this listener and this origin, which may be refused as a whole: so each is
 * read in one of its own. */
static struct config *with_listen(const char *address)
{
    char text[512];
    snprintf(text, sizeof text,
             "[listen a]\naddress = %s\n%s[origin app]\nurl = http://app.test:1\n", address,
             FIXTURE_CERTIFICATE);
    return fixture_config(text);
}

static struct config *with_origin(const char *url)
{
    char text[512];
    snprintf(text, sizeof text, "[listen a]\naddress = unix:/nobody\n%s[origin app]\nurl = %s\n",
             FIXTURE_CERTIFICATE, url);
    return fixture_config(text);
}

static void addresses_of_one_place_overlap(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool overlap;
    } cases[] = {
        {"127.0.0.1:443", "127.0.0.1:443", true},
        {"127.0.0.1:443", "127.0.0.1:444", false},
        {"127.0.0.1:443", "127.0.0.2:443", false},
        {"*:443", "127.0.0.1:443", true},
        {":443", "[::1]:443", true},
        {"*:443", "*:444", false},
        {"*:443", "0.0.0.0:443", true},
        {"[::]:443", "192.0.2.1:443", true},
        {"0.0.0.0:443", "192.0.2.1:443", true},
        {"0.0.0.0:443", "[2001:db8::1]:443", false},
        {"0.0.0.0:443", "[::1]:443", false},
        {"[::1]:443", "127.0.0.1:443", false},
        {"[::ffff:127.0.0.1]:443", "127.0.0.1:443", true},
        {"[::ffff:192.0.2.1]:443", "0.0.0.0:443", true},
        {"[::ffff:0.0.0.0]:443", "127.0.0.1:443", true},
        {"[::ffff:0.0.0.0]:443", "[::1]:443", false},
        {"[2001:db8::1]:443", "[2001:db8:0:0::1]:443", true},
        {"127.0.0.1:0", "127.0.0.1:0", false},
        {"*:0", "127.0.0.1:0", false},
        {"unix:/run/a", "unix:/run/a", true},
        {"unix:/run//a", "unix:/run/./a", true},
        {"unix:a", "unix:/etc/h/a", true},
        {"unix:/run/a", "unix:/run/b", false},
        {"unix:/run/a", "unix:/run/a/b", false},
        {"unix:/run/a", "*:443", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *a = with_listen(cases[i].a), *b = with_listen(cases[i].b);
        bool there = addresses_overlap(&a->listens[0].address, &b->listens[0].address);
        bool back = addresses_overlap(&b->listens[0].address, &a->listens[0].address);
        if (there != cases[i].overlap || back != cases[i].overlap)
            fail_msg("%s and %s: %d, %d", cases[i].a, cases[i].b, there, back);
        config_free(a);
        config_free(b);
    }
}

static void origin_that_is_a_listener_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *url, *address;
        enum addresses_end end;
    } cases[] = {
        {"http://127.0.0.1:443", "127.0.0.1:443", ADDRESSES_THERE},
        {"https://127.0.0.1", "*:443", ADDRESSES_THERE},
        {"https://127.0.0.1", "0.0.0.0:443", ADDRESSES_THERE},
        {"https://127.0.0.9", "*:443", ADDRESSES_THERE},
        {"https://127.1", "127.0.0.1:443", ADDRESSES_THERE},
        {"https://0.0.0.0", "127.0.0.1:443", ADDRESSES_THERE},
        {"https://[::]", "[::1]:443", ADDRESSES_THERE},
        {"https://[::1]", "*:443", ADDRESSES_THERE},
        {"https://[::ffff:127.0.0.1]", "127.0.0.1:443", ADDRESSES_THERE},
        {"https://127.0.0.1", "[::ffff:127.0.0.1]:443", ADDRESSES_THERE},
        {"https://localhost", "127.0.0.1:443", ADDRESSES_THERE},
        {"https://LocalHost.", "[::1]:443", ADDRESSES_THERE},
        {"https://app.localhost", "*:443", ADDRESSES_THERE},
        {"https://192.0.2.1", "192.0.2.1:443", ADDRESSES_THERE},
        {"http://unix:/run//a", "unix:/run/a", ADDRESSES_THERE},
        {"http://127.0.0.1", "127.0.0.1:443", ADDRESSES_ELSEWHERE},
        {"https://127.0.0.2", "127.0.0.1:443", ADDRESSES_ELSEWHERE},
        {"https://[::1]", "0.0.0.0:443", ADDRESSES_ELSEWHERE},
        {"https://localhost", "192.0.2.1:443", ADDRESSES_ELSEWHERE},
        {"https://localhost:444", "*:443", ADDRESSES_ELSEWHERE},
        {"https://localhost", "*:0", ADDRESSES_ELSEWHERE},
        {"https://localhost", "unix:/run/a", ADDRESSES_ELSEWHERE},
        {"http://unix:/run/a", "*:80", ADDRESSES_ELSEWHERE},
        {"https://192.0.2.1", "*:443", ADDRESSES_IF_LOCAL},
        {"https://[2001:db8::1]", "*:443", ADDRESSES_IF_LOCAL},
        {"https://app.example", "*:443", ADDRESSES_IF_LOCAL},
        {"https://app.example", "192.0.2.1:443", ADDRESSES_IF_LOCAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *from = with_origin(cases[i].url), *to = with_listen(cases[i].address);
        enum addresses_end end = addresses_reach(&from->origins[0].url, &to->listens[0].address);
        if (end != cases[i].end)
            fail_msg("%s at %s: %d", cases[i].url, cases[i].address, end);
        config_free(from);
        config_free(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_one_place_overlap),
        cmocka_unit_test(origin_that_is_a_listener_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
