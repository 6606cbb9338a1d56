#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "server/line.h"

#include "../field_lines.h"

/* 1994-11-06 08:49:37.042 UTC */
#define WALL_MS UINT64_C(784111777042)

static struct arena arena;
static struct request request;
static struct report report;
static unsigned verdicts[PLAN_VERDICTS_END];
static const struct session_verbs protocol = {.name = "HTTP/2", .version = "2.0"};
static const struct config_origin origin = {.name = "app"};

/* A plain exchange; a test changes what it is about. */
static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    memset(verdicts, 0, sizeof verdicts);
    request = (struct request){
        .method = SPAN("GET"),
        .scheme = SPAN("https"),
        .authority = SPAN("example.com:8443"),
        .path = SPAN("/a?b=c"),
        .fields = read_fields(&arena, "user-agent: test/1.0 (x)\nreferer: https://a/\n"),
    };
    report = (struct report){
        .peer = "192.0.2.1",
        .protocol = &protocol,
        .tls_version = "TLSv1.3",
        .request = &request,
        .origin = &origin,
        .status = 200,
        .bytes = 5000000000,
        .duration_us = 12345,
        .origin_us = 2001,
        .reused = true,
        .verdicts = verdicts,
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct span write_line(enum config_log_format format)
{
    struct line_time time = {0};
    size_t len = line_write(NULL, 0, format, &report, WALL_MS, &time);
    char *out = arena_alloc(&arena, len);
    assert_non_null(out);
    assert_int_equal(line_write(out, len, format, &report, WALL_MS, &time), len);
    assert_int_equal(out[len - 1], '\n');
    assert_null(memchr(out, '\n', len - 1));
    return span_of(out, len);
}

static void expect_line(enum config_log_format format, const char *expected)
{
    struct span line = write_line(format);
    if (!span_eq(line, span_str(expected)))
        fail_msg("came\n%.*s\nnot\n%s", SPAN_ARG(line), expected);
}

/* The line as JSON reads it. */
static json_t *read_line(void)
{
    struct span line = write_line(CONFIG_LOG_JSON);
    json_error_t error;
    json_t *root = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        fail_msg("%s: %.*s", error.text, SPAN_ARG(line));
    return root;
}

static void an_exchange_is_one_json_object(void **state)
{
    (void)state;
    expect_line(CONFIG_LOG_JSON,
                "{\"time\":\"1994-11-06T08:49:37.042Z\",\"client\":\"192.0.2.1\","
                "\"protocol\":\"HTTP/2\",\"method\":\"GET\",\"scheme\":\"https\","
                "\"authority\":\"example.com:8443\",\"path\":\"/a?b=c\",\"status\":200,"
                "\"bytes\":5000000000,\"duration_ms\":12.345,\"origin\":\"app\","
                "\"origin_ms\":2.001,\"reused\":true,\"tls\":\"TLSv1.3\","
                "\"user_agent\":\"test/1.0 (x)\",\"referer\":\"https://a/\"}\n");
    json_decref(read_line());
}

static const struct plan_asset pushed[] = {
    {.written = {"a.css", 5}, .target = {"/a.css", 6}},
    {.written = {"/b\"", 3}, .target = {"/b\"", 3}},
};

static void pushes_are_listed_with_the_verdicts(void **state)
{
    (void)state;
    report.planned = true;
    report.pushed = pushed;
    report.pushed_len = 2;
    verdicts[PLAN_PUSHED] = 2;
    verdicts[PLAN_CROSS_ORIGIN] = 3;
    json_t *root = read_line(), *expected = json_pack("[ss]", "/a.css", "/b\"");
    assert_true(json_equal(json_object_get(root, "pushed"), expected));
    json_decref(expected);
    expected = json_pack("{si,si}", "cross-origin", 3, "pushed", 2);
    assert_true(json_equal(json_object_get(root, "links"), expected));
    assert_null(json_object_get(root, "push_off"));
    assert_null(json_object_get(root, "push"));
    json_decref(expected);
    json_decref(root);
}

static void what_rules_pushes_out_is_told(void **state)
{
    (void)state;
    static const char *const reasons[] = {
#define X(id, text) [PLAN_OFF_##id] = text,
        PLAN_OFF_REASONS(X)
#undef X
    };
    report.planned = true;
    for (size_t off = PLAN_ON + 1; off < ARRAY_LEN(reasons); off++) {
        report.push_off = (enum plan_off)off;
        json_t *root = read_line();
        assert_string_equal(json_string_value(json_object_get(root, "push_off")), reasons[off]);
        assert_int_equal(json_array_size(json_object_get(root, "pushed")), 0);
        assert_int_equal(json_object_size(json_object_get(root, "links")), 0);
        json_decref(root);
    }
}

static void a_push_is_marked(void **state)
{
    (void)state;
    report.is_push = true;
    json_t *root = read_line();
    assert_true(json_is_true(json_object_get(root, "push")));
    assert_null(json_object_get(root, "pushed"));
    json_decref(root);
}

static void what_did_not_happen_is_left_out(void **state)
{
    (void)state;
    request = (struct request){.method = SPAN("")};
    report.peer = "";
    report.origin = NULL;
    report.status = 0;
    report.failure = FAIL_BAD_REQUEST;
    json_t *root = read_line();
    assert_null(json_object_get(root, "origin"));
    assert_null(json_object_get(root, "origin_ms"));
    assert_string_equal(json_string_value(json_object_get(root, "failure")), "bad-request");
    assert_string_equal(json_string_value(json_object_get(root, "path")), "");
    json_decref(root);
    report.origin = &origin;
    report.origin_us = 0;
    root = read_line();
    assert_string_equal(json_string_value(json_object_get(root, "origin")), "app");
    assert_null(json_object_get(root, "origin_ms"));
    assert_null(json_object_get(root, "reused"));
    json_decref(root);
}

/* `in` stands in the line's JSON as a string that means `out`. */
static void expect_text(struct span in, struct span out)
{
    request.path = in;
    json_t *root = read_line(), *path = json_object_get(root, "path");
    struct span got = {json_string_value(path), json_string_length(path)};
    if (!span_eq(got, out))
        fail_msg("%.*s came as %.*s", SPAN_ARG(in), SPAN_ARG(got));
    json_decref(root);
}

static void every_byte_can_stand_in_json(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char in[] = {'a', (char)byte, 'b'}, out[4] = {'a', (char)byte, 'b'};
        size_t len = 3;
        if (byte >= 0x80) {
            out[1] = (char)(0xc0 | byte >> 6);
            out[2] = (char)(0x80 | (byte & 0x3f));
            out[3] = 'b';
            len = 4;
        }
        expect_text(span_of(in, sizeof in), span_of(out, len));
    }
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void utf8_is_kept_and_what_is_none_is_shown(void **state)
{
    (void)state;
    static const struct {
        struct span in, out;
    } cases[] = {
        {TEXT("\"\\\"\\\\"), TEXT("\"\\\"\\\\")},
        {TEXT("\xc2\x80\xdf\xbf"), TEXT("\xc2\x80\xdf\xbf")},
        {TEXT("\xe0\xa0\x80\xef\xbf\xbf"), TEXT("\xe0\xa0\x80\xef\xbf\xbf")},
        {TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {TEXT("\xed\x9f\xbf"), TEXT("\xed\x9f\xbf")},
        /* too long for what they mean */
        {TEXT("\xc0\xaf"), TEXT("\xc3\x80\xc2\xaf")},
        {TEXT("\xc1\xbf"), TEXT("\xc3\x81\xc2\xbf")},
        {TEXT("\xe0\x9f\xbf"), TEXT("\xc3\xa0\xc2\x9f\xc2\xbf")},
        {TEXT("\xf0\x8f\xbf\xbf"), TEXT("\xc3\xb0\xc2\x8f\xc2\xbf\xc2\xbf")},
        /* a surrogate, and past the last character */
        {TEXT("\xed\xa0\x80"), TEXT("\xc3\xad\xc2\xa0\xc2\x80")},
        {TEXT("\xf4\x90\x80\x80"), TEXT("\xc3\xb4\xc2\x90\xc2\x80\xc2\x80")},
        {TEXT("\xf5\x80\x80\x80"), TEXT("\xc3\xb5\xc2\x80\xc2\x80\xc2\x80")},
        /* cut */
        {TEXT("\xc3"), TEXT("\xc3\x83")},
        {TEXT("\xe2\x82"), TEXT("\xc3\xa2\xc2\x82")},
        {TEXT("\xf0\x9f\x98"), TEXT("\xc3\xb0\xc2\x9f\xc2\x98")},
        {TEXT("\xe2\x82z"), TEXT("\xc3\xa2\xc2\x82z")},
        {TEXT("\xe2\xc3\xa9"), TEXT("\xc3\xa2\xc3\xa9")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_text(cases[i].in, cases[i].out);
}

static void combined_is_what_apache_writes_and_the_pushes(void **state)
{
    (void)state;
    expect_line(CONFIG_LOG_COMBINED,
                "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/2.0\" 200 "
                "5000000000 \"https://a/\" \"test/1.0 (x)\" \"-\"\n");
    report.pushed = pushed;
    report.pushed_len = 2;
    report.peer = "";
    report.status = 0;
    report.bytes = 0;
    request.fields.len = 0;
    expect_line(CONFIG_LOG_COMBINED,
                "- - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/2.0\" 0 0 \"-\" \"-\" "
                "\"/a.css,/b\\x22\"\n");
}

static void nothing_breaks_out_of_a_combined_string(void **state)
{
    (void)state;
    request.path = SPAN("/\"\\\n\r\t\x01\x7f\x80\xff ");
    expect_line(CONFIG_LOG_COMBINED,
                "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "
                "\"GET /\\x22\\x5C\\x0A\\x0D\\x09\\x01\\x7F\\x80\\xFF  HTTP/2.0\" 200 "
                "5000000000 \"https://a/\" \"test/1.0 (x)\" \"-\"\n");
}

static void a_line_is_cut_where_the_room_ends_and_measured_to_its_end(void **state)
{
    (void)state;
    static const enum config_log_format formats[] = {CONFIG_LOG_JSON, CONFIG_LOG_COMBINED};
    request.path = SPAN("/\xe2\x82\xac\x01\"");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct span whole = write_line(formats[i]);
        for (size_t room = 0; room <= whole.len; room++) {
            /* A block of its own, so that writing past it shows. */
            char *out = malloc(room + (room == 0));
            assert_non_null(out);
            struct line_time time = {0};
            assert_int_equal(line_write(out, room, formats[i], &report, WALL_MS, &time), whole.len);
            assert_memory_equal(out, whole.ptr, room);
            free(out);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_exchange_is_one_json_object),
        TEST(pushes_are_listed_with_the_verdicts),
        TEST(what_rules_pushes_out_is_told),
        TEST(a_push_is_marked),
        TEST(what_did_not_happen_is_left_out),
        TEST(every_byte_can_stand_in_json),
        TEST(utf8_is_kept_and_what_is_none_is_shown),
        TEST(combined_is_what_apache_writes_and_the_pushes),
        TEST(nothing_breaks_out_of_a_combined_string),
        TEST(a_line_is_cut_where_the_room_ends_and_measured_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
