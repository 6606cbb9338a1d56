/* What goes wrong on either side, and what the other side sees of it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* A failure's answer: a few plain words that say nothing of the inside. */
static void check_answer(const struct peer_stream *s, unsigned status, const char *secret)
{
    if (s->status != status)
        fail_msg("got %u, expected %u", s->status, status);
    assert_int_equal(s->error, 0);
    check_holds(fieldset_get(&s->head, "content-type"), "text/plain");
    assert_in_range(s->body_bytes, 1, 300);
    check_lacks(bytes_text(&s->body), "127.0.0.1");
    check_lacks(bytes_text(&s->body), "localhost");
    check_lacks(bytes_text(&s->body), "/secret");
    if (secret)
        check_lacks(bytes_text(&s->body), secret);
    for (size_t i = 0; secret && i < s->head.len; i++)
        check_lacks(s->head.at[i].value, secret);
}

static const struct peer_stream *fetch_and_live_on(struct peer *p, const char *path)
{
    const struct peer_stream *s = peer_fetch(p, path);
    peer_settle(p);
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
    return s;
}

static void origin_that_refuses_gives_502(void **state)
{
    struct rig *rig = *state;
    int fd;
    unsigned port = rig_closed_port(&fd);
    const char *conf = rig_text(rig, "[origin app]\nurl = http://127.0.0.1:%u\n", port);
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    for (int i = 0; i < 2; i++)
        check_answer(fetch_and_live_on(p, "/secret"), 502, rig_text(rig, "%u", port));
    close(fd);
    rig_check_failure(rig, "/secret", "origin-refused");
}

static void missing_unix_socket_gives_502(void **state)
{
    struct rig *rig = *state;
    rig_daemon(rig, &(struct daemon_setup){
                        .conf = "[origin app]\nurl = http://unix:/nonexistent/secret.sock\n"});
    struct peer *p = rig_peer(rig, NULL);
    check_answer(fetch_and_live_on(p, "/u"), 502, "nonexistent");
    rig_check_failure(rig, "/u", "origin-refused");
}

static void name_that_does_not_resolve_gives_502(void **state)
{
    struct rig *rig = *state;
    rig_daemon(rig, &(struct daemon_setup){.conf = "[origin app]\nurl = http://host.invalid\n"});
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = fetch_and_live_on(p, "/n");
    check_answer(s, s->status == 504 ? 504 : 502, "host.invalid");
}

/* Listens, and lets nobody in: its queue is full. */
struct closed_door {
    int fds[8];
    unsigned port;
};

static void closed_door_open(struct closed_door *door)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    door->port = rig_closed_port(&door->fds[0]);
    address.sin_port = htons((uint16_t)door->port);
    assert_int_equal(listen(door->fds[0], 0), 0);
    for (size_t i = 1; i < CHECK_LEN(door->fds); i++) {
        door->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int result = connect(door->fds[i], (struct sockaddr *)&address, len);
        assert_true(result == 0 || errno == EINPROGRESS);
    }
}

static void closed_door_close(struct closed_door *door)
{
    for (size_t i = 0; i < CHECK_LEN(door->fds); i++)
        close(door->fds[i]);
}

static void origin_that_cannot_be_reached_in_time_gives_504(void **state)
{
    struct rig *rig = *state;
    struct closed_door door;
    closed_door_open(&door);
    const char *conf =
        rig_text(rig, "[origin app]\nurl = http://127.0.0.1:%u\n[timeouts]\nconnect = %ums\n",
                 door.port, check_slowed(300));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    struct peer *p = rig_peer(rig, NULL);
    check_answer(fetch_and_live_on(p, "/secret"), 504, rig_text(rig, "%u", door.port));
    closed_door_close(&door);
    rig_check_failure(rig, "/secret", "origin-connect-timeout");
}

static void origin_that_does_not_answer_in_time_gives_504(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nresponse = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/secret", AWAIT(0));
    STUB_ON(stub, "/half", SEND("HTTP/1.1 200 OK\r\nContent-"), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    const char *port = rig_text(rig, "%u", stub_port(stub));
    check_answer(fetch_and_live_on(p, "/secret"), 504, port);
    stub_wait(stub, STUB_CANCELLED, 1);
    check_answer(fetch_and_live_on(p, "/half"), 504, port);
    stub_wait(stub, STUB_CANCELLED, 2);
    rig_check_failure(rig, "/secret", "origin-timeout");
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

static void origin_that_closes_before_its_head_gives_502(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/nothing", CLOSE());
    STUB_ON(stub, "/half", SEND("HTTP/1.1 200 OK\r\nContent-"), CLOSE());
    STUB_ON(stub, "/reset", RESET());
    STUB_ON(stub, "/hint", SEND("HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    static const char *const targets[] = {"/nothing", "/half", "/reset", "/hint"};
    for (size_t i = 0; i < CHECK_LEN(targets); i++) {
        check_answer(fetch_and_live_on(p, targets[i]), 502, NULL);
        rig_check_failure(rig, targets[i], "origin-closed");
    }
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

static void malformed_head_gives_502(void **state)
{
    static const char *const heads[] = {
        "garbage\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.11 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX Y: space in the name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\ngarbage\r\n\r\n",
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(heads); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        size_t len = heads[i][0] ? strlen(heads[i]) : 8;
        STUB_ON(stub, target, {STUB_SEND, heads[i], len}, AWAIT(0));
        const struct peer_stream *s = fetch_and_live_on(p, target);
        if (s->status != 502)
            fail_msg("head %zu gave %u: %s", i, s->status, heads[i]);
        check_answer(s, 502, NULL);
        rig_check_failure(rig, target, "origin-malformed");
    }
    stub_wait(stub, STUB_CANCELLED, CHECK_LEN(heads));
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

static void head_of_the_origin_over_the_limit_gives_502(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\norigin_header = 16k\n");
    STUB_ON(stub, "/long", SEND("HTTP/1.1 200 OK\r\nX-Long: "), PATTERN(20000));
    char *large = check_alloc(40001);
    for (size_t i = 0; i < 40000; i += 8)
        memcpy(large + i, "x-a: b\r\n", 8);
    STUB_ON(stub, "/many", SEND("HTTP/1.1 200 OK\r\n"), {STUB_SEND, large, 40000}, AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    check_answer(fetch_and_live_on(p, "/long"), 502, NULL);
    check_answer(fetch_and_live_on(p, "/many"), 502, NULL);
    stub_wait(stub, STUB_GONE, 2);
    free(large);
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

/* Within the limit a head passes, of whatever it is made up. */
static void head_of_many_small_fields_passes(void **state)
{
    enum { FIELD_BYTES = 5, FIELDS_FINE = 9000, FIELDS_TOO_MANY = 14000 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\norigin_header = 64k\n");
    char *fields = check_alloc(FIELDS_TOO_MANY * FIELD_BYTES + 1);
    for (size_t i = 0; i < FIELDS_TOO_MANY; i++)
        memcpy(fields + i * FIELD_BYTES, "a:b\r\n", FIELD_BYTES);
    STUB_ON(stub, "/body", SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
            {STUB_SEND, fields, FIELDS_FINE * FIELD_BYTES}, SEND("\r\nhello"));
    STUB_ON(stub, "/empty", SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
            {STUB_SEND, fields, FIELDS_FINE * FIELD_BYTES}, SEND("\r\n"));
    STUB_ON(stub, "/over", SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
            {STUB_SEND, fields, FIELDS_TOO_MANY * FIELD_BYTES}, SEND("\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    for (int body = 0; body < 2; body++) {
        const struct peer_stream *s = fetch_and_live_on(p, body ? "/body" : "/empty");
        assert_int_equal(s->status, 200);
        assert_int_equal(s->error, 0);
        assert_int_equal(fieldset_count(&s->head, "a"), FIELDS_FINE);
        check_text(bytes_text(&s->body), body ? "hello" : "");
    }
    check_answer(fetch_and_live_on(p, "/over"), 502, NULL);
    rig_check_failure(rig, "/over", "origin-malformed");
    free(fields);
}

static void origin_that_stalls_in_the_body_breaks_the_stream(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\norigin_stall = %ums\n", check_slowed(300)));
    STUB_ON(stub, "/stall", SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = fetch_and_live_on(p, "/stall");
    assert_int_equal(s->status, 200);
    assert_int_equal(s->error, NGHTTP2_INTERNAL_ERROR);
    stub_wait(stub, STUB_CANCELLED, 1);
    rig_check_failure(rig, "/stall", "origin-stalled");
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

static void upload_to_an_origin_that_went_away_fails_alone(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/up", BODY(1000), RESET());
    struct peer *p = rig_peer(rig, NULL);
    int32_t id =
        peer_send(p, &(struct peer_request){
                         .method = "PUT", .path = "/up", .body = true, .body_bytes = 5000000});
    assert_int_equal(peer_until_head(p, id)->status, 502);
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
    rig_check_failure(rig, "/up", "origin-closed");
}

static void reset_of_the_client_cancels_the_origins_request(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/head", AWAIT(0));
    STUB_ON(stub, "/body", SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/head", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 1);
    peer_reset(p, id, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 1);
    rig_check_failure(rig, "/head", "client-reset");

    id = peer_get(p, "/body", NULL);
    peer_until_bytes(p, id, 1);
    peer_reset(p, id, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 2);

    id = peer_send(p, &(struct peer_request){.method = "POST",
                                             .path = "/upload",
                                             .body = true,
                                             .body_bytes = 100,
                                             .body_hold_at = 10});
    peer_settle(p);
    stub_wait(stub, STUB_READ, 10);
    peer_reset(p, id, NGHTTP2_CANCEL);
    peer_settle(p);
    stub_wait(stub, STUB_CANCELLED, 3);
    assert_int_equal(fetch_and_live_on(p, "/alive")->status, 200);
}

static void client_that_goes_away_cancels_the_origins_requests(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/1", AWAIT(0));
    STUB_ON(stub, "/2", AWAIT(0));
    struct peer *p = rig_peer(rig, NULL);
    peer_get(p, "/1", NULL);
    peer_get(p, "/2", NULL);
    peer_settle(p);
    stub_wait(stub, STUB_REQUESTS, 2);
    rig_close_peer(rig, p);
    stub_wait(stub, STUB_CANCELLED, 2);
    rig_check_failure(rig, "/1", "client-gone");
    rig_check_failure(rig, "/2", "client-gone");
}

static void origin_that_says_too_much_too_early_is_not_used(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/first", SEND(OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    const struct peer_stream *s = peer_fetch(p, "/second");
    assert_int_equal(s->status, 200);
    check_text(bytes_text(&s->body), "ok\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(origin_that_refuses_gives_502),
        RIG_TEST(missing_unix_socket_gives_502),
        RIG_TEST(name_that_does_not_resolve_gives_502),
        RIG_TEST(origin_that_cannot_be_reached_in_time_gives_504),
        RIG_TEST(origin_that_does_not_answer_in_time_gives_504),
        RIG_TEST(origin_that_closes_before_its_head_gives_502),
        RIG_TEST(malformed_head_gives_502),
        RIG_TEST(head_of_the_origin_over_the_limit_gives_502),
        RIG_TEST(head_of_many_small_fields_passes),
        RIG_TEST(origin_that_stalls_in_the_body_breaks_the_stream),
        RIG_TEST(upload_to_an_origin_that_went_away_fails_alone),
        RIG_TEST(reset_of_the_client_cancels_the_origins_request),
        RIG_TEST(client_that_goes_away_cancels_the_origins_requests),
        RIG_TEST(origin_that_says_too_much_too_early_is_not_used),
    };
    return rig_run(tests);
}
