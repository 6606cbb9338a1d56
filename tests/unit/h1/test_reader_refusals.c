#include "wire.h"

#define LINE_END_WHY "a line does not end in CRLF"
#define START_WHY    "it does not begin with HTTP/1."
#define CR_WHY       "a line holds a bare CR or a NUL"
#define STATUS_WHY   "the status code is not in 100-599"

static void malformed_heads_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("x", START_WHY),
        GET("\r\nHTTP/1.1 200 OK\r\n\r\n", START_WHY),
        GET(" HTTP/1.1 200 OK\r\n\r\n", START_WHY),
        GET("http/1.1 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/2 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/0.9 200 OK\r\n\r\n", START_WHY),
        GET("HTTP/2.0 200 OK\r\n\r\n", START_WHY),
        GET("<html>", START_WHY),
        REFUSED("HTTP/1.2 200 OK\r\n\r\n"),
        REFUSED("HTTP/1.9 200 OK\r\n\r\n"),
        REFUSED("HTTP/1.11 200 OK\r\n\r\n"),
        REFUSED("HTTP/1.x 200 OK\r\n\r\n"),
        REFUSED("HTTP/1. 200 OK\r\n\r\n"),
        REFUSED("HTTP/1.1\r\n\r\n"),
        REFUSED("HTTP/1.1 \r\n\r\n"),
        REFUSED("HTTP/1.1 20\r\n\r\n"),
        REFUSED("HTTP/1.1 2000\r\n\r\n"),
        REFUSED("HTTP/1.1 2 00 OK\r\n\r\n"),
        GET("HTTP/1.1 0200 OK\r\n\r\n", "the status code has not three digits"),
        REFUSED("HTTP/1.1 00200 OK\r\n\r\n"),
        REFUSED("HTTP/1.1 99 X\r\n\r\n"),
        REFUSED("HTTP/1.1 -20 OK\r\n\r\n"),
        REFUSED("HTTP/1.1 0x2 OK\r\n\r\n"),
        REFUSED("HTTP/1.1  200 OK\r\n\r\n"),
        REFUSED("HTTP/1.1\t200 OK\r\n\r\n"),
        REFUSED("HTTP/1.1 200OK\r\n\r\n"),
        GET("HTTP/1.1 000 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 099 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 600 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 999 X\r\n\r\n", STATUS_WHY),
        GET("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 101 X\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 101 X\r\n\r\n", "101 was not asked for"),
        GET("HTTP/1.1 103 E\r\n\r\nrubbish", START_WHY),
        REFUSED(OK_WITH(": x\r\n")),
        REFUSED(OK_WITH(":\r\n")),
        REFUSED(OK_WITH("a b: x\r\n")),
        REFUSED(OK_WITH("a : x\r\n")),
        REFUSED(OK_WITH("a\x80: x\r\n")),
        REFUSED(OK_WITH("a(: x\r\n")),
        GET(OK_WITH("a\0: x\r\n"), CR_WHY),
        REFUSED(OK_WITH("no colon\r\n")),
        REFUSED(OK_WITH("nocolon\r\n")),
        GET(OK_WITH("a: x\0y\r\n"), CR_WHY),
        REFUSED(OK_WITH("a: x\x01\r\n")),
        REFUSED(OK_WITH("a: x\x7f\r\n")),
        GET("HTTP/1.1 200 O\0K\r\n\r\n", CR_WHY),
        GET(OK_WITH("a: x\r\n y\r\n"), "a field line is folded"),
        GET(OK_WITH("a: x\r\n\ty\r\n"), "a field line is folded"),
        GET(OK_WITH(" a: x\r\n"), "a field line is folded"),
        GET(OK_WITH("a:\r\n y\r\n"), "a field line is folded"),
        GET(OK_WITH("a: x\r\n \r\n"), "a field line is folded"),
        GET("HTTP/1.1 200 OK\n\r\n", LINE_END_WHY),
        GET("HTTP/1.1 200 OK\r\n\n", LINE_END_WHY),
        GET("HTTP/1.1 200 OK\n\n", LINE_END_WHY),
        GET(OK_WITH("a: x\n"), LINE_END_WHY),
        GET(OK_WITH("a: x\nb: y\r\n"), LINE_END_WHY),
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
        REFUSED(OK_WITH("content-length: 1\r\ncontent-length: 1\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1\r\ncontent-length: 2\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1, 1\r\n") "a"),
        REFUSED(OK_WITH("content-length: +1\r\n") "a"),
        REFUSED(OK_WITH("content-length: -1\r\n") "a"),
        REFUSED(OK_WITH("content-length: 0x1\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1 1\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1a\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1;\r\n") "a"),
        REFUSED(OK_WITH("content-length:\r\n") "a"),
        REFUSED(OK_WITH("content-length: \t\r\n") "a"),
        REFUSED(OK_WITH("content-length: 18446744073709551616\r\n") "a"),
        REFUSED(OK_WITH("content-length: 99999999999999999999999\r\n") "a"),
        REFUSED(OK_WITH("content-length: 1\r\ntransfer-encoding: chunked\r\n") "a"),
        REFUSED(OK_WITH("transfer-encoding: chunked\r\ncontent-length: 1\r\n") "a"),
        CASE("HEAD", OK_WITH("transfer-encoding: chunked\r\ncontent-length: 1\r\n"), NULL),
        CASE("HEAD", OK_WITH("content-length: 1\r\ncontent-length: 2\r\n"), NULL),
        REFUSED(OK_WITH("transfer-encoding: gzip\r\n")),
        REFUSED(OK_WITH("transfer-encoding: gzip, chunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked, gzip\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked, chunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n")),
        REFUSED(OK_WITH("transfer-encoding: identity\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked\t\r\n") "1\r\na\r\n0\r\n\r\n"),
        REFUSED(OK_WITH("transfer-encoding: chunked \t \r\n") "1\r\na\r\n0\r\n\r\n"),
        REFUSED(OK_WITH("transfer-encoding: xchunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunkedx\r\n")),
        REFUSED(OK_WITH("transfer-encoding: chunked;a=b\r\n")),
        REFUSED(OK_WITH("transfer-encoding: \"chunked\"\r\n")),
        REFUSED(OK_WITH("transfer-encoding: \x0b"
                        "chunked\r\n")),
        REFUSED(OK_WITH("transfer-encoding:\r\n")),
        REFUSED(OK_WITH("transfer-encoding: ,chunked\r\n")),
        REFUSED("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        REFUSED("HTTP/1.1 204 N\r\ntransfer-encoding: gzip\r\n\r\n"),
        REFUSED("HTTP/1.1 103 E\r\ntransfer-encoding: gzip\r\n\r\n"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        REFUSED(CHUNKED "x\r\n"),
        REFUSED(CHUNKED "\r\n"),
        REFUSED(CHUNKED " 1\r\na\r\n"),
        REFUSED(CHUNKED "1 \r\na\r\n"),
        REFUSED(CHUNKED "1\t\r\na\r\n"),
        REFUSED(CHUNKED "+1\r\na\r\n"),
        REFUSED(CHUNKED "-1\r\na\r\n"),
        REFUSED(CHUNKED "0x1\r\na\r\n"),
        REFUSED(CHUNKED "1g\r\na\r\n"),
        REFUSED(CHUNKED "1,\r\na\r\n"),
        REFUSED(CHUNKED ";a\r\na\r\n"),
        REFUSED(CHUNKED "1\na\r\n"),
        REFUSED(CHUNKED "1;a\na\r\n"),
        REFUSED(CHUNKED "1;a\rb\r\na\r\n"),
        REFUSED(CHUNKED "1;\0\r\na\r\n"),
        REFUSED(CHUNKED "1\ra\r\n"),
        REFUSED(CHUNKED "1\r\nab\r\n"),
        REFUSED(CHUNKED "1\r\na\n0\r\n\r\n"),
        REFUSED(CHUNKED "1\r\na\rb"),
        REFUSED(CHUNKED "1\r\na0\r\n\r\n"),
        REFUSED(CHUNKED "ffffffffffffffff1\r\na"),
        REFUSED(CHUNKED "10000000000000000\r\na"),
        REFUSED(CHUNKED "0\n\r\n"),
        REFUSED(CHUNKED "0\r\n\n"),
        REFUSED(CHUNKED "0\r\n\rx\r\n"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void malformed_trailers_are_refused(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        REFUSED(CHUNKED "0\r\na: x\n\r\n"),          REFUSED(CHUNKED "0\r\na: x\nb: y\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na: x\r\n\n"),          REFUSED(CHUNKED "0\r\na: x\r\n y\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na: x\r\n\ty\r\n\r\n"), REFUSED(CHUNKED "0\r\na:\r\n y\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na:\r\n \r\n\r\n"),     REFUSED(CHUNKED "0\r\n a: x\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na: x\ry\r\n\r\n"),     REFUSED(CHUNKED "0\r\na: x\rb: y\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na:\r x\r\n\r\n"),      REFUSED(CHUNKED "0\r\na: x\r\n\r \n"),
        REFUSED(CHUNKED "0\r\na: x\0\r\n\r\n"),      REFUSED(CHUNKED "0\r\na: x\x01\r\n\r\n"),
        REFUSED(CHUNKED "0\r\na : x\r\n\r\n"),       REFUSED(CHUNKED "0\r\na b: x\r\n\r\n"),
        REFUSED(CHUNKED "0\r\n: x\r\n\r\n"),         REFUSED(CHUNKED "0\r\n:\r\n\r\n"),
        REFUSED(CHUNKED "0\r\nnocolon\r\n\r\n"),     REFUSED(CHUNKED "0\r\na\0: x\r\n\r\n"),
    };
    check(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(malformed_framing_is_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(malformed_trailers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
