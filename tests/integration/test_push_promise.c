/* Which responses push, how much, what a promise holds, and what waits for what. */
#include <stdlib.h>
#include <string.h>

#include "page.h"

#define LINKS "</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script"

/* A GET that pushes nothing and whose Link comes through byte for byte. */
static void check_untouched(struct peer *p, const struct peer_request *request, unsigned status)
{
    size_t before = peer_pushes(p);
    const struct peer_stream *s = peer_until_closed(p, peer_send(p, request));
    assert_int_equal(s->status, status);
    page_fields(s, LINKS, NULL);
    peer_settle(p);
    page_pushes(p, before, "");
}

static void only_get_pushes(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/post", PAGE(LINKS));
    STUB_ON(stub, "/head", SEND("HTTP/1.1 200 OK\r\nLink: " LINKS "\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    check_untouched(p, &(struct peer_request){.method = "POST", .path = "/post"}, 200);
    check_untouched(p, &(struct peer_request){.method = "HEAD", .path = "/head"}, 200);
    peer_fetch(p, "/post");
    page_pushes(p, 0, "/a.css /b.js");
}

static void status_decides(void **state)
{
    static const struct {
        unsigned status;
        bool pushes;
    } cases[] = {{200, true},  {201, true},  {302, true},  {399, true},  {304, false},
                 {400, false}, {404, false}, {500, false}, {503, false}, {599, false}};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        unsigned status = cases[i].status;
        const char *target = rig_text(rig, "/%u", status);
        const char *page = rig_text(rig, "HTTP/1.1 %u X\r\nLink: " LINKS "\r\n%s\r\n", status,
                                    status == 304 ? "" : "Content-Length: 0\r\n");
        STUB_ON(stub, target, SEND_TEXT(page));
        struct peer *p = rig_peer(rig, NULL);
        if (!cases[i].pushes) {
            check_untouched(p, &(struct peer_request){.path = target}, status);
        } else {
            assert_int_equal(peer_fetch(p, target)->status, status);
            page_pushes(p, 0, "/a.css /b.js");
        }
        rig_close_peer(rig, p);
    }
}

static void configuration_turns_pushes_off(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig,
                                "[origin app]\n%s"
                                "[route on]\nmatch = example.com/\norigin = app\n"
                                "[route off]\nmatch = example.com/off/\norigin = app\npush = off\n",
                                rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    STUB_ON(stub, "/off/", PAGE(LINKS));
    STUB_ON(stub, "/on/", PAGE(LINKS));
    struct peer *p = rig_peer(rig, NULL);
    check_untouched(p, &(struct peer_request){.path = "/off/"}, 200);
    peer_fetch(p, "/on/");
    page_pushes(p, 0, "/a.css /b.js");
    rig_close_peer(rig, p);
    rig_stop_daemon(rig);

    conf = rig_text(rig, "[origin app]\n%s[push]\nenabled = off\n", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    check_untouched(rig_peer(rig, NULL), &(struct peer_request){.path = "/on/"}, 200);
}

static void client_decides_by_its_settings(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE(LINKS));
    struct peer *p = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_OFF});
    check_untouched(p, &(struct peer_request){.path = "/"}, 200);
    p = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_UNSAID});
    peer_fetch(p, "/");
    page_pushes(p, 0, "/a.css /b.js");
    p = rig_peer(rig, NULL);
    peer_set(p, NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
    peer_settle(p);
    check_untouched(p, &(struct peer_request){.path = "/"}, 200);
}

static void client_that_said_goaway_gets_no_pushes(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", AWAIT(0), PAGE(LINKS));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    peer_goaway(p);
    peer_settle(p);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    page_fields(s, LINKS, NULL);
    page_pushes(p, 0, "");
}

static void draining_connection_pushes_nothing_new(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", AWAIT(0), PAGE(LINKS));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    daemon_drain(rig->daemon);
    peer_until_events(p, PEER_GOAWAY, 1);
    stub_open(stub, 0);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    page_fields(s, LINKS, NULL);
    page_pushes(p, 0, "");
}

static void pushed_response_does_not_push(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a.css>; rel=preload"));
    STUB_ON(stub, "/a.css", PAGE("</font.woff2>; rel=preload; as=font"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    peer_until_quiet(p);
    page_pushes(p, 0, "/a.css");
    page_delivered(p, "/a.css", 200);
    page_fields(peer_pushed(p, "/a.css"), "</font.woff2>; rel=preload; as=font", NULL);
}

static void push_only_links_never_reach_a_client(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload; x-http2-push-only, </n>; rel=next"));
    STUB_ON(stub, "/all", PAGE("</a>; rel=preload; x-http2-push-only"));
    struct peer *p = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_OFF});
    page_fields(peer_fetch(p, "/"), "</n>; rel=next", NULL);
    page_fields(peer_fetch(p, "/all"), NULL, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST", .path = "/"});
    page_fields(peer_until_closed(p, id), "</n>; rel=next", NULL);
}

#define FIVE                                                                                       \
    "</1>; rel=preload, </2>; rel=preload, </3>; rel=preload, </4>; rel=preload, </5>; rel=preload"

static void page_limit_holds(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nmax_per_page = 2\n");
    STUB_ON(stub, "/", PAGE(FIVE));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    page_pushes(p, 0, "/1 /2");
    page_fields(s, "</3>; rel=preload,</4>; rel=preload,</5>; rel=preload", "</1>,</2>");
    peer_until_quiet(p);
    peer_fetch(p, "/");
    page_pushes(p, 2, "/3 /4");
}

static void connection_limit_holds(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nmax_per_connection = 3\n");
    STUB_ON(stub, "/", PAGE(FIVE));
    struct peer *p = rig_peer(rig, NULL);
    page_fields(peer_fetch(p, "/"), "</4>; rel=preload,</5>; rel=preload", "</1>,</2>,</3>");
    peer_until_quiet(p);
    page_fields(peer_fetch(p, "/"), FIVE, NULL);
    page_pushes(p, 0, "/1 /2 /3");
    struct peer *other = rig_peer(rig, NULL);
    peer_fetch(other, "/");
    page_pushes(other, 0, "/1 /2 /3");
}

static void open_pushes_are_limited_by_the_client(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE(FIVE));
    for (int i = 1; i <= 3; i++)
        STUB_ON(stub, rig_text(rig, "/%d", i), AWAIT(0), ASSET("200 OK"));
    struct peer_options options = {.limit_streams = true, .max_streams = 3};
    struct peer *p = rig_peer(rig, &options);
    page_fields(peer_fetch(p, "/"), "</4>; rel=preload,</5>; rel=preload", "</1>,</2>,</3>");
    page_fields(peer_fetch(p, "/"), FIVE, NULL);
    stub_open(stub, 0);
    peer_until_quiet(p);
    peer_fetch(p, "/");
    page_pushes(p, 0, "/1 /2 /3 /4 /5");

    options.max_streams = 0;
    p = rig_peer(rig, &options);
    page_fields(peer_fetch(p, "/"), FIVE, NULL);
    page_pushes(p, 0, "");
}

static void open_pushes_are_limited_by_the_configuration(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nmax_open = 2\n");
    STUB_ON(stub, "/", PAGE(FIVE));
    STUB_ON(stub, "/1", AWAIT(0), ASSET("200 OK"));
    STUB_ON(stub, "/2", AWAIT(0), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    page_fields(peer_fetch(p, "/"), "</3>; rel=preload,</4>; rel=preload,</5>; rel=preload",
                "</1>,</2>");
    stub_open(stub, 0);
    peer_until_quiet(p);
    peer_fetch(p, "/");
    page_pushes(p, 0, "/1 /2 /3 /4");
}

static void what_the_connection_carried_is_not_pushed_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE(LINKS));
    STUB_ON(stub, "/got", PAGE("</got-asset>; rel=preload, </asked>; rel=preload"));
    STUB_ON(stub, "/asked", AWAIT(0), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    page_pushes(p, 0, "/a.css /b.js");
    check_untouched(p, &(struct peer_request){.path = "/"}, 200);

    assert_int_equal(peer_fetch(p, "/got-asset")->status, 200);
    int32_t asked = peer_get(p, "/asked", NULL);
    peer_settle(p);
    peer_fetch(p, "/got");
    page_pushes(p, 2, "");
    stub_open(stub, 0);
    peer_until_closed(p, asked);

    struct peer *other = rig_peer(rig, NULL);
    peer_fetch(other, "/");
    page_pushes(other, 0, "/a.css /b.js");
}

static void what_the_client_did_not_get_is_pushed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</missing>; rel=preload, </fresh>; rel=preload, </q>; rel=preload"));
    STUB_ON(stub, "/missing", ASSET("404 Not Found"));
    STUB_ON(stub, "/missing", ASSET("200 OK"));
    STUB_ON(stub, "/fresh", SEND("HTTP/1.1 304 Not Modified\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/missing")->status, 404);
    assert_int_equal(peer_fetch(p, "/fresh")->status, 304);
    assert_int_equal(peer_fetch(p, "/q?other")->status, 200);
    peer_fetch(p, "/");
    page_pushes(p, 0, "/missing /q");
}

static void what_the_client_reset_is_not_pushed_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    STUB_ON(stub, "/a", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    peer_reset(p, peer_push(p, 0)->id, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 1);
    peer_fetch(p, "/");
    page_pushes(p, 0, "/a");
}

static void promises_come_before_the_pages_head(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE(LINKS));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_closed(p, id);
    size_t head = peer_first(p, PEER_HEAD, id);
    assert_int_equal(peer_count(p, PEER_PROMISE), 2);
    for (size_t i = 0; i < peer_events(p); i++)
        if (peer_event(p, i).type == PEER_PROMISE) {
            assert_int_equal(peer_event(p, i).stream, id);
            assert_true(i < head);
        }
}

static void promise_is_a_request_that_the_client_could_make(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/dir/page?x",
            PAGE("<s.css?v=1#f>; rel=preload; as=style, </i.png>; rel=preload; as=image, "
                 "</j.js>; rel=preload; as=script, </n>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(
        p, &(struct peer_request){.authority = "example.com:8443",
                                  .path = "/dir/page?x",
                                  .fields = FIELDS("user-agent", "test/1", "accept", "text/html",
                                                   "accept-encoding", "gzip", "accept-language",
                                                   "de", "cookie", "id=7", "authorization",
                                                   "Basic eA==", "if-none-match", "\"x\"")});
    peer_until_closed(p, id);
    peer_until_quiet(p);
    static const struct {
        const char *path, *accept;
    } cases[] = {
        {"/dir/s.css?v=1", "text/css,*/*;q=0.1"},
        {"/i.png", "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"},
        {"/j.js", "*/*"},
        {"/n", "*/*"},
    };
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const struct peer_stream *s = peer_push(p, i);
        assert_non_null(s);
        const struct fieldset *promise = &s->promise;
        check_text(fieldset_get(promise, ":method"), "GET");
        check_text(fieldset_get(promise, ":scheme"), "https");
        check_text(fieldset_get(promise, ":authority"), "example.com:8443");
        check_text(fieldset_get(promise, ":path"), cases[i].path);
        check_text(fieldset_get(promise, "accept"), cases[i].accept);
        check_text(fieldset_get(promise, "user-agent"), "test/1");
        check_text(fieldset_get(promise, "accept-encoding"), "gzip");
        check_text(fieldset_get(promise, "accept-language"), "de");
        check_text(fieldset_get(promise, "referer"), "https://example.com:8443/dir/page?x");
        assert_int_equal(promise->len, 9);

        /* The origin sees that request, and that it is a push. */
        const struct stub_request *r = stub_expect(stub, cases[i].path);
        check_text(r->method, "GET");
        check_text(fieldset_get(&r->fields, "host"), "example.com:8443");
        check_text(fieldset_get(&r->fields, "x-http2-push"), "1");
        check_text(fieldset_get(&r->fields, "accept"), cases[i].accept);
        check_text(fieldset_get(&r->fields, "x-forwarded-for"), "127.0.0.1");
        check_text(fieldset_get(&r->fields, "via"), "2 headstart");
        assert_int_equal(fieldset_count(&r->fields, "cookie"), 0);
        assert_int_equal(fieldset_count(&r->fields, "authorization"), 0);
        page_delivered(p, cases[i].path, 200);
    }
    assert_int_equal(fieldset_count(&stub_find(stub, "/dir/page?x", 0)->fields, "x-http2-push"), 0);
}

static void named_fields_are_copied_into_the_promise(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nrequest_headers = cookie X-Tenant\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", FIELDS("cookie", "a=1", "cookie", "b=2", "x-tenant", "t"));
    peer_until_closed(p, id);
    peer_until_quiet(p);
    const struct stub_request *r = stub_expect(stub, "/a");
    check_text(fieldset_get(&r->fields, "cookie"), "a=1; b=2");
    check_text(fieldset_get(&r->fields, "x-tenant"), "t");
    check_text(fieldset_get(&peer_pushed(p, "/a")->promise, "x-tenant"), "t");
}

/* What a client claims does not come in through the promises for its page, whatever is named. */
static void named_fields_bring_no_claims_back(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, "[push]\nrequest_headers = x-forwarded-for x-forwarded-user X_Forwarded_For "
                       "true-client-ip proxy x_own cookie\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/",
                          FIELDS("x-forwarded-for", "eve", "x-forwarded-user", "eve", "proxy",
                                 "eve", "x_forwarded_for", "eve", "true-client-ip", "eve", "x_own",
                                 "eve", "cookie", "a=1"));
    peer_until_closed(p, id);
    peer_until_quiet(p);
    const struct stub_request *r = stub_expect(stub, "/a");
    check_lacks(r->head, "eve");
    check_text(fieldset_get(&r->fields, "cookie"), "a=1");
    check_text(fieldset_get(&r->fields, "x-forwarded-for"), "127.0.0.1");
    assert_int_equal(fieldset_count(&peer_pushed(p, "/a")->promise, "x-forwarded-for"), 0);
}

/* A push is on behalf of the same client as its page. */
static void believed_claims_hold_for_pushes(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .listen = "forwarded = append\n"});
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", FIELDS("x-forwarded-for", "6.6.6.6", "x-forwarded-user", "adam"));
    peer_until_closed(p, id);
    peer_until_quiet(p);
    const struct stub_request *r = stub_expect(stub, "/a");
    check_text(fieldset_get(&r->fields, "x-forwarded-for"), "6.6.6.6, 127.0.0.1");
    check_text(fieldset_get(&r->fields, "x-forwarded-user"), "adam");
    assert_int_equal(fieldset_count(&peer_pushed(p, "/a")->promise, "x-forwarded-for"), 0);
}

static void referrer_policy_is_respected(void **state)
{
    static const struct {
        const char *policy;
        bool referer;
    } cases[] = {{"no-referrer", false},
                 {"same-origin", true},
                 {"unsafe-url", true},
                 {"origin, no-referrer", false}};
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *page = rig_text(rig,
                                    "HTTP/1.1 200 OK\r\nReferrer-Policy: %s\r\n"
                                    "Link: </a%zu>; rel=preload\r\nContent-Length: 0\r\n\r\n",
                                    cases[i].policy, i);
        STUB_ON(stub, "/", SEND_TEXT(page));
    }
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        peer_fetch(p, "/");
        assert_non_null(peer_push(p, i));
        size_t n = fieldset_count(&peer_push(p, i)->promise, "referer");
        if (n != (cases[i].referer ? 1 : 0))
            fail_msg("%s: %zu referer", cases[i].policy, n);
    }
}

static void links_own_referrer_policy_is_respected(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/",
            PAGE("</a>; rel=preload; referrerpolicy=no-referrer, </b>; rel=preload, "
                 "</c>; rel=preload; ReferrerPolicy=\"Strict-Origin\", "
                 "</d>; rel=preload; referrerpolicy=unsafe-url"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    peer_until_quiet(p);
    static const char *const paths[] = {"/a", "/b", "/c", "/d"};
    for (size_t i = 0; i < CHECK_LEN(paths); i++) {
        const char *expected = i % 2 == 0 ? NULL : "https://example.com/";
        check_text(fieldset_get(&peer_pushed(p, paths[i])->promise, "referer"), expected);
        check_text(fieldset_get(&stub_expect(stub, paths[i])->fields, "referer"), expected);
    }
}

static void long_referer_is_the_origin_alone(void **state)
{
    enum { LONG = 6000 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    char *path = check_alloc(LONG + 1);
    memset(path, 'a', LONG);
    path[0] = '/';
    STUB_ON(stub, path, PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, path);
    free(path);
    check_text(fieldset_get(&peer_pushed(p, "/a")->promise, "referer"), "https://example.com/");
}

/* RFC 9218 §7.1: the stream is to be the most urgent of all. */
static void claim_urgency(struct peer *p, int32_t stream)
{
    const unsigned char frame[] = {0,
                                   0,
                                   7,
                                   16,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   (unsigned char)(stream >> 8 & 0xff),
                                   (unsigned char)(stream & 0xff),
                                   'u',
                                   '=',
                                   '0'};
    peer_raw(p, frame, sizeof(frame));
}

static void page_goes_before_its_pushes(void **state)
{
    enum { WINDOW = 65535, STEP = 4096, PAGE_BYTES = WINDOW + 40 * STEP };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    const char *page = rig_text(
        rig, "HTTP/1.1 200 OK\r\nLink: " LINKS "\r\nContent-Length: %d\r\n\r\n", PAGE_BYTES);
    STUB_ON(stub, "/", SEND_TEXT(page), PATTERN(PAGE_BYTES));
    STUB_ON(stub, "/a.css", AWAIT(0), ASSET("200 OK"));
    STUB_ON(stub, "/b.js", AWAIT(0), ASSET("200 OK"));
    struct peer_options options = {.stream_window = 1 << 20, .window = WINDOW, .manual = true};
    struct peer *p = rig_peer(rig, &options);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_bytes(p, id, WINDOW);
    page_pushes(p, 0, "/a.css /b.js");
    claim_urgency(p, peer_push(p, 0)->id);
    stub_open(stub, 0);
    /* The heads of the pushes need no window: they tell that the answers are there. */
    peer_until_head(p, peer_push(p, 0)->id);
    peer_until_head(p, peer_push(p, 1)->id);
    for (uint64_t bytes = WINDOW; bytes < PAGE_BYTES; bytes += STEP) {
        peer_settle(p);
        peer_widen(p, 0, STEP);
        peer_until_bytes(p, id, bytes + STEP);
        assert_int_equal(peer_push(p, 0)->body_bytes, 0);
        assert_int_equal(peer_push(p, 1)->body_bytes, 0);
    }
    peer_until_closed(p, id);
    peer_widen(p, 0, STEP);
    page_delivered(p, "/a.css", 200);
    page_delivered(p, "/b.js", 200);
    assert_true(peer_stream(p, id)->body_is_pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(only_get_pushes),
        RIG_TEST(status_decides),
        RIG_TEST(configuration_turns_pushes_off),
        RIG_TEST(client_decides_by_its_settings),
        RIG_TEST(client_that_said_goaway_gets_no_pushes),
        RIG_TEST(draining_connection_pushes_nothing_new),
        RIG_TEST(pushed_response_does_not_push),
        RIG_TEST(push_only_links_never_reach_a_client),
        RIG_TEST(page_limit_holds),
        RIG_TEST(connection_limit_holds),
        RIG_TEST(open_pushes_are_limited_by_the_client),
        RIG_TEST(open_pushes_are_limited_by_the_configuration),
        RIG_TEST(what_the_connection_carried_is_not_pushed_again),
        RIG_TEST(what_the_client_did_not_get_is_pushed),
        RIG_TEST(what_the_client_reset_is_not_pushed_again),
        RIG_TEST(promises_come_before_the_pages_head),
        RIG_TEST(promise_is_a_request_that_the_client_could_make),
        RIG_TEST(named_fields_are_copied_into_the_promise),
        RIG_TEST(named_fields_bring_no_claims_back),
        RIG_TEST(believed_claims_hold_for_pushes),
        RIG_TEST(referrer_policy_is_respected),
        RIG_TEST(links_own_referrer_policy_is_respected),
        RIG_TEST(long_referer_is_the_origin_alone),
        RIG_TEST(page_goes_before_its_pushes),
    };
    return rig_run(tests);
}
