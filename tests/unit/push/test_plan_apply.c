#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "push/plan.h"

#include "plan_fixture.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

static struct span json_span(const json_t *string)
{
    assert_true(json_is_string(string));
    return span_of(json_string_value(string), json_string_length(string));
}

static void assert_pushed_targets(const json_t *expected, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < t.plan.len; i++) {
        if (t.plan.links[i].verdict != PLAN_PUSHED)
            continue;
        if (!span_eq(t.plan.links[i].target, json_span(json_array_get(expected, n))))
            fail_msg("%s: pushed %.*s", name, SPAN_ARG(t.plan.links[i].target));
        n++;
    }
    if (n != json_array_size(expected))
        fail_msg("%s: %zu pushed", name, n);
}

static void assert_listed(const json_t *expected)
{
    struct span value = SPAN("");
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const struct span parts[] = {value, i > 0 ? SPAN(",<") : SPAN("<"),
                                     json_span(json_array_get(expected, i)), SPAN(">")};
        value = arena_join(&t.arena, parts, ARRAY_LEN(parts));
    }
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    assert_true(span_eq(plan_pushed_value(&t.page, &t.arena), value));
}

static void assert_left_lines(const json_t *expected, const char *name)
{
    size_t n = 0;
    plan_apply(&t.plan, &t.fields);
    assert_false(t.fields.failed);
    for (size_t i = 0; i < t.fields.len; i++) {
        if (t.fields.at[i].id != FIELD_LINK)
            continue;
        if (n == json_array_size(expected) ||
            !span_eq(t.fields.at[i].value, json_span(json_array_get(expected, n))))
            fail_msg("%s: left %.*s", name, SPAN_ARG(t.fields.at[i].value));
        n++;
    }
    if (n != json_array_size(expected))
        fail_msg("%s: %zu lines left", name, n);
}

static void check_case(const json_t *c)
{
    const char *name = json_string_value(json_object_get(c, "name"));
    const json_t *lines = json_object_get(c, "link");
    set_up(NULL);
    open_page(json_string_value(json_object_get(c, "page")));
    fields_init(&t.fields, &t.arena);
    for (size_t i = 0; i < json_array_size(lines); i++)
        fields_add(&t.fields, SPAN("link"), json_span(json_array_get(lines, i)));
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    assert_pushed_targets(json_object_get(c, "pushed"), name);
    assert_listed(json_object_get(c, "listed"));
    assert_left_lines(json_object_get(c, "left"), name);
    tear_down(NULL);
}

static void every_line_of_the_table_comes_out_as_written(void **state)
{
    (void)state;
    static char line[65536];
    size_t cases = 0;
    FILE *table = fopen(TESTS_DIR "/cases/link.jsonl", "r");
    if (!table)
        fail_msg("no %s", TESTS_DIR "/cases/link.jsonl");
    while (fgets(line, sizeof line, table)) {
        json_t *c = json_loads(line, 0, NULL);
        assert_non_null(c);
        check_case(c);
        json_decref(c);
        cases++;
    }
    fclose(table);
    assert_true(cases > 50);
}

static void a_duplicate_shares_the_fate_of_the_first(void **state)
{
    (void)state;
    diary_enter(&t.diary, key_of("/seen"));
    t.rules.max_per_page = 1;
    plan_line("</a>; rel=preload, </seen>; rel=preload, </b>; rel=preload, <../a#x>; rel=preload, "
              "</seen>; rel=preload; as=x, </b>; rel=preload; as=x");
    assert_verdicts("pushed seen page-limit duplicate duplicate duplicate");
    assert_left("</seen>; rel=preload,</b>; rel=preload,</seen>; rel=preload; as=x,"
                "</b>; rel=preload; as=x");
}

static void a_link_that_fell_out_before_has_no_twin(void **state)
{
    (void)state;
    plan_line("</a>; rel=next, </a>; rel=preload; nopush, </a>; rel=preload; media=x, "
              "</a>; rel=preload; anchor=x, </a>; rel=preload, </a>; rel=preload; nopush");
    assert_verdicts("not-preload nopush conditional anchor pushed nopush");
    assert_left("</a>; rel=next,</a>; rel=preload; nopush,</a>; rel=preload; media=x,"
                "</a>; rel=preload; anchor=x,</a>; rel=preload; nopush");
}

static void push_only_candidates_are_always_taken_out(void **state)
{
    (void)state;
    diary_enter(&t.diary, key_of("/seen"));
    static const char line[] =
        "</a>; rel=preload; x-http2-push-only, </seen>; rel=preload; x-http2-push-only, "
        "</n>; rel=preload; nopush; x-http2-push-only, <>; rel=preload; x-http2-push-only, "
        "</x>; rel=next; x-http2-push-only, </seen>; rel=preload";
    plan_line(line);
    assert_verdicts("pushed seen nopush invalid-url not-preload duplicate");
    assert_left("</x>; rel=next; x-http2-push-only,</seen>; rel=preload");
    t.rules.off = PLAN_OFF_CLIENT;
    plan_line(line);
    assert_verdicts("would-push seen nopush invalid-url not-preload duplicate");
    assert_left("</x>; rel=next; x-http2-push-only,</seen>; rel=preload");
}

static void what_may_not_be_pushed_is_planned_and_left_alone(void **state)
{
    (void)state;
    static const enum plan_off reasons[] = {PLAN_OFF_METHOD, PLAN_OFF_STATUS,   PLAN_OFF_CONFIG,
                                            PLAN_OFF_CLIENT, PLAN_OFF_DRAINING, PLAN_OFF_PARENT};
    static const char line[] = " </1>;rel=preload ,</1>; rel=preload,, </2>; rel=preload, "
                               "</3>; rel=preload,</n>,bad ";
    t.rules.max_per_page = 2;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        t.rules.off = reasons[i];
        plan_line(line);
        assert_verdicts("would-push duplicate would-push page-limit not-preload");
        assert_true(span_eq(t.plan.links[2].target, SPAN("/2")));
        assert_true(plan_remember(&t.page, &t.arena, &t.plan));
        assert_int_equal(t.page.pushed_len, 0);
        assert_pushed_value("");
        assert_left(line);
        assert_ptr_equal(fields_get(&t.fields, FIELD_LINK)->value.ptr, line);
    }
}

static void the_final_head_knows_what_was_pushed_for_103(void **state)
{
    (void)state;
    t.rules.max_per_page = 3;
    plan_line("</1>; rel=preload, <../2>; rel=preload, <n>; rel=next");
    assert_verdicts("pushed pushed not-preload");
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    assert_left("<n>; rel=next");
    diary_enter(&t.diary, key_of("/1"));
    diary_enter(&t.diary, key_of("/2"));
    plan_line("</3>; rel=preload, </2>; rel=preload, </1>; rel=preload; nopush, "
              "</4>; rel=preload, </1#x>; rel=preload");
    assert_verdicts("pushed duplicate nopush page-limit duplicate");
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    assert_left("</1>; rel=preload; nopush,</4>; rel=preload");
    assert_pushed_value("</1>,<../2>,</3>");
    assert_int_equal(t.page.pushed_len, 3);
    assert_true(span_eq(t.page.pushed[1].target, SPAN("/2")));
    assert_int_equal(t.page.pushed[1].key, key_of("/2"));
}

static void what_was_pushed_for_103_is_taken_out_whatever_comes_after(void **state)
{
    (void)state;
    plan_line("</1>; rel=preload");
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    t.rules.off = PLAN_OFF_STATUS;
    plan_line("</2>; rel=preload, </1>; rel=preload, </1>; rel=preload; nopush");
    assert_verdicts("would-push duplicate nopush");
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    assert_left("</2>; rel=preload,</1>; rel=preload; nopush");
    assert_pushed_value("</1>");
}

static void what_was_remembered_outlives_its_head(void **state)
{
    (void)state;
    char line[] = "<../1>; rel=preload";
    plan_line(line);
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    memset(line, 'x', sizeof line - 1);
    assert_pushed_value("<../1>");
}

static void a_page_that_pushed_more_than_a_new_limit_pushes_no_more(void **state)
{
    (void)state;
    plan_line(FIVE);
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    t.rules.max_per_page = 3;
    plan_line("</6>; rel=preload, </5>; rel=preload");
    assert_verdicts("page-limit duplicate");
}

static void a_denied_push_stays_with_its_twins(void **state)
{
    (void)state;
    plan_line("</a>; rel=preload, </b>; rel=preload, </a>; rel=preload; as=x, "
              "</a>; rel=preload; x-http2-push-only, </b>; rel=preload; as=x");
    assert_verdicts("pushed pushed duplicate duplicate duplicate");
    plan_deny(&t.plan, 0, PLAN_CLIENT_LIMIT);
    assert_verdicts("client-limit pushed duplicate duplicate duplicate");
    assert_true(plan_remember(&t.page, &t.arena, &t.plan));
    assert_pushed_value("</b>");
    assert_left("</a>; rel=preload,</a>; rel=preload; as=x");
}

static void a_denied_push_only_link_is_still_taken_out(void **state)
{
    (void)state;
    plan_line("</a>; rel=preload; x-http2-push-only, </a>; rel=preload");
    plan_deny(&t.plan, 0, PLAN_REFUSED_BEFORE);
    assert_verdicts("refused-before duplicate");
    assert_left("</a>; rel=preload");
}

/* Lines that are planned together, and what becomes of each; NULL: it is dropped. */
static void lines_stay_separate(void **state)
{
    (void)state;
    static const struct {
        const char *line, *left;
    } lines[] = {
        {"</a>; rel=preload", NULL},
        {" <n> ;  rel=next ,, <m>,", " <n> ;  rel=next ,, <m>,"},
        {"", ""},
        {"bad, </x>; rel=preload", "bad, </x>; rel=preload"},
        {"</b>; rel=preload ,,\t<n>; rel=next; ;\t, </c>; rel=preload, <m>;x=\"1,2\" ,",
         "<n>; rel=next; ;,<m>;x=\"1,2\""},
        {"</a>; rel=preload", NULL},
        {",</d>; rel=preload,", NULL},
        {"</e>; rel=preload,\t bad \t", "bad \t"},
        {"<n>, </f>; rel=preload, <m", "<n>,<m"},
    };
    fields_init(&t.fields, &t.arena);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        fields_add(&t.fields, SPAN("x-before"), SPAN("1"));
        fields_add(&t.fields, SPAN("link"), span_str(lines[i].line));
    }
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    plan_apply(&t.plan, &t.fields);
    assert_false(t.fields.failed);
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(t.fields.at[at++].id, FIELD_OTHER);
        if (!lines[i].left)
            continue;
        const struct field *field = &t.fields.at[at++];
        assert_int_equal(field->id, FIELD_LINK);
        if (!span_eq(field->value, span_str(lines[i].left)))
            fail_msg("%s: left \"%.*s\"", lines[i].line, SPAN_ARG(field->value));
        if (strcmp(lines[i].line, lines[i].left) == 0)
            assert_ptr_equal(field->value.ptr, lines[i].line);
    }
    assert_int_equal(at, t.fields.len);
}

static void a_plan_is_applied_where_lines_have_gone(void **state)
{
    (void)state;
    static const char *const lines[] = {"</a>; rel=preload, <1>", "</b>; rel=preload, <2>",
                                        "</c>; rel=preload, <3>"};
    struct fields forwarded;
    fields_init(&t.fields, &t.arena);
    fields_init(&forwarded, &t.arena);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        fields_add(&t.fields, SPAN("link"), span_str(lines[i]));
    fields_copy(&forwarded, &t.fields.at[1]);
    fields_add(&forwarded, SPAN("link"), SPAN("<of another head>"));
    fields_copy(&forwarded, &t.fields.at[2]);
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    plan_apply(&t.plan, &forwarded);
    assert_int_equal(forwarded.len, 3);
    assert_true(span_eq(forwarded.at[0].value, SPAN("<2>")));
    assert_true(span_eq(forwarded.at[1].value, SPAN("<of another head>")));
    assert_true(span_eq(forwarded.at[2].value, SPAN("<3>")));
}

static void the_explanation_lists_every_link(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum plan_off off;
        const char *value;
    } cases[] = {
        {"</a.css>; rel=preload, <//cdn.example/x.js>; rel=preload", PLAN_ON,
         "</a.css>;verdict=pushed, <//cdn.example/x.js>;verdict=cross-origin"},
        {"<>; rel=preload, </n>, bad", PLAN_ON, "<>;verdict=invalid-url, </n>;verdict=not-preload"},
        {"", PLAN_ON, ""},
        {"", PLAN_OFF_METHOD, "push=off;reason=method"},
        {"</a.css>; rel=preload", PLAN_OFF_CLIENT,
         "push=off;reason=client, </a.css>;verdict=would-push"},
        {"</a>; rel=preload", PLAN_OFF_STATUS, "push=off;reason=status, </a>;verdict=would-push"},
        {"", PLAN_OFF_CONFIG, "push=off;reason=config"},
        {"", PLAN_OFF_DRAINING, "push=off;reason=draining"},
        {"", PLAN_OFF_PARENT, "push=off;reason=parent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        t.rules.off = cases[i].off;
        plan_line(cases[i].line);
        struct span value = plan_explain_value(&t.plan, cases[i].off, &t.arena);
        if (!span_eq(value, span_str(cases[i].value)))
            fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(value), cases[i].value);
    }
}

static void every_verdict_and_reason_has_its_word(void **state)
{
    (void)state;
    for (int v = 0; v < PLAN_VERDICTS_END; v++)
        assert_true(strlen(plan_verdict_text((enum plan_verdict)v)) > 0);
    assert_string_equal(plan_verdict_text(PLAN_SEEN), "seen");
    assert_string_equal(plan_verdict_text(PLAN_WOULD_PUSH), "would-push");
    assert_string_equal(plan_off_text(PLAN_ON), "");
    assert_string_equal(plan_off_text(PLAN_OFF_METHOD), "method");
    assert_string_equal(plan_off_text(PLAN_OFF_PARENT), "parent");
}

/* A list of `n` different links, each three times. */
static struct span long_list(size_t n)
{
    enum { LINK_BYTES = sizeof "</123456>;rel=preload," - 1 };
    char *text = arena_alloc(&t.arena, 3 * n * LINK_BYTES + 1);
    assert_non_null(text);
    for (size_t i = 0; i < 3 * n; i++) {
        char link[64];
        snprintf(link, sizeof link, "</%06zu>;rel=preload,", i % n);
        memcpy(text + i * LINK_BYTES, link, LINK_BYTES);
    }
    return span_of(text, 3 * n * LINK_BYTES);
}

/* Comparing every link with every other would take minutes. */
static void long_lists_take_linear_time(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    fields_init(&t.fields, &t.arena);
    fields_add(&t.fields, SPAN("link"), long_list(MANY));
    t.rules.max_per_page = UINT_MAX;
    t.rules.client_left = MANY - 1;
    uint64_t start = clock_monotonic_us();
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    plan_apply(&t.plan, &t.fields);
    assert_true(clock_monotonic_us() - start < 10000000);
    assert_int_equal(t.plan.len, 3 * MANY);
    for (size_t i = 0; i < 3 * MANY; i++) {
        enum plan_verdict first = i < MANY - 1 ? PLAN_PUSHED : PLAN_CLIENT_LIMIT;
        assert_int_equal(t.plan.links[i].verdict, i < MANY ? first : PLAN_DUPLICATE);
        assert_int_equal(t.plan.links[i].removed, i % MANY < MANY - 1);
    }
    assert_left("</099999>;rel=preload,</099999>;rel=preload,</099999>;rel=preload");
}

/* The same for many lines, with and without links. */
static void many_lines_take_linear_time(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct span list = long_list(MANY);
    size_t bytes = list.len / (3 * MANY);
    fields_init(&t.fields, &t.arena);
    for (size_t i = 0; i < MANY; i++) {
        fields_add(&t.fields, SPAN("link"), (struct span){list.ptr + i * bytes, bytes});
        fields_add(&t.fields, SPAN("link"), SPAN("bad"));
        fields_add(&t.fields, SPAN("link"), SPAN(""));
    }
    uint64_t start = clock_monotonic_us();
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    plan_apply(&t.plan, &t.fields);
    assert_true(clock_monotonic_us() - start < 10000000);
    assert_int_equal(t.fields.len, 3 * MANY - 50);
}

static void what_is_not_planned_loses_its_push_only_links(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"</a>; rel=preload; x-http2-push-only", NULL},
        {"</a>; rel=\"x preload\"; X-HTTP2-Push-Only=1 , </b> ;rel=preload", "</b> ;rel=preload"},
        {"</a>; rel=next; x-http2-push-only", "</a>; rel=next; x-http2-push-only"},
        {"</a> ;rel=preload,, </b>", "</a> ;rel=preload,, </b>"},
        {"<>; rel=preload; x-http2-push-only, </b>; rel=preload; nopush; x-http2-push-only, bad , x",
         "bad , x"},
        {"", ""},
        {"bad", "bad"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fields_init(&t.fields, &t.arena);
        fields_add(&t.fields, SPAN("server"), SPAN("x"));
        fields_add(&t.fields, SPAN("link"), span_str(cases[i].in));
        plan_hide(&t.fields);
        t.plan.len = 0;
        assert_left(cases[i].out);
        assert_int_equal(t.fields.at[0].id, FIELD_OTHER);
    }
}

static void failed_memory_is_told(void **state)
{
    (void)state;
    plan_line("</a>; rel=preload, </b>");
    struct plan planned = t.plan;
    t.arena.failed = true;
    assert_false(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
    assert_false(plan_remember(&t.page, &t.arena, &planned));
    assert_int_equal(t.page.pushed_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_table_comes_out_as_written),
        TEST(a_duplicate_shares_the_fate_of_the_first),
        TEST(a_link_that_fell_out_before_has_no_twin),
        TEST(push_only_candidates_are_always_taken_out),
        TEST(what_may_not_be_pushed_is_planned_and_left_alone),
        TEST(the_final_head_knows_what_was_pushed_for_103),
        TEST(what_was_pushed_for_103_is_taken_out_whatever_comes_after),
        TEST(what_was_remembered_outlives_its_head),
        TEST(a_page_that_pushed_more_than_a_new_limit_pushes_no_more),
        TEST(a_denied_push_stays_with_its_twins),
        TEST(a_denied_push_only_link_is_still_taken_out),
        TEST(lines_stay_separate),
        TEST(a_plan_is_applied_where_lines_have_gone),
        TEST(the_explanation_lists_every_link),
        TEST(every_verdict_and_reason_has_its_word),
        TEST(long_lists_take_linear_time),
        TEST(many_lines_take_linear_time),
        TEST(what_is_not_planned_loses_its_push_only_links),
        TEST(failed_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
