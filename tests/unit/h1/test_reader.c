#include "wire.h"

static void bodies_with_a_length_come_out_to_the_byte(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "200 length 5\ncontent-length: 5\n[hello]\nkeep"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\ncontent-length: 0\nkeep"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 005 \r\n\r\n\r\n0\r\n",
            "200 length 5\ncontent-length: 005\n[\r\n0\r\n]\nkeep"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            "200 length 5\ncontent-length: 5\n[hell]\ncut"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\na",
            "200 length 18446744073709551615\ncontent-length: 18446744073709551615\n[a]\ncut"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 00000000000000000000000000000002\r\n\r\nab",
            "200 length 2\ncontent-length: 00000000000000000000000000000002\n[ab]\nkeep"),
        GET("HTTP/1.1 200 OK\r\ncontent-length:1\r\n\r\na",
            "200 length 1\ncontent-length: 1\n[a]\nkeep"),
        GET("HTTP/1.1 500 \r\ncontent-length: 1\r\n\r\na",
            "500 length 1\ncontent-length: 1\n[a]\nkeep"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void chunks_are_joined_in_place(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "5\r\nhello\r\n0\r\n\r\n", IS_CHUNKED "[hello]\nkeep"),
        GET(CHUNKED "1\r\nh\r\n4\r\nello\r\n0000\r\n\r\n", IS_CHUNKED "[hello]\nkeep"),
        GET(CHUNKED "0\r\n\r\n", IS_CHUNKED "keep"),
        GET(CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            IS_CHUNKED "[01234567890123456789]\nkeep"),
        GET(CHUNKED "002;a;b=c\r\n\r\n\r\n0;x\r\n\r\n", IS_CHUNKED "[\r\n]\nkeep"),
        GET(CHUNKED "00000000000000000000001\r\na\r\n000000000000000000000\r\n\r\n",
            IS_CHUNKED "[a]\nkeep"),
        GET(CHUNKED "ffffffffffffffff\r\nab", IS_CHUNKED "[ab]\ncut"),
        GET(CHUNKED "00FFffFFffFFffFFff\r\nab", IS_CHUNKED "[ab]\ncut"),
        GET("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "200 unknown length\ntransfer-encoding: CHUNKED\n[a]\nkeep"),
        GET(CHUNKED, IS_CHUNKED "cut"),
        GET(CHUNKED "5\r\nhel", IS_CHUNKED "[hel]\ncut"),
        GET(CHUNKED "5\r\nhello\r\n", IS_CHUNKED "[hello]\ncut"),
        GET(CHUNKED "5\r\nhello\r\n0\r\n", IS_CHUNKED "[hello]\ncut"),
        GET(CHUNKED "5\r\nhello\r\n0\r\nx: y\r\n", IS_CHUNKED "[hello]\ncut"),
        GET(CHUNKED "5\r\nhello\r\n0\r\n\r", IS_CHUNKED "[hello]\ncut"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void extensions_of_chunks_are_passed_over(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "1;a\r\nx\r\n0;b\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a=b;c=d;e\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a=\"b;c\"\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a = \"b;c\"\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a=\"\\\" \\\\\t\x80\xff,\"\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1 ;a\r\nx\r\n0\t ;\tb\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1 \t; a\t=\tb ; c\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1 ; a = b\t; c ;d=\"\" ;e\r\nx\r\n0\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a=\"=;(\\;\\\t\"\r\nx\r\n0;a=\"\\\"\"\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;2\r\nx\r\n0;9\r\n\r\n", IS_CHUNKED "[x]\nkeep"),
        GET(CHUNKED "1;a=\"b", IS_CHUNKED "cut"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void trailers_follow_the_body_without_what_frames(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "1\r\na\r\n0\r\nX-Sum: 1 2\r\nEtag:\"x\" \r\n\r\n",
            IS_CHUNKED "[a]\ntrailer x-sum: 1 2\ntrailer etag: \"x\"\nkeep"),
        GET(CHUNKED "0\r\nx-a:\r\nx-a: \t \r\nx-a: 2\r\n\r\n",
            IS_CHUNKED "trailer x-a: \ntrailer x-a: \ntrailer x-a: 2\nkeep"),
        GET(CHUNKED "0\r\ncontent-length: 5\r\nx-a: 1\r\n\r\n", IS_CHUNKED "trailer x-a: 1\nkeep"),
        GET(CHUNKED "0\r\ncontent-length: 1\r\ncontent-length: x\r\n\r\n", IS_CHUNKED "keep"),
        GET(CHUNKED "0\r\nTransfer-Encoding: gzip, chunked\r\nx-a: 1\r\n\r\n",
            IS_CHUNKED "trailer x-a: 1\nkeep"),
        GET(CHUNKED "0\r\ntrailer: x-a\r\nx-a: 1\r\n\r\nHTTP",
            IS_CHUNKED "trailer x-a: 1\nkeep, 4 left"),
        GET(CHUNKED "0\r\nconnection: close\r\n\r\n", IS_CHUNKED "trailer connection: close\nkeep"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void without_framing_the_close_ends_the_body(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 200 OK\r\n\r\nhello", "200 unknown length\n[hello]\nended by close"),
        GET("HTTP/1.1 200 OK\r\n\r\n", "200 unknown length\nended by close"),
        GET("HTTP/1.0 404 Not Found\r\nconnection: keep-alive\r\n\r\nno\r\n\r\n",
            "404 unknown length\nconnection: keep-alive\n[no\r\n\r\n]\nended by close"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void some_responses_have_no_body(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        CASE("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
             "200 no body\ncontent-length: 5\nkeep"),
        CASE("HEAD", CHUNKED, "200 no body\ntransfer-encoding: chunked\nkeep"),
        CASE("HEAD", "HTTP/1.1 200 OK\r\n\r\nHTTP", "200 no body\nkeep, 4 left"),
        CASE("HEAD", "HTTP/1.1 404 No\r\nconnection: close\r\n\r\n",
             "404 no body\nconnection: close\nclose"),
        GET("HTTP/1.1 204 No Content\r\n\r\n", "204 no body\nkeep"),
        GET("HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc",
            "204 no body\ncontent-length: 3\nkeep, 3 left"),
        GET("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
            "304 no body\ncontent-length: 5\nkeep"),
        GET("HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n0",
            "304 no body\ntransfer-encoding: chunked\nkeep, 1 left"),
        /* The method's name is compared as it is: it is case-sensitive. */
        CASE("head", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
             "200 length 1\ncontent-length: 1\n[a]\nkeep"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void informational_heads_come_before_the_final_one(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
            "103 no body\nlink: </a>\n200 length 1\ncontent-length: 1\n[a]\nkeep"),
        GET("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\na: 1\r\n\r\nHTTP/1.1 103 E\r\na: 2\r\n\r\n"
            "HTTP/1.1 204 N\r\n\r\n",
            "100 no body\n103 no body\na: 1\n103 no body\na: 2\n204 no body\nkeep"),
        /* What an informational head says of framing and of the connection is not for the final
         * one. */
        GET("HTTP/1.1 103 E\r\nconnection: close\r\ncontent-length: 9\r\n\r\n"
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
            "103 no body\nconnection: close\ncontent-length: 9\n"
            "200 length 1\ncontent-length: 1\n[a]\nkeep"),
        GET("HTTP/1.1 103 E\r\n\r\n", "103 no body\ncut"),
        GET("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 2", "103 no body\ncut"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void a_connection_is_kept_where_both_agree(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na",
            "200 length 1\nconnection: close\ncontent-length: 1\n[a]\nclose"),
        GET("HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nconnection: x, Close\ncontent-length: 0\nclose"),
        GET("HTTP/1.1 200 OK\r\nconnection: close\t\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nconnection: close\ncontent-length: 0\nclose"),
        GET("HTTP/1.1 200 OK\r\nconnection: close\t, x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "200 unknown length\nconnection: close\t, x\ntransfer-encoding: chunked\nclose"),
        GET("HTTP/1.1 200 OK\r\nconnection: closed\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nconnection: closed\ncontent-length: 0\nkeep"),
        GET("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na",
            "200 length 1\ncontent-length: 1\n[a]\nclose"),
        GET("HTTP/1.0 200 OK\r\nconnection: keep-alive, close\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nconnection: keep-alive, close\ncontent-length: 0\nclose"),
        GET("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: close\r\n"
            "content-length: 0\r\n\r\n",
            "200 length 0\nconnection: keep-alive\nconnection: close\ncontent-length: 0\nclose"),
        GET("HTTP/1.0 200 OK\r\nconnection: x,\tkeep-alive\t\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nconnection: x,\tkeep-alive\ncontent-length: 0\nkeep"),
        GET("HTTP/1.0 200 OK\r\nproxy-connection: keep-alive\r\ncontent-length: 0\r\n\r\n",
            "200 length 0\nproxy-connection: keep-alive\ncontent-length: 0\nclose"),
        GET("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\na",
            "200 length 1\nconnection: Keep-Alive\ncontent-length: 1\n[a]\nkeep"),
        GET("HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "200 unknown length\nconnection: close\ntransfer-encoding: chunked\nclose"),
        /* An offer to upgrade is none of our business. */
        GET("HTTP/1.1 200 OK\r\nupgrade: h2,h2c\r\nconnection: Upgrade\r\ncontent-length: 1\r\n"
            "\r\na",
            "200 length 1\nupgrade: h2,h2c\nconnection: Upgrade\ncontent-length: 1\n[a]\nkeep"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void what_follows_a_response_is_left(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n",
            "200 length 1\ncontent-length: 1\n[a]\nkeep, 19 left"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n\r\n",
            "200 length 0\ncontent-length: 0\nkeep, 2 left"),
        GET("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nabc",
            "200 length 1\nconnection: close\ncontent-length: 1\n[a]\nclose, 2 left"),
        GET(CHUNKED "1\r\na\r\n0\r\n\r\nHTTP/1.1", IS_CHUNKED "[a]\nkeep, 8 left"),
        GET("HTTP/1.1 204 N\r\n\r\nx", "204 no body\nkeep, 1 left"),
    };
    check(cases, ARRAY_LEN(cases));
}

static void heads_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET("HTTP/1.1 204\r\n\r\n", "204 no body\nkeep"),
        GET("HTTP/1.1 204 \r\n\r\n", "204 no body\nkeep"),
        GET("HTTP/1.1 204 \tN\t \r\n\r\n", "204 no body\nkeep"),
        GET("HTTP/1.1 100\r\n\r\nHTTP/1.0 204 N\r\n\r\n", "100 no body\n204 no body\nclose"),
        GET("HTTP/1.1 204 N\r\na: 1234567\r\na: 12345678\r\na: 123456789\r\na: 1\t345678\r\n\r\n",
            "204 no body\na: 1234567\na: 12345678\na: 123456789\na: 1\t345678\nkeep"),
        GET("HTTP/1.1 204 Gar nichts \xc3\xa4: x\r\n\r\n", "204 no body\nkeep"),
        GET("HTTP/1.1 204 N\r\nA:b\r\nA: \t c d\t \r\na:\r\na: \r\n\r\n",
            "204 no body\na: b\na: c d\na: \na: \nkeep"),
        GET("HTTP/1.1 204 N\r\n!#$%&'*+-.^_`|~09aZ: \x80\xff:;,\"\r\n\r\n",
            "204 no body\n!#$%&'*+-.^_`|~09az: \x80\xff:;,\"\nkeep"),
        GET("HTTP/1.1 599 X\r\ncontent-length: 0\r\n\r\n", "599 length 0\ncontent-length: 0\nkeep"),
        GET("HTTP/1.1 299 X\r\ncontent-length: 0\r\n\r\n", "299 length 0\ncontent-length: 0\nkeep"),
    };
    check(cases, ARRAY_LEN(cases));
}

/* `in` with its first "@" grown so that it has `bytes` in all. */
static struct span pad(const char *in, size_t bytes, char *out)
{
    size_t before = strcspn(in, "@"), after = strlen(in) - before - 1;
    memcpy(out, in, before);
    memset(out + before, 'x', bytes - before - after);
    memcpy(out + bytes - after, in + before + 1, after);
    return span_of(out, bytes);
}

static void heads_are_bounded(void **state)
{
    (void)state;
    char text[HEAD_BYTES + 2], expected[HEAD_BYTES + 2];
    const char *head = "HTTP/1.1 204 N\r\na: @\r\n\r\n", *said = "204 no body\na: @\nkeep";
    struct span in = pad(head, HEAD_BYTES, text);
    struct span out = pad(said, strlen(said) + HEAD_BYTES - strlen(head), expected);
    expected[out.len] = '\0';
    expect_either_way("GET", in, expected);
    in = pad(head, HEAD_BYTES + 1, text);
    expect_either_way("GET", in, "the head is too large");
    in = pad("HTTP/1.1 200 @", HEAD_BYTES + 1, text);
    expect_either_way("GET", in, "the head is too large");
}

static void trailers_are_bounded(void **state)
{
    (void)state;
    static const char trailers[] = "a: @\r\n\r\n";
    char text[HEAD_BYTES + 2], all[HEAD_BYTES + 128];
    const size_t fixed = sizeof CHUNKED "0\r\n" - 1;
    memcpy(all, CHUNKED "0\r\n", fixed);
    memcpy(all + fixed, pad(trailers, HEAD_BYTES, text).ptr, HEAD_BYTES);
    struct wire w;
    size_t end = fixed + HEAD_BYTES;
    read_pieces(&w, &(struct input){"GET", span_of(all, end), true}, &end, 1);
    assert_true(w.ended);
    assert_int_equal(fields_value(h1_reader_trailers(w.reader), FIELD_OTHER).len,
                     HEAD_BYTES - strlen(trailers) + 1);
    wire_close(&w);
    memcpy(all + fixed, pad(trailers, HEAD_BYTES + 1, text).ptr, HEAD_BYTES + 1);
    expect_either_way("GET", span_of(all, fixed + HEAD_BYTES + 1), "the trailers are too large");
    memset(all + fixed, 'x', HEAD_BYTES + 1);
    expect_either_way("GET", span_of(all, fixed + HEAD_BYTES + 1), "the trailers are too large");
}

static void lines_of_chunks_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *before, *line, *after, *expected;
    } cases[] = {
        {"", "1;@\r\n", "a\r\n0\r\n\r\n", IS_CHUNKED "[a]\nkeep"},
        {"1\r\na", "\r\n1;@\r\n", "b\r\n0\r\n\r\n", IS_CHUNKED "[ab]\nkeep"},
        {"1\r\na", "\r\n0;@\r\n", "\r\n", IS_CHUNKED "[a]\nkeep"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t more = 0; more <= 1; more++) {
            char line[HEAD_BYTES + 2], all[2 * HEAD_BYTES];
            struct span padded = pad(cases[i].line, HEAD_BYTES + more, line);
            int len = snprintf(all, sizeof all, CHUNKED "%s%.*s%s", cases[i].before,
                               SPAN_ARG(padded), cases[i].after);
            expect_either_way("GET", span_of(all, (size_t)len),
                              more ? "the line of a chunk is too large" : cases[i].expected);
        }
    }
}

/* Whoever reads a response may empty the arena of its informational heads, whose number is not
 * bounded here. */
static void informational_heads_leave_nothing_behind(void **state)
{
    (void)state;
    static const char hint[] = "HTTP/1.1 103 E\r\na: b\r\n\r\n";
    enum { COUNT = 1000 };
    struct wire w;
    wire_open(&w, "GET", sizeof hint, true);
    for (size_t i = 0; i < COUNT; i++) {
        w.said.len = 0;
        assert_int_equal(wire_feed(&w, span_of(hint, sizeof hint - 1)), 0);
        assert_string_equal(w.said.text, "103 no body\na: b\n");
    }
    assert_int_equal(w.arena.held_bytes, 0);
    assert_int_equal(w.interim.held_bytes, 0);
    w.said.len = 0;
    say_end(&w, wire_feed(&w, SPAN("HTTP/1.1 204 N\r\n\r\n")));
    assert_string_equal(w.said.text, "204 no body\nkeep");
    wire_close(&w);
}

static void a_reader_reads_one_response_after_the_other(void **state)
{
    (void)state;
    static const struct reader_case cases[] = {
        GET(CHUNKED "1\r\na\r\n0\r\nx: y\r\n\r\n", IS_CHUNKED "[a]\ntrailer x: y\nkeep"),
        CASE("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
             "200 no body\ncontent-length: 5\nkeep"),
        GET("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab",
            "200 length 2\ncontent-length: 2\n[ab]\nkeep"),
        GET(CHUNKED "0\r\n\r\n", IS_CHUNKED "keep"),
        GET("HTTP/1.1 200 OK\r\n\r\n", "200 unknown length\nended by close"),
    };
    struct wire w;
    wire_open(&w, "GET", 256, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_reader_start(w.reader, span_str(cases[i].method), &w.arena, &w.interim);
        w.ended = false;
        w.body = w.said.len = 0;
        assert_false(h1_reader_has_begun(w.reader));
        assert_int_equal(h1_reader_trailers(w.reader)->len, 0);
        say_end(&w, wire_feed(&w, cases[i].in));
        assert_string_equal(w.said.text, cases[i].out);
    }
    wire_close(&w);
}

/* A connection that is taken away in the middle of a head: what was kept of it is gone. */
static void half_a_head_is_forgotten(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w, "GET", 256, false);
    wire_feed(&w, SPAN("HTTP/1.1 200 OK\r\ncontent-"));
    assert_true(h1_reader_has_begun(w.reader));
    assert_false(h1_reader_finish(w.reader));
    h1_reader_start(w.reader, SPAN("GET"), &w.arena, &w.interim);
    say_end(&w, wire_feed(&w, SPAN("HTTP/1.1 204 N\r\n\r\n")));
    assert_string_equal(w.said.text, "204 no body\nkeep");
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_with_a_length_come_out_to_the_byte),
        cmocka_unit_test(chunks_are_joined_in_place),
        cmocka_unit_test(extensions_of_chunks_are_passed_over),
        cmocka_unit_test(trailers_follow_the_body_without_what_frames),
        cmocka_unit_test(without_framing_the_close_ends_the_body),
        cmocka_unit_test(some_responses_have_no_body),
        cmocka_unit_test(informational_heads_come_before_the_final_one),
        cmocka_unit_test(a_connection_is_kept_where_both_agree),
        cmocka_unit_test(what_follows_a_response_is_left),
        cmocka_unit_test(heads_are_read_as_they_are_written),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(trailers_are_bounded),
        cmocka_unit_test(lines_of_chunks_are_bounded),
        cmocka_unit_test(informational_heads_leave_nothing_behind),
        cmocka_unit_test(a_reader_reads_one_response_after_the_other),
        cmocka_unit_test(half_a_head_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
