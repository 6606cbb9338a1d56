#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/attr.h"
#include "base/span.h"

static void assert_span(struct span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_true(span_eq(s, span_str(text)));
}

static void equal_means_the_same_bytes(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN("abc"), span_str("abc")));
    assert_false(span_eq(SPAN("abc"), SPAN("abd")));
    assert_false(span_eq(SPAN("abc"), SPAN("ab")));
    assert_true(span_eq(SPAN(""), (struct span){0}));
    assert_true(span_eq(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_eq(SPAN("a\0b"), SPAN("a\0c")));
}

static void case_is_that_of_ascii_letters_only(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"Content-Type", "cONTENT-tYPE", true},
        {"azAZ", "AZaz", true},
        {"a", "b", false},
        {"ab", "a", false},
        {"@", "`", false},
        {"[", "{", false},
        {"\xc4", "\xe4", false},
        {"", "", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(span_ieq(span_str(cases[i].a), span_str(cases[i].b)), cases[i].equal);
}

static void a_prefix_is_at_the_front(void **state)
{
    (void)state;
    assert_true(span_starts(SPAN("/assets/a"), SPAN("/assets")));
    assert_true(span_starts(SPAN("/a"), SPAN("/a")));
    assert_true(span_starts(SPAN("/a"), SPAN("")));
    assert_true(span_starts((struct span){0}, (struct span){0}));
    assert_false(span_starts(SPAN("/a"), SPAN("/a/")));
    assert_false(span_starts(SPAN("/A"), SPAN("/a")));
}

static void trimming_takes_spaces_and_tabs_from_both_ends(void **state)
{
    (void)state;
    assert_span(span_trim(SPAN(" \t a b\t ")), "a b");
    assert_span(span_trim(SPAN("a")), "a");
    assert_span(span_trim(SPAN(" \t ")), "");
    assert_span(span_trim(SPAN("\n")), "\n");
    assert_span(span_trim((struct span){0}), "");
}

static void find_gives_the_first_or_the_length(void **state)
{
    (void)state;
    assert_int_equal(span_find(SPAN("a,b,c"), ','), 1);
    assert_int_equal(span_find(SPAN("abc"), ','), 3);
    assert_int_equal(span_find(SPAN("a\0b"), 'b'), 2);
    assert_int_equal(span_find((struct span){0}, 'a'), 0);
}

static void the_rest_of_nothing_is_nothing(void **state)
{
    (void)state;
    assert_span(span_from((struct span){0}, 0), "");
    assert_span(span_from(SPAN("abc"), 3), "");
    assert_span(span_from(SPAN("abc"), 1), "bc");
}

static void list_items_come_trimmed_and_empty_ones_do_not_come(void **state)
{
    (void)state;
    static const struct {
        const char *list, *items;
    } cases[] = {
        {"a,b,c", "[a][b][c]"}, {" a\t,, , b ", "[a][b]"}, {"", ""},
        {" ,\t, ", ""},         {"a b", "[a b]"},          {",a,", "[a]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[64] = "";
        struct span list = span_str(cases[i].list), item;
        while (span_next_item(&list, &item)) {
            size_t used = strlen(got);
            snprintf(got + used, sizeof got - used, "[%.*s]", SPAN_ARG(item));
        }
        assert_string_equal(got, cases[i].items);
        assert_false(span_next_item(&list, &item));
    }
}

static void numbers_are_whole_and_within_their_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max, value;
        bool fine;
    } cases[] = {
        {"0", UINT64_MAX, 0, true},
        {"007", UINT64_MAX, 7, true},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", UINT64_MAX, 0, false},
        {"99999999999999999999", UINT64_MAX, 0, false},
        {"65535", 65535, 65535, true},
        {"65536", 65535, 0, false},
        {"100", 100, 100, true},
        {"101", 100, 0, false},
        {"5", 5, 5, true},
        {"6", 5, 0, false},
        {"9", 5, 0, false},
        {"9", 0, 0, false},
        {"19", 15, 0, false},
        {"0", 0, 0, true},
        {"", UINT64_MAX, 0, false},
        {"+1", UINT64_MAX, 0, false},
        {"-1", UINT64_MAX, 0, false},
        {" 1", UINT64_MAX, 0, false},
        {"1 ", UINT64_MAX, 0, false},
        {"0x1", UINT64_MAX, 0, false},
        {"1\xff", UINT64_MAX, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 77;
        assert_int_equal(span_to_u64(span_str(cases[i].text), cases[i].max, &value), cases[i].fine);
        assert_int_equal(value, cases[i].fine ? cases[i].value : 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_the_same_bytes),
        cmocka_unit_test(case_is_that_of_ascii_letters_only),
        cmocka_unit_test(a_prefix_is_at_the_front),
        cmocka_unit_test(trimming_takes_spaces_and_tabs_from_both_ends),
        cmocka_unit_test(find_gives_the_first_or_the_length),
        cmocka_unit_test(the_rest_of_nothing_is_nothing),
        cmocka_unit_test(list_items_come_trimmed_and_empty_ones_do_not_come),
        cmocka_unit_test(numbers_are_whole_and_within_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
