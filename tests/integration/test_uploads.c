/* How the body of a request reaches its origin: every piece as a whole and at once, and with its
 * length where that is known before the request leaves. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "rig.h"

/* An origin that is written and read by hand, with the one connection to it. */
struct origin {
    int listener, fd;
    struct bytes in;
};

static void wait_for(int fd)
{
    struct pollfd polled = {fd, POLLIN, 0};
    if (poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS))) != 1)
        fail_msg("nothing comes");
}

static struct origin start(struct rig *rig, const char *conf)
{
    struct origin o = {.fd = -1};
    unsigned port = rig_closed_port(&o.listener);
    assert_int_equal(listen(o.listener, 8), 0);
    const char *all = rig_text(rig, "[origin app]\nurl = http://127.0.0.1:%u\n%s", port, conf);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = all});
    return o;
}

static void stop(struct origin *o)
{
    close(o->fd);
    close(o->listener);
    bytes_fini(&o->in);
}

/* Reads until all that came, on the connection that is accepted first, ends in `end`. */
static void read_until(struct origin *o, const char *end)
{
    size_t len = strlen(end);
    if (o->fd < 0) {
        wait_for(o->listener);
        o->fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(o->fd >= 0);
    }
    while (o->in.len < len || memcmp(o->in.ptr + o->in.len - len, end, len) != 0) {
        char piece[4096];
        struct pollfd polled = {o->fd, POLLIN, 0};
        if (poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS))) != 1)
            fail_msg("no more than this comes:\n%s", bytes_text(&o->in));
        ssize_t n = recv(o->fd, piece, sizeof piece, 0);
        assert_true(n > 0);
        bytes_add(&o->in, piece, (size_t)n);
    }
}

static void say(const struct origin *o, const char *text)
{
    assert_int_equal(send(o->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void forget(struct origin *o)
{
    bytes_fini(&o->in);
    o->in = (struct bytes){0};
}

/* An origin that reads whole chunks, and answers each before the next one is sent. */
static void chunks_leave_as_a_whole_and_at_once(void **state)
{
    struct rig *rig = *state;
    struct origin o = start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                     .path = "/talk",
                                                     .body = true,
                                                     .body_text = "abcdefghij",
                                                     .body_hold_at = 2});
    peer_settle(p);
    read_until(&o, "\r\n\r\n2\r\nab\r\n");
    say(&o, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n");
    peer_until_bytes(p, id, 1);
    forget(&o);
    peer_release(p, id);
    peer_settle(p);
    read_until(&o, "8\r\ncdefghij\r\n0\r\n\r\n");
    check_text(bytes_text(&o.in), "8\r\ncdefghij\r\n0\r\n\r\n");
    say(&o, "1\r\n1\r\n0\r\n\r\n");
    const struct peer_stream *s = peer_until_closed(p, id);
    assert_int_equal(s->status, 200);
    check_text(bytes_text(&s->body), "01");
    stop(&o);
}

/* Both ends take turns many times, on one connection that is kept alive. */
static void both_ends_may_take_turns(void **state)
{
    enum { ROUNDS = 20 };
    struct rig *rig = *state;
    struct origin o = start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                         .path = "/talk",
                                                         .body = true,
                                                         .body_text = "question!",
                                                         .body_hold_at = 8});
        peer_settle(p);
        read_until(&o, "8\r\nquestion\r\n");
        say(&o, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n");
        peer_until_bytes(p, id, 6);
        forget(&o);
        peer_release(p, id);
        peer_settle(p);
        read_until(&o, "1\r\n!\r\n0\r\n\r\n");
        say(&o, "0\r\n\r\n");
        assert_int_equal(peer_until_closed(p, id)->error, 0);
        forget(&o);
    }
    stop(&o);
}

static bool has_head(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].status != 0;
}

static bool is_answered(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].status == 200 && f->streams[stream].ended;
}

/* Sends a request of which all lies ready when the daemon looks at it. */
static const struct peer_stream *send_at_once(struct rig *rig, struct peer *p,
                                              const struct peer_request *request)
{
    daemon_freeze(rig->daemon);
    int32_t id = peer_send(p, request);
    peer_ping(p);
    daemon_thaw(rig->daemon);
    return peer_until_closed(p, id);
}

static void upload_that_is_here_has_a_length(void **state)
{
    const struct {
        struct peer_request request;
        const char *length, *raw; /* NULL: chunks */
    } cases[] = {
        {{.method = "POST", .body = true, .body_text = "hello"}, "5", "hello"},
        {{.method = "GET", .body = true, .body_text = "hello"}, "5", "hello"},
        {{.method = "PROPFIND", .body = true, .body_text = "hello"}, "5", "hello"},
        {{.method = "POST", .body = true, .body_text = "", .body_bytes = 0}, "0", ""},
        {{.method = "PUT"}, "0", ""},
        {{.method = "POST", .body = true, .body_text = "hello", .trailers = FIELDS("x-sum", "1")},
         NULL,
         "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"},
        /* Only chunks carry what was announced, and what is there. */
        {{.method = "POST",
          .body = true,
          .body_text = "hello",
          .fields = FIELDS("content-length", "5"),
          .trailers = FIELDS("x-sum", "1")},
         NULL,
         "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct peer_request request = cases[i].request;
        request.path = "/up";
        assert_int_equal(send_at_once(rig, p, &request)->status, 200);
        const struct stub_request *r = stub_find(stub, "/up", i);
        check_text(fieldset_get(&r->fields, "content-length"), cases[i].length);
        check_text(fieldset_get(&r->fields, "transfer-encoding"),
                   cases[i].length ? NULL : "chunked");
        check_text(bytes_text(&r->raw), cases[i].raw);
    }
}

/* What has left cannot be framed anew: trailers that were announced are provided for. */
static void announced_trailers_are_carried_beside_a_length(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    const char *const *const fields[] = {FIELDS("content-length", "5", "trailer", "x-sum"),
                                         FIELDS("content-length", "5")};
    for (size_t i = 0; i < CHECK_LEN(fields); i++) {
        uint64_t read = stub_counted(stub, STUB_READ);
        int32_t id = peer_send(p, &(struct peer_request){.method = "POST",
                                                         .path = "/up",
                                                         .fields = fields[i],
                                                         .body = true,
                                                         .body_text = "hello",
                                                         .body_hold_at = 2,
                                                         .trailers = FIELDS("x-sum", "1")});
        peer_settle(p);
        stub_wait(stub, STUB_READ, read + 2);
        peer_release(p, id);
        assert_int_equal(peer_until_closed(p, id)->status, 200);
        const struct stub_request *r = stub_find(stub, "/up", i);
        check_text(bytes_text(&r->body), "hello");
        assert_int_equal(r->chunked, i == 0);
        check_text(fieldset_get(&r->trailers, "x-sum"), i == 0 ? "1" : NULL);
    }
}

/* A connection that was kept alive ends under the request: nothing of its body has left yet. */
static void upload_of_which_nothing_left_is_sent_again(void **state)
{
    struct rig *rig = *state;
    struct origin o = start(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/first", NULL);
    peer_settle(p);
    read_until(&o, "\r\n\r\n");
    say(&o, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(peer_until_closed(p, id)->status, 200);
    forget(&o);
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_HEADERS, HEAD_OF("PUT", "/up")));
    frames_settle(f);
    read_until(&o, "transfer-encoding: chunked\r\n\r\n");
    forget(&o);
    close(o.fd);
    o.fd = -1;
    read_until(&o, "transfer-encoding: chunked\r\n\r\n");
    forget(&o);
    FRAMES_PUT(f, DATA(1, END_STREAM, "hello"));
    frames_settle(f);
    read_until(&o, "5\r\nhello\r\n0\r\n\r\n");
    say(&o, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_true(frames_until(f, is_answered, 1));
    frames_close(f);
    stop(&o);
}

/* The end of a body with a length is to be seen in nothing that is written. From then on the origin
 * is awaited. */
static void origin_is_awaited_when_the_upload_has_ended(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[timeouts]\nresponse = 300ms\n");
    STUB_ON(stub, "/up", BODY(5), AWAIT(0));
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, END_HEADERS, HEAD_OF("POST", "/up") "content-length: 5\n"));
    FRAMES_PUT(f, DATA(1, 0, "hello"));
    frames_settle(f);
    stub_wait(stub, STUB_READ, 5);
    frames_settle(f);
    FRAMES_PUT(f, DATA(1, END_STREAM, ""));
    assert_true(frames_until(f, has_head, 1));
    assert_int_equal(f->streams[1].status, 504);
    rig_check_failure(rig, "/up", "origin-timeout");
    frames_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(chunks_leave_as_a_whole_and_at_once),
        RIG_TEST(both_ends_may_take_turns),
        RIG_TEST(upload_that_is_here_has_a_length),
        RIG_TEST(announced_trailers_are_carried_beside_a_length),
        RIG_TEST(upload_of_which_nothing_left_is_sent_again),
        RIG_TEST(origin_is_awaited_when_the_upload_has_ended),
    };
    return rig_run(tests);
}
