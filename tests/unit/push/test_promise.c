#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "push/promise.h"

#include "../field_lines.h"

#include "../arena_fixture.h"

static struct request page_with(const char *lines)
{
    return (struct request){
        .method = SPAN("GET"),
        .scheme = SPAN("https"),
        .authority = SPAN("example.com:8443"),
        .path = SPAN("/dir/page?x=1"),
        .fields = read_fields(&arena, lines),
        .body = {.framing = BODY_NONE},
    };
}

static const struct promise_rules plain = {.copied = NULL};

static void a_promise_asks_for_the_asset_at_the_pages_site(void **state)
{
    (void)state;
    struct request page = page_with(""), out;
    struct fields answer = read_fields(&arena, "");
    bool is_private = true;
    promise_request(&out, &arena, &page, &answer, SPAN("/a?b"), SPAN(""), &plain, &is_private);
    assert_true(span_eq(out.method, SPAN("GET")));
    assert_true(span_eq(out.scheme, page.scheme));
    assert_true(span_eq(out.authority, page.authority));
    assert_true(span_eq(out.path, SPAN("/a?b")));
    assert_int_equal(out.body.framing, BODY_NONE);
    assert_false(is_private);
    assert_fields(&arena, &out.fields, "accept: */*\n");
}

static void accept_follows_the_destination(void **state)
{
    (void)state;
    static const struct {
        const char *as, *accept;
    } cases[] = {
        {"style", "text/css,*/*;q=0.1"},
        {"STYLE", "text/css,*/*;q=0.1"},
        {"image", "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"},
        {"script", "*/*"},
        {"font", "*/*"},
        {"styles", "*/*"},
        {"", "*/*"},
    };
    struct request page = page_with("accept: text/html\n"), out;
    struct fields answer = read_fields(&arena, "");
    bool is_private;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), span_str(cases[i].as), &plain,
                        &is_private);
        assert_int_equal(out.fields.len, 1);
        assert_true(span_eq(fields_value(&out.fields, FIELD_ACCEPT), span_str(cases[i].accept)));
    }
}

struct copy_case {
    const char *page, *promise;
    bool is_private;
};

static void check_copies(const struct copy_case *cases, size_t len,
                         const struct promise_rules *rules)
{
    for (size_t i = 0; i < len; i++) {
        struct request page = page_with(cases[i].page), out;
        struct fields answer = read_fields(&arena, "");
        bool is_private = !cases[i].is_private;
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), rules, &is_private);
        assert_fields(&arena, &out.fields, cases[i].promise);
        assert_int_equal(is_private, cases[i].is_private);
    }
}

static void nothing_private_is_copied_by_default(void **state)
{
    (void)state;
    static const struct copy_case cases[] = {
        {"cookie: a\nauthorization: b\nuser-agent: u\nx-own: c\naccept-language: de\n"
         "if-none-match: \"x\"\nrange: bytes=0-\nreferer: https://other/\naccept-encoding: gzip\n",
         "accept: */*\nuser-agent: u\naccept-language: de\naccept-encoding: gzip\n", false},
    };
    check_copies(cases, ARRAY_LEN(cases), &plain);
}

static void listed_fields_are_copied(void **state)
{
    (void)state;
    static const struct span listed[] = {{"cookie", 6}, {"x-own", 5}, {"user-agent", 10}};
    static const struct promise_rules rules = {.copied = listed, .copied_len = ARRAY_LEN(listed)};
    static const struct copy_case cases[] = {
        {"user-agent: u\n", "accept: */*\nuser-agent: u\n", false},
        {"cookie: a\nx-other: 1\ncookie: b\n", "accept: */*\ncookie: a\ncookie: b\n", true},
        {"x-own: 1\n", "accept: */*\nx-own: 1\n", true},
        {"x-own2: 1\nx-ow: 1\n", "accept: */*\n", false},
    };
    check_copies(cases, ARRAY_LEN(cases), &rules);
}

/* The origin gets the page's claims where it believes them, and no others. */
static void claims_and_what_the_origin_would_not_get_are_never_copied(void **state)
{
    (void)state;
    static const struct span listed[] = {{"x-forwarded-for", 15}, {"x-forwarded-user", 16},
                                         {"x_real_ip", 9},        {"proxy", 5},
                                         {"forwarded", 9},        {"x_own", 5}};
    static const char lines[] = "x-forwarded-for: a\nx-forwarded-user: b\nx_real_ip: c\nproxy: d\n"
                                "forwarded: e\nx_own: f\n";
    struct promise_rules rules = {.copied = listed, .copied_len = ARRAY_LEN(listed)};
    static const struct copy_case dropped[] = {{lines, "accept: */*\n", false}};
    static const struct copy_case kept[] = {{lines, "accept: */*\nx_own: f\n", true}};
    check_copies(dropped, ARRAY_LEN(dropped), &rules);
    rules.underscores = true;
    check_copies(kept, ARRAY_LEN(kept), &rules);
}

static void some_fields_are_never_copied(void **state)
{
    (void)state;
    static const char lines[] = "cf-h2-push-explain: 1\nx-http2-push: 1\nhost: h\nconnection: x\n"
                                "keep-alive: 1\nproxy-connection: x\ntransfer-encoding: chunked\n"
                                "upgrade: x\nte: trailers\nhttp2-settings: x\ncontent-length: 0\n"
                                "expect: 100-continue\ntrailer: x\naccept: x\nreferer: x\n";
    struct fields fields = read_fields(&arena, lines);
    struct span names[32];
    assert_true(fields.len <= ARRAY_LEN(names));
    for (size_t i = 0; i < fields.len; i++)
        names[i] = fields.at[i].name;
    const struct promise_rules rules = {.copied = names, .copied_len = fields.len};
    const struct copy_case cases[] = {{lines, "accept: */*\n", false}};
    check_copies(cases, ARRAY_LEN(cases), &rules);
}

static void the_referer_is_the_page_unless_its_policy_forbids(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        bool allowed;
    } cases[] = {
        {"", true},
        {"referrer-policy: no-referrer\n", false},
        {"referrer-policy: origin\n", false},
        {"referrer-policy: strict-origin\n", false},
        {"referrer-policy: No-Referrer\n", false},
        {"referrer-policy: no-referrer-when-downgrade\n", true},
        {"referrer-policy: same-origin\n", true},
        {"referrer-policy: origin-when-cross-origin\n", true},
        {"referrer-policy: strict-origin-when-cross-origin\n", true},
        {"referrer-policy: unsafe-url\n", true},
        {"referrer-policy:\n", true},
        {"referrer-policy: ,\n", true},
        {"referrer-policy: no-referrer,\n", false},
        {"referrer-policy: no-referrer\nreferrer-policy:\n", false},
        {"referrer-policy: no-referrer\nreferrer-policy: x, y\n", false},
        {"referrer-policy: ORIGIN , Same-Origin\n", true},
        {"referrer-policy: no-referrer, unsafe-url\n", true},
        {"referrer-policy: unsafe-url, no-referrer\n", false},
        {"referrer-policy: no-referrer, from-the-future\n", false},
        {"referrer-policy: unsafe-url\nreferrer-policy: origin\n", false},
        {"referrer-policy: origin\nreferrer-policy: unsafe-url\n", true},
        {"x-referrer-policy: no-referrer\n", true},
    };
    static const struct promise_rules same_section = {.referer = true};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request page = page_with("referer: https://other/\n"), out;
        struct fields answer = read_fields(&arena, cases[i].answer);
        bool is_private;
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), &same_section,
                        &is_private);
        struct span referer = fields_value(&out.fields, FIELD_REFERER);
        struct span expected =
            cases[i].allowed ? SPAN("https://example.com:8443/dir/page?x=1") : SPAN("");
        if (!span_eq(referer, expected))
            fail_msg("%s: %.*s", cases[i].answer, SPAN_ARG(referer));
        assert_int_equal(fields_get(&out.fields, FIELD_REFERER) != NULL, cases[i].allowed);
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), &plain, &is_private);
        assert_null(fields_get(&out.fields, FIELD_REFERER));
    }
}

static void the_links_own_policy_has_a_say(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *policy;
        bool allowed;
    } cases[] = {
        {"", "", true},
        {"", "no-referrer", false},
        {"", "No-Referrer", false},
        {"", "origin", false},
        {"", "strict-origin", false},
        {"", "no-referrer-when-downgrade", true},
        {"", "same-origin", true},
        {"", "origin-when-cross-origin", true},
        {"", "strict-origin-when-cross-origin", true},
        {"", "unsafe-url", true},
        {"", "from-the-future", true},
        {"", "no-referrer, unsafe-url", true}, /* one word, and no known one */
        {"referrer-policy: no-referrer\n", "unsafe-url", false},
        {"referrer-policy: unsafe-url\n", "no-referrer", false},
        {"referrer-policy: unsafe-url\n", "", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct promise_rules rules = {.referer = true, .policy = span_str(cases[i].policy)};
        struct request page = page_with(""), out;
        struct fields answer = read_fields(&arena, cases[i].answer);
        bool is_private;
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), &rules, &is_private);
        if ((fields_get(&out.fields, FIELD_REFERER) != NULL) != cases[i].allowed)
            fail_msg("%s and %s", cases[i].answer, cases[i].policy);
    }
}

static void a_long_referer_is_the_pages_origin(void **state)
{
    (void)state;
    static const struct promise_rules same_section = {.referer = true};
    static char path[8192];
    const size_t origin = sizeof "https://example.com:8443" - 1, most = 4096;
    struct fields answer = read_fields(&arena, "");
    memset(path, 'a', sizeof path);
    path[0] = '/';
    for (size_t len = most - origin - 1; len <= most - origin + 1; len++) {
        struct request page = page_with(""), out;
        bool is_private;
        page.path = span_of(path, len);
        promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), &same_section,
                        &is_private);
        struct span referer = fields_value(&out.fields, FIELD_REFERER);
        if (origin + len <= most)
            assert_int_equal(referer.len, origin + len);
        else
            assert_true(span_eq(referer, SPAN("https://example.com:8443/")));
    }
}

static void an_answer_that_varies_by_what_differs_is_forbidden(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *page, *promise;
        bool forbids;
    } cases[] = {
        {"", "cookie: a\n", "", false},
        {"vary: *\n", "", "", true},
        {"vary: accept-encoding, *\n", "", "", true},
        {"vary: cookie\n", "", "", false},
        {"vary: cookie\n", "cookie: a\n", "", true},
        {"vary: Cookie\n", "cookie: a\n", "", true},
        {"vary: cookie\n", "cookie: a\n", "cookie: a\n", false},
        {"vary: cookie\n", "cookie: a\n", "cookie: b\n", true},
        {"vary: cookie\n", "cookie: a\n", "cookie: A\n", true},
        {"vary: cookie\n", "", "cookie: a\n", false},
        {"vary: cookie\n", "cookie:\n", "", true},
        {"vary: cookie\n", "cookie:\n", "cookie:\n", false},
        {"vary: cookie\n", "cookie:\n", "cookie: a\n", true},
        {"vary: x-own\n", "x-own: a\n", "", true},
        {"vary: x-own\n", "x-own: a\nx-own: b\n", "x-own: a\nx-own: b\n", false},
        {"vary: x-own\n", "x-own: a\nx-own: b\n", "x-own: a, b\n", false},
        {"vary: x-own\n", "x-own: a\nx-own: b\n", "x-own: b\nx-own: a\n", true},
        {"vary: x-own\n", "x-own: a\nx-own: b\n", "x-own: a\n", true},
        {"vary: x-own\n", "x-own: a\n", "x-own: a\nx-own: b\n", true},
        {"vary: x-own\n", "x-ow: a\n", "", false},
        {"vary: accept\n", "accept: text/html\n", "accept: */*\n", false},
        {"vary: Accept, host\n", "accept: text/html\nhost: h\n", "", false},
        {"vary: accept-encoding, user-agent\n", "user-agent: u\naccept-encoding: gzip, br\n",
         "accept-encoding: gzip, br\nuser-agent: u\n", false},
        {"vary: accept-encoding\nvary: origin\n", "origin: x\n", "", true},
        {"vary: referer\n", "referer: https://other/\n", "referer: https://example.com/\n", true},
        {"x-vary: *\n", "", "", false},
        {"vary: X-Forwarded-Proto, forwarded\n", "x-forwarded-proto: http\nforwarded: a\n", "",
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fields answer = read_fields(&arena, cases[i].answer);
        struct request page = {.fields = read_fields(&arena, cases[i].page)};
        struct request promise = {.fields = read_fields(&arena, cases[i].promise)};
        if (promise_vary_forbids(&answer, &page, &promise) != cases[i].forbids)
            fail_msg("case %zu: %s", i, cases[i].answer);
    }
}

static void a_vary_without_end_is_forbidden(void **state)
{
    (void)state;
    struct span value = SPAN("");
    for (size_t i = 0; i < 65; i++) {
        struct fields answer;
        struct request none = {.method = SPAN("GET")};
        const struct span parts[] = {value, SPAN("a,")};
        value = arena_join(&arena, parts, ARRAY_LEN(parts));
        fields_init(&answer, &arena);
        fields_add(&answer, SPAN("vary"), value);
        assert_int_equal(promise_vary_forbids(&answer, &none, &none), i == 64);
    }
}

static void failed_memory_is_told(void **state)
{
    (void)state;
    struct request page = page_with("user-agent: u\n"), out;
    struct fields answer = read_fields(&arena, "");
    bool is_private;
    arena.failed = true;
    promise_request(&out, &arena, &page, &answer, SPAN("/a"), SPAN(""), &plain, &is_private);
    assert_true(out.fields.failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_promise_asks_for_the_asset_at_the_pages_site),
        TEST(accept_follows_the_destination),
        TEST(nothing_private_is_copied_by_default),
        TEST(listed_fields_are_copied),
        TEST(claims_and_what_the_origin_would_not_get_are_never_copied),
        TEST(some_fields_are_never_copied),
        TEST(the_referer_is_the_page_unless_its_policy_forbids),
        TEST(the_links_own_policy_has_a_say),
        TEST(a_long_referer_is_the_pages_origin),
        TEST(an_answer_that_varies_by_what_differs_is_forbidden),
        TEST(a_vary_without_end_is_forbidden),
        TEST(failed_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
