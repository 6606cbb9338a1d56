/* An origin that goes away, at every stage and in every way: what its client sees, what is tried
 * again, and what becomes of the others. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_10    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
#define CHUNKED  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TO_CLOSE "HTTP/1.1 200 OK\r\n\r\n"

static bool is_ok(const struct peer_stream *s)
{
    return s->status == 200 && s->error == 0 && strcmp(bytes_text(&s->body), "ok\n") == 0;
}

enum sight {
    IS_502,
    IS_BROKEN,
    IS_WHOLE,
};

/* What was said before the end, and what the client sees of each end. */
static const struct {
    const char *name, *said;
    enum sight after_fin, after_reset;
} STAGES[] = {
    {"before the head", "", IS_502, IS_502},
    {"in the first line", "HTTP/1.1 2", IS_502, IS_502},
    {"in a field", "HTTP/1.1 200 OK\r\nContent-", IS_502, IS_502},
    {"before the empty line", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n", IS_502, IS_502},
    {"after a hint", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n", IS_502, IS_502},
    {"after the head", OK_10, IS_BROKEN, IS_BROKEN},
    {"in the body", OK_10 "hello", IS_BROKEN, IS_BROKEN},
    {"before the first chunk", CHUNKED, IS_BROKEN, IS_BROKEN},
    {"in the line of a chunk", CHUNKED "1", IS_BROKEN, IS_BROKEN},
    {"in a chunk", CHUNKED "a\r\nhello", IS_BROKEN, IS_BROKEN},
    {"before the last chunk", CHUNKED "5\r\nhello\r\n", IS_BROKEN, IS_BROKEN},
    {"in the last chunk", CHUNKED "5\r\nhello\r\n0\r\n", IS_BROKEN, IS_BROKEN},
    {"in the trailers", CHUNKED "5\r\nhello\r\n0\r\nX-Sum: 1\r\n", IS_BROKEN, IS_BROKEN},
    {"before a body up to the close", TO_CLOSE, IS_WHOLE, IS_BROKEN},
    {"in a body up to the close", TO_CLOSE "hello", IS_WHOLE, IS_BROKEN},
    {"after the response", OK_EMPTY, IS_WHOLE, IS_WHOLE},
};

static bool is_seen(const struct peer_stream *s, enum sight sight)
{
    switch (sight) {
    case IS_502:
        return s->status == 502 && s->ended && s->error == 0;
    case IS_BROKEN: /* a head that still waits goes under with the stream */
        return (s->status == 200 || s->status == 0) && !s->ended &&
               s->error == NGHTTP2_INTERNAL_ERROR;
    case IS_WHOLE:
        return s->status == 200 && s->ended && s->error == 0;
    }
    return false;
}

static const char *word_of(enum sight sight)
{
    static const char *const words[] = {
        [IS_502] = "origin-closed", [IS_BROKEN] = "origin-broken", [IS_WHOLE] = NULL};
    return words[sight];
}

/* An https origin that speaks this version of TLS only. */
static struct stub *start_tls(struct rig *rig, int version)
{
    const struct stub_options options = {.chain = rig_text(rig, "%s/main.pem", rig->dir),
                                         .key = rig_text(rig, "%s/main.key", rig->dir),
                                         .tls_version = version};
    struct stub *stub = rig_stub(rig, &options);
    const char *conf =
        rig_text(rig, "[origin app]\nurl = https://localhost:%u\nca = ca.pem\n", stub_port(stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    return stub;
}

/* Every stage, with an end of this kind. The client's other requests go on. */
static void check_ends_of(struct rig *rig, struct stub *stub, struct stub_step end, bool is_reset)
{
    struct peer *p = rig_peer(rig, NULL);
    STUB_ON(stub, "/held", AWAIT(0), SEND(OK_EMPTY));
    int32_t held = peer_get(p, "/held", NULL);
    for (size_t i = 0; i < CHECK_LEN(STAGES); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        enum sight sight = is_reset ? STAGES[i].after_reset : STAGES[i].after_fin;
        uint64_t gone = stub_counted(stub, STUB_GONE);
        STUB_ON(stub, target, SEND_TEXT(STAGES[i].said), AWAIT(1 + i), end);
        int32_t id = peer_get(p, target, NULL);
        peer_settle(p);
        stub_expect(stub, target);
        if (sight != IS_502)
            peer_until_head(p, id); /* what was said has arrived before the end comes */
        stub_open(stub, (unsigned)(1 + i));
        const struct peer_stream *s = peer_until_closed(p, id);
        if (!is_seen(s, sight))
            fail_msg("%s: status %u, error %u", STAGES[i].name, s->status, s->error);
        if (word_of(sight))
            rig_check_failure(rig, target, word_of(sight));
        stub_wait(stub, STUB_GONE, gone + 1);
        assert_true(is_ok(peer_fetch(p, "/next")));
    }
    stub_open(stub, 0);
    assert_int_equal(peer_until_closed(p, held)->status, 200);
}

static void check_ends(struct rig *rig, struct stub_step end, bool is_reset)
{
    check_ends_of(rig, rig_start(rig, ""), end, is_reset);
}

static void origin_that_closes_is_seen_at_every_stage(void **state)
{
    check_ends(*state, (struct stub_step)CLOSE(), false);
}

static void origin_that_resets_is_seen_at_every_stage(void **state)
{
    check_ends(*state, (struct stub_step)RESET(), true);
}

static void origin_that_says_it_sends_no_more_is_seen_at_every_stage(void **state)
{
    check_ends(*state, (struct stub_step)SHUT_WRITE(), false);
}

static void https_origin_that_closes_is_seen_at_every_stage(void **state)
{
    struct rig *rig = *state;
    check_ends_of(rig, start_tls(rig, TLS1_3_VERSION), (struct stub_step)CLOSE(), false);
}

static void https_origin_that_closes_in_tls_1_2_is_seen_at_every_stage(void **state)
{
    struct rig *rig = *state;
    check_ends_of(rig, start_tls(rig, TLS1_2_VERSION), (struct stub_step)CLOSE(), false);
}

/* RFC 9112 §9.8: without close_notify a body up to the close is not known to be whole. */
static void https_origin_that_is_cut_is_seen_at_every_stage(void **state)
{
    struct rig *rig = *state;
    check_ends_of(rig, start_tls(rig, TLS1_3_VERSION), (struct stub_step)SHUT_WRITE(), true);
}

static void https_origin_that_is_cut_in_tls_1_2_is_seen_at_every_stage(void **state)
{
    struct rig *rig = *state;
    check_ends_of(rig, start_tls(rig, TLS1_2_VERSION), (struct stub_step)SHUT_WRITE(), true);
}

static void https_origin_that_resets_is_seen_at_every_stage(void **state)
{
    struct rig *rig = *state;
    check_ends_of(rig, start_tls(rig, TLS1_3_VERSION), (struct stub_step)RESET(), true);
}

/* New keys now and then are in order; without end, and without a byte between, they are a fault. */
static void https_origin_that_sends_only_new_keys_is_given_up(void **state)
{
    enum { FEW = 100, MANY = 1000000 };
    struct rig *rig = *state;
    struct stub *stub = start_tls(rig, TLS1_3_VERSION);
    STUB_ON(stub, "/few", NEW_KEYS(FEW), SEND(OK_10 "01234"), NEW_KEYS(FEW), SEND("56789"));
    STUB_ON(stub, "/none", NEW_KEYS(MANY));
    STUB_ON(stub, "/part", SEND(OK_10 "01234"), AWAIT(0), NEW_KEYS(MANY));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_until_closed(p, peer_get(p, "/few", NULL));
    assert_int_equal(s->status, 200);
    check_text(bytes_text(&s->body), "0123456789");
    assert_true(is_ok(peer_fetch(p, "/next")));
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);

    int32_t none = peer_get(p, "/none", NULL), part = peer_get(p, "/part", NULL);
    peer_until_head(p, part);
    stub_open(stub, 0);
    assert_true(is_ok(peer_fetch(p, "/next")));
    assert_true(is_seen(peer_until_closed(p, part), IS_BROKEN));
    if (peer_stream(p, none) && !peer_stream(p, none)->closed)
        assert_true(is_ok(peer_fetch(p, "/next")));
    s = peer_until_closed(p, none);
    assert_int_equal(s->status, 502);
    stub_wait(stub, STUB_CANCELLED, 2);
    assert_true(daemon_says(rig->daemon, "TLS records without data", CHECK_SOON_MS));
}

/* The connection goes away while nobody uses it: nobody sees that. */
static void end_between_requests_costs_nobody_anything(void **state)
{
    static const struct stub_step ends[] = {CLOSE(), RESET(), SHUT_WRITE()};
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(ends); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        STUB_ON(stub, target, SEND(OK_EMPTY), AWAIT(i), ends[i]);
        assert_int_equal(peer_fetch(p, target)->status, 200);
        stub_open(stub, (unsigned)i);
        stub_wait(stub, STUB_GONE, 2 * i + 1);
        int32_t id =
            peer_send(p, &(struct peer_request){
                             .method = "POST", .path = "/post", .body = true, .body_text = "x"});
        assert_true(is_ok(peer_until_closed(p, id)));
        stub_wait(stub, STUB_ANSWERED, 2 * i + 2);
        stub_drop_idle(stub);
        stub_wait(stub, STUB_GONE, 2 * i + 2);
        assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 2 * i + 2);
        assert_int_equal(stub_times(stub, "/post"), i + 1);
    }
}

/* A request whose first attempt ends in `end`, on a connection that has served before. */
struct retry_case {
    const char *method;
    struct stub_step said, end;
    unsigned status, times; /* that the client and the origin see */
    const char *body;       /* NULL: none */
};

#define NOTHING SEND("")

/* RFC 9110 §9.2.2: only what may be repeated, only where nothing was answered, only once. */
static void request_is_sent_again_only_where_that_is_safe(void **state)
{
    static const struct retry_case cases[] = {
        {"GET", NOTHING, CLOSE(), 200, 2, NULL},
        {"HEAD", NOTHING, CLOSE(), 200, 2, NULL},
        {"OPTIONS", NOTHING, CLOSE(), 200, 2, NULL},
        {"TRACE", NOTHING, CLOSE(), 200, 2, NULL},
        {"PUT", NOTHING, CLOSE(), 200, 2, NULL},
        {"DELETE", NOTHING, CLOSE(), 200, 2, NULL},
        {"GET", NOTHING, RESET(), 200, 2, NULL},
        {"GET", NOTHING, SHUT_WRITE(), 200, 2, NULL},
        {"POST", NOTHING, CLOSE(), 502, 1, NULL},
        {"PATCH", NOTHING, CLOSE(), 502, 1, NULL},
        {"X-OWN", NOTHING, CLOSE(), 502, 1, NULL},
        {"POST", NOTHING, RESET(), 502, 1, NULL},
        {"POST", NOTHING, CLOSE(), 502, 1, "hello"},
        {"PUT", NOTHING, CLOSE(), 502, 1, "hello"},
        {"PUT", NOTHING, RESET(), 502, 1, "hello"},
        {"DELETE", NOTHING, CLOSE(), 502, 1, "hello"},
        {"GET", SEND("H"), CLOSE(), 502, 1, NULL},
        {"GET", SEND("HTTP/1.1 200 OK\r\n"), RESET(), 502, 1, NULL},
        {"GET", SEND("HTTP/1.1 103 Early Hints\r\n\r\n"), CLOSE(), 502, 1, NULL},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const struct retry_case *c = &cases[i];
        const char *target = rig_text(rig, "/%zu", i);
        assert_true(is_ok(peer_fetch(p, "/warm")));
        STUB_ON(stub, target, c->said, c->end);
        STUB_ON(stub, target, SEND(OK_EMPTY));
        int32_t id = peer_send(p, &(struct peer_request){.method = c->method,
                                                         .path = target,
                                                         .body = c->body != NULL,
                                                         .body_text = c->body});
        const struct peer_stream *s = peer_until_closed(p, id);
        if (s->status != c->status || stub_times(stub, target) != c->times)
            fail_msg("case %zu, %s: status %u, tried %zu times", i, c->method, s->status,
                     stub_times(stub, target));
        if (c->times == 2) {
            const struct stub_request *first = stub_find(stub, target, 0);
            const struct stub_request *again = stub_find(stub, target, 1);
            check_text(again->head, first->head);
            assert_int_not_equal(again->connection, first->connection);
        }
    }
}

static void request_is_sent_again_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    STUB_ON(stub, "/", CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    /* Not at all on a connection of its own. */
    assert_int_equal(peer_fetch(p, "/")->status, 502);
    assert_int_equal(stub_times(stub, "/"), 1);
    assert_true(is_ok(peer_fetch(p, "/warm")));
    assert_int_equal(peer_fetch(p, "/")->status, 502);
    assert_int_equal(stub_times(stub, "/"), 3);
    rig_check_failure(rig, "/", "origin-closed");
}

/* The head is on its way, and nothing of the body yet: that is not used up. */
static void request_whose_body_is_not_used_is_sent_again(void **state)
{
    static const struct {
        const char *fields, *raw;
    } cases[] = {
        {"", "5\r\nhello\r\n0\r\n\r\n"},
        {"content-length: 5\n", "hello"},
        {"expect: 100-continue\ncontent-length: 5\n", "hello"},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        assert_true(is_ok(peer_fetch(p, "/warm")));
        /* The first attempt ends before the body is read, the second after it. */
        STUB_ON(stub, target, CLOSE(), BODY(1));
        STUB_ON(stub, target, BODY(0), SEND(OK_EMPTY));
        uint64_t requests = stub_counted(stub, STUB_REQUESTS);
        struct frames *f = frames_greet(rig);
        frames_put(f, &(struct frame){.step = FRAME_SEND,
                                      .type = NGHTTP2_HEADERS,
                                      .flags = END_HEADERS,
                                      .stream = 1,
                                      .payload = "",
                                      .fields = rig_text(rig,
                                                         ":method: PUT\n:scheme: https\n"
                                                         ":authority: example.com\n:path: %s\n%s",
                                                         target, cases[i].fields)});
        assert_true(frames_settle(f));
        stub_wait(stub, STUB_REQUESTS, requests + 2);
        FRAMES_PUT(f, DATA(1, END_STREAM, "hello"));
        assert_true(frames_until(f, frames_has_end, 1));
        assert_int_equal(f->streams[1].status, 200);
        frames_close(f);
        check_text(bytes_text(&stub_find(stub, target, 1)->raw), cases[i].raw);
        assert_int_equal(stub_times(stub, target), 2);
    }
}

/* Slow, but never silent for as long as the time-outs say: all of it arrives, and nobody waits. */
static void origin_that_is_slow_is_waited_for(void **state)
{
    struct rig *rig = *state;
    const char *ms = rig_text(rig, "%ums", check_slowed(500));
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nresponse = %s\norigin_stall = %s\n", ms, ms));
    STUB_ON(stub, "/slow",
            SLOWLY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    int32_t slow = peer_get(p, "/slow", FIELDS("te", "trailers"));
    unsigned others = 0;
    for (; !peer_stream(p, slow) || !peer_stream(p, slow)->closed; others++)
        assert_true(is_ok(peer_fetch(p, "/fast")));
    const struct peer_stream *s = peer_stream(p, slow);
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, 0);
    check_text(bytes_text(&s->body), "hello");
    check_text(fieldset_get(&s->trailers, "x-sum"), "42");
    assert_true(others > 1);
}

/* Goes away and comes back on the same port under a stream of requests: each gets the right answer
 * or is told that there is none, and all are right again at the end. */
static void origin_that_flaps_costs_only_what_it_had(void **state)
{
    enum { FLAPS = 6, FLIGHT = 20 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "max_connections = 8\n");
    unsigned port = stub_port(stub), right = 0;
    struct peer *p = rig_peer(rig, NULL);
    for (int flap = 0; flap < FLAPS; flap++) {
        int32_t ids[FLIGHT];
        for (int i = 0; i < FLIGHT; i++) {
            STUB_ON(stub, "/", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"));
            ids[i] = peer_get(p, "/", NULL);
        }
        peer_settle(p);
        stub_wait(stub, STUB_RUNNING, 8);
        if (flap % 2 == 0) {
            stub_open(stub, 0); /* it goes away amid its answers, and else before them */
            assert_true(is_ok(peer_until_closed(p, ids[0])));
        }
        rig->stubs[0] = NULL;
        stub_stop(stub);
        for (int i = 0; i < FLIGHT; i++) {
            const struct peer_stream *s = peer_until_closed(p, ids[i]);
            bool is_told = s->status == 502 || s->status == 504;
            if (!is_ok(s) && !(is_told && s->error == 0))
                fail_msg("flap %d, request %d: status %u, error %u", flap, i, s->status, s->error);
            right += is_ok(s);
        }
        assert_int_equal(peer_fetch(p, "/gone")->status, 502);
        stub = rig->stubs[0] = stub_start(&(struct stub_options){.port = port});
        for (int i = 0; i < FLIGHT; i++)
            ids[i] = peer_get(p, "/back", NULL);
        for (int i = 0; i < FLIGHT; i++)
            assert_true(is_ok(peer_until_closed(p, ids[i])));
    }
    assert_in_range(right, FLAPS / 2, FLAPS * FLIGHT);
}

/* The origin sends no more after its answer, but would read on; or it reads no more, and answers.
 */
static void origin_that_is_half_closed_is_not_used_again(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    STUB_ON(stub, "/silent", SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"),
            SHUT_WRITE());
    STUB_ON(stub, "/deaf", BODY(1000), SHUT_READ(),
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"), AWAIT(0));
    STUB_ON(stub, "/dumb", BODY(1000), SHUT_WRITE(), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    assert_true(is_ok(peer_fetch(p, "/silent")));
    stub_wait(stub, STUB_GONE, 1);
    assert_true(is_ok(peer_fetch(p, "/next")));
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 2);

    struct peer_request upload = {
        .method = "POST", .path = "/deaf", .body = true, .body_bytes = 5000000};
    const struct peer_stream *s = peer_until_closed(p, peer_send(p, &upload));
    assert_int_equal(s->status, 200);
    assert_true(s->ended);
    check_text(bytes_text(&s->body), "ok\n");
    stub_wait(stub, STUB_GONE, 2);
    assert_true(is_ok(peer_fetch(p, "/next")));

    /* No more than the origin's socket takes: it would see no end behind what does not fit. */
    upload.path = "/dumb";
    upload.body_bytes = 50000;
    s = peer_until_closed(p, peer_send(p, &upload));
    assert_int_equal(s->status, 502);
    stub_wait(stub, STUB_GONE, 3);
    rig_check_failure(rig, "/dumb", "origin-closed");
    assert_true(is_ok(peer_fetch(p, "/next")));
}

/* Nothing is silent here for long, but the whole takes too long. */
static struct stub *start_with_exchange(struct rig *rig, unsigned ms)
{
    return rig_start(rig, rig_text(rig, "[timeouts]\nexchange = %ums\n", check_slowed(ms)));
}

static void exchange_without_a_head_in_time_gives_504(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start_with_exchange(rig, 300);
    STUB_ON(stub, "/silent", AWAIT(0));
    STUB_ON(stub, "/hint", SEND("HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"), AWAIT(0));
    STUB_ON(stub, "/upload", BODY(0), SEND(OK_EMPTY));
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/silent", "/hint", "/upload"};
    for (size_t i = 0; i < CHECK_LEN(targets); i++) {
        bool is_upload = strcmp(targets[i], "/upload") == 0;
        int32_t id = peer_send(p, &(struct peer_request){.method = is_upload ? "PUT" : "GET",
                                                         .path = targets[i],
                                                         .body = is_upload,
                                                         .body_bytes = 100,
                                                         .body_hold_at = 10});
        const struct peer_stream *s = peer_until_closed(p, id);
        assert_int_equal(s->status, 504);
        assert_true(s->ended);
        assert_int_equal(s->error, 0);
        check_holds(bytes_text(&s->body), "504");
        stub_wait(stub, STUB_CANCELLED, i + 1);
        rig_check_failure(rig, targets[i], "exchange-timeout");
        assert_true(is_ok(peer_fetch(p, "/next")));
    }
}

static void exchange_that_is_not_over_in_time_is_reset(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start_with_exchange(rig, 400);
    /* Two seconds, and then silence for less than origin_stall. */
    STUB_ON(stub, "/slow", SEND("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"),
            SLOWLY("0123456789012345678901234567890123456789012345678901234567890123456789"
                   "012345678901234567890123456789"),
            AWAIT(0));
    STUB_ON(stub, "/unread", SEND("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"),
            PATTERN(50000000));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_until_closed(p, peer_get(p, "/slow", NULL));
    assert_int_equal(s->status, 200);
    assert_true(s->reset);
    assert_int_equal(s->error, NGHTTP2_INTERNAL_ERROR);
    stub_wait(stub, STUB_CANCELLED, 1);
    rig_check_failure(rig, "/slow", "exchange-timeout");
    assert_true(is_ok(peer_fetch(p, "/next")));

    struct peer *lazy =
        rig_peer(rig, &(struct peer_options){.manual = true, .stream_window = 1000});
    s = peer_until_closed(lazy, peer_get(lazy, "/unread", NULL));
    assert_int_equal(s->error, NGHTTP2_INTERNAL_ERROR);
    rig_check_failure(rig, "/unread", "exchange-timeout");
    stub_wait(stub, STUB_CANCELLED, 2);
}

static void push_that_is_not_over_in_time_is_reset(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start_with_exchange(rig, 400);
    STUB_ON(stub, "/page",
            SEND("HTTP/1.1 200 OK\r\nLink: </a.css>; rel=preload; as=style\r\n"
                 "Content-Length: 0\r\n\r\n"));
    STUB_ON(stub, "/a.css", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/page")->status, 200);
    assert_int_equal(peer_pushes(p), 1);
    const struct peer_stream *s = peer_until_closed(p, peer_push(p, 0)->id);
    assert_true(s->reset);
    assert_int_equal(s->error, NGHTTP2_CANCEL);
    stub_wait(stub, STUB_CANCELLED, 1);
    rig_check_failure(rig, "/a.css", "exchange-timeout");
    /* It is not pushed again for push.retry_after. */
    assert_int_equal(peer_fetch(p, "/page")->status, 200);
    assert_int_equal(peer_pushes(p), 1);
    assert_true(is_ok(peer_fetch(p, "/next")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(origin_that_closes_is_seen_at_every_stage),
        RIG_TEST(origin_that_resets_is_seen_at_every_stage),
        RIG_TEST(origin_that_says_it_sends_no_more_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_closes_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_closes_in_tls_1_2_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_is_cut_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_is_cut_in_tls_1_2_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_resets_is_seen_at_every_stage),
        RIG_TEST(https_origin_that_sends_only_new_keys_is_given_up),
        RIG_TEST(end_between_requests_costs_nobody_anything),
        RIG_TEST(request_is_sent_again_only_where_that_is_safe),
        RIG_TEST(request_is_sent_again_once),
        RIG_TEST(request_whose_body_is_not_used_is_sent_again),
        RIG_TEST(origin_that_is_slow_is_waited_for),
        RIG_TEST(origin_that_flaps_costs_only_what_it_had),
        RIG_TEST(origin_that_is_half_closed_is_not_used_again),
        RIG_TEST(exchange_without_a_head_in_time_gives_504),
        RIG_TEST(exchange_that_is_not_over_in_time_is_reset),
        RIG_TEST(push_that_is_not_over_in_time_is_reset),
    };
    return rig_run(tests);
}
