/* A connection to an origin that was dialed and has carried nothing yet: whom it was dialed for has
 * gone meanwhile. What comes on it unasked is nobody's answer. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

/* The system repeats after 1 s, and after 2 more, what a full queue drops. */
enum { DIAL_MS = 5000 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue";
static const char stray[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

/* An origin whose queue holds one connection that was not accepted yet. */
struct origin {
    int fd;
    unsigned port;
};

static void wait_for(int fd)
{
    struct pollfd polled = {fd, POLLIN, 0};
    if (poll(&polled, 1, check_left(check_deadline(DIAL_MS))) != 1)
        fail_msg("nothing comes");
}

static int origin_accept(const struct origin *o)
{
    wait_for(o->fd);
    int fd = accept4(o->fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Starts the daemon, and has it dial for a request that its client takes back. */
static int make_unused(struct rig *rig, struct origin *o, struct peer **peer)
{
    o->port = rig_closed_port(&o->fd);
    assert_int_equal(listen(o->fd, 0), 0);
    int first = check_dial(o->port);
    assert_true(first >= 0);
    const char *conf = rig_text(rig, "[origin app]\nurl = http://127.0.0.1:%u\n", o->port);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    *peer = rig_peer(rig, NULL);
    int32_t id = peer_get(*peer, "/taken-back", NULL);
    peer_settle(*peer);
    peer_reset(*peer, id, NGHTTP2_CANCEL);
    peer_settle(*peer);
    close(origin_accept(o));
    close(first);
    int unused = origin_accept(o);
    peer_settle(*peer);
    return unused;
}

/* The client asks, and after that something comes on the connection; the daemon sees both at once.
 * The request goes elsewhere. */
static void check_answer(struct rig *rig, void (*happen)(int fd))
{
    struct origin o;
    struct peer *p;
    char text[1024];
    int unused = make_unused(rig, &o, &p);
    daemon_freeze(rig->daemon);
    int32_t id = peer_get(p, "/", NULL);
    peer_ping(p); /* and with it the request */
    happen(unused);
    daemon_thaw(rig->daemon);
    wait_for(unused);
    ssize_t n = recv(unused, text, sizeof text, 0);
    if (n > 0)
        fail_msg("the request was sent there: %.*s", (int)n, text);
    int next = origin_accept(&o);
    wait_for(next);
    assert_true(recv(next, text, sizeof text, 0) > 0);
    assert_int_equal(send(next, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
    check_text(bytes_text(&peer_until_closed(p, id)->body), "true");
    close(next);
    close(unused);
    close(o.fd);
}

static void say_stray(int fd)
{
    assert_int_equal(send(fd, stray, strlen(stray), MSG_NOSIGNAL), strlen(stray));
}

static void end(int fd)
{
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

static void bytes_on_it_are_nobodys_answer(void **state)
{
    check_answer(*state, say_stray);
}

static void its_end_fails_no_request(void **state)
{
    check_answer(*state, end);
}

static void it_carries_the_next_request(void **state)
{
    struct rig *rig = *state;
    struct origin o;
    struct peer *p;
    char text[1024];
    int unused = make_unused(rig, &o, &p);
    int32_t id = peer_get(p, "/", NULL);
    peer_settle(p);
    wait_for(unused);
    assert_true(recv(unused, text, sizeof text, 0) > 0);
    assert_int_equal(send(unused, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
    check_text(bytes_text(&peer_until_closed(p, id)->body), "true");
    close(unused);
    close(o.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(bytes_on_it_are_nobodys_answer),
        RIG_TEST(its_end_fails_no_request),
        RIG_TEST(it_carries_the_next_request),
    };
    return rig_run(tests);
}
