/* The request for a promised asset: every way in which it can end, and its place in the queue. */
#include <string.h>

#include "page.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void successful_answers_are_delivered(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</ok>; rel=preload, </none>; rel=preload, </203>; rel=preload"));
    STUB_ON(stub, "/ok",
            SEND("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nX-HTTP2-Push: no\r\n"
                 "Set-Cookie: a=1\r\nContent-Length: 5\r\n\r\nasset"));
    STUB_ON(stub, "/none", SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    STUB_ON(stub, "/203", ASSET("203 Non-Authoritative"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    assert_int_equal(fieldset_count(&s->head, "x-http2-push"), 0);
    page_delivered(p, "/ok", 200);
    page_delivered(p, "/none", 204);
    page_delivered(p, "/203", 203);
    s = peer_pushed(p, "/ok");
    check_text(bytes_text(&s->body), "asset");
    check_text(fieldset_get(&s->head, "content-type"), "text/css");
    assert_int_equal(fieldset_count(&s->head, "x-http2-push"), 1);
    assert_int_equal(fieldset_count(&s->head, "set-cookie"), 0);
    assert_int_equal(fieldset_count(&s->head, "cf-h2-pushed"), 0);
}

static void cookies_are_set_only_where_cookies_were_copied(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nrequest_headers = cookie\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", SEND("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    peer_until_closed(p, peer_get(p, "/", FIELDS("cookie", "id=7")));
    page_delivered(p, "/a", 200);
    check_text(fieldset_get(&peer_pushed(p, "/a")->head, "set-cookie"), "a=1");
}

static void answer_that_varies_is_not_pushed(void **state)
{
    static const struct {
        const char *vary;
        bool delivered;
    } cases[] = {
        {"*", false},
        {"Cookie", false},
        {"Accept-Encoding, COOKIE", false},
        {"x-own", false},
        {"Accept-Encoding", true},
        {"Accept", true},
        {"User-Agent, accept-language", true},
        {"Authorization", true},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *page = rig_text(rig,
                                    "HTTP/1.1 200 OK\r\nLink: </v%zu>; rel=preload\r\n"
                                    "Content-Length: 0\r\n\r\n",
                                    i);
        const char *asset = rig_text(
            rig, "HTTP/1.1 200 OK\r\nVary: %s\r\nContent-Length: 5\r\n\r\nasset", cases[i].vary);
        STUB_ON(stub, rig_text(rig, "/page%zu", i), SEND_TEXT(page));
        STUB_ON(stub, rig_text(rig, "/v%zu", i), SEND_TEXT(asset));
    }
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        int32_t id = peer_get(p, rig_text(rig, "/page%zu", i),
                              FIELDS("cookie", "a=1", "accept", "text/html", "accept-encoding",
                                     "gzip", "x-own", "1", "user-agent", "test"));
        peer_until_closed(p, id);
        print_message("  vary: %s\n", cases[i].vary);
        const char *path = rig_text(rig, "/v%zu", i);
        if (cases[i].delivered)
            page_delivered(p, path, 200);
        else
            page_denied(p, path, NGHTTP2_CANCEL);
    }
    page_log_failure(rig, "/v0", "push-vary");
}

static void set_up_failing_assets(struct rig *rig, struct stub *stub)
{
    (void)rig;
    STUB_ON(stub, "/",
            PAGE("</404>; rel=preload, </410>; rel=preload, </500>; rel=preload, "
                 "</closed>; rel=preload, </garbled>; rel=preload"));
    STUB_ON(stub, "/404", ASSET("404 Not Found"));
    STUB_ON(stub, "/410", ASSET("410 Gone"));
    STUB_ON(stub, "/500", ASSET("500 Oops"));
    STUB_ON(stub, "/closed", CLOSE());
    STUB_ON(stub, "/garbled", SEND("garbage\r\n\r\n"), CLOSE());
}

static const char *const failing[] = {"/404", "/410", "/500", "/closed", "/garbled"};

static void failed_asset_is_not_pushed_to_anyone_for_a_while(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    set_up_failing_assets(rig, stub);
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    for (size_t i = 0; i < CHECK_LEN(failing); i++)
        page_denied(p, failing[i], NGHTTP2_CANCEL);
    page_log_failure(rig, "/404", "push-status");
    page_log_failure(rig, "/closed", "origin-closed");
    page_log_failure(rig, "/garbled", "origin-malformed");
    page_fields(peer_fetch(p, "/"),
                "</404>; rel=preload, </410>; rel=preload, </500>; rel=preload, "
                "</closed>; rel=preload, </garbled>; rel=preload",
                NULL);
    struct peer *other = rig_peer(rig, NULL);
    peer_fetch(other, "/");
    page_pushes(other, 0, "");
    /* Another site's asset of that path is another asset. */
    int32_t id =
        peer_send(other, &(struct peer_request){.authority = "other.example", .path = "/"});
    peer_until_closed(other, id);
    page_pushes(other, 0, "/404 /410 /500 /closed /garbled");
}

static void failed_asset_is_tried_again_after_a_while(void **state)
{
    enum { RETRY_MS = 400 };
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[push]\nretry_after = %ums\n", check_slowed(RETRY_MS)));
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", ASSET("404 Not Found"));
    STUB_ON(stub, "/a", ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    uint64_t start = check_now_ms();
    peer_fetch(p, "/");
    page_denied(p, "/a", NGHTTP2_CANCEL);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    while (peer_pushes(p) < 2 && check_left(deadline) > 0)
        peer_fetch(p, "/");
    page_pushes(p, 0, "/a /a");
    assert_true(check_now_ms() - start >= check_slowed(RETRY_MS));
    peer_until_quiet(p);
    assert_int_equal(peer_push(p, 1)->status, 200);
}

static void redirected_asset_is_not_pushed_again_on_this_connection(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</302>; rel=preload, </401>; rel=preload, </304>; rel=preload"));
    STUB_ON(stub, "/302", SEND("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"));
    STUB_ON(stub, "/401", ASSET("401 Unauthorized"));
    STUB_ON(stub, "/304", SEND("HTTP/1.1 304 Not Modified\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    page_denied(p, "/302", NGHTTP2_CANCEL);
    page_denied(p, "/401", NGHTTP2_CANCEL);
    page_denied(p, "/304", NGHTTP2_CANCEL);
    peer_fetch(p, "/");
    page_pushes(p, 3, "");
    struct peer *other = rig_peer(rig, NULL);
    peer_fetch(other, "/");
    page_pushes(other, 0, "/302 /401 /304");
}

static void failure_of_a_private_promise_concerns_nobody_else(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "[push]\nrequest_headers = cookie\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", ASSET("404 Not Found"));
    struct peer *p = rig_peer(rig, NULL);
    peer_until_closed(p, peer_get(p, "/", FIELDS("cookie", "id=7")));
    page_denied(p, "/a", NGHTTP2_CANCEL);
    struct peer *other = rig_peer(rig, NULL);
    peer_until_closed(other, peer_get(other, "/", FIELDS("cookie", "id=8")));
    page_pushes(other, 0, "/a");
    page_denied(other, "/a", NGHTTP2_CANCEL);
    /* A promise without a cookie is of public interest. */
    struct peer *plain = rig_peer(rig, NULL);
    peer_fetch(plain, "/");
    page_denied(plain, "/a", NGHTTP2_CANCEL);
    struct peer *last = rig_peer(rig, NULL);
    peer_fetch(last, "/");
    page_pushes(last, 0, "");
}

static void asset_that_breaks_in_its_body_is_reset(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nass"), AWAIT(0), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    assert_int_equal(peer_pushes(p), 1);
    peer_until_bytes(p, peer_push(p, 0)->id, 3);
    stub_open(stub, 0);
    page_denied(p, "/a", NGHTTP2_INTERNAL_ERROR);
    page_log_failure(rig, "/a", "origin-broken");
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

static void asset_that_broke_may_be_pushed_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nass"), CLOSE());
    STUB_ON(stub, "/a", ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    page_denied(p, "/a", NGHTTP2_INTERNAL_ERROR);
    peer_fetch(p, "/");
    page_pushes(p, 1, "/a");
    const struct peer_stream *s = peer_until_closed(p, peer_push(p, 1)->id);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "asset");
}

/* RFC 9113 §6.8: what was promised before may still come, but nghttp2 lets no answer begin. */
static void push_that_a_goaway_overtakes_is_cancelled(void **state)
{
    /* The last stream that it has taken is 2, the promised one. */
    static const char goaway[] = "\0\0\10\7\0\0\0\0\0"
                                 "\0\0\0\2\0\0\0\0";
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 200 OK\r\nLink: </a>; rel=preload\r\nContent-Length: 4\r\n\r\npa"),
            AWAIT(0), SEND("ge"));
    STUB_ON(stub, "/a", AWAIT(1), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t page = peer_get(p, "/", NULL);
    peer_until_bytes(p, page, 2);
    page_pushes(p, 0, "/a");
    assert_int_equal(peer_push(p, 0)->id, 2);
    stub_expect(stub, "/a");
    peer_raw(p, goaway, sizeof(goaway) - 1);
    peer_settle(p);
    stub_open(stub, 1);
    page_denied(p, "/a", NGHTTP2_CANCEL);
    assert_false(peer_is_over(p));
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, page);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "page");
    assert_true(peer_ends(p, CHECK_SOON_MS));
}

static void push_that_the_client_resets_ends_at_the_origin(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload, </b>; rel=preload"));
    STUB_ON(stub, "/a", AWAIT(0));
    STUB_ON(stub, "/b", SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nass"), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    stub_expect(stub, "/a");
    peer_reset(p, peer_pushed(p, "/a")->id, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 1);
    peer_until_bytes(p, peer_pushed(p, "/b")->id, 3);
    peer_reset(p, peer_pushed(p, "/b")->id, NGHTTP2_REFUSED_STREAM);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 2);
    page_log_failure(rig, "/a", "client-reset");
}

/* A page whose body is held at gate 0, and whose pushes at gate 1. */
static int32_t open_held_page(struct stub *stub, struct peer *p)
{
    STUB_ON(stub, "/",
            SEND("HTTP/1.1 200 OK\r\nLink: </1>; rel=preload, </2>; rel=preload, "
                 "</3>; rel=preload\r\nContent-Length: 4\r\n\r\npa"),
            AWAIT(0), SEND("ge"));
    STUB_ON(stub, "/1", AWAIT(1), ASSET("200 OK"));
    STUB_ON(stub, "/2", AWAIT(1), ASSET("200 OK"));
    STUB_ON(stub, "/3", AWAIT(1), ASSET("200 OK"));
    int32_t page = peer_get(p, "/", NULL);
    peer_until_head(p, page);
    assert_int_equal(peer_pushes(p), 3);
    return page;
}

static void reset_of_the_page_cancels_pushes_that_wait(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 2\n[push]\nmax_wait = 60s\n");
    struct peer *p = rig_peer(rig, NULL);
    int32_t page = open_held_page(stub, p);
    stub_expect(stub, "/1");
    peer_reset(p, page, NGHTTP2_CANCEL);
    page_denied(p, "/2", NGHTTP2_CANCEL);
    page_denied(p, "/3", NGHTTP2_CANCEL);
    assert_false(peer_pushed(p, "/1")->closed);
    stub_open(stub, 1);
    page_delivered(p, "/1", 200);
    assert_int_equal(stub_times(stub, "/2") + stub_times(stub, "/3"), 0);
}

static void push_that_waits_too_long_is_cancelled(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(
        rig, rig_text(rig, "max_connections = 2\n[push]\nmax_wait = %ums\n", check_slowed(200)));
    struct peer *p = rig_peer(rig, NULL);
    int32_t page = open_held_page(stub, p);
    stub_expect(stub, "/1");
    page_denied(p, "/2", NGHTTP2_CANCEL);
    page_denied(p, "/3", NGHTTP2_CANCEL);
    page_log_failure(rig, "/2", "push-waited");
    stub_open(stub, 0);
    stub_open(stub, 1);
    assert_int_equal(peer_until_closed(p, page)->error, 0);
    page_delivered(p, "/1", 200);
    assert_int_equal(stub_times(stub, "/2"), 0);
}

static void pushes_use_half_of_the_connections(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 4\n[push]\nmax_wait = 60s\n");
    STUB_ON(stub, "/",
            PAGE("</1>; rel=preload, </2>; rel=preload, </3>; rel=preload, </4>; rel=preload"));
    for (int i = 1; i <= 4; i++)
        STUB_ON(stub, rig_text(rig, "/%d", i), AWAIT(0), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    stub_wait(stub, STUB_RUNNING, 2);
    /* The other half is there for clients, at once. */
    assert_int_equal(peer_fetch(p, "/x")->status, 200);
    STUB_ON(stub, "/y", AWAIT(1), SEND(OK_EMPTY));
    STUB_ON(stub, "/z", AWAIT(1), SEND(OK_EMPTY));
    int32_t y = peer_get(p, "/y", NULL), z = peer_get(p, "/z", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_RUNNING, 4);
    assert_int_equal(stub_times(stub, "/3") + stub_times(stub, "/4"), 0);
    stub_open(stub, 1);
    peer_until_closed(p, y);
    peer_until_closed(p, z);
    peer_settle(p);
    assert_int_equal(stub_times(stub, "/3") + stub_times(stub, "/4"), 0);
    stub_open(stub, 0);
    for (int i = 1; i <= 4; i++)
        page_delivered(p, rig_text(rig, "/%d", i), 200);
    assert_in_range(stub_counted(stub, STUB_OPEN_MOST), 1, 4);
}

static void requests_of_clients_go_before_waiting_pushes(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 1\n[push]\nmax_wait = 60s\n");
    STUB_ON(stub, "/", PAGE("</1>; rel=preload, </2>; rel=preload"));
    STUB_ON(stub, "/1", AWAIT(0), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    stub_expect(stub, "/1");
    int32_t id = peer_get(p, "/client", NULL);
    peer_settle(p);
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    page_delivered(p, "/1", 200);
    page_delivered(p, "/2", 200);
    check_text(stub_request(stub, 2)->target, "/client");
    check_text(stub_request(stub, 3)->target, "/2");
}

static void asset_goes_where_a_clients_request_would(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    struct stub *assets = rig_stub(rig, NULL);
    const char *conf = rig_text(rig,
                                "[origin pages]\n%s[origin assets]\n%s"
                                "[route pages]\nmatch = example.com/\norigin = pages\n"
                                "[route assets]\nmatch = example.com/static/\norigin = assets\n",
                                rig_url(rig, stub), rig_url(rig, assets));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    STUB_ON(stub, "/", PAGE("</static/a>; rel=preload, </b>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    page_delivered(p, "/static/a", 200);
    page_delivered(p, "/b", 200);
    assert_int_equal(stub_times(assets, "/static/a"), 1);
    assert_int_equal(stub_times(stub, "/b"), 1);
    /* The page's address stays with the origin that made it. */
    assert_int_equal(fieldset_count(&peer_pushed(p, "/static/a")->promise, "referer"), 0);
    assert_int_equal(fieldset_count(&peer_pushed(p, "/b")->promise, "referer"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(successful_answers_are_delivered),
        RIG_TEST(cookies_are_set_only_where_cookies_were_copied),
        RIG_TEST(answer_that_varies_is_not_pushed),
        RIG_TEST(failed_asset_is_not_pushed_to_anyone_for_a_while),
        RIG_TEST(failed_asset_is_tried_again_after_a_while),
        RIG_TEST(redirected_asset_is_not_pushed_again_on_this_connection),
        RIG_TEST(failure_of_a_private_promise_concerns_nobody_else),
        RIG_TEST(asset_that_breaks_in_its_body_is_reset),
        RIG_TEST(asset_that_broke_may_be_pushed_again),
        RIG_TEST(push_that_a_goaway_overtakes_is_cancelled),
        RIG_TEST(push_that_the_client_resets_ends_at_the_origin),
        RIG_TEST(reset_of_the_page_cancels_pushes_that_wait),
        RIG_TEST(push_that_waits_too_long_is_cancelled),
        RIG_TEST(pushes_use_half_of_the_connections),
        RIG_TEST(requests_of_clients_go_before_waiting_pushes),
        RIG_TEST(asset_goes_where_a_clients_request_would),
    };
    return rig_run(tests);
}
