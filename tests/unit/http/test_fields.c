#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>

#include "http/fields.h"

struct fixture {
    struct arena arena;
    struct fields fields;
};

static int set_up(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, NULL);
    fields_init(&f.fields, &f.arena);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

static void assert_span(struct span actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.ptr, expected, actual.len);
}

static void every_known_name_finds_itself_in_any_case(void **state)
{
    (void)state;
    for (int id = FIELD_OTHER + 1; id < FIELD_NAMES_END; id++) {
        struct span name = field_text((enum field_name)id);
        char upper[32];
        assert_int_equal(field_lookup(name), id);
        for (size_t i = 0; i < name.len; i++)
            upper[i] = (char)toupper(name.ptr[i]);
        assert_int_equal(field_lookup(span_of(upper, name.len)), id);
    }
}

static void names_that_are_nearly_known_are_other(void **state)
{
    (void)state;
    for (int id = FIELD_OTHER + 1; id < FIELD_NAMES_END; id++) {
        struct span name = field_text((enum field_name)id);
        char text[32];
        memcpy(text, name.ptr, name.len);
        for (size_t i = 0; i < name.len; i++) {
            text[i] = (char)(name.ptr[i] ^ 1);
            assert_int_not_equal(field_lookup(span_of(text, name.len)), id);
            /* "-" and CR differ in the bit that tells the case of a letter. */
            text[i] = (char)(name.ptr[i] == '-' ? '\r' : name.ptr[i]);
            assert_int_equal(field_lookup(span_of(text, name.len)) == (enum field_name)id,
                             name.ptr[i] != '-');
            text[i] = name.ptr[i];
        }
        text[name.len] = 's';
        assert_int_equal(field_lookup(span_of(text, name.len + 1)), FIELD_OTHER);
    }
    assert_int_equal(field_lookup(SPAN("")), FIELD_OTHER);
    assert_int_equal(field_lookup(SPAN("a-name-that-is-longer-than-all-known-ones")), FIELD_OTHER);
}

static void fields_stand_in_the_order_of_adding(void **state)
{
    struct fixture *f = *state;
    fields_add(&f->fields, SPAN("x-a"), SPAN("1"));
    fields_add_known(&f->fields, FIELD_LINK, SPAN("2"));
    fields_add(&f->fields, SPAN("link"), SPAN("3"));
    fields_copy(&f->fields, &f->fields.at[0]);
    assert_int_equal(f->fields.len, 4);
    assert_false(f->fields.failed);
    static const struct {
        const char *name, *value;
        enum field_name id;
    } expected[] = {
        {"x-a", "1", FIELD_OTHER},
        {"link", "2", FIELD_LINK},
        {"link", "3", FIELD_LINK},
        {"x-a", "1", FIELD_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_span(f->fields.at[i].name, expected[i].name);
        assert_span(f->fields.at[i].value, expected[i].value);
        assert_int_equal(f->fields.at[i].id, expected[i].id);
    }
}

static void the_first_field_of_a_name_is_found(void **state)
{
    struct fixture *f = *state;
    assert_null(fields_get(&f->fields, FIELD_LINK));
    assert_int_equal(fields_value(&f->fields, FIELD_LINK).len, 0);
    fields_add(&f->fields, SPAN("vary"), SPAN("0"));
    fields_add(&f->fields, SPAN("link"), SPAN("1"));
    fields_add(&f->fields, SPAN("link"), SPAN("2"));
    assert_ptr_equal(fields_get(&f->fields, FIELD_LINK), &f->fields.at[1]);
    assert_span(fields_value(&f->fields, FIELD_LINK), "1");
}

static void a_list_grows_without_losing_fields(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 5000 };
    static char names[MANY][8];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "x-%zu", i);
        fields_add(&f->fields, span_str(names[i]), span_str(names[i] + 2));
    }
    assert_false(f->fields.failed);
    assert_int_equal(f->fields.len, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_span(f->fields.at[i].name, names[i]);
        assert_span(f->fields.at[i].value, names[i] + 2);
    }
}

static void removing_takes_all_of_a_name_and_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"link", "a", "link", "b", "vary", "c", "link"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        fields_add(&f->fields, span_str(names[i]), SPAN("v"));
    fields_remove(&f->fields, FIELD_LINK);
    static const char *const left[] = {"a", "b", "vary", "c"};
    assert_int_equal(f->fields.len, ARRAY_LEN(left));
    for (size_t i = 0; i < ARRAY_LEN(left); i++)
        assert_span(f->fields.at[i].name, left[i]);
    fields_remove(&f->fields, FIELD_LINK);
    assert_int_equal(f->fields.len, ARRAY_LEN(left));
}

static void the_fields_of_a_connection_are_told_from_others(void **state)
{
    (void)state;
    static const enum field_name hops[] = {
        FIELD_CONNECTION, FIELD_HTTP2_SETTINGS,    FIELD_KEEP_ALIVE, FIELD_PROXY_CONNECTION,
        FIELD_TE,         FIELD_TRANSFER_ENCODING, FIELD_UPGRADE,
    };
    size_t found = 0;
    for (int id = FIELD_OTHER; id < FIELD_NAMES_END; id++)
        found += field_is((enum field_name)id, FIELD_IS_HOP_BY_HOP);
    assert_int_equal(found, ARRAY_LEN(hops));
    for (size_t i = 0; i < ARRAY_LEN(hops); i++)
        assert_true(field_is(hops[i], FIELD_IS_HOP_BY_HOP));
}

static void names_are_tokens(void **state)
{
    (void)state;
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int c = 0; c < 256; c++) {
        char name[3] = {'a', (char)c, 'b'};
        assert_int_equal(field_name_is_valid(span_of(name, 3)), c != 0 && strchr(token, c) != NULL);
    }
    assert_false(field_name_is_valid(SPAN("")));
    assert_false(field_name_is_valid(SPAN(":path")));
    assert_true(field_name_is_valid(SPAN("x")));
}

static void a_name_ends_before_what_no_token_holds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lower;
        size_t len;
    } cases[] = {
        {"Content-TYPE: A", "content-type: A", 12},
        {"X_1", "x_1", 3},
        {"A B", "a B", 1},
        {"A\x80", "a\x80", 1},
        {":A", ":A", 0},
        {"", "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", cases[i].text);
        assert_int_equal(field_name_to_lower(text), cases[i].len);
        assert_string_equal(text, cases[i].lower);
    }
}

static void values_hold_no_controls(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool valid = c == '\t' || (c >= ' ' && c != 0x7f);
        for (size_t i = 0; i < 20; i++) {
            char value[20] = "\xff 345678!~ \x80 \xe0\xa0pqrst";
            value[i] = (char)c;
            for (size_t len = i + 1; len <= sizeof value; len++) {
                assert_int_equal(field_value_is_valid(span_of(value, len)), valid);
                for (size_t from = 0; from <= i; from++)
                    assert_int_equal(field_value_end(span_of(value, len), from), valid ? len : i);
                for (size_t tab = 0; tab < i; tab++) {
                    char tabbed[20];
                    memcpy(tabbed, value, sizeof tabbed);
                    tabbed[tab] = '\t';
                    assert_int_equal(field_value_end(span_of(tabbed, len), 0), valid ? len : i);
                }
            }
        }
    }
    assert_true(field_value_is_valid(SPAN("")));
    assert_int_equal(field_value_end(SPAN("a\n"), 2), 2);
}

static void a_list_is_searched_in_all_lines(void **state)
{
    struct fixture *f = *state;
    fields_add(&f->fields, SPAN("connection"), SPAN(" keep-alive ,, TE"));
    fields_add(&f->fields, SPAN("vary"), SPAN("cookie"));
    fields_add(&f->fields, SPAN("connection"), SPAN(""));
    fields_add(&f->fields, SPAN("connection"), SPAN("Close"));
    assert_true(fields_list_has(&f->fields, FIELD_CONNECTION, SPAN("Keep-Alive")));
    assert_true(fields_list_has(&f->fields, FIELD_CONNECTION, SPAN("te")));
    assert_true(fields_list_has(&f->fields, FIELD_CONNECTION, SPAN("close")));
    assert_false(fields_list_has(&f->fields, FIELD_CONNECTION, SPAN("cookie")));
    assert_false(fields_list_has(&f->fields, FIELD_CONNECTION, SPAN("clos")));
    assert_false(fields_list_has(&f->fields, FIELD_TE, SPAN("te")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name_finds_itself_in_any_case),
        cmocka_unit_test(names_that_are_nearly_known_are_other),
        cmocka_unit_test_setup_teardown(fields_stand_in_the_order_of_adding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_field_of_a_name_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_grows_without_losing_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removing_takes_all_of_a_name_and_keeps_the_order, set_up,
                                        tear_down),
        cmocka_unit_test(the_fields_of_a_connection_are_told_from_others),
        cmocka_unit_test(names_are_tokens),
        cmocka_unit_test(a_name_ends_before_what_no_token_holds),
        cmocka_unit_test(values_hold_no_controls),
        cmocka_unit_test_setup_teardown(a_list_is_searched_in_all_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
