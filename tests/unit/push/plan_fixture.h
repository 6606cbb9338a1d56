/* plan_fixture.h - a page, its connection's memory, and what was planned for its newest head. */
#ifndef UNIT_PLAN_FIXTURE_H
#define UNIT_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "push/plan.h"

static struct plan_fixture {
    struct arena arena;
    struct diary diary;
    struct refusals refusals;
    struct request request;
    struct plan_page page;
    struct plan_rules rules;
    struct fields fields;
    struct plan plan;
} t;

static const struct siphash_key key = {1, 2};

static inline void open_page(const char *text)
{
    struct url url;
    assert_true(url_split(span_str(text), &url));
    const char *authority = url.scheme.ptr + url.scheme.len + 3;
    const char *path = url.path.ptr;
    t.request = (struct request){
        .method = SPAN("GET"),
        .scheme = url.scheme,
        .authority = span_of(authority, (size_t)(path - authority)),
        .path = span_str(path),
    };
    assert_true(plan_page_init(&t.page, &t.request, &key));
}

static inline int set_up(void **state)
{
    (void)state;
    arena_init(&t.arena, NULL);
    diary_init(&t.diary);
    refusals_init(&t.refusals);
    t.rules = (struct plan_rules){
        .off = PLAN_ON,
        .max_per_page = 50,
        .connection_left = UINT64_MAX,
        .client_left = 100,
        .diary = &t.diary,
        .refusals = &t.refusals,
        .now_ms = 1000,
    };
    open_page("https://example.com/dir/page.html?x=1");
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    diary_fini(&t.diary);
    refusals_fini(&t.refusals);
    arena_fini(&t.arena);
    return 0;
}

/* Plans a head that has `line` as its only Link. */
static inline void plan_line(const char *line)
{
    fields_init(&t.fields, &t.arena);
    fields_add(&t.fields, SPAN("content-type"), SPAN("text/html"));
    fields_add(&t.fields, SPAN("link"), span_str(line));
    assert_true(push_plan(&t.plan, &t.arena, &t.page, &t.fields, &t.rules));
}

/* The verdicts of the plan, joined by spaces. */
static inline void assert_verdicts(const char *expected)
{
    char text[1024] = "";
    size_t len = 0;
    for (size_t i = 0; i < t.plan.len && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " " : "",
                                plan_verdict_text(t.plan.links[i].verdict));
    assert_string_equal(text, expected);
}

/* The one Link line that is left; NULL: there is none. */
static inline void assert_left(const char *expected)
{
    plan_apply(&t.plan, &t.fields);
    assert_false(t.fields.failed);
    const struct field *left = fields_get(&t.fields, FIELD_LINK);
    if (!expected) {
        assert_null(left);
        return;
    }
    assert_non_null(left);
    if (!span_eq(left->value, span_str(expected)))
        fail_msg("left \"%.*s\" instead of \"%s\"", SPAN_ARG(left->value), expected);
}

static inline void assert_pushed_value(const char *expected)
{
    struct span value = plan_pushed_value(&t.page, &t.arena);
    if (!span_eq(value, span_str(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(value), expected);
}

static inline uint64_t key_of(const char *target)
{
    return diary_key(&key, t.page.site, span_str(target));
}

/* Five links that could all be pushed. */
#define FIVE                                                                                       \
    "</1>; rel=preload, </2>; rel=preload, </3>; rel=preload, </4>; rel=preload, </5>; "           \
    "rel=preload"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
