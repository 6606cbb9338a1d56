/* A name server that says nothing: who needs its answer waits for it, nobody else does. And names
 * with several addresses, not all of which lead to the origin.
 * The daemon is HEADSTART_BINARY with "-failing" behind it, built with tests/tools/failing_names.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tools/failing_names.h"
#include "cert.h"
#include "rig.h"

enum { FETCHES = 50, ADDRESSES = 8, FILLERS = 8 };

/* An origin that is found, and one whose name is not. One worker: whoever waits in it is seen. */
static struct stub *start(struct rig *rig, const char *timeouts)
{
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig,
                                "[origin app]\n%s[origin slow]\nurl = http://a.slow.test:%u\n"
                                "[route app]\nmatch = /\norigin = app\n"
                                "[route slow]\nmatch = /slow\norigin = slow\n[timeouts]\n%s",
                                rig_url(rig, stub), stub_port(stub), timeouts);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    return stub;
}

static void wait_for_question(struct rig *rig)
{
    assert_true(daemon_says(rig->daemon, FAILING_NAMES_ASKED "a.slow.test", CHECK_SOON_MS));
}

/* Lets the name server answer those who have asked, and those who ask before the result is closed.
 */
static int let_it_speak(void)
{
    int fd = open(getenv(FAILING_NAMES_VARIABLE), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void silent_name_server_holds_up_nobody_else(void **state)
{
    struct rig *rig = *state;
    start(rig, rig_text(rig, "connect = %ums\n", check_slowed(500)));
    struct peer *p = rig_peer(rig, NULL), *other = rig_peer(rig, NULL);
    int32_t slow = peer_get(p, "/slow", NULL);
    peer_settle(p);
    wait_for_question(rig);
    for (int i = 0; i < FETCHES; i++)
        assert_int_equal(peer_fetch(i % 2 ? p : other, "/fast")->status, 200);
    const struct peer_stream *s = peer_until_closed(p, slow);
    assert_int_equal(s->status, 504);
    rig_check_failure(rig, "/slow", "origin-connect-timeout");
    /* The question still stands; nobody waits for its answer any more. */
    assert_int_equal(peer_fetch(p, "/fast")->status, 200);
    close(let_it_speak());
}

static void name_server_that_speaks_at_last_is_heard(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, "connect = 5m\n");
    struct peer *p = rig_peer(rig, NULL);
    int32_t slow = peer_get(p, "/slow", NULL);
    peer_settle(p);
    wait_for_question(rig);
    assert_int_equal(peer_fetch(p, "/fast")->status, 200);
    assert_int_equal(stub_times(stub, "/slow"), 0);
    int fd = let_it_speak();
    const struct peer_stream *s = peer_until_closed(p, slow);
    close(fd);
    assert_int_equal(s->status, 200);
    assert_int_equal(stub_times(stub, "/slow"), 1);
}

/* The thread that asks is there to the end; valgrind takes what the C library has for it as lost.
 */
static void daemon_ends_though_the_name_server_is_silent(void **state)
{
    struct rig *rig = *state;
    const char *wrapper = getenv("HEADSTART_WRAPPER");
    if (wrapper && *wrapper)
        skip();
    start(rig, "connect = 5m\ndrain = 0s\n");
    struct peer *p = rig_peer(rig, NULL);
    peer_get(p, "/slow", NULL);
    peer_settle(p);
    wait_for_question(rig);
    rig_close_peer(rig, p);
    rig_stop_daemon(rig);
}

static void many_who_need_a_name_ask_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = start(rig, "connect = 5m\n");
    struct peer *p = rig_peer(rig, NULL);
    int32_t ids[FETCHES];
    for (int i = 0; i < FETCHES; i++)
        ids[i] = peer_get(p, "/slow", NULL);
    peer_settle(p);
    wait_for_question(rig);
    assert_int_equal(peer_fetch(p, "/fast")->status, 200);
    int fd = let_it_speak();
    for (int i = 0; i < FETCHES; i++)
        assert_int_equal(peer_until_closed(p, ids[i])->status, 200);
    close(fd);
    assert_int_equal(stub_times(stub, "/slow"), FETCHES);
    char *messages = daemon_messages(rig->daemon);
    const char *first = strstr(messages, FAILING_NAMES_ASKED);
    assert_non_null(first);
    assert_null(strstr(first + 1, FAILING_NAMES_ASKED));
    free(messages);
}

/* What the name server will say of every name below many.test. */
static void set_addresses(const char *lines)
{
    check_write_file(getenv(FAILING_NAMES_ANSWERS), lines);
}

/* An address on which nobody answers, not even to refuse: a listener whose queue is full. */
struct silence {
    int listener, fillers[FILLERS];
    size_t len;
};

static int open_socket(const char *ip, unsigned port, struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, ip, &address->sin_addr), 1);
    return fd;
}

/* The queue is full when a connection is neither made nor refused for a while. */
static void begin_silence(struct silence *s, const char *ip, unsigned port)
{
    struct sockaddr_in address;
    s->len = 0;
    s->listener = open_socket(ip, port, &address);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(s->listener, (struct sockaddr *)&address, sizeof address) < 0)
        fail_msg("bind %s: %s", ip, strerror(errno));
    assert_int_equal(listen(s->listener, 0), 0);
    for (bool is_full = false; !is_full;) {
        assert_true(s->len < FILLERS);
        int fd = s->fillers[s->len++] = open_socket(ip, port, &address);
        connect(fd, (struct sockaddr *)&address, sizeof address);
        is_full = poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100) == 0;
    }
}

static void end_silence(struct silence *s)
{
    for (size_t i = 0; i < s->len; i++)
        close(s->fillers[i]);
    close(s->listener);
}

/* The origin is 127.0.0.1 under a name of which the name server says `addresses`; the port is the
 * same for all. */
static struct stub *start_many(struct rig *rig, const char *addresses, const char *more)
{
    struct stub *stub = rig_stub(rig, NULL);
    set_addresses(addresses);
    const char *conf =
        rig_text(rig, "[origin app]\nurl = http://a.many.test:%u\n%s", stub_port(stub), more);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = conf});
    return stub;
}

/* All but the last of the addresses are silent. */
static void check_last_of_many(struct rig *rig, const char *more)
{
    struct silence silences[ADDRESSES - 1];
    const char *lines = "";
    for (int i = 0; i < ADDRESSES - 1; i++)
        lines = rig_text(rig, "%s127.0.0.%d\n", lines, i + 2);
    struct stub *stub = start_many(rig, rig_text(rig, "%s127.0.0.1\n", lines), more);
    for (int i = 0; i < ADDRESSES - 1; i++)
        begin_silence(&silences[i], rig_text(rig, "127.0.0.%d", i + 2), stub_port(stub));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    for (int i = 0; i < ADDRESSES - 1; i++)
        end_silence(&silences[i]);
}

static void last_of_many_addresses_is_reached_in_time(void **state)
{
    check_last_of_many(*state, "");
}

/* They are tried closer together where time is short. */
static void last_of_many_addresses_is_reached_in_a_short_time(void **state)
{
    check_last_of_many(*state, rig_text(*state, "[timeouts]\nconnect = %ums\n", check_slowed(800)));
}

static void addresses_of_both_families_are_tried(void **state)
{
    struct rig *rig = *state;
    struct silence silence;
    struct stub *stub = start_many(rig, "::1\n127.0.0.2\n127.0.0.3\n127.0.0.1\n", "");
    begin_silence(&silence, "127.0.0.3", stub_port(stub));
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    end_silence(&silence);
}

/* Nobody waits where the answer is there at once. */
static void addresses_that_refuse_make_way_at_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        start_many(rig, "::1\n127.0.0.2\n127.0.0.3\n127.0.0.4\n127.0.0.5\n127.0.0.6\n127.0.0.1\n",
                   "max_connections = 1\n");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), CLOSE());
    struct peer *p = rig_peer(rig, NULL);
    uint64_t began = check_now_ms();
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_in_range(check_now_ms() - began, 0, check_slowed(1000));

    set_addresses("127.0.0.2\n127.0.0.3\n");
    rig->stubs[0] = NULL;
    stub_stop(stub);
    assert_int_equal(peer_fetch(p, "/none")->status, 502);
    rig_check_failure(rig, "/none", "origin-refused");
}

/* The one that answered last is tried first, and dies; then the other. Nobody sees that. */
static void address_that_died_is_made_up_for(void **state)
{
    struct rig *rig = *state;
    struct stub *first = start_many(rig, "127.0.0.1\n127.0.0.2\n", "");
    unsigned port = stub_port(first);
    struct stub *second =
        rig_stub(rig, &(struct stub_options){.address = "127.0.0.2", .port = port});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/a")->status, 200);
    assert_int_equal(stub_times(first, "/a"), 1);
    rig->stubs[0] = NULL;
    stub_stop(first); /* it refuses */
    assert_int_equal(peer_fetch(p, "/b")->status, 200);
    assert_int_equal(stub_times(second, "/b"), 1);

    first = rig->stubs[0] = stub_start(&(struct stub_options){.port = port});
    rig->stubs[1] = NULL;
    stub_stop(second);
    struct silence silence;
    begin_silence(&silence, "127.0.0.2", port);
    assert_int_equal(peer_fetch(p, "/c")->status, 200);
    assert_int_equal(stub_times(first, "/c"), 1);
    end_silence(&silence);
}

/* The origin moves. No request is lost on the addresses that were known before, be they silent or
 * not, if the name server was not asked just now. */
static void check_move(struct rig *rig, bool is_silent)
{
    struct silence silence;
    struct stub *stub = start_many(rig, "127.0.0.2\n", "");
    unsigned port = stub_port(stub);
    struct stub *old = rig_stub(rig, &(struct stub_options){.address = "127.0.0.2", .port = port});
    STUB_ON(old, "/",
            SLOWLY("HTTP/1.1 200 OK\r\n\r\n"
                   "0123456789012345678901234567890123456789012345678901234567890"),
            CLOSE()); /* takes more than a second */
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(stub_times(old, "/"), 1);
    rig->stubs[1] = NULL;
    stub_stop(old);
    set_addresses("127.0.0.1\n");
    if (is_silent)
        begin_silence(&silence, "127.0.0.2", port);
    assert_int_equal(peer_fetch(p, "/moved")->status, 200);
    assert_int_equal(stub_times(stub, "/moved"), 1);
    if (is_silent)
        end_silence(&silence);
}

static void origin_that_moves_is_followed(void **state)
{
    check_move(*state, false);
}

static void origin_that_moves_from_a_silent_address_is_followed(void **state)
{
    check_move(*state, true);
}

/* TCP is not all: an address may accept, and then be no good. */
static void https_address_that_is_no_good_is_made_up_for(void **state)
{
    struct rig *rig = *state;
    cert_make(rig->dir, "ca", "many", "DNS:a.many.test");
    struct stub *good =
        rig_stub(rig, &(struct stub_options){.chain = rig_text(rig, "%s/many.pem", rig->dir),
                                             .key = rig_text(rig, "%s/many.key", rig->dir)});
    unsigned port = stub_port(good);
    rig_stub(rig, &(struct stub_options){.address = "127.0.0.2",
                                         .port = port,
                                         .chain = rig_text(rig, "%s/other.pem", rig->dir),
                                         .key = rig_text(rig, "%s/other.key", rig->dir)});
    /* A plain one: it waits for a request, and is silent. */
    rig_stub(rig, &(struct stub_options){.address = "127.0.0.3", .port = port});
    set_addresses("127.0.0.2\n127.0.0.3\n127.0.0.1\n");
    rig_daemon(rig, &(struct daemon_setup){
                        .top = "workers = 1",
                        .conf = rig_text(rig,
                                         "[origin app]\nurl = https://a.many.test:%u\nca = ca.pem\n"
                                         "[timeouts]\nconnect = %ums\n",
                                         port, check_slowed(2000))});
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_int_equal(stub_times(good, "/"), 1);
}

static char folder[] = "/tmp/headstart-names-XXXXXX";

static int set_up(void **state)
{
    const char *name = getenv("HEADSTART_BINARY");
    if (!mkdtemp(folder))
        return -1;
    char *binary = check_printf("%s-failing", name && *name ? name : "build/headstart");
    char *fifo = check_printf("%s/names", folder), *answers = check_printf("%s/answers", folder);
    int result = mkfifo(fifo, 0600);
    setenv("HEADSTART_BINARY", binary, 1);
    setenv(FAILING_NAMES_VARIABLE, fifo, 1);
    setenv(FAILING_NAMES_ANSWERS, answers, 1);
    free(binary);
    free(answers);
    free(fifo);
    return result < 0 ? -1 : rig_group_setup(state);
}

static int tear_down(void **state)
{
    unlink(getenv(FAILING_NAMES_VARIABLE));
    unlink(getenv(FAILING_NAMES_ANSWERS));
    rmdir(folder);
    return rig_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(silent_name_server_holds_up_nobody_else),
        RIG_TEST(name_server_that_speaks_at_last_is_heard),
        RIG_TEST(daemon_ends_though_the_name_server_is_silent),
        RIG_TEST(many_who_need_a_name_ask_once),
        RIG_TEST(last_of_many_addresses_is_reached_in_time),
        RIG_TEST(last_of_many_addresses_is_reached_in_a_short_time),
        RIG_TEST(addresses_of_both_families_are_tried),
        RIG_TEST(addresses_that_refuse_make_way_at_once),
        RIG_TEST(address_that_died_is_made_up_for),
        RIG_TEST(origin_that_moves_is_followed),
        RIG_TEST(origin_that_moves_from_a_silent_address_is_followed),
        RIG_TEST(https_address_that_is_no_good_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
