/* cf-h2-push-explain: what was pushed and what not, told to who may know. */
#include <string.h>

#include "page.h"

#define ASK FIELDS("cf-h2-push-explain", "1")

/* The explanation of a GET of `path`; NULL if there is none. */
static const char *explanation(struct peer *p, const char *path, const char *const *fields)
{
    const struct peer_stream *s = peer_until_closed(p, peer_get(p, path, fields));
    assert_in_range(fieldset_count(&s->head, "cf-h2-push-explain"), 0, 1);
    return fieldset_get(&s->head, "cf-h2-push-explain");
}

static void every_link_is_told_with_its_verdict(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a.css>; rel=preload, <//cdn.example/x.js>; rel=preload"));
    STUB_ON(stub, "/all",
            PAGE("</n>; rel=next, </np>; rel=preload; nopush, </an>; rel=preload; anchor=\"/o\", "
                 "</m>; rel=preload; media=print, <//>; rel=preload, <https://o.example/>; "
                 "rel=preload, </all>; rel=preload, </new>; rel=preload, </new>; rel=preload, "
                 "</a.css>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    check_text(explanation(p, "/", ASK),
               "</a.css>;verdict=pushed, <//cdn.example/x.js>;verdict=cross-origin");
    check_text(explanation(p, "/all", ASK),
               "</n>;verdict=not-preload, </np>;verdict=nopush, </an>;verdict=anchor, "
               "</m>;verdict=conditional, <//>;verdict=invalid-url, "
               "<https://o.example/>;verdict=cross-origin, </all>;verdict=self, "
               "</new>;verdict=pushed, </new>;verdict=duplicate, </a.css>;verdict=seen");
    page_pushes(p, 0, "/a.css /new");
    assert_int_equal(fieldset_count(&stub_request(stub, 0)->fields, "cf-h2-push-explain"), 0);
    assert_null(explanation(p, "/", NULL));
}

static void limits_are_told(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, "[push]\nmax_per_page = 3\nmax_open = 2\nmax_per_connection = 4\n");
    STUB_ON(stub, "/open", PAGE("</1>; rel=preload, </2>; rel=preload, </3>; rel=preload"));
    STUB_ON(stub, "/page",
            PAGE("</4>; rel=preload, </5>; rel=preload, </6>; rel=preload, </7>; rel=preload"));
    STUB_ON(stub, "/1", AWAIT(0), ASSET("404 Not Found"));
    STUB_ON(stub, "/2", AWAIT(0), ASSET("200 OK"));
    struct peer *p = rig_peer(rig, NULL);
    check_text(explanation(p, "/open", ASK), "</1>;verdict=pushed, </2>;verdict=pushed, "
                                             "</3>;verdict=client-limit");
    stub_open(stub, 0);
    peer_until_quiet(p);
    check_text(explanation(p, "/open", ASK), "</1>;verdict=refused-before, </2>;verdict=seen, "
                                             "</3>;verdict=pushed");
    peer_until_quiet(p);
    check_text(explanation(p, "/page", ASK), "</4>;verdict=pushed, </5>;verdict=connection-limit, "
                                             "</6>;verdict=connection-limit, "
                                             "</7>;verdict=connection-limit");
}

static void page_limit_is_told(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nmax_per_page = 1\n");
    STUB_ON(stub, "/", PAGE("</1>; rel=preload, </2>; rel=preload"));
    check_text(explanation(rig_peer(rig, NULL), "/", ASK),
               "</1>;verdict=pushed, </2>;verdict=page-limit");
}

static void reason_comes_first_where_nothing_may_be_pushed(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload, </n>; rel=next"));
    STUB_ON(stub, "/404",
            SEND("HTTP/1.1 404 Not Found\r\nLink: </a>; rel=preload\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, &(struct peer_options){.push = PEER_PUSH_OFF});
    check_text(explanation(p, "/", ASK),
               "push=off;reason=client, </a>;verdict=would-push, </n>;verdict=not-preload");
    p = rig_peer(rig, NULL);
    check_text(explanation(p, "/404", ASK), "push=off;reason=status, </a>;verdict=would-push");
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST", .path = "/", .fields = ASK});
    check_text(fieldset_get(&peer_until_closed(p, id)->head, "cf-h2-push-explain"),
               "push=off;reason=method, </a>;verdict=would-push, </n>;verdict=not-preload");
}

static void configuration_is_a_reason(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nenabled = off\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    check_text(explanation(rig_peer(rig, NULL), "/", ASK),
               "push=off;reason=config, </a>;verdict=would-push");
}

static void draining_is_a_reason(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", AWAIT(0), PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", ASK);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    daemon_drain(rig->daemon);
    peer_until_events(p, PEER_GOAWAY, 1);
    stub_open(stub, 0);
    check_text(fieldset_get(&peer_until_closed(p, id)->head, "cf-h2-push-explain"),
               "push=off;reason=draining, </a>;verdict=would-push");
}

static void only_allowed_addresses_are_told(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[push]\nexplain_from = 10.0.0.0/8 ::1\n");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    assert_null(explanation(p, "/", ASK));
    assert_int_equal(fieldset_count(&stub_request(stub, 0)->fields, "cf-h2-push-explain"), 0);
    rig_close_peer(rig, p);
    rig_stop_daemon(rig);
    const char *conf =
        rig_text(rig, "[origin app]\n%s[push]\nexplain_from = 10.0.0.0/8 127.0.0.0/24\n",
                 rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    check_text(explanation(rig_peer(rig, NULL), "/", ASK), "</a>;verdict=pushed");
}

static void request_that_was_forwarded_is_not_from_loopback(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload"));
    struct peer *p = rig_peer(rig, NULL);
    assert_null(
        explanation(p, "/", FIELDS("cf-h2-push-explain", "1", "x-forwarded-for", "127.0.0.1")));
    assert_null(
        explanation(p, "/", FIELDS("cf-h2-push-explain", "1", "forwarded", "for=127.0.0.1")));
    check_text(explanation(p, "/", FIELDS("cf-h2-push-explain", "")), "</a>;verdict=seen");
}

static void access_log_counts_every_verdict(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", PAGE("</a>; rel=preload, </b>; rel=preload, </n>; rel=next"));
    STUB_ON(stub, "/a", PAGE("</c>; rel=preload"));
    STUB_ON(stub, "/404",
            SEND("HTTP/1.1 404 Not Found\r\nLink: </a>; rel=preload\r\nContent-Length: 0\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    peer_fetch(p, "/");
    peer_fetch(p, "/404");
    peer_until_quiet(p);

    json_t *page = daemon_log_of(rig->daemon, "/");
    json_t *links = json_object_get(page, "links");
    assert_int_equal(json_integer_value(json_object_get(links, "pushed")), 2);
    assert_int_equal(json_integer_value(json_object_get(links, "not-preload")), 1);
    json_t *pushed = json_object_get(page, "pushed");
    assert_int_equal(json_array_size(pushed), 2);
    check_text(json_string_value(json_array_get(pushed, 0)), "/a");
    check_text(json_string_value(json_array_get(pushed, 1)), "/b");
    assert_false(json_is_true(json_object_get(page, "push")));
    assert_null(json_object_get(page, "push_off"));
    json_decref(page);

    json_t *asset = daemon_log_of(rig->daemon, "/a");
    assert_true(json_is_true(json_object_get(asset, "push")));
    check_text(json_string_value(json_object_get(asset, "push_off")), "parent");
    json_decref(asset);

    json_t *missing = daemon_log_of(rig->daemon, "/404");
    check_text(json_string_value(json_object_get(missing, "push_off")), "status");
    json_decref(missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(every_link_is_told_with_its_verdict),
        RIG_TEST(limits_are_told),
        RIG_TEST(page_limit_is_told),
        RIG_TEST(reason_comes_first_where_nothing_may_be_pushed),
        RIG_TEST(configuration_is_a_reason),
        RIG_TEST(draining_is_a_reason),
        RIG_TEST(only_allowed_addresses_are_told),
        RIG_TEST(request_that_was_forwarded_is_not_from_loopback),
        RIG_TEST(access_log_counts_every_verdict),
    };
    return rig_run(tests);
}
