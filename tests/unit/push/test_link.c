#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "push/link.h"

#include "../arena_fixture.h"

static void assert_span(struct span actual, const char *expected, const char *line)
{
    if (!span_eq(actual, span_str(expected)))
        fail_msg("in %s: \"%.*s\" instead of \"%s\"", line, SPAN_ARG(actual), expected);
}

/* The elements of a line, the target of each, and its malformed end. */
static void lines_are_read_element_by_element(void **state)
{
    (void)state;
    static const struct {
        const char *line, *elements[4], *targets[4], *malformed;
    } cases[] = {
        {"", {NULL}, {NULL}, NULL},
        {" \t", {NULL}, {NULL}, NULL},
        {", ,\t,", {NULL}, {NULL}, NULL},
        {"</a>", {"</a>"}, {"/a"}, NULL},
        {"<>", {"<>"}, {""}, NULL},
        {"  </a>\t", {"</a>"}, {"/a"}, NULL},
        {"</a>,</b>", {"</a>", "</b>"}, {"/a", "/b"}, NULL},
        {",, </a> ,\t, </b> , ", {"</a>", "</b>"}, {"/a", "/b"}, NULL},
        {"</a>;", {"</a>;"}, {"/a"}, NULL},
        {"</a> ; ; ;\t, </b>;;x", {"</a> ; ; ;", "</b>;;x"}, {"/a", "/b"}, NULL},
        {"</a>; x=1; y , </b>", {"</a>; x=1; y", "</b>"}, {"/a", "/b"}, NULL},
        {"</a> ;\tx\t=\t1 , </b>", {"</a> ;\tx\t=\t1", "</b>"}, {"/a", "/b"}, NULL},
        {"< /a >", {"< /a >"}, {" /a "}, NULL},
        {"</a,b;c\"<d>", {"</a,b;c\"<d>"}, {"/a,b;c\"<d"}, NULL},
        {"</a>; t=\"x,y;z>\", </b>", {"</a>; t=\"x,y;z>\"", "</b>"}, {"/a", "/b"}, NULL},
        {"</a>; t=\"x\\\"y, \\\\\", </b>",
         {"</a>; t=\"x\\\"y, \\\\\"", "</b>"},
         {"/a", "/b"},
         NULL},
        {"</a>; t=\"\xc3\xa9\"", {"</a>; t=\"\xc3\xa9\""}, {"/a"}, NULL},
        {"</a>; t=\"\"", {"</a>; t=\"\""}, {"/a"}, NULL},
        {"</a>; t=, </b>", {"</a>; t=", "</b>"}, {"/a", "/b"}, NULL},
        {"</a>; t= ;u", {"</a>; t= ;u"}, {"/a"}, NULL},
        {"</a>; t=a=b\"c<d>", {"</a>; t=a=b\"c<d>"}, {"/a"}, NULL},
        {"</a>; =x; y", {"</a>; =x; y"}, {"/a"}, NULL},
        {"</a>; =\"x,y\"", {"</a>; =\"x,y\""}, {"/a"}, NULL},
        {"/a", {NULL}, {NULL}, "/a"},
        {" ,\t/a, </b> ", {NULL}, {NULL}, "/a, </b> "},
        {"</a", {NULL}, {NULL}, "</a"},
        {"</a>, </b", {"</a>"}, {"/a"}, "</b"},
        {"</a>x", {NULL}, {NULL}, "</a>x"},
        {"</a> rel=preload", {NULL}, {NULL}, "</a> rel=preload"},
        {"</a>=x", {NULL}, {NULL}, "</a>=x"},
        {"</a>; x y", {NULL}, {NULL}, "</a>; x y"},
        {"</a>; x=1 y", {NULL}, {NULL}, "</a>; x=1 y"},
        {"</a>; x=\"1\"y, </b>", {NULL}, {NULL}, "</a>; x=\"1\"y, </b>"},
        {"</a>, </b>; x=\"1, </c>", {"</a>"}, {"/a"}, "</b>; x=\"1, </c>"},
        {"</a>; x=\"1\\\"", {NULL}, {NULL}, "</a>; x=\"1\\\""},
        {"</a>; x=\"1\\", {NULL}, {NULL}, "</a>; x=\"1\\"},
        {"</a>; x=\"", {NULL}, {NULL}, "</a>; x=\""},
        {"</a>, b, </c>", {"</a>"}, {"/a"}, "b, </c>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *line = cases[i].line;
        struct link_reader reader;
        struct link link;
        link_start(&reader, span_str(line));
        for (size_t j = 0; j < 4 && cases[i].elements[j]; j++) {
            if (link_next(&reader, &link) != LINK_ELEMENT)
                fail_msg("in %s: no element %zu", line, j);
            assert_span(link.element, cases[i].elements[j], line);
            assert_span(link.target, cases[i].targets[j], line);
        }
        if (cases[i].malformed) {
            if (link_next(&reader, &link) != LINK_MALFORMED)
                fail_msg("in %s: not malformed", line);
            assert_span(link.element, cases[i].malformed, line);
        }
        if (link_next(&reader, &link) != LINK_END)
            fail_msg("in %s: no end", line);
        assert_int_equal(link_next(&reader, &link), LINK_END);
    }
}

static struct link read_one(const char *line)
{
    struct link_reader reader;
    struct link link;
    link_start(&reader, span_str(line));
    if (link_next(&reader, &link) != LINK_ELEMENT)
        fail_msg("in %s: no element", line);
    return link;
}

/* The flags of a link, a letter each: p preload, n nopush, o push-only, c conditional, a anchor. */
static void parameters_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *parameters, *flags;
    } cases[] = {
        {"", ""},
        {"; rel=preload", "p"},
        {"; REL=Preload", "p"},
        {";rel\t= \tpreload", "p"},
        {"; rel=\"preload\"", "p"},
        {"; rel=\"\tprev\t preload next\"", "p"},
        {"; rel=\"PRELOAD \"", "p"},
        {"; rel=\"pre\\load\"", "p"},
        {"; rel=\"\\p\\r\\e\\l\\o\\a\\d\"", "p"},
        {"; rel=\"x\\ preload\"", "p"},
        {"; rel=pre\\load", ""},
        {"; rel=\"pre\\\\load\"", ""},
        {"; rel=\"\"", ""},
        {"; rel=", ""},
        {"; rel", ""},
        {"; rel=preloadx", ""},
        {"; rel=xpreload", ""},
        {"; rel=modulepreload", ""},
        {"; rel=preloa", ""},
        {"; rel='preload'", ""},
        {"; rel=\"preload,\"", ""},
        {"; rel=\"pre load\"", ""},
        {"; rel=\"preloadx preload\"", "p"},
        {"; rel=\"preloadpreload\"", ""},
        {"; rel=next; rel=preload", ""},
        {"; rel; rel=preload", ""},
        {"; rel=preload; rel=next", "p"},
        {"; rel*=preload", ""},
        {"; rel2=preload", ""},
        {"; =preload; rel=preload", "p"},
        {"; title=\"; rel=preload\"", ""},
        {"; nopush", "n"},
        {"; NoPush=0", "n"},
        {"; nopush=\"\"", "n"},
        {"; nopush*=x", ""},
        {"; nopushx", ""},
        {"; title=\"; nopush\"", ""},
        {"; x-http2-push-only", "o"},
        {"; X-HTTP2-Push-Only=1", "o"},
        {"; x-http2-push", ""},
        {"; media=print", "c"},
        {"; MEDIA=\"(min-width: 1px)\"", "c"},
        {"; media=\" \"", "c"},
        {"; media", ""},
        {"; media=", ""},
        {"; media=\"\"", ""},
        {"; media=\"\"; media=print", ""},
        {"; media=print; media=\"\"", "c"},
        {"; imagesrcset=\"a 1x\"", "c"},
        {"; imagesrcset=\"\"", ""},
        {"; media=\"\"; imagesrcset=a", "c"},
        {"; imagesizes=a; media*=b", ""},
        {"; anchor=\"/x\"", "a"},
        {"; Anchor", "a"},
        {"; anchor=", "a"},
        {"; rel=preload; nopush; x-http2-push-only; media=x; anchor=y", "pnoca"},
        {"; anchor=y; media=x; x-http2-push-only; nopush; rel=preload", "pnoca"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct span parts[] = {SPAN("</a>"), span_str(cases[i].parameters), SPAN("\0")};
        struct link link = read_one(arena_join(&arena, parts, ARRAY_LEN(parts)).ptr);
        char flags[8] = "";
        size_t n = 0;
        if (link.preload)
            flags[n++] = 'p';
        if (link.nopush)
            flags[n++] = 'n';
        if (link.push_only)
            flags[n++] = 'o';
        if (link.conditional)
            flags[n++] = 'c';
        if (link.has_anchor)
            flags[n++] = 'a';
        if (strcmp(flags, cases[i].flags) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].parameters, flags, cases[i].flags);
    }
}

static void the_first_value_of_a_name_is_kept_without_its_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *line, *as, *anchor, *policy;
    } cases[] = {
        {"</a>; as=style; as=image; anchor=x; anchor=y", "style", "x", ""},
        {"</a>; AS=\"style\"; anchor=\"\"", "style", "", ""},
        {"</a>; as=\"st\\yle\"; anchor=\"/\\\"\\\\\"", "style", "/\"\\", ""},
        {"</a>; as=st\\yle; anchor=\\", "st\\yle", "\\", ""},
        {"</a>; as; as=image", "", "", ""},
        {"</a>; asx=image; referrerpolicyx=origin", "", "", ""},
        {"</a>; ReferrerPolicy=origin; referrerpolicy=unsafe-url", "", "", "origin"},
        {"</a>; referrerpolicy=\"no\\-referrer\"; as=style", "style", "", "no-referrer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct link link = read_one(cases[i].line);
        assert_span(link_value_plain(link.as, &arena), cases[i].as, cases[i].line);
        assert_span(link_value_plain(link.anchor, &arena), cases[i].anchor, cases[i].line);
        assert_span(link_value_plain(link.policy, &arena), cases[i].policy, cases[i].line);
    }
}

static void a_value_without_escapes_is_not_copied(void **state)
{
    (void)state;
    static const char line[] = "</a>; as=\"style\"";
    struct span plain = link_value_plain(read_one(line).as, &arena);
    assert_true(plain.ptr > line && plain.ptr < line + sizeof line);
    assert_int_equal(arena.held_bytes, 0);
}

/* Quadratic work on 4 MiB would take minutes. */
static void hostile_lines_take_linear_time(void **state)
{
    (void)state;
    enum { ONE_EACH = 2 };
    static const struct {
        const char *unit;
        size_t elements;
    } cases[] = {
        {"<", 0},
        {",", 0},
        {"<>,", ONE_EACH},
        {"<>;", 1},
        {"<>;x=\"", 0},
        {"<>;x=\"\\\"", 0},
        {"</a>; rel=\"preload\", ", ONE_EACH},
        {"<>;rel=\"p p\";;,", ONE_EACH},
    };
    size_t bytes = 4 << 20;
    char *text = mem_alloc(bytes);
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t unit = strlen(cases[i].unit), len = bytes / unit * unit, elements = 0;
        struct link_reader reader;
        struct link link;
        for (size_t j = 0; j < len; j++)
            text[j] = cases[i].unit[j % unit];
        uint64_t start = clock_monotonic_us();
        link_start(&reader, span_of(text, len));
        while (link_next(&reader, &link) == LINK_ELEMENT)
            elements++;
        assert_true(clock_monotonic_us() - start < 5000000);
        assert_int_equal(elements, cases[i].elements == ONE_EACH ? len / unit : cases[i].elements);
    }
    mem_free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_element_by_element),
        TEST(parameters_are_understood),
        TEST(the_first_value_of_a_name_is_kept_without_its_quotes),
        TEST(a_value_without_escapes_is_not_copied),
        TEST(hostile_lines_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
