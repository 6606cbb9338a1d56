#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/vary.h"

#include "../field_lines.h"

/* After field_lines.h, whose functions have an arena of that name. */
#include "../arena_fixture.h"

static void the_lines_of_vary_are_one_list(void **state)
{
    (void)state;
    struct fields response =
        read_fields(&arena, "vary: a, ,b\nx-a: 1\nvary:\nvary: C\nvary: *, d\n");
    struct vary v = {.response = &response};
    static const char *const names[] = {"a", "b", "C"};
    struct span name;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(vary_next(&v, &name), VARY_NAME);
        assert_true(span_eq(name, span_str(names[i])));
    }
    assert_int_equal(vary_next(&v, &name), VARY_ANY);
    assert_int_equal(vary_next(&v, &name), VARY_NAME);
    assert_int_equal(vary_next(&v, &name), VARY_END);
    assert_int_equal(vary_next(&v, &name), VARY_END);
}

static void too_many_names_are_any(void **state)
{
    (void)state;
    struct fields response;
    struct span name;
    fields_init(&response, &arena);
    for (int i = 0; i < 65; i++)
        fields_add(&response, SPAN("vary"), SPAN("a"));
    struct vary v = {.response = &response};
    for (int i = 0; i < 64; i++)
        assert_int_equal(vary_next(&v, &name), VARY_NAME);
    assert_int_equal(vary_next(&v, &name), VARY_ANY);
}

static void fields_are_compared_by_their_elements(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"", "", true},
        {"x-a: 1\n", "", false},
        {"", "x-a: 1\n", false},
        {"x-a:\n", "", false}, /* it is there, and empty */
        {"x-a: 1\n", "x-a: 1\n", true},
        {"x-a: 1\n", "x-a: 2\n", false},
        {"x-a: 1, 2\n", "x-a: 1\nx-a: 2\n", true},
        {"x-a: 1, 2\n", "x-a: 2, 1\n", false},
        {"x-a: 1\n", "x-a: 1, 2\n", false},
        {"x-a: 1, 2\n", "x-a: 1\n", false},
        {"x-a: a\n", "x-a: A\n", false},
        {"x-a: 1\nx-b: 1\n", "x-b: 2\nx-a: 1\n", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fields a = read_fields(&arena, cases[i].a), b = read_fields(&arena, cases[i].b);
        if (vary_same(SPAN("X-A"), &a, &b) != cases[i].same)
            fail_msg("case %zu", i);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lines_of_vary_are_one_list),
        TEST(too_many_names_are_any),
        TEST(fields_are_compared_by_their_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
