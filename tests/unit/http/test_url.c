#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/url.h"

static void assert_span(struct span actual, const char *expected)
{
    if (!span_eq(actual, span_str(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(actual), expected);
}

/* `url` as one text, to compare with: scheme, authority and target. */
static void print_url(const struct url *url, struct span target, char *out, size_t bytes)
{
    char port[16] = "";
    if (url->port != 0)
        snprintf(port, sizeof port, ":%u", url->port);
    snprintf(out, bytes, "%.*s%s%s%s%.*s%s%.*s", SPAN_ARG(url->scheme),
             url->scheme.len > 0 ? ":" : "", url->has_authority ? "//" : "",
             url->has_userinfo ? "...@" : "", SPAN_ARG(url->host), port, SPAN_ARG(target));
}

static void assert_resolves(const char *base_text, const char *ref_text, const char *expected)
{
    struct url base, ref, out;
    struct span target;
    char text[512];
    assert_true(url_split(span_str(base_text), &base));
    if (!url_split(span_str(ref_text), &ref))
        fail_msg("<%s> does not split", ref_text);
    /* Exactly the promised room, so that the sanitizer sees a byte too many. */
    size_t bytes = url_resolve_bytes(&base, &ref);
    char *buffer = mem_alloc(bytes);
    assert_non_null(buffer);
    url_resolve(&base, &ref, buffer, &out, &target);
    assert_true(target.len <= bytes);
    assert_int_equal(target.len, out.path.len + (out.has_query ? out.query.len + 1 : 0));
    print_url(&out, target, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail_msg("<%s> on <%s> is <%s>, not <%s>", ref_text, base_text, text, expected);
    mem_free(buffer);
}

struct resolve_case {
    const char *ref, *expected;
};

/* RFC 3986 §5.4.1 and §5.4.2, strict, without the fragments. */
static void references_resolve_as_in_rfc_3986(void **state)
{
    (void)state;
    static const struct resolve_case cases[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g"},
        {"g#s/../x", "http://a/b/c/g"},
        {"http:g", "http:g"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_resolves("http://a/b/c/d;p?q", cases[i].ref, cases[i].expected);
}

static void references_resolve_at_the_edges(void **state)
{
    (void)state;
    static const struct {
        const char *base, *ref, *expected;
    } cases[] = {
        {"https://h", "g", "https://h/g"},
        {"https://h", "", "https://h/"},
        {"https://h", "?q", "https://h/?q"},
        {"https://h", "../..", "https://h/"},
        {"https://h?q", "#f", "https://h/?q"},
        {"https://h/a?q", "?", "https://h/a?"},
        {"https://h/a?q", "b?", "https://h/b?"},
        {"https://h/a/b?x/y", "c", "https://h/a/c"},
        {"https://h/a", "//g?q", "https://g/?q"},
        {"https://h/a", "//g:8443/x/../y", "https://g:8443/y"},
        {"https://h:8443/a", "b", "https://h:8443/b"},
        {"https://h:8443/a", "https://h/b", "https://h/b"},
        {"https://h/a", "HTTPS://G", "HTTPS://G/"},
        {"https://h/a", "//u:p@g/", "https://...@g/"},
        {"https://h/a", "/%2e%2E/b", "https://h/%2e%2E/b"},
        {"https://h/a", "//[2001:db8::1]:81/b", "https://[2001:db8::1]:81/b"},
        {"https://h/a/b", "/..//c", "https://h//c"},
        {"https://h/a//b", "../c", "https://h/a/c"},
        {"https://h/a//b", "..", "https://h/a/"},
        {"https://h/a/../b", "", "https://h/a/../b"},
        {"https://h/a/../b", "c", "https://h/c"},
        {"https://h/a", "...", "https://h/..."},
        {"https://h/a", "/.../b/.", "https://h/.../b/"},
        {"https://h/a", "b:c/d", "b:c/d"},
        {"https://h/a", "./b:c", "https://h/b:c"},
        {"https://h/a", "mailto:a@b", "mailto:a@b"},
        {"https://h/a", "x:../../b", "x:b"},
        {"https://h/a", "x:./.././b", "x:b"},
        {"https://h/a", "x:.", "x:"},
        {"https://h/a", "x:..", "x:"},
        {"x:a", "b", "x:b"},
        {"x:", "b", "x:b"},
        {"x:", "", "x:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_resolves(cases[i].base, cases[i].ref, cases[i].expected);
}

static void a_reference_is_split_into_its_parts(void **state)
{
    (void)state;
    struct url url;
    assert_true(url_split(SPAN("HTTP+x.y-1://us:er@Ho%st:0080/p/a?q?r/s#f?g/h"), &url));
    assert_span(url.scheme, "HTTP+x.y-1");
    assert_true(url.has_authority);
    assert_true(url.has_userinfo);
    assert_span(url.host, "Ho%st");
    assert_int_equal(url.port, 80);
    assert_span(url.path, "/p/a");
    assert_true(url.has_query);
    assert_span(url.query, "q?r/s");
}

static void what_is_not_there_is_told_from_what_is_empty(void **state)
{
    (void)state;
    struct url url;
    assert_true(url_split(SPAN("a"), &url));
    assert_false(url.has_authority || url.has_userinfo || url.has_query);
    assert_int_equal(url.scheme.len, 0);
    assert_true(url_split(SPAN("//@:?#"), &url));
    assert_true(url.has_authority && url.has_userinfo && url.has_query);
    assert_int_equal(url.host.len + url.path.len + url.query.len, 0);
    assert_int_equal(url.port, 0);
    assert_true(url_split(SPAN(""), &url));
    assert_false(url.has_authority || url.has_userinfo || url.has_query);
    assert_true(url_split((struct span){NULL, 0}, &url));
    assert_true(url_split(SPAN("//?q"), &url));
    assert_true(url.has_authority);
    assert_span(url.query, "q");
}

static void what_is_no_reference_does_not_split(void **state)
{
    (void)state;
    static const char *const cases[] = {
        ":",
        ":a",
        "1a:b",
        "a_b:c",
        "-a:b",
        "%61:b",
        "//h:0",
        "//h:65536",
        "//h:x",
        "//h:80x",
        "//h:-1",
        "//h:80:80",
        "//h:99999999999999999999",
        "//a@b@c",
        "//[::1",
        "//[::1]x",
        "//[::1]80",
        "//::1",
        "//[]",
        "//[1.2.3.4]",
        "//[g::1]",
        "//[::1%25e0]",
        "//[v.a]",
        "//[vg.a]",
        "//[v1.]",
        "//[v1.a/]",
        "//a[b",
        "//a]b",
        "//[a@h",
        "//u[@h",
    };
    struct url url;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (url_split(span_str(cases[i]), &url))
            fail_msg("<%s> splits", cases[i]);
    }
}

static void hosts_of_all_kinds_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        unsigned port;
    } cases[] = {
        {"h", "h", 0},
        {"h:", "h", 0},
        {"h:1", "h", 1},
        {"h:65535", "h", 65535},
        {"192.0.2.1:80", "192.0.2.1", 80},
        {"[::1]", "[::1]", 0},
        {"[::ffff:192.0.2.1]:443", "[::ffff:192.0.2.1]", 443},
        {"[v1F.a:b!]:", "[v1F.a:b!]", 0},
        {"a-b_c~d.e!$&'()*+,;=%41", "a-b_c~d.e!$&'()*+,;=%41", 0},
        {"", "", 0},
        {":80", "", 80},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;
        if (!url_split_authority(span_str(cases[i].text), &url))
            fail_msg("<%s> does not split", cases[i].text);
        assert_true(url.has_authority);
        assert_span(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.scheme.len + url.path.len + url.has_query, 0);
    }
    struct url url;
    assert_true(url_split_authority((struct span){NULL, 0}, &url));
    assert_false(url_split_authority(SPAN("h/"), &url));
    assert_false(url_split_authority(SPAN("h?"), &url));
    assert_false(url_split_authority(SPAN("h#"), &url));
    assert_false(url_split_authority(SPAN("h x"), &url));
    assert_false(url_split_authority(SPAN("h\xc3\xa9"), &url));
    assert_true(url_split_authority(SPAN("u@h"), &url));
    assert_true(url.has_userinfo);
}

static void only_bytes_of_the_rfc_are_taken(void **state)
{
    (void)state;
    static const char refused[] = " \"<>\\^`{|}";
    for (int c = 0; c < 256; c++) {
        struct url url;
        bool valid = c > ' ' && c < 0x7f && !strchr(refused, c);
        char path[3] = {'/', (char)c, 'b'}, fragment[3] = {'/', '#', (char)c};
        assert_int_equal(url_split(span_of(path, 3), &url), valid);
        assert_int_equal(url_split(span_of(fragment, 3), &url), valid);
    }
}

static void a_failed_split_leaves_the_result_alone(void **state)
{
    (void)state;
    struct url url = {.port = 7, .has_query = true};
    assert_false(url_split(SPAN("//h:x"), &url));
    assert_false(url_split_authority(SPAN("h:x"), &url));
    assert_int_equal(url.port, 7);
    assert_true(url.has_query);
}

static void a_target_is_split_at_the_first_question_mark(void **state)
{
    (void)state;
    struct url url;
    url_split_target(SPAN("//a/b?c?d"), &url);
    assert_span(url.path, "//a/b");
    assert_true(url.has_query);
    assert_span(url.query, "c?d");
    assert_false(url.has_authority);
    url_split_target(SPAN("/a"), &url);
    assert_span(url.path, "/a");
    assert_false(url.has_query);
    url_split_target(SPAN("/a?"), &url);
    assert_true(url.has_query);
    assert_int_equal(url.query.len, 0);
}

static void origins_compare_as_entities(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://h/a", "https://h/b?c", true},
        {"https://h", "HTTPS://H:443", true},
        {"http://h:80", "http://h:", true},
        {"https://h:8443", "https://h:8443", true},
        {"https://h:8443", "https://h", false},
        {"https://h", "http://h", false},
        {"https://h:80", "http://h:80", false},
        {"https://h", "https://h.", false},
        {"https://h", "https://g", false},
        {"https://h:0443", "https://h:", true},
        {"https://h:0000080", "https://h:80", true},
        {"https://%68%2Ex", "https://H.x", true},
        {"https://[::1]", "https://[0:0::0:1]:443", true},
        {"https://[::1]:1", "https://[::1]", false},
        {"x://h", "x://h", true},
        {"x://h:1", "x://h", false},
        {"x:/h", "x:/h", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url a, b;
        assert_true(url_split(span_str(cases[i].a), &a));
        assert_true(url_split(span_str(cases[i].b), &b));
        assert_int_equal(url_same_origin(&a, &b), cases[i].same);
        assert_int_equal(url_same_origin(&b, &a), cases[i].same);
    }
    assert_int_equal(url_default_port(SPAN("hTTps")), 443);
    assert_int_equal(url_default_port(SPAN("http")), 80);
    assert_int_equal(url_default_port(SPAN("ftp")), 0);
    assert_int_equal(url_default_port(SPAN("")), 0);
}

/* The time to resolve `unit`, repeated over `bytes`. */
static uint64_t resolve_us(const char *unit, size_t bytes, char *text, char *buffer)
{
    struct url base, ref, out;
    struct span target;
    for (size_t i = 0; i < bytes; i++)
        text[i] = unit[i % strlen(unit)];
    assert_true(url_split(SPAN("https://h/a/b"), &base));
    uint64_t start = clock_monotonic_us();
    assert_true(url_split(span_of(text, bytes), &ref));
    url_resolve(&base, &ref, buffer, &out, &target);
    return clock_monotonic_us() - start;
}

/* Quadratic work on 4 MiB would take minutes. */
static void hostile_paths_take_linear_time(void **state)
{
    (void)state;
    static const char *const units[] = {"/..", "/.", "/a", "/", "../", "a/b/../../", "/a/.."};
    size_t bytes = 4 << 20;
    char *text = mem_alloc(bytes), *buffer = mem_alloc(bytes + 16);
    assert_non_null(text);
    assert_non_null(buffer);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        assert_true(resolve_us(units[i], bytes, text, buffer) < 5000000);
    mem_free(text);
    mem_free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_resolve_as_in_rfc_3986),
        cmocka_unit_test(references_resolve_at_the_edges),
        cmocka_unit_test(a_reference_is_split_into_its_parts),
        cmocka_unit_test(what_is_not_there_is_told_from_what_is_empty),
        cmocka_unit_test(what_is_no_reference_does_not_split),
        cmocka_unit_test(hosts_of_all_kinds_are_taken),
        cmocka_unit_test(only_bytes_of_the_rfc_are_taken),
        cmocka_unit_test(a_failed_split_leaves_the_result_alone),
        cmocka_unit_test(a_target_is_split_at_the_first_question_mark),
        cmocka_unit_test(origins_compare_as_entities),
        cmocka_unit_test(hostile_paths_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
