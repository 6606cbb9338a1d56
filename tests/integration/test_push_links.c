/* What is read from Link, end to end: the table of cases that the unit tests read too (the
 * define TESTS_DIR is the directory that holds cases/link.jsonl), and the announcement's example.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

enum { MAX_CASES = 256 };

/* "https://example.com/dir/page.html?x=1" as an authority and a target. */
static void split_page(struct rig *rig, const char *url, const char **authority,
                       const char **target)
{
    const char *host = strstr(url, "://") + 3;
    *target = strchr(host, '/');
    *authority = rig_text(rig, "%.*s", (int)(*target - host), host);
}

/* The elements of a list of strings, each between `open` and `close`, joined. */
static char *joined(json_t *list, const char *between, const char *open, const char *close)
{
    struct bytes text = {0};
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (i > 0)
            bytes_add(&text, between, strlen(between));
        bytes_add(&text, open, strlen(open));
        bytes_add(&text, json_string_value(item), strlen(json_string_value(item)));
        bytes_add(&text, close, strlen(close));
    }
    bytes_add(&text, "", 0);
    char *copy = check_copy(bytes_text(&text), text.len);
    bytes_fini(&text);
    return copy;
}

static void check_case(struct rig *rig, struct stub *stub, json_t *test)
{
    const char *authority, *target;
    split_page(rig, json_string_value(json_object_get(test, "page")), &authority, &target);
    char *link = joined(json_object_get(test, "link"), "", "Link: ", "\r\n");
    const char *page = rig_text(rig, "HTTP/1.1 200 OK\r\n%sContent-Length: 4\r\n\r\npage", link);
    STUB_ON(stub, target, SEND_TEXT(page));

    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.authority = authority, .path = target});
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    peer_until_quiet(p);

    char *pushed = joined(json_object_get(test, "pushed"), " ", "", "");
    char *left = joined(json_object_get(test, "left"), " | ", "", "");
    char *listed = joined(json_object_get(test, "listed"), ",", "<", ">");
    page_pushes(p, 0, pushed);
    page_fields(s, *left ? left : NULL, *listed ? listed : NULL);
    for (size_t n = 0; (s = peer_push(p, n)); n++) {
        assert_int_equal(s->status, 200);
        check_text(fieldset_get(&s->promise, ":authority"), authority);
    }
    rig_close_peer(rig, p);
    free(link);
    free(pushed);
    free(left);
    free(listed);
}

static void every_case_of_the_table_holds(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    char *text = check_read_file(TESTS_DIR "/cases/link.jsonl");
    if (!text)
        fail_msg("there is no " TESTS_DIR "/cases/link.jsonl");
    size_t cases = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!*line)
            continue;
        json_t *test = json_loads(line, 0, NULL);
        assert_non_null(test);
        print_message("  %s\n", json_string_value(json_object_get(test, "name")));
        check_case(rig, stub, test);
        json_decref(test);
        cases++;
    }
    free(text);
    assert_in_range(cases, 51, MAX_CASES);
}

static void the_announcements_example_comes_out_byte_for_byte(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/using-http-2-server-push-with-php/",
            SEND("HTTP/1.1 200 OK\r\n"
                 "Cache-Control: public, max-age=0\r\n"
                 "Content-Encoding: gzip\r\n"
                 "Content-Length: 33640\r\n"
                 "Content-Type: text/html; charset=utf-8\r\n"
                 "Date: Wed, 29 Jun 2016 16:09:37 GMT\r\n"
                 "Expires: Wed, 29 Jun 2016 16:10:07 GMT\r\n"
                 "Link: </assets/css/screen.css?v=5fc240c512>; rel=preload; as=style,"
                 "<//>; rel=preload; as=script,"
                 "</content/images/2016/06/Timeouts-001.png>; rel=preload; as=image,"
                 "</content/images/2016/06/Timeouts-002.png>; rel=preload; as=image,"
                 "<//>; rel=preload; as=script,<>; rel=preload; as=script,"
                 "</assets/js/jquery.fitvids.js?v=5fc240c512>; rel=preload; as=script\r\n"
                 "Vary: Accept-Encoding\r\n"
                 "X-Ghost-Cache-Status:From Cache\r\n"
                 "X-Powered-By: Express \r\n"
                 "\r\n"),
            PATTERN(33640));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){
                                  .authority = "blog.cloudflare.com",
                                  .path = "/using-http-2-server-push-with-php/",
                                  .fields = FIELDS("accept-encoding", "gzip, deflate, br"),
                              });
    const struct peer_stream *s = peer_until_closed(p, id);
    peer_until_quiet(p);
    page_pushes(p, 0,
                "/assets/css/screen.css?v=5fc240c512 /content/images/2016/06/Timeouts-001.png "
                "/content/images/2016/06/Timeouts-002.png "
                "/assets/js/jquery.fitvids.js?v=5fc240c512");
    page_fields(
        s, "<//>; rel=preload; as=script,<//>; rel=preload; as=script,<>; rel=preload; as=script",
        "</assets/css/screen.css?v=5fc240c512>,</content/images/2016/06/Timeouts-001.png>,"
        "</content/images/2016/06/Timeouts-002.png>,"
        "</assets/js/jquery.fitvids.js?v=5fc240c512>");
    assert_int_equal(s->status, 200);
    assert_int_equal(s->body_bytes, 33640);
    assert_true(s->body_is_pattern);
    static const char *const kept[][2] = {
        {"cache-control", "public, max-age=0"},       {"content-encoding", "gzip"},
        {"content-type", "text/html; charset=utf-8"}, {"date", "Wed, 29 Jun 2016 16:09:37 GMT"},
        {"expires", "Wed, 29 Jun 2016 16:10:07 GMT"}, {"vary", "Accept-Encoding"},
        {"x-ghost-cache-status", "From Cache"},       {"x-powered-by", "Express"},
    };
    for (size_t i = 0; i < CHECK_LEN(kept); i++)
        check_text(fieldset_get(&s->head, kept[i][0]), kept[i][1]);
    static const char *const assets[] = {
        "/assets/css/screen.css?v=5fc240c512", "/content/images/2016/06/Timeouts-001.png",
        "/content/images/2016/06/Timeouts-002.png", "/assets/js/jquery.fitvids.js?v=5fc240c512"};
    for (size_t i = 0; i < CHECK_LEN(assets); i++)
        page_delivered(p, assets[i], 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(every_case_of_the_table_holds),
        RIG_TEST(the_announcements_example_comes_out_byte_for_byte),
    };
    return rig_run(tests);
}
