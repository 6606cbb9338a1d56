/* A name server that says nothing: who needs its answer waits for it, nobody else does.
 * The daemon is HEADSTART_BINARY with "-failing" behind it, built with tests/tools/failing_names.c.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tools/failing_names.h"
#include "rig.h"

enum { FETCHES = 50 };

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

static char folder[] = "/tmp/headstart-names-XXXXXX";

static int set_up(void **state)
{
    const char *name = getenv("HEADSTART_BINARY");
    if (!mkdtemp(folder))
        return -1;
    char *binary = check_printf("%s-failing", name && *name ? name : "build/headstart");
    char *fifo = check_printf("%s/names", folder);
    int result = mkfifo(fifo, 0600);
    setenv("HEADSTART_BINARY", binary, 1);
    setenv(FAILING_NAMES_VARIABLE, fifo, 1);
    free(binary);
    free(fifo);
    return result < 0 ? -1 : rig_group_setup(state);
}

static int tear_down(void **state)
{
    unlink(getenv(FAILING_NAMES_VARIABLE));
    rmdir(folder);
    return rig_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(silent_name_server_holds_up_nobody_else),
        RIG_TEST(name_server_that_speaks_at_last_is_heard),
        RIG_TEST(daemon_ends_though_the_name_server_is_silent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
