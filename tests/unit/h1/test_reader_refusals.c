#include "whys.h"
#include "wire.h"

static void malformed_heads_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("x", START_WHY),
        GET(" HTTP/1.1 200 OK\r\n\r\n", START_WHY),
        GET("http/1.1 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/2 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/0.9 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/2.0 200 OK\r\n\r\n", START_WHY),
        GET("<html>", START_WHY),
        GET("HTTP/1.11 200 OK\r\n\r\n", SPACE_WHY),
        GET("HTTP/1.x 200 OK\r\n\r\n", VERSION_WHY),
        GET("HTTP/1. 200 OK\r\n\r\n", VERSION_WHY),
        GET("HTTP/1.1\r\n\r\n", SPACE_WHY),
        GET("HTTP/1.1 \r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 20\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 2000\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 2 00 OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 0200 OK\r\n\r\n", "the status code has not three digits"),
        GET("HTTP/1.1 00200 OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 99 X\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 -20 OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 0x2 OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 200OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.\r\n\r\n", VERSION_WHY),
        GET("HTTP/1.\0 200 OK\r\n\r\n", CONTROL_WHY),
        GET("HTTP/1.10 200 OK\r\n\r\n", SPACE_WHY),
        GET("HTTP/1.0\r\n\r\n", SPACE_WHY),
        GET("HTTP/1.1 2\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 2:0 OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 20/ OK\r\n\r\n", DIGITS_WHY),
        GET("HTTP/1.1 200 O\x01K\r\n\r\n", CONTROL_WHY),
        GET("HTTP/1.1 200 O\x7fK\r\n\r\n", CONTROL_WHY),
        GET("HTTP/1.1 200 \x1b[1m A longer reason phrase\r\n\r\n", CONTROL_WHY),
        GET("HTTP/1.1 000 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 099 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 101 X\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 101 X\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 103 E\r\n\r\nrubbish", START_WHY),
        GET(OK_WITH(": x\r\n"), NAME_WHY),
        GET(OK_WITH(":\r\n"), NAME_WHY),
        GET(OK_WITH("a b: x\r\n"), NAME_WHY),
        GET(OK_WITH("a\x80: x\r\n"), NAME_WHY),
        GET(OK_WITH("a(: x\r\n"), NAME_WHY),
        GET(OK_WITH("a\0: x\r\n"), CONTROL_WHY),
        GET(OK_WITH("no colon\r\n"), NAME_WHY),
        GET(OK_WITH("nocolon\r\n"), COLON_WHY),
        GET(OK_WITH("a: x\0y\r\n"), CONTROL_WHY),
        GET(OK_WITH("a: x\x01\r\n"), CONTROL_WHY),
        GET(OK_WITH("a: x\x7f\r\n"), CONTROL_WHY),
        GET("HTTP/1.1 200 O\0K\r\n\r\n", CONTROL_WHY),
        GET(OK_WITH("a: x\r\n y\r\n"), FOLD_WHY),
        GET(OK_WITH("a: x\r\n\ty\r\n"), FOLD_WHY),
        GET(OK_WITH(" a: x\r\n"), FOLD_WHY),
        GET(OK_WITH("a:\r\n y\r\n"), FOLD_WHY),
        GET(OK_WITH("a: x\r\n \r\n"), FOLD_WHY),
        GET("HTTP/1.1 200 O\rK\r\n\r\n", CR_WHY),
        GET("HTTP/1.1 200 OK\r\r\n\r\n", CR_WHY),
        GET("HTTP/1.1 200\r OK\r\n\r\n", CR_WHY),
        GET(OK_WITH("a: x\ry\r\n"), CR_WHY),
        GET(OK_WITH("a: x\rb: y\r\n"), CR_WHY),
        GET(OK_WITH("a:\r x\r\n"), CR_WHY),
        GET(OK_WITH("a:\rb: y\r\n"), CR_WHY),
        GET(OK_WITH("a: x\r\r\n"), CR_WHY),
        GET(OK_WITH("a\r: x\r\n"), CR_WHY),
        GET(OK_WITH("\ra: x\r\n"), CR_WHY),
        GET(OK_WITH("connection: close\rb: y\r\n"), CR_WHY),
        GET(OK_WITH("content-length: 5\r6\r\n"), CR_WHY),
        GET("HTTP/1.1 200 OK\r\na: x\r\n\rb: y\r\n\r\n", CR_WHY),
        GET("HTTP/1.1 200 OK\r\n\r\r\n", CR_WHY),
    };
    check(cases, ARRAY_LEN(cases));
}

static void malformed_framing_is_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(OK_WITH("content-length: 1\r\ncontent-length: 2\r\n") "a", LENGTHS_WHY),
        GET(OK_WITH("content-length: +1\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: -1\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 0x1\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 1 1\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 1a\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 1;\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 1,\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 1.0\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: \"1\"\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: \xb2\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 36893488147419103232\r\n") "a", LENGTH_WHY),
        GET("HTTP/1.1 204 N\r\ncontent-length: x\r\n\r\n", LENGTH_WHY),
        GET("HTTP/1.1 103 E\r\ncontent-length: x\r\n\r\n", LENGTH_WHY),
        CASE("HEAD", OK_WITH("content-length: x\r\n"), LENGTH_WHY),
        GET(OK_WITH("content-length:\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 18446744073709551616\r\n") "a", LENGTH_WHY),
        GET(OK_WITH("content-length: 99999999999999999999999\r\n") "a", LENGTH_WHY),
        CASE("HEAD", OK_WITH("content-length: 1\r\ncontent-length: 2\r\n"), LENGTHS_WHY),
        GET(OK_WITH("transfer-encoding: gzip\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: gzip, chunked\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: chunked, gzip\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: chunked, chunked\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: identity\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: xchunked\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: chunkedx\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: chunked;a=b\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: \"chunked\"\r\n"), CODING_WHY),
        GET(OK_WITH("transfer-encoding: \x0b"
                    "chunked\r\n"),
            CONTROL_WHY),
        GET(OK_WITH("transfer-encoding:\r\n"), CODING_WHY),
        GET("HTTP/1.1 204 N\r\ntransfer-encoding: gzip\r\n\r\n", CODING_WHY),
        GET("HTTP/1.1 103 E\r\ntransfer-encoding: gzip\r\n\r\n", CODING_WHY),
    };
    check(cases, ARRAY_LEN(cases));
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "x\r\n", SIZE_WHY),
        GET(CHUNKED "\r\n", SIZE_WHY),
        GET(CHUNKED " 1\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "+1\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "-1\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "0x1\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "1g\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "1,\r\na\r\n", SIZE_WHY),
        GET(CHUNKED ";a\r\na\r\n", SIZE_WHY),
        GET(CHUNKED "1;a\rb\r\na\r\n", CHUNK_WHY),
        GET(CHUNKED "1;\0\r\na\r\n", CONTROL_EXT_WHY),
        GET(CHUNKED "1\ra\r\n", CHUNK_WHY),
        GET(CHUNKED "1\r\nab\r\n", DATA_WHY),
        GET(CHUNKED "1\r\na\rb", DATA_WHY),
        GET(CHUNKED "1\r\na0\r\n\r\n", DATA_WHY),
        GET(CHUNKED "ffffffffffffffff1\r\na", SIZE_WHY),
        GET(CHUNKED "10000000000000000\r\na", SIZE_WHY),
        GET(CHUNKED "11111111111111111\r\na", SIZE_WHY),
        GET(CHUNKED "0000000ffffffffffffffff0\r\na", SIZE_WHY),
        GET(CHUNKED "/\r\n", SIZE_WHY),
        GET(CHUNKED ":\r\n", SIZE_WHY),
        GET(CHUNKED "@\r\n", SIZE_WHY),
        GET(CHUNKED "G\r\n", SIZE_WHY),
        GET(CHUNKED "1`\r\n", SIZE_WHY),
        GET(CHUNKED "1\0\r\n", SIZE_WHY),
        GET(CHUNKED "\n", SIZE_WHY),
        GET(CHUNKED "1 1\r\na\r\n", BLANK_WHY),
        GET(CHUNKED "1;a\x01\r\na\r\n", CONTROL_EXT_WHY),
        GET(CHUNKED "1;a=\"\x7f\"\r\na\r\n", CONTROL_EXT_WHY),
        GET(CHUNKED "1;\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1; \t\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;;\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;;a\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a;\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a; ;b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;b}c\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1; (\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;\x80\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;=\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;=b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;\"a\"\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a\"b\"\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a= \r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=;b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a==b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=b=c\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=b\"\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=b,c\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=\\b\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=\"b\"c\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=\"b\"=c\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=\"b\"\"c\"\r\na\r\n", EXT_WHY),
        GET(CHUNKED "1;a=b c\r\na\r\n", BLANK_WHY),
        GET(CHUNKED "1;a=b =c\r\na\r\n", BLANK_WHY),
        GET(CHUNKED "1;a=\"\r\na\r\n", QUOTE_WHY),
        GET(CHUNKED "1;a=\"b\r\n\"\r\n", QUOTE_WHY),
        GET(CHUNKED "1;a=\"\\\"\r\na\r\n", QUOTE_WHY),
        GET(CHUNKED "1;a=\"\\\r\na\r\n", QUOTE_WHY),
        GET(CHUNKED "1;a=\"\\\x01\"\r\na\r\n", CONTROL_EXT_WHY),
        GET(CHUNKED "1;a=\"b\n\"\r\na\r\n", CHUNK_WHY),
        GET(CHUNKED "1;a=\n\r\na\r\n", CHUNK_WHY),
        GET(CHUNKED "0;a=\"\r\n\r\n", QUOTE_WHY),
        GET(CHUNKED "1;a\r\r\na\r\n", CHUNK_WHY),
        GET(CHUNKED "1\r\r\na\r\n", CHUNK_WHY),
        GET(CHUNKED "1\r\na\r\r\n", DATA_WHY),
        GET(CHUNKED "1\r\na;\r\n", DATA_WHY),
        GET(CHUNKED "1\r\na\r\n\r\n0\r\n", SIZE_WHY),
        GET(CHUNKED "0\r\n\rx\r\n", CR_WHY),
    };
    check(cases, ARRAY_LEN(cases));
}

static void malformed_trailers_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "0\r\na:\x7f\r\n\r\n", CONTROL_WHY),
        GET(CHUNKED "0\r\ncontent-length: 1\x01\r\n\r\n", CONTROL_WHY),
        GET(CHUNKED "0\r\na: x\r\n y\r\n\r\n", FOLD_WHY),
        GET(CHUNKED "0\r\na: x\r\n\ty\r\n\r\n", FOLD_WHY),
        GET(CHUNKED "0\r\na:\r\n y\r\n\r\n", FOLD_WHY),
        GET(CHUNKED "0\r\na:\r\n \r\n\r\n", FOLD_WHY),
        GET(CHUNKED "0\r\n a: x\r\n\r\n", FOLD_WHY),
        GET(CHUNKED "0\r\na: x\ry\r\n\r\n", CR_WHY),
        GET(CHUNKED "0\r\na: x\rb: y\r\n\r\n", CR_WHY),
        GET(CHUNKED "0\r\na:\r x\r\n\r\n", CR_WHY),
        GET(CHUNKED "0\r\na: x\r\n\r \n", CR_WHY),
        GET(CHUNKED "0\r\na: x\0\r\n\r\n", CONTROL_WHY),
        GET(CHUNKED "0\r\na: x\x01\r\n\r\n", CONTROL_WHY),
        GET(CHUNKED "0\r\na b: x\r\n\r\n", NAME_WHY),
        GET(CHUNKED "0\r\n: x\r\n\r\n", NAME_WHY),
        GET(CHUNKED "0\r\n:\r\n\r\n", NAME_WHY),
        GET(CHUNKED "0\r\nnocolon\r\n\r\n", COLON_WHY),
        GET(CHUNKED "0\r\na\0: x\r\n\r\n", CONTROL_WHY),
    };
    check(cases, ARRAY_LEN(cases));
}

/* Nobody waits for the rest of a head that cannot be right any more. */
static void a_line_is_refused_before_its_head_is_complete(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 200 O\rK", CR_WHY),
        GET("HTTP/1.1 200 OK\r\r", CR_WHY),
        GET("HTTP/1.1 200 O\0", CONTROL_WHY),
        GET("HTTP/1.1 200 OK\r\na: x\ry", CR_WHY),
        GET("HTTP/1.1 200 OK\r\na: x\x7f", CONTROL_WHY),
        GET("HTTP/1.1 200 OK\r\na: x\r\n ", FOLD_WHY),
        GET(CHUNKED "0\r\na: x\ry", CR_WHY),
    };
    check(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(a_line_is_refused_before_its_head_is_complete),
        cmocka_unit_test(malformed_framing_is_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(malformed_trailers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
