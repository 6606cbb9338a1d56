#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/demo.h"
#include "server/demo_assets.h"

enum { ANSWER_BYTES = 256 * 1024, WAIT_SECONDS = 20 };

struct answer {
    char bytes[ANSWER_BYTES];
    size_t len;
    const char *body;
    size_t body_len;
};

static struct demo *demo;

static int start(void **state)
{
    (void)state;
    demo = demo_start();
    return demo ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    demo_stop(demo);
    return 0;
}

static int dial(const struct demo *d)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)demo_port(d))};
    struct timeval limit = {.tv_sec = WAIT_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void ask(int fd, const char *method, const char *target, const char *more)
{
    char text[512];
    int n =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: demo\r\n%s\r\n", method, target, more);
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

/* The value of a header field, in static memory; NULL where there is none. */
static const char *header(const struct answer *a, const char *name)
{
    static char value[2048];
    size_t len = strlen(name);
    for (const char *line = strstr(a->bytes, "\r\n"); line && line + 2 < a->body;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + len + 4, "\r"), line + len + 4);
        return value;
    }
    return NULL;
}

/* Reads one answer; with `has_body` as long as its Content-Length says. */
static void read_answer(int fd, struct answer *a, bool has_body)
{
    a->len = 0;
    a->body = NULL;
    for (;;) {
        a->bytes[a->len] = '\0';
        char *end = strstr(a->bytes, "\r\n\r\n");
        if (end) {
            a->body = end + 4;
            a->body_len = a->len - (size_t)(a->body - a->bytes);
            const char *length = header(a, "content-length");
            assert_non_null(length);
            if (!has_body || a->body_len >= strtoul(length, NULL, 10))
                break;
        }
        ssize_t n = recv(fd, a->bytes + a->len, sizeof a->bytes - 1 - a->len, 0);
        assert_true(n > 0);
        a->len += (size_t)n;
    }
}

static int status(const struct answer *a)
{
    assert_int_equal(strncmp(a->bytes, "HTTP/1.1 ", 9), 0);
    return (int)strtol(a->bytes + 9, NULL, 10);
}

static void fetch(const char *method, const char *target, struct answer *a)
{
    int fd = dial(demo);
    ask(fd, method, target, "");
    read_answer(fd, a, strcmp(method, "HEAD") != 0);
    close(fd);
}

static struct answer answer;

static void the_page_takes_300_ms_and_names_its_assets_in_one_link_field(void **state)
{
    (void)state;
    uint64_t before = clock_monotonic_ms();
    fetch("GET", "/", &answer);
    assert_true(clock_monotonic_ms() - before >= 299); /* the loop's clock is a rounded one */
    assert_int_equal(status(&answer), 200);
    assert_string_equal(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert_string_equal(header(&answer, "cache-control"), "public, max-age=0");
    assert_string_equal(header(&answer, "link"),
                        "</assets/css/screen.css?v=5fc240c512>; rel=preload; as=style,"
                        "<//cdn.example/analytics.js>; rel=preload; as=script,"
                        "</assets/img/track.svg?v=5fc240c512>; rel=preload; as=image,"
                        "</assets/img/sunrise.png?v=5fc240c512>; rel=preload; as=image,"
                        "</assets/img/lanes.svg?v=5fc240c512>; rel=preload; as=image,"
                        "</assets/img/baton.svg?v=5fc240c512>; rel=preload; as=image,"
                        "<//cdn.example/consent.js>; rel=preload; as=script,"
                        "<//fonts.example/sans.woff2>; rel=preload; as=font,"
                        "<>; rel=preload; as=script,"
                        "</assets/js/theme.js?v=5fc240c512>; rel=preload; as=script,"
                        "</assets/js/app.js?v=5fc240c512>; rel=preload; as=script");
}

static void the_page_uses_every_asset_of_its_link_field_and_no_other(void **state)
{
    (void)state;
    static struct answer page;
    fetch("GET", "/", &page);
    char *link = strdup(header(&page, "link"));
    size_t used = 0, references = 0;
    for (char *at = strstr(link, "</assets"); at; at = strstr(at + 1, "</assets")) {
        char quoted[128];
        int len = (int)strcspn(at + 1, ">");
        snprintf(quoted, sizeof quoted, "\"%.*s\"", len, at + 1);
        assert_non_null(strstr(page.body, quoted));
        at[1 + len] = '\0';
        fetch("GET", at + 1, &answer);
        assert_int_equal(status(&answer), 200);
        at[1 + len] = '>';
        used++;
    }
    for (const char *at = page.body; (at = strstr(at, "\"/assets")); at++) {
        char in_link[128];
        snprintf(in_link, sizeof in_link, "<%.*s>", (int)strcspn(at + 1, "\""), at + 1);
        assert_non_null(strstr(link, in_link));
        references++;
    }
    assert_int_equal(used, 7);
    assert_true(references >= used);
    assert_null(strstr(page.body, "src=\"//"));
    assert_null(strstr(page.body, "href=\"//"));
    free(link);
}

static void a_page_of_another_version_has_assets_of_that_version(void **state)
{
    (void)state;
    fetch("GET", "/?v=abc123", &answer);
    assert_non_null(strstr(header(&answer, "link"), "</assets/js/app.js?v=abc123>; rel=preload"));
    assert_non_null(strstr(answer.body, "\"/assets/js/app.js?v=abc123\""));
    assert_null(strstr(answer.bytes, DEMO_ASSETS_VERSION));
}

static void a_version_that_is_no_version_is_ignored(void **state)
{
    (void)state;
    static const char *const queries[] = {"/?v=", "/?v=a%22b", "/?v=a/b", "/?v=12345678901234567",
                                          "/?w=1"};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        fetch("GET", queries[i], &answer);
        assert_non_null(strstr(header(&answer, "link"), "</assets/js/app.js?v=5fc240c512>"));
    }
}

static void assets_come_whole_with_their_types(void **state)
{
    (void)state;
    static const struct {
        const char *target, *file, *type;
    } cases[] = {
        {"/assets/css/screen.css?v=1", "screen.css", "text/css; charset=utf-8"},
        {"/assets/js/app.js", "app.js", "text/javascript; charset=utf-8"},
        {"/assets/js/theme.js", "theme.js", "text/javascript; charset=utf-8"},
        {"/assets/img/track.svg", "track.svg", "image/svg+xml"},
        {"/assets/img/lanes.svg", "lanes.svg", "image/svg+xml"},
        {"/assets/img/baton.svg", "baton.svg", "image/svg+xml"},
        {"/assets/img/sunrise.png", "sunrise.png", "image/png"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[128];
        static char file[ANSWER_BYTES];
        snprintf(path, sizeof path, "src/server/demo/%s", cases[i].file);
        FILE *in = fopen(path, "re");
        assert_non_null(in);
        size_t len = fread(file, 1, sizeof file, in);
        fclose(in);
        fetch("GET", cases[i].target, &answer);
        assert_int_equal(status(&answer), 200);
        assert_string_equal(header(&answer, "content-type"), cases[i].type);
        assert_string_equal(header(&answer, "cache-control"), "public, max-age=60");
        assert_null(header(&answer, "link"));
        assert_int_equal(answer.body_len, len);
        assert_memory_equal(answer.body, file, len);
    }
}

static void other_targets_are_not_found(void **state)
{
    (void)state;
    static const char *const targets[] = {"/none", "/assets/",          "/assets/js/app.js/",
                                          "//",    "/../server/demo.c", "/index.html"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        fetch("GET", targets[i], &answer);
        assert_int_equal(status(&answer), 404);
        assert_string_equal(header(&answer, "cache-control"), "no-store");
    }
}

static void other_methods_are_not_allowed(void **state)
{
    (void)state;
    fetch("DELETE", "/", &answer);
    assert_int_equal(status(&answer), 405);
    assert_string_equal(header(&answer, "allow"), "GET, HEAD");
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    char length[32];
    fetch("GET", "/assets/img/sunrise.png", &answer);
    snprintf(length, sizeof length, "%zu", answer.body_len);
    int fd = dial(demo);
    ask(fd, "HEAD", "/assets/img/sunrise.png", "Connection: close\r\n");
    read_answer(fd, &answer, false);
    assert_string_equal(header(&answer, "content-length"), length);
    char byte;
    assert_int_equal(answer.body_len, 0);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void a_connection_carries_many_requests(void **state)
{
    (void)state;
    int fd = dial(demo);
    for (int i = 0; i < 3; i++) {
        ask(fd, "GET", i == 1 ? "/" : "/assets/js/app.js", "");
        read_answer(fd, &answer, true);
        assert_int_equal(status(&answer), 200);
    }
    close(fd);
}

static void assets_do_not_wait_for_a_page(void **state)
{
    (void)state;
    struct pollfd fds[2] = {{.fd = dial(demo), .events = POLLIN},
                            {.fd = dial(demo), .events = POLLIN}};
    ask(fds[0].fd, "GET", "/", "");
    ask(fds[1].fd, "GET", "/assets/js/app.js", "");
    assert_true(poll(fds, 2, WAIT_SECONDS * 1000) > 0);
    assert_true(fds[1].revents & POLLIN);
    read_answer(fds[0].fd, &answer, true);
    assert_int_equal(status(&answer), 200);
    close(fds[0].fd);
    close(fds[1].fd);
}

static void clients_that_leave_during_the_thinking_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        int fd = dial(demo);
        ask(fd, "GET", "/", "");
        close(fd);
    }
    /* this page is thought about last, so those before it have been answered when it comes */
    fetch("GET", "/", &answer);
    assert_int_equal(status(&answer), 200);
}

static void it_can_be_stopped_while_it_thinks(void **state)
{
    (void)state;
    struct demo *other = demo_start();
    assert_non_null(other);
    assert_int_not_equal(demo_port(other), demo_port(demo));
    int waiting = dial(other), gone = dial(other), done = dial(other);
    ask(waiting, "GET", "/", "");
    ask(gone, "GET", "/", "");
    close(gone);
    ask(done, "GET", "/assets/js/app.js", "");
    read_answer(done, &answer, true);
    demo_stop(other);
    char byte;
    assert_true(recv(waiting, &byte, 1, 0) <= 0);
    close(waiting);
    close(done);
}

static void the_process_keeps_its_signals(void **state)
{
    (void)state;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    assert_int_equal(sigismember(&set, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_takes_300_ms_and_names_its_assets_in_one_link_field),
        cmocka_unit_test(the_page_uses_every_asset_of_its_link_field_and_no_other),
        cmocka_unit_test(a_page_of_another_version_has_assets_of_that_version),
        cmocka_unit_test(a_version_that_is_no_version_is_ignored),
        cmocka_unit_test(assets_come_whole_with_their_types),
        cmocka_unit_test(other_targets_are_not_found),
        cmocka_unit_test(other_methods_are_not_allowed),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(a_connection_carries_many_requests),
        cmocka_unit_test(assets_do_not_wait_for_a_page),
        cmocka_unit_test(clients_that_leave_during_the_thinking_do_no_harm),
        cmocka_unit_test(it_can_be_stopped_while_it_thinks),
        cmocka_unit_test(the_process_keeps_its_signals),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
