#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/text.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void expect(const struct text *t, const char *wanted)
{
    struct span came = text_span(t);
    if (!span_eq(came, span_str(wanted)))
        fail_msg("came \"%.*s\", not \"%s\"", SPAN_ARG(came), wanted);
}

static void numbers_are_written_as_printf_writes_them(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0,   1,    9,     10,         99,        100,
                                       999, 1000, 12345, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        unsigned long long n = numbers[i];
        char room[200], wanted[200];
        struct text t = {.at = room, .room = sizeof room};
        text_put_u64(&t, n);
        text_put_char(&t, ' ');
        text_put_padded(&t, n, 20);
        text_put_char(&t, ' ');
        text_put_hex(&t, n, 1);
        text_put_char(&t, ' ');
        text_put_hex(&t, n, 16);
        text_put_char(&t, ' ');
        text_put_thousandths(&t, n);
        snprintf(wanted, sizeof wanted, "%llu %020llu %llx %016llx %llu.%03llu", n, n, n, n,
                 n / 1000, n % 1000);
        expect(&t, wanted);
    }
}

static void a_padded_number_shows_its_last_digits(void **state)
{
    (void)state;
    char room[8];
    struct text t = {.at = room, .room = sizeof room};
    text_put_padded(&t, 12345, 3);
    expect(&t, "345");
}

static void a_text_is_measured_and_then_written_by_the_same_calls(void **state)
{
    (void)state;
    struct text t = {0};
    for (int pass = 0; pass < 2; pass++) {
        text_put(&t, SPAN("a"));
        text_put(&t, SPAN(""));
        text_put_u64(&t, 17);
        text_put_json(&t, SPAN("\"b\""));
        if (pass == 0) {
            assert_int_equal(t.len, 10);
            assert_int_equal(text_span(&t).len, 0);
            assert_true(text_place(&t, &arena));
        }
    }
    expect(&t, "a17\"\\\"b\\\"\"");
}

static void a_text_is_cut_where_the_room_ends(void **state)
{
    (void)state;
    for (size_t room = 0; room <= 12; room++) {
        /* A block of its own, so that writing past it shows. */
        char *out = malloc(room + (room == 0));
        assert_non_null(out);
        struct text t = {.at = out, .room = room};
        text_put(&t, SPAN("abcd"));
        text_put_char(&t, 'e');
        text_put(&t, SPAN("fgh"));
        text_put_u64(&t, 1234);
        assert_int_equal(t.len, 12);
        assert_memory_equal(out, "abcdefgh1234", room);
        assert_int_equal(text_span(&t).len, room == 12 ? 12 : 0);
        free(out);
    }
}

static void json_strings_hold_any_bytes(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
        {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
        {{"\r\n\t", 3}, "\"\\u000d\\u000a\\u0009\""},
        {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {{"\xff", 1}, "\"\\u00ff\""},
        {{"\xc0\xaf", 2}, "\"\\u00c0\\u00af\""},                       /* overlong */
        {{"\xe0\x9f\xbf", 3}, "\"\\u00e0\\u009f\\u00bf\""},            /* overlong */
        {{"\xf0\x8f\xbf\xbf", 4}, "\"\\u00f0\\u008f\\u00bf\\u00bf\""}, /* overlong */
        {{"\xed\xa0\x80", 3}, "\"\\u00ed\\u00a0\\u0080\""},            /* a surrogate */
        {{"\xf4\x90\x80\x80", 4}, "\"\\u00f4\\u0090\\u0080\\u0080\""}, /* over U+10FFFF */
        {{"\xe2\x82", 2}, "\"\\u00e2\\u0082\""},                       /* cut */
        {{"a\xe2\x82z", 4}, "\"a\\u00e2\\u0082z\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char room[64];
        struct text t = {.at = room, .room = sizeof room};
        text_put_json(&t, cases[i].in);
        expect(&t, cases[i].out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_written_as_printf_writes_them),
        TEST(a_padded_number_shows_its_last_digits),
        TEST(a_text_is_measured_and_then_written_by_the_same_calls),
        TEST(a_text_is_cut_where_the_room_ends),
        TEST(json_strings_hold_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
