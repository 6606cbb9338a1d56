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

static void final_response_without_pushes_of_its_own_lists_the_hinted(void **state)
{
    static const unsigned statuses[] = {200, 204, 302, 304, 408, 413, 500, 502};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(statuses); i++) {
        bool has_no_body = statuses[i] == 204 || statuses[i] == 304;
        const char *answer = rig_text(rig,
                                      "HTTP/1.1 %u X\r\nLink: </a>; rel=preload, </n>; rel=next\r\n"
                                      "%s\r\n",
                                      statuses[i], has_no_body ? "" : "Content-Length: 0\r\n");
        STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")), SEND_TEXT(answer));
    }
    for (size_t i = 0; i < CHECK_LEN(statuses); i++) {
        struct peer *p = rig_peer(rig, NULL);
        const struct peer_stream *s = peer_fetch(p, "/");
        assert_int_equal(s->status, statuses[i]);
        page_fields(s, "</n>; rel=next", "</a>");
        rig_close_peer(rig, p);
    }
}

/* The origin says 103 and goes away, is silent, or sends garbage. */
static void our_own_answer_lists_what_was_hinted(void **state)
{
    static const struct {
        unsigned status;
        const char *failure;
        struct stub_step then;
    } cases[] = {
        {502, "origin-closed", CLOSE()},
        {502, "origin-malformed", SEND("garbage\r\n\r\n")},
        {504, "origin-timeout", AWAIT(0)},
    };
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nresponse = %ums\n", check_slowed(500)));
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *path = rig_text(rig, "/page%zu", i);
        STUB_ON(stub, path, SEND(HINT("</a>; rel=preload, </b>; rel=preload; as=style")),
                cases[i].then);
        struct peer *p = rig_peer(rig, NULL);
        const struct peer_stream *s =
            peer_until_closed(p, peer_get(p, path, FIELDS("cf-h2-push-explain", "1")));
        assert_int_equal(s->status, cases[i].status);
        page_fields(s, NULL, "</a>,</b>");
        check_text(fieldset_get(&s->head, "cf-h2-push-explain"), "push=off;reason=status");
        page_log_failure(rig, path, cases[i].failure);
        page_delivered(p, "/a", 200);
        rig_close_peer(rig, p);
    }
}

/* A GET may have a body, and a client that does not send it. */
static void answer_to_a_client_that_stalls_lists_what_was_hinted(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\n", check_slowed(500)));
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")), BODY(0), PAGE("</b>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_until_closed(
        p, peer_send(p, &(struct peer_request){
                            .path = "/", .body = true, .body_bytes = 1000, .body_hold_at = 1}));
    assert_int_equal(s->status, 408);
    page_fields(s, NULL, "</a>");
}

static void answer_of_ours_lists_nothing_where_nothing_was_pushed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload; nopush")), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    assert_int_equal(s->status, 502);
    page_fields(s, NULL, NULL);
    assert_int_equal(s->infos_len, 1);
}

#define MIXED                                                                                      \
    "Link: </p>; rel=preload; x-http2-push-only, </a>; rel=preload\r\nLink: </q>;rel=preload;"     \
    "x-http2-push-only\r\nLink: </n>;rel=next ; x-http2-push-only\r\n"

/* Only a candidate is push-only: the last link is none. */
static void push_only_links_leave_every_response(void **state)
{
    static const unsigned statuses[] = {100, 102, 103, 104, 199};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    const struct peer_options options[] = {{.push = PEER_PUSH_OFF}, {.push = PEER_PUSH_ON}};
    for (size_t i = 0; i < CHECK_LEN(statuses); i++) {
        const char *info =
            rig_text(rig, "HTTP/1.1 %u X\r\n" MIXED "X-Other: 1\r\n\r\n", statuses[i]);
        const char *path = rig_text(rig, "/%u", statuses[i]);
        for (size_t j = 0; j < CHECK_LEN(options); j++)
            STUB_ON(stub, path, SEND_TEXT(info), BODY(0),
                    SEND("HTTP/1.1 200 OK\r\n" MIXED
                         "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" MIXED
                         "X-Sum: 1\r\n\r\n"));
        for (size_t j = 0; j < CHECK_LEN(options); j++) {
            struct peer *p = rig_peer(rig, &options[j]);
            const struct peer_request request = {.method = "POST",
                                                 .path = path,
                                                 .fields = FIELDS("expect", "100-continue"),
                                                 .body = true,
                                                 .body_text = "x"};
            const struct peer_stream *s = peer_until_closed(p, peer_send(p, &request));
            const struct fieldset *all[] = {&s->infos[0], &s->head, &s->trailers};
            assert_int_equal(s->infos_len, 1);
            for (size_t k = 0; k < CHECK_LEN(all); k++) {
                assert_int_equal(fieldset_count(all[k], "link"), 2);
                check_text(fieldset_nth(all[k], "link", 0), "</a>; rel=preload");
                check_text(fieldset_nth(all[k], "link", 1), "</n>;rel=next ; x-http2-push-only");
            }
            check_text(fieldset_get(all[0], "x-other"), "1");
            check_text(fieldset_get(all[2], "x-sum"), "1");
            rig_close_peer(rig, p);
        }
    }
}

/* What is left of it is passed byte for byte, though its links were pushed: only a 103 and a final
 * response are planned. */
static void other_informational_responses_keep_what_was_pushed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")),
            SEND("HTTP/1.1 102 Processing\r\nLink: </a> ;rel=preload, </b>; rel=preload\r\n\r\n"),
            PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    page_pushes(p, 0, "/a");
    assert_int_equal(s->infos_len, 1);
    check_text(fieldset_get(&s->infos[0], ":status"), "102");
    check_text(fieldset_get(&s->infos[0], "link"), "</a> ;rel=preload, </b>; rel=preload");
    page_fields(s, NULL, "</a>");
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
    static const char *const methods[] = {"POST", "HEAD"};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")), PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/", SEND(HINT("</a>; rel=preload")),
            SEND("HTTP/1.1 200 OK\r\nLink: </a>; rel=preload\r\nContent-Length: 4\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(methods); i++) {
        int32_t id = peer_send(p, &(struct peer_request){.method = methods[i], .path = "/"});
        const struct peer_stream *s = peer_until_closed(p, id);
        assert_int_equal(s->infos_len, 1);
        check_text(fieldset_get(&s->infos[0], "link"), "</a>; rel=preload");
        page_fields(s, "</a>; rel=preload", NULL);
    }
    assert_int_equal(peer_pushes(p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(hints_push_before_the_final_response_exists),
        RIG_TEST(two_hints_push_each_their_own),
        RIG_TEST(hint_with_no_field_left_is_not_sent),
        RIG_TEST(final_response_lists_what_was_hinted_whatever_its_status),
        RIG_TEST(final_response_without_pushes_of_its_own_lists_the_hinted),
        RIG_TEST(our_own_answer_lists_what_was_hinted),
        RIG_TEST(answer_to_a_client_that_stalls_lists_what_was_hinted),
        RIG_TEST(answer_of_ours_lists_nothing_where_nothing_was_pushed),
        RIG_TEST(push_only_links_leave_every_response),
        RIG_TEST(other_informational_responses_keep_what_was_pushed),
        RIG_TEST(page_limit_counts_the_hints),
        RIG_TEST(client_without_pushes_gets_the_hints_as_they_are),
        RIG_TEST(hints_of_a_method_that_does_not_push_pass),
    };
    return rig_run(tests);
}
