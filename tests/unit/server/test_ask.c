/* Heads of requests to the admin listener. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/ask.h"

#define H "Host: localhost:9443\r\n"

static enum ask_result read_text(struct ask *out, const char *text)
{
    return ask_read(out, span_str(text));
}

static void request_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ask_method method;
        const char *path, *host;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\n" H "\r\n", ASK_GET, "/metrics", "localhost"},
        {"HEAD /healthz HTTP/1.1\r\n" H "\r\n", ASK_HEAD, "/healthz", "localhost"},
        {"POST /metrics HTTP/1.1\r\n" H "\r\n", ASK_OTHER, "/metrics", "localhost"},
        {"get /metrics HTTP/1.1\r\n" H "\r\n", ASK_OTHER, "/metrics", "localhost"},
        {"CONNECT a:443 HTTP/1.1\r\n" H "\r\n", ASK_OTHER, "a:443", "localhost"},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", ASK_OTHER, "*", "localhost"},
        {"GET /metrics?a=/healthz HTTP/1.1\r\n" H "\r\n", ASK_GET, "/metrics", "localhost"},
        {"GET /metrics HTTP/1.0\r\n" H "\r\n", ASK_GET, "/metrics", "localhost"},
        {"GET /metrics HTTP/1.0\r\n\r\n", ASK_GET, "/metrics", NULL},
        {"GET /metrics HTTP/1.1\nhost:[::1]:1\n\n", ASK_GET, "/metrics", "[::1]"},
        {"\r\n\r\nGET /a HTTP/1.1\r\n" H "\r\n", ASK_GET, "/a", "localhost"},
        {"GET /a HTTP/1.1\r\nHOST:\t 127.0.0.1 \t\r\nAccept: x\r\n\r\n", ASK_GET, "/a",
         "127.0.0.1"},
        {"GET /a HTTP/1.1\r\nHost:\r\n\r\n", ASK_GET, "/a", ""},
        {"GET http://Else:1/a?b HTTP/1.1\r\n" H "\r\n", ASK_GET, "/a", "Else"},
        {"GET HTTP://else HTTP/1.0\r\n\r\n", ASK_GET, "/", "else"},
        {"GET /a HTTP/1.1\r\n" H "\r\nbody, and more", ASK_GET, "/a", "localhost"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ask ask;
        if (read_text(&ask, cases[i].text) != ASK_FINE)
            fail_msg("not taken: %s", cases[i].text);
        assert_int_equal(ask.method, cases[i].method);
        assert_int_equal(ask.names_host, cases[i].host != NULL);
        const char *host = cases[i].host ? cases[i].host : "";
        if (!span_eq(ask.path, span_str(cases[i].path)) || !span_eq(ask.host, span_str(host)))
            fail_msg("%s: %.*s at %.*s", cases[i].text, SPAN_ARG(ask.path), SPAN_ARG(ask.host));
    }
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ask_result result;
    } cases[] = {
        {"GET /a HTTP/1.1\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\nHost: me@localhost\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\nHost: localhost:x\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\nHost : localhost\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\n" H " folded\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\n" H "no colon\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\n" H "a: \x01\r\n\r\n", ASK_BAD},
        {"GET /a HTTP/1.1\r\n" H "a: b\rc\r\n\r\n", ASK_BAD},
        {"GET /a\r\n\r\n", ASK_BAD},
        {"GET\r\n\r\n", ASK_BAD},
        {"GET  /a HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET /a HTTP/1.1 \r\n" H "\r\n", ASK_VERSION},
        {" GET /a HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET a HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET * HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET ftp://a/ HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET http://me@a/ HTTP/1.1\r\n" H "\r\n", ASK_BAD},
        {"GET /a HTTP/2.0\r\n" H "\r\n", ASK_VERSION},
        {"GET /a HTTP/1.2\r\n" H "\r\n", ASK_VERSION},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ASK_VERSION},
        {"\x16\x03\x01\n\n", ASK_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ask ask;
        enum ask_result result = read_text(&ask, cases[i].text);
        if (result != cases[i].result)
            fail_msg("%d: %s", result, cases[i].text);
    }
}

static void half_of_a_head_is_waited_for(void **state)
{
    (void)state;
    static const char text[] = "\r\nGET /metrics HTTP/1.1\r\n" H "Accept: */*\r\n\r\n";
    struct ask ask;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        if (ask_read(&ask, span_of(text, len)) != ASK_MORE)
            fail_msg("not waited for after %zu bytes", len);
    }
    assert_int_equal(read_text(&ask, text), ASK_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_taken_apart),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(half_of_a_head_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
