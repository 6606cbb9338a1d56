#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "push/diary.h"

enum { REMEMBERED = 1024 };

static const struct siphash_key key = {1, 2};

static int set_up(void **state)
{
    static struct diary d;
    diary_init(&d);
    *state = &d;
    return 0;
}

static int tear_down(void **state)
{
    diary_fini(*state);
    return 0;
}

static uint64_t site_of(const char *text)
{
    struct url url;
    assert_true(url_split(span_str(text), &url));
    return diary_site(&key, &url);
}

static void a_site_is_its_scheme_host_and_port(void **state)
{
    (void)state;
    static const char longest[] =
        "https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.";
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://h/a", "https://h/b?c", true},    {"https://h", "HTTPS://H:443", true},
        {"http://h", "http://h:80", true},         {"https://h", "http://h", false},
        {"https://h:80", "http://h:80", false},    {"https://h", "https://h:8443", false},
        {"https://h", "https://g", false},         {"https://h", "https://h.", false},
        {"https://h:0443", "https://h:", true},    {"https://ab", "https://%61%42", true},
        {"https://a%2Fb", "https://a%2fb", true},  {"https://[::1]", "https://[0::0001]", true},
        {"https://[::1]", "https://[::2]", false}, {longest, longest, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(site_of(cases[i].a) == site_of(cases[i].b), cases[i].same);
    /* Every byte of a long host counts. */
    char other[sizeof longest];
    for (size_t i = sizeof "https://" - 1; i < sizeof longest - 1; i++) {
        memcpy(other, longest, sizeof other);
        other[i] = 'b';
        assert_int_not_equal(site_of(other), site_of(longest));
    }
}

static void a_key_depends_on_secret_site_and_target(void **state)
{
    (void)state;
    static const struct siphash_key other = {1, 3};
    uint64_t site = site_of("https://h"), asset = diary_key(&key, site, SPAN("/a"));
    assert_int_equal(asset, diary_key(&key, site, SPAN("/a")));
    assert_int_not_equal(asset, diary_key(&key, site, SPAN("/A")));
    assert_int_not_equal(asset, diary_key(&key, site, SPAN("/a?")));
    assert_int_not_equal(asset, diary_key(&key, site_of("https://g"), SPAN("/a")));
    assert_int_not_equal(asset, diary_key(&other, site, SPAN("/a")));
}

static void what_entered_is_there_until_it_leaves(void **state)
{
    struct diary *d = *state;
    assert_false(diary_has(d, 7));
    diary_enter(d, 7);
    diary_enter(d, 8);
    assert_true(diary_has(d, 7));
    assert_false(diary_refused(d, 7));
    diary_leave(d, 7);
    assert_false(diary_has(d, 7));
    assert_true(diary_has(d, 8));
    diary_leave(d, 7);
    assert_int_equal(d->assets.size, 1);
}

static void what_was_refused_was_not_carried(void **state)
{
    struct diary *d = *state;
    diary_enter(d, 7);
    diary_refuse(d, 7);
    assert_false(diary_has(d, 7));
    assert_true(diary_refused(d, 7));
    diary_refuse(d, 8);
    assert_true(diary_refused(d, 8));
}

static void a_refusal_outlives_what_the_client_fetches(void **state)
{
    struct diary *d = *state;
    diary_refuse(d, 7);
    diary_enter(d, 7);
    assert_true(diary_has(d, 7));
    assert_true(diary_refused(d, 7));
    diary_leave(d, 7);
    assert_false(diary_has(d, 7));
    assert_true(diary_refused(d, 7));
}

static void the_least_recently_used_goes_first(void **state)
{
    struct diary *d = *state;
    for (uint64_t asset = 0; asset < REMEMBERED; asset++)
        diary_enter(d, asset);
    assert_true(diary_has(d, 0));
    diary_enter(d, 0);
    diary_enter(d, REMEMBERED);
    assert_true(diary_has(d, 0));
    assert_false(diary_has(d, 1));
    for (uint64_t asset = 2; asset <= REMEMBERED; asset++)
        assert_true(diary_has(d, asset));
}

static void looking_is_no_use(void **state)
{
    struct diary *d = *state;
    for (uint64_t asset = 0; asset < REMEMBERED; asset++)
        diary_enter(d, asset);
    assert_true(diary_has(d, 0));
    diary_enter(d, REMEMBERED);
    assert_false(diary_has(d, 0));
}

static void refusals_end(void **state)
{
    (void)state;
    struct refusals r;
    refusals_init(&r);
    assert_false(refusals_has(&r, 7, 0));
    refusals_add(&r, 7, 1000);
    assert_true(refusals_has(&r, 7, 0));
    assert_true(refusals_has(&r, 7, 999));
    assert_false(refusals_has(&r, 7, 1000));
    assert_false(refusals_has(&r, 8, 0));
    refusals_add(&r, 7, 2000);
    assert_true(refusals_has(&r, 7, 1999));
    for (uint64_t asset = 100; asset < 100 + REMEMBERED; asset++)
        refusals_add(&r, asset, 3000);
    assert_false(refusals_has(&r, 7, 1500));
    assert_true(refusals_has(&r, 100, 1500));
    refusals_fini(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_site_is_its_scheme_host_and_port),
        TEST(a_key_depends_on_secret_site_and_target),
        TEST(what_entered_is_there_until_it_leaves),
        TEST(what_was_refused_was_not_carried),
        TEST(a_refusal_outlives_what_the_client_fetches),
        TEST(the_least_recently_used_goes_first),
        TEST(looking_is_no_use),
        TEST(refusals_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
