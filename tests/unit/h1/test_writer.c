#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1/writer.h"

#include "../field_lines.h"

#include "../arena_fixture.h"

static void assert_text(struct span actual, const char *expected)
{
    if (!span_eq(actual, span_str(expected)))
        fail_msg("came\n%.*s\nnot\n%s", SPAN_ARG(actual), expected);
}

static void a_head_says_how_its_body_ends(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *fields;
        struct body body;
        const char *out;
    } cases[] = {
        {"GET", "/", "", {BODY_NONE, 0}, "GET / HTTP/1.1\r\n\r\n"},
        {"GET",
         "/a?b=c",
         "host: example.com\naccept: */*\nx-a: 1\nx-a:\n",
         {BODY_NONE, 0},
         "GET /a?b=c HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\nx-a: 1\r\nx-a: \r\n\r\n"},
        {"OPTIONS", "*", "host: a\n", {BODY_NONE, 0}, "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"},
        {"DELETE", "/", "", {BODY_NONE, 0}, "DELETE / HTTP/1.1\r\n\r\n"},
        {"POST", "/", "", {BODY_NONE, 0}, "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
        {"PUT", "/", "", {BODY_NONE, 0}, "PUT / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
        {"PATCH", "/", "", {BODY_NONE, 0}, "PATCH / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
        {"DELETE", "/", "", {BODY_LENGTH, 0}, "DELETE / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
        {"POST", "/", "", {BODY_LENGTH, 0}, "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"},
        {"GET", "/", "", {BODY_LENGTH, 5}, "GET / HTTP/1.1\r\ncontent-length: 5\r\n\r\n"},
        {"PUT",
         "/",
         "host: a\n",
         {BODY_LENGTH, UINT64_MAX},
         "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551615\r\n\r\n"},
        {"GET", "/", "", {BODY_UNKNOWN, 0}, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"},
        {"POST",
         "/",
         "a: b\n",
         {BODY_UNKNOWN, 7},
         "POST / HTTP/1.1\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fields fields = read_fields(&arena, cases[i].fields);
        const struct request request = {
            .method = span_str(cases[i].method),
            .path = span_str(cases[i].path),
        };
        assert_text(h1_request_head(&arena, &request, cases[i].body, &fields), cases[i].out);
    }
}

/* What its client said of a body that is none is repeated where the method may have one. */
static void a_head_repeats_that_there_is_no_body(void **state)
{
    (void)state;
    static const struct {
        const char *method, *said, *framing;
    } cases[] = {
        {"POST", "content-length: 0\n", "content-length: 0\r\n"},
        {"DELETE", "content-length: 0\n", "content-length: 0\r\n"},
        {"PROPFIND", "content-length: 0\n", "content-length: 0\r\n"},
        {"OPTIONS", "content-length: 0\n", "content-length: 0\r\n"},
        {"post", "content-length: 0\n", "content-length: 0\r\n"},
        {"GET", "content-length: 0\n", ""},
        {"HEAD", "content-length: 0\n", ""},
        {"PROPFIND", "", ""},
        {"post", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fields none = read_fields(&arena, "");
        const struct request request = {
            .method = span_str(cases[i].method),
            .path = SPAN("/"),
            .fields = read_fields(&arena, cases[i].said),
        };
        struct span expected =
            arena_printf(&arena, "%s / HTTP/1.1\r\n%s\r\n", cases[i].method, cases[i].framing);
        struct span head = h1_request_head(&arena, &request, (struct body){BODY_NONE, 0}, &none);
        if (!span_eq(head, expected))
            fail_msg("came\n%.*s\nnot\n%.*s", SPAN_ARG(head), SPAN_ARG(expected));
    }
}

static void a_chunk_begins_with_its_size(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *out;
    } cases[] = {
        {1, "1\r\n"},
        {255, "ff\r\n"},
        {65536, "10000\r\n"},
        {SIZE_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[H1_CHUNK_LINE_BYTES];
        assert_text(h1_chunk_line(out, cases[i].len), cases[i].out);
    }
}

static void the_last_chunk_carries_the_trailers(void **state)
{
    (void)state;
    static const struct {
        const char *trailers;
        bool after;
        const char *out;
    } cases[] = {
        {NULL, false, "0\r\n\r\n"},
        {NULL, true, "\r\n0\r\n\r\n"},
        {"", true, "\r\n0\r\n\r\n"},
        {"x-sum: 1\ny:\n", true, "\r\n0\r\nx-sum: 1\r\ny: \r\n\r\n"},
        {"x-sum: 1\n", false, "0\r\nx-sum: 1\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *lines = cases[i].trailers;
        const struct fields fields = read_fields(&arena, lines ? lines : "");
        assert_text(h1_last_chunk(&arena, lines ? &fields : NULL, cases[i].after), cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_says_how_its_body_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_head_repeats_that_there_is_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunk_begins_with_its_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_chunk_carries_the_trailers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
