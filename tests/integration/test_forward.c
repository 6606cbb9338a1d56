/* What the proxy changes, and does not change, in the messages that it passes on. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rig.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void check_alive(struct rig *rig, struct peer *p)
{
    (void)rig;
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
}

static void every_method_reaches_the_origin(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    static const char *const methods[] = {"GET",    "HEAD",  "POST",     "PUT",
                                          "DELETE", "PATCH", "PROPFIND", "X-OWN"};
    for (size_t i = 0; i < CHECK_LEN(methods); i++) {
        int32_t id = peer_send(p, &(struct peer_request){.method = methods[i], .path = "/m"});
        assert_int_equal(peer_until_closed(p, id)->status, 200);
        check_text(stub_request(stub, i)->method, methods[i]);
    }
}

static void target_passes_byte_for_byte(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/",  "/a/../b/./c", "/%2e%2E/x?y=%20&z=//",
                                          "/?", "/a?b?c",      "//x//"};
    for (size_t i = 0; i < CHECK_LEN(targets); i++) {
        assert_int_equal(peer_fetch(p, targets[i])->status, 200);
        check_text(stub_request(stub, i)->target, targets[i]);
    }
}

static void authority_becomes_host(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    static const struct {
        const char *authority, *host, *seen;
    } cases[] = {
        {"example.com", NULL, "example.com"}, {"Example.com:8443", NULL, "Example.com:8443"},
        {"", "example.com", "example.com"},   {"example.com", "example.com", "example.com"},
        {"[::1]:8443", NULL, "[::1]:8443"},
    };
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        int32_t id = peer_send(
            p,
            &(struct peer_request){.path = "/h",
                                   .authority = cases[i].authority,
                                   .fields = cases[i].host ? FIELDS("host", cases[i].host) : NULL});
        assert_int_equal(peer_until_closed(p, id)->status, 200);
        const struct stub_request *r = stub_request(stub, i);
        assert_int_equal(fieldset_count(&r->fields, "host"), 1);
        check_text(fieldset_get(&r->fields, "host"), cases[i].seen);
        assert_int_equal(strncasecmp(strstr(r->head, "\r\n") + 2, "host:", 5), 0);
    }
}

static void configured_host_replaces_the_clients(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "host = inner.example:81\n");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    check_text(fieldset_get(&r->fields, "host"), "inner.example:81");
    check_text(fieldset_get(&r->fields, "x-forwarded-host"), "example.com");
}

/* A push is a request to it, too; the answers to the client say as ever what they came through. */
static void origin_can_be_spared_our_via(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "via = off\n");
    STUB_ON(stub, "/page",
            SEND("HTTP/1.1 200 OK\r\nLink: </a>; rel=preload\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/page");
    check_text(fieldset_get(&s->head, "via"), "1.1 headstart");
    check_lacks(stub_expect(stub, "/page")->head, "via");
    check_lacks(stub_expect(stub, "/a")->head, "via");
    peer_until_closed(p, peer_get(p, "/b", FIELDS("via", "1.1 a")));
    check_text(fieldset_get(&stub_expect(stub, "/b")->fields, "via"), "1.1 a");
}

static void requests_that_cannot_be_forwarded_are_answered_here(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    static const char *const other_host[] = {"host", "other.example", NULL};
    static const struct {
        unsigned status;
        struct peer_request request;
    } cases[] = {
        {400, {.path = "/", .fields = other_host}},
        {400, {.path = "/", .scheme = "http"}},
        {400, {.path = "/", .scheme = "ftp"}},
        {400, {.path = "/", .authority = "user@example.com"}},
        {501, {.method = "CONNECT", .scheme = "", .authority = "example.com:443", .path = ""}},
    };
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const struct peer_stream *s = peer_until_closed(p, peer_send(p, &cases[i].request));
        if (s->status != cases[i].status)
            fail_msg("case %zu: got %u, expected %u", i, s->status, cases[i].status);
    }
    check_alive(rig, p);
    assert_int_equal(stub_counted(stub, STUB_REQUESTS), 1);
}

static void options_of_the_server_goes_out_as_asterisk(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "OPTIONS", .path = "*"});
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    assert_int_equal(strncmp(stub_request(stub, 0)->head, "OPTIONS * HTTP/1.1\r\n", 20), 0);
}

static void cookie_crumbs_are_joined(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", FIELDS("cookie", "a=1", "x-y", "z", "cookie", "b=2; c=3"));
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    assert_int_equal(fieldset_count(&r->fields, "cookie"), 1);
    check_text(fieldset_get(&r->fields, "cookie"), "a=1; b=2; c=3");
}

static void fields_of_the_client_pass_in_order(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/",
                          FIELDS("accept", "*/*", "x-a", "1", "x-a", "2", "user-agent", "t/1",
                                 "x-empty", "", "x-list", "a,  b;c=\"d\""));
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    const struct fieldset *seen = &stub_request(stub, 0)->fields;
    check_text(fieldset_get(seen, "accept"), "*/*");
    check_text(fieldset_nth(seen, "x-a", 0), "1");
    check_text(fieldset_nth(seen, "x-a", 1), "2");
    check_text(fieldset_get(seen, "user-agent"), "t/1");
    check_text(fieldset_get(seen, "x-empty"), "");
    check_text(fieldset_get(seen, "x-list"), "a,  b;c=\"d\"");
    assert_int_equal(fieldset_count(seen, "content-length"), 0);
    assert_int_equal(fieldset_count(seen, "transfer-encoding"), 0);
}

static void connection_fields_never_reach_the_origin(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    static const char *const malformed[][2] = {
        {"connection", "close"}, {"keep-alive", "1"}, {"proxy-connection", "close"},
        {"upgrade", "h2c"},      {"te", "gzip"},      {"transfer-encoding", "chunked"},
    };
    for (size_t i = 0; i < CHECK_LEN(malformed); i++) {
        int32_t id = peer_get(p, "/bad", FIELDS(malformed[i][0], malformed[i][1]));
        const struct peer_stream *s = peer_until_closed(p, id);
        assert_true(s->status == 400 || s->error == NGHTTP2_PROTOCOL_ERROR);
    }
    int32_t id = peer_get(p, "/", FIELDS("te", "trailers", "x-http2-push", "1"));
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    assert_int_equal(stub_counted(stub, STUB_REQUESTS), 1);
    const struct fieldset *seen = &stub_request(stub, 0)->fields;
    check_text(fieldset_get(seen, "te"), "trailers");
    const char *connection = fieldset_get(seen, "connection");
    assert_non_null(connection);
    assert_int_equal(strcasecmp(connection, "te"), 0);
    assert_int_equal(fieldset_count(seen, "x-http2-push"), 0);
}

static void forwarding_fields_are_set(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    const struct fieldset *seen = &stub_request(stub, 0)->fields;
    check_text(fieldset_get(seen, "x-forwarded-for"), "127.0.0.1");
    check_text(fieldset_get(seen, "x-forwarded-proto"), "https");
    check_text(fieldset_get(seen, "x-forwarded-host"), "example.com");
    check_text(fieldset_get(seen, "via"), "2 headstart");
}

static const char *const claims[] = {"x-forwarded-for",
                                     "6.6.6.6",
                                     "x-forwarded-user",
                                     "eve-the-user",
                                     "x-forwarded-prefix",
                                     "/eve-prefix",
                                     "true-client-ip",
                                     "6.6.6.6",
                                     "x-original-url",
                                     "/eve-url",
                                     "proxy",
                                     "http://eve-proxy.example",
                                     "x_forwarded_for",
                                     "eve_with_underscores",
                                     "x-forwarded_proto",
                                     "eve_with_underscores",
                                     "x_http2_push",
                                     "eve_with_underscores",
                                     "x_own",
                                     "own",
                                     "x-forwarded-proto",
                                     "gopher",
                                     "x-forwarded-host",
                                     "evil.example",
                                     "forwarded",
                                     "for=6.6.6.6;proto=gopher",
                                     "x-real-ip",
                                     "6.6.6.6",
                                     NULL};

static void what_the_client_claims_is_replaced(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_until_closed(p, peer_get(p, "/", claims))->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    check_lacks(r->head, "6.6.6.6");
    check_lacks(r->head, "gopher");
    check_lacks(r->head, "evil.example");
    check_lacks(r->head, "eve");
    check_lacks(r->head, "own");
    check_text(fieldset_get(&r->fields, "x-forwarded-for"), "127.0.0.1");
    assert_int_equal(fieldset_count(&r->fields, "x-forwarded-for"), 1);
}

static void names_with_underscores_pass_on_request(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .listen = "underscores = keep\n"});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_until_closed(p, peer_get(p, "/", claims))->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    check_text(fieldset_get(&r->fields, "x_own"), "own");
    check_lacks(r->head, "eve");
}

static void what_the_client_claims_is_appended_to_on_request(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .listen = "forwarded = append\n"});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_until_closed(p, peer_get(p, "/", claims))->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    check_text(fieldset_get(&r->fields, "x-forwarded-for"), "6.6.6.6, 127.0.0.1");
    check_holds(r->head, "for=6.6.6.6;proto=gopher");
    check_text(fieldset_get(&r->fields, "x-forwarded-user"), "eve-the-user");
    check_text(fieldset_get(&r->fields, "true-client-ip"), "6.6.6.6");
    check_lacks(r->head, "eve-proxy");
    check_lacks(r->head, "underscores");
}

static void response_fields_pass_and_via_is_added(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(
        stub, "/r",
        SEND("HTTP/1.1 200 Fine\r\nServer: Apache/1.0\r\nDate: Wed, 29 Jun 2016 16:09:37 GMT\r\n"
             "X-Mixed-CASE: Value Kept\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
             "Content-Length: 2\r\n\r\nhi"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/r");
    assert_int_equal(s->status, 200);
    check_text(fieldset_get(&s->head, "server"), "Apache/1.0");
    assert_int_equal(fieldset_count(&s->head, "date"), 1);
    check_text(fieldset_get(&s->head, "date"), "Wed, 29 Jun 2016 16:09:37 GMT");
    check_text(fieldset_get(&s->head, "x-mixed-case"), "Value Kept");
    check_text(fieldset_nth(&s->head, "set-cookie", 0), "a=1");
    check_text(fieldset_nth(&s->head, "set-cookie", 1), "b=2");
    check_text(fieldset_get(&s->head, "content-length"), "2");
    check_text(fieldset_get(&s->head, "via"), "1.1 headstart");
    for (size_t i = 0; i < s->head.len; i++)
        for (const char *c = s->head.at[i].name; *c; c++)
            assert_false(*c >= 'A' && *c <= 'Z');
    check_text(bytes_text(&s->body), "hi");
}

static void hop_by_hop_fields_of_the_origin_are_dropped(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/r",
            SEND("HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nKeep-Alive: timeout=5\r\n"
                 "Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Hop: 1\r\nX-End: 1\r\n"
                 "X-HTTP2-Push: pushed\r\nCf-H2-Pushed: </x>\r\ncf-h2-push-explain: x\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/r");
    assert_int_equal(s->status, 200);
    static const char *const gone[] = {"connection",   "keep-alive",   "proxy-connection",
                                       "upgrade",      "x-hop",        "transfer-encoding",
                                       "x-http2-push", "cf-h2-pushed", "cf-h2-push-explain"};
    for (size_t i = 0; i < CHECK_LEN(gone); i++)
        if (fieldset_count(&s->head, gone[i]))
            fail_msg("%s reached the client", gone[i]);
    check_text(fieldset_get(&s->head, "x-end"), "1");
    check_text(bytes_text(&s->body), "hi");
}

static void responses_without_a_body_have_none(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/head", SEND("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"));
    STUB_ON(stub, "/204", SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    STUB_ON(stub, "/304", SEND("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "HEAD", .path = "/head"});
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    check_text(fieldset_get(&s->head, "content-length"), "99");
    assert_int_equal(s->body_bytes, 0);
    s = peer_fetch(p, "/204");
    assert_int_equal(s->status, 204);
    assert_int_equal(s->body_bytes, 0);
    assert_int_equal(fieldset_count(&s->head, "content-length"), 0);
    s = peer_fetch(p, "/304");
    assert_int_equal(s->status, 304);
    check_text(fieldset_get(&s->head, "etag"), "\"x\"");
    assert_int_equal(s->body_bytes, 0);
    check_alive(rig, p);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
}

static bool has_info(const struct peer *p, const void *arg)
{
    const struct peer_stream *s = peer_stream(p, *(const int32_t *)arg);
    return s && s->infos_len > 0;
}

static void informational_responses_pass_at_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/103", SEND("HTTP/1.1 103 Early Hints\r\nLink: </n>; rel=next\r\n\r\n"),
            AWAIT(0), SEND("HTTP/1.1 102 Processing\r\n\r\n"), AWAIT(1), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/103", NULL);
    assert_true(peer_runs(p, has_info, &id, CHECK_SOON_MS));
    const struct peer_stream *s = peer_stream(p, id);
    check_text(fieldset_get(&s->infos[0], ":status"), "103");
    check_text(fieldset_get(&s->infos[0], "link"), "</n>; rel=next");
    assert_int_equal(s->status, 0);
    stub_open(stub, 0);
    peer_until_events(p, PEER_INFO, 2);
    check_text(fieldset_get(&s->infos[1], ":status"), "102");
    assert_int_equal(s->status, 0);
    stub_open(stub, 1);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
}

static void continue_passes_only_where_it_was_asked_for(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    for (int i = 0; i < 2; i++)
        STUB_ON(stub, "/c", SEND("HTTP/1.1 100 Continue\r\n\r\n"), BODY(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    struct peer_request request = {.method = "POST", .path = "/c", .body = true, .body_text = "x"};
    const struct peer_stream *s = peer_until_closed(p, peer_send(p, &request));
    assert_int_equal(s->status, 200);
    assert_int_equal(s->infos_len, 0);

    /* The body waits for the 100, as a client that asks would. */
    request.fields = FIELDS("expect", "100-continue", "content-length", "3");
    request.body_text = "abc";
    request.body_hold_at = 1;
    int32_t id = peer_send(p, &request);
    assert_true(peer_runs(p, has_info, &id, CHECK_SOON_MS));
    check_text(fieldset_get(&peer_stream(p, id)->infos[0], ":status"), "100");
    peer_release(p, id);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    check_text(bytes_text(&stub_request(stub, 1)->body), "abc");
}

static void trailers_of_the_origin_reach_the_client(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/t",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                 "2\r\nhi\r\n0\r\nX-Sum: 42\r\nContent-Length: 7\r\nHost: x\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_until_closed(p, peer_get(p, "/t", FIELDS("te", "trailers")));
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "hi");
    check_text(fieldset_get(&s->trailers, "x-sum"), "42");
    assert_int_equal(fieldset_count(&s->trailers, "content-length"), 0);
    assert_int_equal(fieldset_count(&s->trailers, "host"), 0);
}

static void trailers_of_the_client_reach_the_origin(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/t",
                                                     .body = true,
                                                     .body_text = "hi",
                                                     .trailers = FIELDS("x-sum", "42")});
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    const struct stub_request *r = stub_request(stub, 0);
    check_text(bytes_text(&r->body), "hi");
    check_text(fieldset_get(&r->trailers, "x-sum"), "42");
}

/* Sends "hi" and the trailers; of these, and of the last byte, nothing before `hold` is over. */
static int32_t send_with_trailers(struct peer *p, const char *path, const char *const *trailers,
                                  bool hold)
{
    return peer_send(p, &(struct peer_request){.method = "POST",
                                               .path = path,
                                               .body = true,
                                               .body_text = "hi",
                                               .body_hold_at = hold ? 1 : 0,
                                               .trailers = trailers});
}

/* What may not stand in the head, or says how to read it, does not come in behind it either. */
static void trailers_of_the_client_pass_the_rules_of_its_head(void **state)
{
    static const struct {
        const char *name, *value;
        bool refused; /* HTTP/2 forbids it everywhere */
    } cases[] = {
        {"x-forwarded-for", "192.0.2.1", false},
        {"forwarded", "for=192.0.2.1", false},
        {"x-forwarded-user", "eve", false},
        {"x_forwarded_for", "192.0.2.1", false},
        {"true-client-ip", "192.0.2.1", false},
        {"proxy", "http://eve.example", false},
        {"x_own", "1", false},
        {"x-http2-push", "1", false},
        {"cookie", "a=b", false},
        {"content-length", "2", false},
        {"host", "other.example", false},
        {"transfer-encoding", "chunked", true},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *path = rig_text(rig, "/%zu", i);
        const char *const *trailers = FIELDS(cases[i].name, cases[i].value, "x-sum", "42");
        const struct peer_stream *s =
            peer_until_closed(p, send_with_trailers(p, path, trailers, false));
        if (s->status != (cases[i].refused ? 0 : 200) || s->reset != cases[i].refused)
            fail_msg("%s: status %u, error %u", cases[i].name, s->status, s->error);
        if (cases[i].refused)
            continue;
        const struct fieldset *seen = &stub_find(stub, path, 0)->trailers;
        check_text(fieldset_get(seen, "x-sum"), "42");
        if (seen->len != 1)
            fail_msg("%s reached the origin as a trailer", cases[i].name);
    }
    check_alive(rig, p);
}

static void trailers_over_the_limit_are_refused(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nheader_list = 4k\n");
    STUB_ON(stub, "/early", BODY(1), SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"),
            BODY(0), SEND("llo"));
    char *value = check_alloc(8001);
    memset(value, 'v', 8000);
    const char *const *trailers = FIELDS("x-long", value, "x-sum", "42");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = send_with_trailers(p, "/late", trailers, true);
    peer_settle(p);
    stub_wait(stub, STUB_READ, 1);
    peer_release(p, id);
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 431);
    stub_wait(stub, STUB_CANCELLED, 1);
    id = send_with_trailers(p, "/early", trailers, true);
    peer_until_bytes(p, id, 2);
    peer_release(p, id);
    s = peer_until_closed(p, id);
    assert_true(s->reset);
    assert_int_not_equal(s->error, NGHTTP2_NO_ERROR);
    free(value);
    stub_wait(stub, STUB_CANCELLED, 2);
    check_alive(rig, p);
}

static void upload_keeps_the_framing_that_it_can_have(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    struct peer_request request = {
        .method = "POST", .path = "/u", .body = true, .body_text = "hello", .body_hold_at = 2};
    int32_t id = peer_send(p, &request);
    peer_settle(p);
    stub_wait(stub, STUB_READ, 2);
    peer_release(p, id);
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    request.body_hold_at = 0;
    request.fields = FIELDS("content-length", "5");
    assert_int_equal(peer_until_closed(p, peer_send(p, &request))->status, 200);
    request = (struct peer_request){
        .method = "POST", .path = "/u", .fields = FIELDS("content-length", "0")};
    assert_int_equal(peer_until_closed(p, peer_send(p, &request))->status, 200);

    const struct stub_request *r = stub_request(stub, 0);
    check_text(fieldset_get(&r->fields, "transfer-encoding"), "chunked");
    assert_int_equal(fieldset_count(&r->fields, "content-length"), 0);
    check_text(bytes_text(&r->raw), "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    r = stub_request(stub, 1);
    check_text(fieldset_get(&r->fields, "content-length"), "5");
    assert_int_equal(fieldset_count(&r->fields, "transfer-encoding"), 0);
    check_text(bytes_text(&r->raw), "hello");
    r = stub_request(stub, 2);
    check_text(fieldset_get(&r->fields, "content-length"), "0");
    assert_int_equal(fieldset_count(&r->fields, "transfer-encoding"), 0);
}

static void header_list_over_the_limit_is_refused_alone(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    char *large = check_alloc(8001);
    memset(large, 'x', 8000);
    const char *fields[21] = {0};
    for (size_t i = 0; i < 20; i += 2) {
        fields[i] = "x-large";
        fields[i + 1] = large;
    }
    int32_t id = peer_get(p, "/large", fields);
    const struct peer_stream *s = peer_until_closed(p, id);
    free(large);
    assert_int_equal(s->status, 431);
    check_alive(rig, p);
    assert_int_equal(stub_counted(stub, STUB_REQUESTS), 1);
}

static void unrouted_host_is_misdirected(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    struct stub *second = rig_stub(rig, NULL);
    const char *conf = rig_text(rig,
                                "[origin one]\n%s[origin two]\n%s"
                                "[route one]\nmatch = example.com/\norigin = one\n"
                                "[route two]\nmatch = example.com/api/\norigin = two\n",
                                rig_url(rig, stub), rig_url(rig, second));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = 0;
    for (int i = 0; i < 3; i++) {
        id = peer_send(p, &(struct peer_request){.authority = "nowhere.example:80",
                                                 .path = "/\xe2\x80\xae?secret"});
        assert_int_equal(peer_until_closed(p, id)->status, 421);
    }
    check_text(bytes_text(&peer_until_closed(p, id)->body),
               "421 Misdirected Request\nThere is no site of that name here.\n");
    static const char said[] =
        "headstart: warning: no route takes nowhere.example/\\xe2\\x80\\xae, "
        "which is answered with 421: there are routes for example.com/, "
        "example.com/api/\n";
    assert_true(daemon_says(rig->daemon, said, CHECK_SOON_MS));
    char *messages = daemon_messages(rig->daemon);
    const char *first = strstr(messages, "no route takes");
    assert_null(strstr(first + 1, "no route takes")); /* one for all three */
    free(messages);
    assert_int_equal(peer_fetch(p, "/api/x")->status, 200);
    assert_int_equal(peer_fetch(p, "/apix")->status, 200);
    assert_int_equal(stub_times(second, "/api/x"), 1);
    assert_int_equal(stub_times(stub, "/apix"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(every_method_reaches_the_origin),
        RIG_TEST(target_passes_byte_for_byte),
        RIG_TEST(authority_becomes_host),
        RIG_TEST(configured_host_replaces_the_clients),
        RIG_TEST(origin_can_be_spared_our_via),
        RIG_TEST(requests_that_cannot_be_forwarded_are_answered_here),
        RIG_TEST(options_of_the_server_goes_out_as_asterisk),
        RIG_TEST(cookie_crumbs_are_joined),
        RIG_TEST(fields_of_the_client_pass_in_order),
        RIG_TEST(connection_fields_never_reach_the_origin),
        RIG_TEST(forwarding_fields_are_set),
        RIG_TEST(what_the_client_claims_is_replaced),
        RIG_TEST(names_with_underscores_pass_on_request),
        RIG_TEST(what_the_client_claims_is_appended_to_on_request),
        RIG_TEST(response_fields_pass_and_via_is_added),
        RIG_TEST(hop_by_hop_fields_of_the_origin_are_dropped),
        RIG_TEST(responses_without_a_body_have_none),
        RIG_TEST(informational_responses_pass_at_once),
        RIG_TEST(continue_passes_only_where_it_was_asked_for),
        RIG_TEST(trailers_of_the_origin_reach_the_client),
        RIG_TEST(trailers_of_the_client_reach_the_origin),
        RIG_TEST(trailers_of_the_client_pass_the_rules_of_its_head),
        RIG_TEST(trailers_over_the_limit_are_refused),
        RIG_TEST(upload_keeps_the_framing_that_it_can_have),
        RIG_TEST(header_list_over_the_limit_is_refused_alone),
        RIG_TEST(unrouted_host_is_misdirected),
    };
    return rig_run(tests);
}
