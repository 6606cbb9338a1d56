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

/* Every character that acts, and its neighbours, which are text. */
static const struct {
    uint32_t first, last;
} acting[] = {{0x80, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

/* Writes the character of a number up to 0xffff in UTF-8. */
static struct span utf8(char out[3], uint32_t code)
{
    size_t n = 0;
    if (code < 0x800) {
        out[n++] = (char)(0xc0 | code >> 6);
    } else {
        out[n++] = (char)(0xe0 | code >> 12);
        out[n++] = (char)(0x80 | (code >> 6 & 0x3f));
    }
    out[n++] = (char)(0x80 | (code & 0x3f));
    return span_of(out, n);
}

static void expect_character(uint32_t code, bool acts)
{
    char bytes[3], room[64], json[16], visible[16];
    struct span c = utf8(bytes, code);
    if (acts)
        snprintf(json, sizeof json, "\"\\u%04x\"", code);
    else
        snprintf(json, sizeof json, "\"%.*s\"", (int)c.len, bytes);
    struct text t = {.at = room, .room = sizeof room};
    text_put_json(&t, c);
    expect(&t, json);
    size_t n = 0;
    for (size_t i = 0; acts && i < c.len; i++)
        n += (size_t)snprintf(visible + n, sizeof visible - n, "\\x%02x", (unsigned char)bytes[i]);
    if (!acts)
        snprintf(visible, sizeof visible, "%.*s", (int)c.len, bytes);
    t = (struct text){.at = room, .room = sizeof room};
    text_put_visible(&t, c);
    expect(&t, visible);
}

static void characters_that_act_are_never_written_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(acting); i++) {
        for (uint32_t code = acting[i].first; code <= acting[i].last; code++)
            expect_character(code, true);
        if (acting[i].first > 0x80)
            expect_character(acting[i].first - 1, false);
        expect_character(acting[i].last + 1, false);
    }
}

static void what_is_visible_stays_and_the_rest_is_shown_byte_by_byte(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {{"", 0}, ""},
        {{"plain \"\\", 8}, "plain \"\\"},
        {{"\0\t\n\x1b[2J\x7f", 8}, "\\x00\\x09\\x0a\\x1b[2J\\x7f"},
        {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {{"\xff\x9b", 2}, "\\xff\\x9b"},
        {{"\xe2\x80", 2}, "\\xe2\\x80"},              /* cut */
        {{"\xed\xa0\x80", 3}, "\\xed\\xa0\\x80"},     /* a surrogate */
        {{"a\xe2\x80\xaez", 5}, "a\\xe2\\x80\\xaez"}, /* RIGHT-TO-LEFT OVERRIDE */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char room[64];
        struct text t = {.at = room, .room = sizeof room};
        text_put_visible(&t, cases[i].in);
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
        TEST(characters_that_act_are_never_written_as_they_are),
        TEST(what_is_visible_stays_and_the_rest_is_shown_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
