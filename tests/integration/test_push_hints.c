/* 103 Early Hints: pushes start before the final response exists. */
#include <string.h>

#include "page.h"

#define HINT(link) "HTTP/1.1 103 Early Hints\r\nLink: " link "\r\n\r\n"

static void hints_push_before_the_final_response_exists(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload, </n>; rel=next")), AWAIT(0),
            PAGE("</a>; rel=preload, </b>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_events(p, PEER_INFO, 1);
    page_pushes(p, 0, "/a");
    page_delivered(p, "/a", 200);
    const struct peer_stream *s = peer_stream(p, id);
    assert_int_equal(s->status, 0);
    check_text(fieldset_get(&s->infos[0], "link"), "</n>; rel=next");
    assert_int_equal(fieldset_count(&s->infos[0], "cf-h2-pushed"), 0);
    assert_true(peer_first(p, PEER_PROMISE, id) < peer_first(p, PEER_INFO, id));

    stub_open(stub, 0);
    s = peer_until_closed(p, id);
    page_pushes(p, 0, "/a /b");
    page_fields(s, NULL, "</a>,</b>");
    page_delivered(p, "/b", 200);
    assert_int_equal(stub_times(stub, "/a"), 1);
}

static void two_hints_push_each_their_own(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")),
            SEND(HINT("</b>; rel=preload, </a>; "
                      "rel=preload")),
            AWAIT(0), PAGE("</n>; rel=next, </b>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, 2);
    page_pushes(p, 0, "/a /b");
    page_delivered(p, "/a", 200);
    page_delivered(p, "/b", 200);
    assert_int_equal(peer_stream(p, id)->status, 0);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    page_fields(s, "</n>; rel=next", "</a>,</b>");
    page_pushes(p, 0, "/a /b");
}

static void hint_with_no_field_left_is_not_sent(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")), AWAIT(0),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, 1);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->infos_len, 0);
    page_fields(s, NULL, "</a>");
}

static void final_response_lists_what_was_hinted_whatever_its_status(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")),
            SEND("HTTP/1.1 404 Not Found\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n"
                 "Content-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    assert_int_equal(s->status, 404);
    page_pushes(p, 0, "/a");
    page_fields(s, "</b>; rel=preload", "</a>");
    page_delivered(p, "/a", 200);
}

static void page_limit_counts_the_hints(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nmax_per_page = 3\n");
    STUB_ON(stub, "/", SEND(HINT("</1>; rel=preload, </2>; rel=preload")),
            PAGE("</3>; rel=preload, </4>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    page_pushes(p, 0, "/1 /2 /3");
    page_fields(s, "</4>; rel=preload", "</1>,</2>,</3>");
}

static void client_without_pushes_gets_the_hints_as_they_are(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b> ;rel=preload\r\n"
                 "X-Other: 1\r\n\r\n"),
            SEND(HINT("</c>; rel=preload")), AWAIT(0), PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_OFF});
    int32_t id = peer_get(p, "/", NULL);
    peer_until_events(p, PEER_INFO, 2);
    const struct peer_stream *s = peer_stream(p, id);
    check_text(fieldset_get(&s->infos[0], ":status"), "103");
    check_text(fieldset_get(&s->infos[0], "link"), "</a>; rel=preload, </b> ;rel=preload");
    check_text(fieldset_get(&s->infos[0], "x-other"), "1");
    check_text(fieldset_get(&s->infos[1], "link"), "</c>; rel=preload");
    stub_open(stub, 0);
    s = peer_until_closed(p, id);
    page_fields(s, "</a>; rel=preload", NULL);
    assert_int_equal(peer_pushes(p), 0);
}

static void hints_of_a_method_that_does_not_push_pass(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")), PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST", .path = "/"});
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->infos_len, 1);
    check_text(fieldset_get(&s->infos[0], "link"), "</a>; rel=preload");
    page_fields(s, "</a>; rel=preload", NULL);
    assert_int_equal(peer_pushes(p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(hints_push_before_the_final_response_exists),
        RIG_TEST(two_hints_push_each_their_own),
        RIG_TEST(hint_with_no_field_left_is_not_sent),
        RIG_TEST(final_response_lists_what_was_hinted_whatever_its_status),
        RIG_TEST(page_limit_counts_the_hints),
        RIG_TEST(client_without_pushes_gets_the_hints_as_they_are),
        RIG_TEST(hints_of_a_method_that_does_not_push_pass),
    };
    return rig_run(tests);
}
