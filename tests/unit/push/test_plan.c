#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fixture.h"

struct verdict_case {
    const char *line, *verdicts;
};

static void check_verdicts(const struct verdict_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        plan_line(cases[i].line);
        assert_verdicts(cases[i].verdicts);
    }
}

static void only_preload_targets_are_planned(void **state)
{
    (void)state;
    static const struct verdict_case cases[] = {
        {"</a>; rel=preload", "pushed"},
        {"</a>; rel=next, </b>, </c>; rel=\"prev preload\"", "not-preload not-preload pushed"},
        {"</a>; rel=preload; nopush", "nopush"},
        {"</a>; rel=preload; media=print", "conditional"},
        {"</a>; rel=preload; imagesrcset=\"/b 2x\"", "conditional"},
        {"</a>; rel=preload, bad, </b>; rel=preload", "pushed"},
        {"", ""},
    };
    check_verdicts(cases, ARRAY_LEN(cases));
}

static void an_anchor_must_be_the_page(void **state)
{
    (void)state;
    static const struct {
        const char *anchor;
        bool is_page;
    } cases[] = {
        {"\"\"", true},
        {"#part", true},
        {"/dir/page.html?x=1", true},
        {"page.html?x=1#f", true},
        {"?x=1", true},
        {"https://EXAMPLE.com:443/dir/page.html?x=1", true},
        {"//example.com/dir/../dir/page.html?x=1", true},
        {"\"p\\age.html?x=1\"", true},
        {"page.html", false},
        {"/", false},
        {"?", false},
        {"http://example.com/dir/page.html?x=1", false},
        {"https://example.com:8443/dir/page.html?x=1", false},
        {"https://u@example.com/dir/page.html?x=1", false},
        {"https:", false},
        {"https:page.html?x=1", false},
        {"//", false},
        {"1:2", false},
        {"p\\age.html?x=1", false},
        {"\"a b\"", false},
        {"mailto:a@b", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct span parts[] = {SPAN("</a>; rel=preload; anchor="), span_str(cases[i].anchor),
                                     SPAN("\0")};
        plan_line(arena_join(&t.arena, parts, ARRAY_LEN(parts)).ptr);
        if (t.plan.links[0].verdict != (cases[i].is_page ? PLAN_PUSHED : PLAN_ANCHOR))
            fail_msg("%s: %s", cases[i].anchor, plan_verdict_text(t.plan.links[0].verdict));
    }
}

static void targets_are_judged_and_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *written, *outcome; /* a verdict, or the target that is pushed */
    } cases[] = {
        {"", "invalid-url"},
        {"//", "invalid-url"},
        {"///a", "invalid-url"},
        {"//:443/a", "invalid-url"},
        {"https:/a", "invalid-url"},
        {"https:a", "invalid-url"},
        {"HTTPS:", "invalid-url"},
        {"http:/a", "invalid-url"},
        {"https://", "invalid-url"},
        {"https:///a", "invalid-url"},
        {"ftp:///a", "invalid-url"},
        {"https://u@example.com/a", "invalid-url"},
        {"//u:p@other/a", "invalid-url"},
        {"//@example.com/a", "invalid-url"},
        {"//example.com:0/a", "invalid-url"},
        {"//example.com:65536/a", "invalid-url"},
        {"//example.com:x/a", "invalid-url"},
        {"//[::1/a", "invalid-url"},
        {"1a:b", "invalid-url"},
        {":a", "invalid-url"},
        {" /a", "invalid-url"},
        {"/a b", "invalid-url"},
        {"/a\x7f", "invalid-url"},
        {"/a\x01", "invalid-url"},
        {"/\xc3\xa9", "invalid-url"},
        {"/a#\xc3\xa9", "invalid-url"},
        {"/\"", "invalid-url"},
        {"/<", "invalid-url"},
        {"/\\", "invalid-url"},
        {"/^", "invalid-url"},
        {"/`", "invalid-url"},
        {"/{a}", "invalid-url"},
        {"/a|b", "invalid-url"},
        {"http://example.com/a", "cross-origin"},
        {"https://example.com:8443/a", "cross-origin"},
        {"//cdn.example.com/a", "cross-origin"},
        {"//example.com./a", "cross-origin"},
        {"data:text/css,a", "cross-origin"},
        {"mailto:a@b", "cross-origin"},
        {"urn:a", "cross-origin"},
        {"ftp://example.com/a", "cross-origin"},
        {"page.html?x=1", "self"},
        {"?x=1", "self"},
        {"#f", "self"},
        {"https://example.com/dir/page.html?x=1#f", "self"},
        {"/dir/./page.html?x=1", "self"},
        {"/dir/page.html", "/dir/page.html"},
        {"?", "/dir/page.html?"},
        {"?y", "/dir/page.html?y"},
        {"a", "/dir/a"},
        {"./a", "/dir/a"},
        {"../a", "/a"},
        {"../../../a", "/a"},
        {".", "/dir/"},
        {"..", "/"},
        {"/", "/"},
        {"//example.com", "/"},
        {"//example.com?a", "/?a"},
        {"//EXAMPLE.com:443/a", "/a"},
        {"HTTPS://example.com:/a", "/a"},
        {"//example.com:0443/a", "/a"},
        {"//ex%61mple%2Ecom/a", "/a"},
        {"//ex%62mple.com/a", "cross-origin"},
        {"/a?", "/a?"},
        {"/a?b?c#d?e", "/a?b?c"},
        {"/a//b", "/a//b"},
        {"/.//b", "//b"},
        {"/%2e%2e/%7Ea%zz", "/%2e%2e/%7Ea%zz"},
        {"/a,b;c:d@e[f]!$&'()*+=", "/a,b;c:d@e[f]!$&'()*+="},
        {"a/b:c", "/dir/a/b:c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct span parts[] = {SPAN("<"), span_str(cases[i].written),
                                     SPAN(">; rel=preload; as=\"st\\yle\""), SPAN("\0")};
        plan_line(arena_join(&t.arena, parts, ARRAY_LEN(parts)).ptr);
        const struct plan_link *link = &t.plan.links[0];
        bool pushed = link->verdict == PLAN_PUSHED;
        struct span outcome = pushed ? link->target : span_str(plan_verdict_text(link->verdict));
        if (!span_eq(outcome, span_str(cases[i].outcome)))
            fail_msg("<%s>: %.*s instead of %s", cases[i].written, SPAN_ARG(outcome),
                     cases[i].outcome);
        assert_true(span_eq(link->written, span_str(cases[i].written)));
        assert_true(span_eq(link->as, pushed ? SPAN("style") : SPAN("")));
        assert_int_equal(link->key, pushed ? key_of(cases[i].outcome) : 0);
    }
}

static void ports_of_the_page_count(void **state)
{
    (void)state;
    static const struct verdict_case cases[] = {
        {"</a>; rel=preload, <https://h/b>; rel=preload, <//h:8443/c>; rel=preload",
         "pushed cross-origin pushed"},
    };
    open_page("https://h:8443/");
    check_verdicts(cases, ARRAY_LEN(cases));
    static const struct verdict_case ipv6[] = {
        {"<//[2001:DB8::1]/a>; rel=preload, <//[2001:db8::2]/a>; rel=preload",
         "pushed cross-origin"},
        {"<//[2001:db8:0::0:1]:/b>; rel=preload, <//[2001:db8::0:2]/b>; rel=preload",
         "pushed cross-origin"},
    };
    open_page("https://[2001:db8::1]:443/");
    check_verdicts(ipv6, ARRAY_LEN(ipv6));
}

static void a_page_without_authority_has_no_pushes(void **state)
{
    (void)state;
    static const char *const authorities[] = {"", ":443", "h:x"};
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++) {
        t.request.authority = span_str(authorities[i]);
        assert_false(plan_page_init(&t.page, &t.request, &key));
        plan_line("</a>; rel=preload, <b>; rel=preload; x-http2-push-only, <//>; rel=preload");
        assert_verdicts("cross-origin cross-origin invalid-url");
        assert_left("</a>; rel=preload,<//>; rel=preload");
    }
}

/* Each line satisfies two rows that follow one another: the first decides. */
static void rows_decide_in_their_order(void **state)
{
    (void)state;
    static const struct verdict_case cases[] = {
        {"</a>; nopush", "not-preload"},
        {"</a>; rel=preload; nopush; anchor=\"/x\"", "nopush"},
        {"</a>; rel=preload; anchor=\"/x\"; media=print", "anchor"},
        {"<>; rel=preload; media=print", "conditional"},
        {"<//u@cdn.example.com/a>; rel=preload", "invalid-url"},
        {"<http://example.com/dir/page.html?x=1>; rel=preload", "cross-origin"},
        {"<?x=1>; rel=preload, <?x=1>; rel=preload", "self self"},
        {"<//c/a>; rel=preload, <//c/a>; rel=preload", "cross-origin cross-origin"},
        {"</seen>; rel=preload, </seen>; rel=preload", "seen duplicate"},
        {"</both>; rel=preload", "seen"},
        {"</refused>; rel=preload", "refused-before"},
        {"</refused-here>; rel=preload", "refused-before"},
        {"</a>; rel=preload", "page-limit"},
    };
    diary_enter(&t.diary, key_of("/dir/page.html?x=1"));
    diary_enter(&t.diary, key_of("/seen"));
    diary_refuse(&t.diary, key_of("/both"));
    diary_enter(&t.diary, key_of("/both"));
    diary_refuse(&t.diary, key_of("/refused-here"));
    refusals_add(&t.refusals, key_of("/both"), 1001);
    refusals_add(&t.refusals, key_of("/refused"), 1001);
    t.rules.max_per_page = 0;
    t.rules.connection_left = 0;
    t.rules.client_left = 0;
    check_verdicts(cases, ARRAY_LEN(cases));
    t.rules.max_per_page = 1;
    plan_line("</a>; rel=preload");
    assert_verdicts("connection-limit");
    t.rules.connection_left = 1;
    plan_line("</a>; rel=preload");
    assert_verdicts("client-limit");
    t.rules.client_left = 1;
    plan_line("</a>; rel=preload");
    assert_verdicts("pushed");
}

static void refusals_end_in_time(void **state)
{
    (void)state;
    refusals_add(&t.refusals, key_of("/a"), 1001);
    plan_line("</a>; rel=preload");
    assert_verdicts("refused-before");
    t.rules.now_ms = 1001;
    plan_line("</a>; rel=preload");
    assert_verdicts("pushed");
}

static void each_limit_stops_where_it_is(void **state)
{
    (void)state;
    t.rules.max_per_page = 3;
    plan_line(FIVE);
    assert_verdicts("pushed pushed pushed page-limit page-limit");
    t.rules.max_per_page = 50;
    t.rules.connection_left = 2;
    plan_line(FIVE);
    assert_verdicts("pushed pushed connection-limit connection-limit connection-limit");
    t.rules.client_left = 1;
    plan_line(FIVE);
    assert_verdicts("pushed client-limit client-limit client-limit client-limit");
}

static void what_is_not_pushed_uses_no_limit_up(void **state)
{
    (void)state;
    t.rules.max_per_page = 1;
    diary_enter(&t.diary, key_of("/seen"));
    plan_line("</n>, <//c/x>; rel=preload, </seen>; rel=preload, </a>; rel=preload, "
              "</a>; rel=preload, </b>; rel=preload, </seen>; rel=preload");
    assert_verdicts("not-preload cross-origin seen pushed duplicate page-limit duplicate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_preload_targets_are_planned),
        TEST(an_anchor_must_be_the_page),
        TEST(targets_are_judged_and_resolved),
        TEST(ports_of_the_page_count),
        TEST(a_page_without_authority_has_no_pushes),
        TEST(rows_decide_in_their_order),
        TEST(refusals_end_in_time),
        TEST(each_limit_stops_where_it_is),
        TEST(what_is_not_pushed_uses_no_limit_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
