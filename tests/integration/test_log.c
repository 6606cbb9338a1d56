/* The access log: one line for each exchange. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

static void check_member(json_t *line, const char *name, const char *expected)
{
    json_t *member = json_object_get(line, name);
    if (!json_is_string(member) || strcmp(json_string_value(member), expected) != 0) {
        char *text = json_dumps(line, 0);
        print_error("%s is not \"%s\" in %s\n", name, expected, text);
        free(text);
        fail();
    }
}

static void line_says_what_was_asked_and_answered(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/a?b=c", SEND("HTTP/1.1 203 Fine\r\nContent-Length: 2\r\n\r\nhi"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/a?b=c",
                                                     .authority = "example.com:8443",
                                                     .fields = FIELDS("user-agent", "test/1 \"q\"",
                                                                      "referer", "https://r/")});
    assert_int_equal(peer_until_closed(p, id)->status, 203);
    assert_int_equal(peer_fetch(p, "/again")->status, 200);

    json_t *line = daemon_log(rig->daemon, 0);
    check_member(line, "client", "127.0.0.1");
    check_member(line, "protocol", "HTTP/2");
    check_member(line, "method", "POST");
    check_member(line, "scheme", "https");
    check_member(line, "authority", "example.com:8443");
    check_member(line, "path", "/a?b=c");
    check_member(line, "origin", "app");
    check_member(line, "tls", "TLSv1.3");
    check_member(line, "user_agent", "test/1 \"q\"");
    check_member(line, "referer", "https://r/");
    assert_int_equal(json_integer_value(json_object_get(line, "status")), 203);
    assert_int_equal(json_integer_value(json_object_get(line, "bytes")), 2);
    assert_true(json_is_string(json_object_get(line, "time")));
    assert_true(json_is_number(json_object_get(line, "duration_ms")));
    assert_true(json_is_number(json_object_get(line, "origin_ms")));
    assert_true(json_is_false(json_object_get(line, "reused")));
    assert_null(json_object_get(line, "failure"));
    assert_false(json_is_true(json_object_get(line, "push")));
    json_decref(line);

    line = daemon_log(rig->daemon, 1);
    assert_true(json_is_true(json_object_get(line, "reused")));
    json_decref(line);
}

/* An origin whose body is broken from the first byte on: the reset may overtake the head. */
static void status_is_the_one_that_the_client_got(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    json_t *line = daemon_log(rig->daemon, 0);
    assert_int_equal(json_integer_value(json_object_get(line, "status")), s->status);
    check_member(line, "failure", "origin-broken");
    json_decref(line);
}

static void refused_requests_have_their_line_and_reason(void **state)
{
    static const struct {
        const char *word, *path;
        struct peer_request request;
    } cases[] = {
        {"bad-request", "/scheme", {.path = "/scheme", .scheme = "http"}},
        {"connect", NULL, {.method = "CONNECT", .scheme = "", .authority = "e:443", .path = ""}},
    };
    struct rig *rig = *state;
    rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        peer_until_closed(p, peer_send(p, &cases[i].request));
        json_t *line = daemon_log(rig->daemon, i);
        check_member(line, "failure", cases[i].word);
        if (cases[i].path)
            check_member(line, "path", cases[i].path);
        json_decref(line);
    }
}

static void any_byte_of_a_client_stays_one_line_of_json(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/%0a?\"\\", FIELDS("user-agent", "\xff\xc3\x28 \xe2\x82\xac\t\\\""));
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    json_t *line = daemon_log(rig->daemon, 0);
    check_member(line, "path", "/%0a?\"\\");
    assert_non_null(strstr(json_string_value(json_object_get(line, "user_agent")), "\xe2\x82\xac"));
    json_decref(line);
}

/* NEL, CSI and the line separator end a line or drive a terminal, and the override turns what
 * follows it: none of them is in the log as it came, whatever the format. */
static void characters_that_act_are_escaped(void **state)
{
    static const char hostile[] = "a\xc2\x85\xc2\x9b"
                                  "2J\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\x9bz";
    static const char *const acting[] = {"\xc2\x85",     "\xc2\x9b",     "\xe2\x80\xa8",
                                         "\xe2\x80\xae", "\xe2\x81\xa6", "\x9b"};
    static const struct {
        const char *format, *escaped;
    } cases[] = {
        {"", "\"user_agent\":\"a\\u0085\\u009b2J\\u2028\\u202e\\u2066\\u009bz\""},
        {"format = combined\n",
         "\"a\\xC2\\x85\\xC2\\x9B2J\\xE2\\x80\\xA8\\xE2\\x80\\xAE\\xE2\\x81\\xA6\\x9Bz\""},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        rig_daemon(rig, &(struct daemon_setup){.conf = conf, .log = cases[i].format});
        struct peer *p = rig_peer(rig, NULL);
        peer_until_closed(p, peer_get(p, "/", FIELDS("user-agent", hostile)));
        daemon_log_lines(rig->daemon, 1);
        char *text = daemon_output(rig->daemon);
        check_holds(text, cases[i].escaped);
        for (size_t k = 0; k < CHECK_LEN(acting); k++)
            check_lacks(text, acting[k]);
        free(text);
        rig_close_peer(rig, p);
        rig_stop_daemon(rig);
    }
}

/* Waits until the file exists and has `n` lines. Free with free(). */
static char *wait_for_lines(const char *path, size_t n)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    for (;;) {
        char *text = check_read_file(path);
        size_t lines = 0;
        for (const char *at = text; at && (at = strchr(at, '\n')); at++)
            lines++;
        if (text && lines >= n)
            return text;
        free(text);
        if (check_left(deadline) == 0)
            fail_msg("%s did not get %zu lines", path, n);
        poll(NULL, 0, 5);
    }
}

static void combined_format_goes_to_a_file(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *path = rig_text(rig, "%s/access.log", rig->dir);
    unlink(path);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){
                        .conf = conf, .access = "access.log", .log = "format = combined\n"});
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/a", FIELDS("user-agent", "test/1", "referer", "https://r/"));
    peer_until_closed(p, id);
    peer_fetch(p, "/b");
    char *text = wait_for_lines(path, 2);
    assert_int_equal(strncmp(text, "127.0.0.1 - - [", 15), 0);
    check_holds(text, "\"GET /a HTTP/2.0\" 200 3 \"https://r/\" \"test/1\"");
    check_holds(text, "\"GET /b HTTP/2.0\" 200 3 \"-\" \"-\"");
    free(text);
}

static void log_file_that_was_moved_is_opened_anew(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *path = rig_text(rig, "%s/moving.log", rig->dir);
    const char *moved = rig_text(rig, "%s/moved.log", rig->dir);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .access = "moving.log"});
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/before");
    free(wait_for_lines(path, 1));
    assert_int_equal(rename(path, moved), 0);
    daemon_signal(rig->daemon, SIGUSR1);
    free(wait_for_lines(path, 0));
    peer_fetch(p, "/after");
    char *text = wait_for_lines(path, 1);
    check_holds(text, "/after");
    free(text);
    text = check_read_file(moved);
    check_holds(text, "/before");
    check_lacks(text, "/after");
    free(text);
}

static void log_that_is_off_is_silent(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .access = "off"});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    rig_close_peer(rig, p);
    daemon_drain(rig->daemon);
    assert_true(daemon_ends(rig->daemon, CHECK_SOON_MS));
    char *text = daemon_output(rig->daemon);
    bool silent = *text == 0;
    free(text);
    assert_true(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(line_says_what_was_asked_and_answered),
        RIG_TEST(status_is_the_one_that_the_client_got),
        RIG_TEST(refused_requests_have_their_line_and_reason),
        RIG_TEST(any_byte_of_a_client_stays_one_line_of_json),
        RIG_TEST(characters_that_act_are_escaped),
        RIG_TEST(combined_format_goes_to_a_file),
        RIG_TEST(log_file_that_was_moved_is_opened_anew),
        RIG_TEST(log_that_is_off_is_silent),
    };
    return rig_run(tests);
}
