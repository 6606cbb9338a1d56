/* What is not to the letter of RFC 9112 and has one meaning all the same: refused strictly, read
 * leniently, and then the connection is closed. */
#include "whys.h"
#include "wire.h"

struct quirk_case {
    const char *method;
    struct span in;
    const char *why; /* it is refused strictly */
    unsigned quirks; /* it is read leniently */
    const char *out;
};

#define Q(quirk) (1U << H1_QUIRK_##quirk)
#define QUIRK_OF(method, in, why, quirks, out)                                                     \
    {                                                                                              \
        method, {in, sizeof(in) - 1}, why, quirks, out                                             \
    }
#define QUIRK(in, why, quirks, out) QUIRK_OF("GET", in, why, quirks, out)

#define check_quirks(cases) check_all(cases, ARRAY_LEN(cases))
static void check_all(const struct quirk_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct quirk_case *c = &cases[i];
        (void)expect_however_it_comes(&(struct input){c->method, c->in, true}, c->why);
        unsigned quirks = expect_however_it_comes(&(struct input){c->method, c->in, false}, c->out);
        if (quirks != c->quirks)
            fail_msg("%.*s\nhas the quirks %x, not %x", SPAN_ARG(c->in), quirks, c->quirks);
    }
}

#define NO_BODY "204 no body\nclose"

static void status_lines_are_read_word_by_word(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK("HTTP/1.2 204 N\r\n\r\n", VERSION_WHY, Q(VERSION), NO_BODY),
        QUIRK("HTTP/1.9 204\r\n\r\n", VERSION_WHY, Q(VERSION), NO_BODY),
        QUIRK("HTTP/1.1  204 N\r\n\r\n", DIGITS_WHY, Q(STATUS_BLANKS), NO_BODY),
        QUIRK("HTTP/1.1 \t  204 N\r\n\r\n", DIGITS_WHY, Q(STATUS_BLANKS), NO_BODY),
        QUIRK("HTTP/1.1\t204 N\r\n\r\n", SPACE_WHY, Q(STATUS_BLANKS), NO_BODY),
        QUIRK("HTTP/1.1 204\tN\r\n\r\n", DIGITS_WHY, Q(STATUS_BLANKS), NO_BODY),
        QUIRK("HTTP/1.2  204\t\r\n\r\n", VERSION_WHY, Q(VERSION) | Q(STATUS_BLANKS), NO_BODY),
        QUIRK("HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n", STATUS_WHY, Q(STATUS_RANGE),
              "600 length 0\ncontent-length: 0\nclose"),
        QUIRK("HTTP/1.1 999\r\n\r\na", STATUS_WHY, Q(STATUS_RANGE),
              "999 unknown length\n[a]\nended by close"),
        QUIRK("HTTP/1.1  103 E\r\na: b\r\n\r\nHTTP/1.1 204 N\r\n\r\n", DIGITS_WHY, Q(STATUS_BLANKS),
              "103 no body\na: b\n" NO_BODY),
        QUIRK("HTTP/1.1\t 100\r\n\r\nHTTP/1.1 204 N\r\n\r\n", SPACE_WHY, Q(STATUS_BLANKS),
              "100 no body\n" NO_BODY),
    };
    check_quirks(cases);
}

static void empty_lines_before_a_status_line_are_passed_over(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK("\r\nHTTP/1.1 204 N\r\n\r\n", START_WHY, Q(EMPTY_LINE), NO_BODY),
        QUIRK("\nHTTP/1.1 204 N\r\n\r\n", START_WHY, Q(EMPTY_LINE), NO_BODY),
        QUIRK("\r\n\n\r\n\nHTTP/1.1 204 N\r\n\r\n", START_WHY, Q(EMPTY_LINE), NO_BODY),
        QUIRK("\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\r\n", START_WHY, Q(EMPTY_LINE),
              "200 length 2\ncontent-length: 2\n[\r\n]\nclose"),
        QUIRK("HTTP/1.1 100\r\n\r\n\r\nHTTP/1.1 204 N\r\n\r\n", START_WHY, Q(EMPTY_LINE),
              "100 no body\n" NO_BODY),
        /* Neither is a line: white space and a CR of its own are somebody's bytes. */
        QUIRK("\r\n HTTP/1.1 204 N\r\n\r\n", START_WHY, Q(EMPTY_LINE), START_WHY),
        QUIRK("\rHTTP/1.1 204 N\r\n\r\n", START_WHY, 0, START_WHY),
        QUIRK("\r\r\nHTTP/1.1 204 N\r\n\r\n", START_WHY, 0, START_WHY),
        QUIRK("\r\nicy 200 OK\r\n\r\n", START_WHY, Q(EMPTY_LINE), START_WHY),
        QUIRK("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nHTTP/1.1",
              START_WHY, Q(EMPTY_LINE), START_WHY),
        QUIRK("\r\n", START_WHY, Q(EMPTY_LINE), "cut"),
    };
    /* Where a lone CR comes by itself it is passed over until the next byte says what it was. */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct quirk_case *c = &cases[i];
        (void)expect_however_it_comes(&(struct input){c->method, c->in, true}, c->why);
        size_t len = c->in.len;
        const struct input input = {c->method, c->in, false};
        assert_int_equal(expect(&input, &len, 1, c->out), c->quirks);
        for (size_t split = 1; split < len; split++)
            (void)expect(&input, (size_t[]){split, len}, 2, c->out);
    }
}

static void lf_alone_ends_a_line(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK("HTTP/1.1 204 N\n\n", LINE_END_WHY, Q(LINE_LF), NO_BODY),
        QUIRK("HTTP/1.1 204\n\r\n", LINE_END_WHY, Q(LINE_LF), NO_BODY),
        QUIRK("HTTP/1.1 204 N\r\n\n", LINE_END_WHY, Q(LINE_LF), NO_BODY),
        QUIRK("HTTP/1.1 204 N\r\na: x\nb: y\r\nc:\n\r\n", LINE_END_WHY, Q(LINE_LF),
              "204 no body\na: x\nb: y\nc: \nclose"),
        QUIRK("HTTP/1.1 103 E\na: 1\n\nHTTP/1.1 200 OK\ncontent-length: 4\n\n\n\r\n\n",
              LINE_END_WHY, Q(LINE_LF),
              "103 no body\na: 1\n200 length 4\ncontent-length: 4\n[\n\r\n\n]\nclose"),
        /* The response after it would be read in its own right. */
        QUIRK("HTTP/1.1 204 N\n\nHTTP/1.1 200 OK\n\n", LINE_END_WHY, Q(LINE_LF),
              NO_BODY ", 17 left"),
        QUIRK(CHUNKED "0\r\na: x\nb: y\r\n\n", LINE_END_WHY, Q(LINE_LF),
              IS_CHUNKED "trailer a: x\ntrailer b: y\nclose"),
        QUIRK(CHUNKED "0\r\n\n", LINE_END_WHY, Q(LINE_LF), IS_CHUNKED "close"),
        QUIRK("HTTP/1.1 200 OK\n a: x\r\n\r\n", LINE_END_WHY, Q(LINE_LF), FOLD_WHY),
        QUIRK("HTTP/1.1 200 OK\na: x\n\ty\n\n", LINE_END_WHY, Q(LINE_LF), FOLD_WHY),
        QUIRK("HTTP/1.1 200 OK\na: x\r\r\n\n", LINE_END_WHY, Q(LINE_LF), CR_WHY),
        QUIRK("HTTP/1.1 200 OK\na: x\ry\n\n", LINE_END_WHY, Q(LINE_LF), CR_WHY),
        QUIRK("HTTP/1.1 200 OK\na: x\0\n\n", LINE_END_WHY, Q(LINE_LF), CONTROL_WHY),
    };
    check_quirks(cases);
}

static void white_space_before_a_colon_is_taken_away(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK("HTTP/1.1 204 N\r\na : x\r\nb\t \t:y\r\n\r\n", NAME_WHY, Q(NAME_BLANKS),
              "204 no body\na: x\nb: y\nclose"),
        QUIRK(OK_WITH("Content-Length : 1\r\n") "a", NAME_WHY, Q(NAME_BLANKS),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        QUIRK(OK_WITH("Transfer-Encoding\t: chunked\r\n") "1\r\na\r\n0\r\n\r\n", NAME_WHY,
              Q(NAME_BLANKS), IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "0\r\na : x\r\n\r\n", NAME_WHY, Q(NAME_BLANKS),
              IS_CHUNKED "trailer a: x\nclose"),
        QUIRK(OK_WITH("a : x\r\nb c: y\r\n"), NAME_WHY, Q(NAME_BLANKS), NAME_WHY),
        QUIRK(OK_WITH(" : x\r\n"), FOLD_WHY, 0, FOLD_WHY),
        QUIRK(OK_WITH("a \r\n"), NAME_WHY, 0, NAME_WHY),
    };
    check_quirks(cases);
}

static void equal_lengths_count_once(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK(OK_WITH("content-length: 1\r\nContent-Length: 1\r\n") "a", LENGTHS_WHY, Q(LENGTHS),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        QUIRK(OK_WITH("content-length: 1\r\nx: y\r\ncontent-length: 01\r\n") "a", LENGTHS_WHY,
              Q(LENGTHS), "200 length 1\ncontent-length: 1\nx: y\n[a]\nclose"),
        QUIRK(OK_WITH("content-length: 1, 1\r\n") "a", LENGTH_WHY, Q(LENGTHS),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        QUIRK(OK_WITH("content-length: 2,2 ,2\r\ncontent-length: 2, 2\r\n") "ab", LENGTH_WHY,
              Q(LENGTHS), "200 length 2\ncontent-length: 2\n[ab]\nclose"),
        QUIRK("HTTP/1.1 304 N\r\ncontent-length: 5, 5\r\n\r\n", LENGTH_WHY, Q(LENGTHS),
              "304 no body\ncontent-length: 5\nclose"),
        QUIRK_OF("HEAD", OK_WITH("content-length: 5\r\ncontent-length: 5\r\n"), LENGTHS_WHY,
                 Q(LENGTHS), "200 no body\ncontent-length: 5\nclose"),
        QUIRK(OK_WITH("content-length: 1\t\r\n") "a", TAB_WHY, Q(FRAMING_TAB),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        QUIRK(OK_WITH("content-length:\t1\r\n") "a", TAB_WHY, Q(FRAMING_TAB),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        QUIRK(OK_WITH("content-length: 1,\t1\r\n") "a", TAB_WHY, Q(FRAMING_TAB) | Q(LENGTHS),
              "200 length 1\ncontent-length: 1\n[a]\nclose"),
        /* These are not the same number, or no number at all. */
        QUIRK(OK_WITH("content-length: 1\r\ncontent-length: 2\r\n") "a", LENGTHS_WHY, 0,
              LENGTHS_WHY),
        QUIRK(OK_WITH("content-length: 1, 2\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1, 1, 2\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1,\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: ,1\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1,,1\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: ,\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1, +1\r\n") "a", LENGTH_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1, 18446744073709551617\r\n") "a", LENGTH_WHY, 0,
              LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1\r\ncontent-length: 1, 2\r\n") "a", LENGTHS_WHY, 0,
              LENGTH_WHY),
        QUIRK(OK_WITH("content-length: 1\r\ncontent-length:\r\n") "a", LENGTHS_WHY, 0, LENGTH_WHY),
        QUIRK(OK_WITH("content-length: \t\r\n") "a", TAB_WHY, Q(FRAMING_TAB), LENGTH_WHY),
    };
    check_quirks(cases);
}

#define ONE "1\r\na\r\n0\r\n\r\n"

static void chunked_counts_once_and_before_a_length(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK(OK_WITH("transfer-encoding: chunked\t\r\n") ONE, TAB_WHY, Q(FRAMING_TAB),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(OK_WITH("transfer-encoding:\tchunked \t \r\n") ONE, TAB_WHY, Q(FRAMING_TAB),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(OK_WITH("transfer-encoding: chunked\r\ntransfer-encoding: Chunked\r\n") ONE,
              CODING_WHY, Q(CODINGS), IS_CHUNKED "transfer-encoding: Chunked\n[a]\nclose"),
        QUIRK(OK_WITH("transfer-encoding: , chunked,\r\n") ONE, CODING_WHY, Q(CODINGS),
              "200 unknown length\ntransfer-encoding: , chunked,\n[a]\nclose"),
        QUIRK(OK_WITH("content-length: 5\r\ntransfer-encoding: chunked\r\n") ONE, BOTH_WHY, Q(BOTH),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(OK_WITH("transfer-encoding: chunked\r\ncontent-length: 1\r\nx: y\r\n") ONE, BOTH_WHY,
              Q(BOTH), IS_CHUNKED "x: y\n[a]\nclose"),
        QUIRK_OF("HEAD", OK_WITH("transfer-encoding: chunked\r\ncontent-length: 1\r\n"), BOTH_WHY,
                 Q(BOTH), "200 no body\ntransfer-encoding: chunked\nclose"),
        QUIRK("HTTP/1.1 304 N\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n", BOTH_WHY,
              Q(BOTH), "304 no body\ntransfer-encoding: chunked\nclose"),
        QUIRK("HTTP/1.1 204 N\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
              BOTH_WHY, Q(BOTH), "204 no body\ntransfer-encoding: chunked\nclose, 5 left"),
        QUIRK("HTTP/1.1 103 E\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n"
              "HTTP/1.1 204 N\r\n\r\n",
              BOTH_WHY, Q(BOTH), "103 no body\ntransfer-encoding: chunked\n" NO_BODY),
        QUIRK("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" ONE,
              "transfer-encoding in HTTP/1.0", Q(CODING_1_0), IS_CHUNKED "[a]\nclose"),
        QUIRK("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n" ONE,
              "transfer-encoding in HTTP/1.0", Q(CODING_1_0),
              "200 unknown length\nconnection: keep-alive\ntransfer-encoding: chunked\n[a]\nclose"),
        /* One length that is none, or several, is not saved by chunks. */
        QUIRK(OK_WITH("content-length: 1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n")
                  ONE,
              LENGTHS_WHY, 0, LENGTHS_WHY),
        QUIRK(OK_WITH("transfer-encoding: chunked\r\ncontent-length: x\r\n") ONE, LENGTH_WHY, 0,
              LENGTH_WHY),
        /* What was applied twice, or besides, we could not undo. */
        QUIRK(OK_WITH("transfer-encoding: chunked, chunked\r\n") ONE, CODING_WHY, 0, CODING_WHY),
        QUIRK(OK_WITH("transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n") ONE, CODING_WHY,
              0, CODING_WHY),
        QUIRK(OK_WITH("transfer-encoding: identity\r\ncontent-length: 1\r\n") "a", CODING_WHY, 0,
              CODING_WHY),
        QUIRK(OK_WITH("transfer-encoding: ,\r\n"), CODING_WHY, 0, CODING_WHY),
    };
    check_quirks(cases);
}

static void lines_of_chunks_end_in_blanks_or_lf_alone(void **state)
{
    (void)state;
    static const struct quirk_case cases[] = {
        QUIRK(CHUNKED "1\na\n0\n\n", CHUNK_WHY, Q(CHUNK_LF) | Q(LINE_LF), IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1\na\r\n0\r\n\r\n", CHUNK_WHY, Q(CHUNK_LF), IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1\r\na\n0\r\n\r\n", DATA_WHY, Q(CHUNK_LF), IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1\r\na\r\n0\n\r\n", CHUNK_WHY, Q(CHUNK_LF), IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1;a;b=c;d=\"e\"\na\r\n0;x\n\r\n", CHUNK_WHY, Q(CHUNK_LF),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "3\n\n\r\n\r\n0\r\n\r\n", CHUNK_WHY, Q(CHUNK_LF),
              IS_CHUNKED "[\n\r\n]\nclose"),
        QUIRK(CHUNKED "1 \r\na\r\n0\t \r\n\r\n", BLANK_WHY, Q(CHUNK_BLANKS),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "00000001      \r\na\r\n0\r\n\r\n", BLANK_WHY, Q(CHUNK_BLANKS),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1;a=b \r\na\r\n0\r\n\r\n", BLANK_WHY, Q(CHUNK_BLANKS),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1;a=\"b\"\t\r\na\r\n0;a \r\n\r\n", BLANK_WHY, Q(CHUNK_BLANKS),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1 \na\r\n0\r\n\r\n", BLANK_WHY, Q(CHUNK_BLANKS) | Q(CHUNK_LF),
              IS_CHUNKED "[a]\nclose"),
        QUIRK(CHUNKED "1 \ra\r\n", BLANK_WHY, Q(CHUNK_BLANKS), CHUNK_WHY),
        /* The CR may be of the data, and may be of its end. */
        QUIRK(CHUNKED "2\r\na\r\n0\r\n\r\n", DATA_WHY, 0, DATA_WHY),
        QUIRK(CHUNKED "1\r\n\r\n0\r\n\r\n", DATA_WHY, 0, DATA_WHY),
        QUIRK(CHUNKED "1;a=\n\r\na\r\n", CHUNK_WHY, 0, CHUNK_WHY),
        QUIRK(CHUNKED "1;a=\"b\n\"\r\n", CHUNK_WHY, 0, CHUNK_WHY),
        QUIRK(CHUNKED "\na\r\n", SIZE_WHY, 0, SIZE_WHY),
        QUIRK(CHUNKED "1\na\n\n0\n\n", CHUNK_WHY, Q(CHUNK_LF), SIZE_WHY),
    };
    check_quirks(cases);
}

/* What one response was noted for says nothing of the next one. */
static void a_reader_forgets_quirks(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w, "GET", 256, false);
    say_end(&w, wire_feed(&w, SPAN("HTTP/1.1 204 N\n\n")));
    assert_string_equal(w.said.text, NO_BODY);
    assert_int_equal(h1_reader_quirks(w.reader), Q(LINE_LF));
    h1_reader_start(w.reader, SPAN("GET"), &w.arena, &w.interim);
    assert_int_equal(h1_reader_quirks(w.reader), 0);
    w.ended = false;
    w.said.len = 0;
    say_end(&w, wire_feed(&w, SPAN("HTTP/1.1 204 N\r\n\r\n")));
    assert_string_equal(w.said.text, "204 no body\nkeep");
    wire_close(&w);
}

static void every_quirk_has_its_words(void **state)
{
    (void)state;
    for (int quirk = 0; quirk < H1_QUIRKS_END; quirk++) {
        assert_true(strlen(h1_quirk_what((enum h1_quirk)quirk)) > 0);
        assert_true(strlen(h1_quirk_reading((enum h1_quirk)quirk)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_lines_are_read_word_by_word),
        cmocka_unit_test(empty_lines_before_a_status_line_are_passed_over),
        cmocka_unit_test(lf_alone_ends_a_line),
        cmocka_unit_test(white_space_before_a_colon_is_taken_away),
        cmocka_unit_test(equal_lengths_count_once),
        cmocka_unit_test(chunked_counts_once_and_before_a_length),
        cmocka_unit_test(lines_of_chunks_end_in_blanks_or_lf_alone),
        cmocka_unit_test(a_reader_forgets_quirks),
        cmocka_unit_test(every_quirk_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
