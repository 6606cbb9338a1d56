/* Informational responses of an origin (RFC 9110 §15.2): as many as there are within reason, for as
 * long as that takes; they hold no memory, and a flood of them ends. HEADSTART_CHECK_MEMORY=0
 * leaves the bounds on resident memory unchecked, for sanitizers and valgrind. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define OK      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define WORKING "HTTP/1.1 102 Processing\r\n\r\n"
#define HINT    "HTTP/1.1 103 Early Hints\r\n\r\n"

/* `n` times `text`; free with free(). */
static char *repeat(const char *text, size_t n)
{
    size_t len = strlen(text);
    char *all = check_alloc(n * len + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(all + i * len, text, len);
    return all;
}

static void check_growth(struct rig *rig, uint64_t before_kib, uint64_t most_kib)
{
    const char *wanted = getenv("HEADSTART_CHECK_MEMORY");
    if (wanted && strcmp(wanted, "0") == 0)
        return;
    uint64_t kib = daemon_memory_kib(rig->daemon, "VmHWM") - before_kib;
    print_message("the daemon took %llu KiB more\n", (unsigned long long)kib);
    if (kib >= most_kib)
        fail_msg("the daemon took %llu KiB more", (unsigned long long)kib);
}

static void many_may_come_at_once(void **state)
{
    enum { COUNT = 500 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    char *heads = repeat(WORKING, COUNT);
    STUB_ON(stub, "/", SEND_TEXT(heads), SEND(OK));
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/");
    free(heads);
    assert_int_equal(s->status, 200);
    check_text(bytes_text(&s->body), "hi");
    assert_int_equal(peer_count(p, PEER_INFO), COUNT);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 1);
}

/* An operation that takes hours, and says so now and then: what it has said leaves no trace. */
static void what_was_said_holds_no_memory(void **state)
{
    enum { ROUNDS = 200, COUNT = 100, MOST_KIB = 4 << 10 };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "[limits]\norigin_header = 1m\n");
    char *heads = repeat(WORKING, COUNT);
    struct stub_step steps[2 * ROUNDS + 2] = {{STUB_END, NULL, 0}};
    for (unsigned i = 0; i < ROUNDS; i++)
        steps[i] = (struct stub_step){STUB_SEND, heads, strlen(heads)};
    steps[ROUNDS] = (struct stub_step)SEND(OK);
    stub_on(stub, "/", steps);
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    uint64_t before_kib = daemon_memory_kib(rig->daemon, "VmHWM");
    const struct peer_stream *s = peer_fetch(p, "/");
    free(heads);
    assert_int_equal(s->status, 200);
    check_text(bytes_text(&s->body), "hi");
    assert_int_equal(peer_count(p, PEER_INFO), ROUNDS * COUNT);
    check_growth(rig, before_kib, MOST_KIB);
}

/* It is not the number of bytes that costs, but what is made of them: lists of small fields. */
static void large_ones_are_bounded_together(void **state)
{
    enum { FIELDS = 12000, COUNT = 60, ASKED = 8, MOST_KIB = 24 << 10 };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    char *fields = repeat("a:b\r\n", FIELDS);
    struct stub_step steps[3 * COUNT + 1] = {{STUB_END, NULL, 0}};
    for (unsigned i = 0; i < COUNT; i++) {
        steps[3 * i] = (struct stub_step)SEND("HTTP/1.1 103 Early Hints\r\n");
        steps[3 * i + 1] = (struct stub_step){STUB_SEND, fields, strlen(fields)};
        steps[3 * i + 2] = (struct stub_step)SEND("\r\n");
    }
    stub_on(stub, "/", steps);
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    uint64_t before_kib = daemon_memory_kib(rig->daemon, "VmHWM");
    int32_t ids[ASKED];
    for (int i = 0; i < ASKED; i++)
        ids[i] = peer_get(p, "/", NULL);
    for (int i = 0; i < ASKED; i++)
        assert_int_equal(peer_until_closed(p, ids[i])->status, 502);
    stub_wait(stub, STUB_GONE, ASKED);
    free(fields);
    check_growth(rig, before_kib, MOST_KIB);
    rig_check_failure(rig, "/", "origin-malformed");
    assert_true(daemon_says(rig->daemon, "its informational responses are too many, or too large",
                            CHECK_SOON_MS));
}

/* Each costs the client a frame and us time, however small it is. */
static void a_flood_ends_for_the_client_that_asked(void **state)
{
    enum { COUNT = 10000, MOST = 3000, MOST_KIB = 8 << 10 };
    static const char *const floods[] = {
        WORKING, HINT, "HTTP/1.1 103 E\r\nlink: </a>;rel=x\r\n\r\n", "HTTP/1.1 100\r\n\r\n"};
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    uint64_t before_kib = daemon_memory_kib(rig->daemon, "VmHWM");
    for (size_t i = 0; i < CHECK_LEN(floods); i++) {
        const char *path = rig_text(rig, "/%zu", i);
        char *heads = repeat(floods[i], COUNT);
        size_t infos = peer_count(p, PEER_INFO);
        STUB_ON(stub, path, SEND_TEXT(heads), SEND(OK));
        int32_t id = peer_get(p, path, NULL), other = peer_get(p, "/other", NULL);
        assert_int_equal(peer_until_closed(p, id)->status, 502);
        assert_int_equal(peer_until_closed(p, other)->status, 200);
        stub_wait(stub, STUB_GONE, i + 1);
        free(heads);
        assert_true(peer_count(p, PEER_INFO) - infos < MOST);
        rig_check_failure(rig, path, "origin-malformed");
    }
    check_growth(rig, before_kib, MOST_KIB);
}

/* A client that does not read gets no more of them than one that does: the rest is not kept. */
static void a_client_that_does_not_read_holds_a_bounded_number(void **state)
{
    enum { STREAMS = 50, COUNT = 10000, MOST_KIB = 48 << 10 };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    char *heads = repeat(WORKING, COUNT);
    STUB_ON(stub, "/", SEND_TEXT(heads), AWAIT(0));
    struct peer *p = rig_peer(rig, &(struct peer_options){.wire.receive_bytes = 4096});
    assert_int_equal(peer_fetch(p, "/first")->status, 200);
    uint64_t before_kib = daemon_memory_kib(rig->daemon, "VmHWM");
    for (int i = 0; i < STREAMS; i++)
        peer_get(p, "/", NULL);
    peer_ping(p); /* and with it the requests */
    stub_wait(stub, STUB_GONE, STREAMS);
    free(heads);
    check_growth(rig, before_kib, MOST_KIB);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/alive")->status, 200);
}

/* Pushes of a page's hints outlive the hints. */
static void pushes_of_many_hints_outlive_them(void **state)
{
    enum { HINTS = 40 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    struct stub_step steps[HINTS + 3] = {{STUB_END, NULL, 0}};
    for (int i = 0; i < HINTS; i++) {
        const char *path = rig_text(rig, "/asset-%d", i);
        const char *hint = rig_text(
            rig, "HTTP/1.1 103 Early Hints\r\nLink: <%s>; rel=preload; as=style\r\n\r\n", path);
        steps[i] = (struct stub_step)SEND_TEXT(hint);
        STUB_ON(stub, path, AWAIT(0), SEND(OK));
    }
    steps[HINTS] = (struct stub_step){STUB_AWAIT, NULL, 1};
    steps[HINTS + 1] = (struct stub_step)SEND(OK);
    stub_on(stub, "/", steps);
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_get(p, "/", NULL);
    peer_until_events(p, PEER_PROMISE, HINTS);
    peer_settle(p);
    stub_open(stub, 0);
    stub_open(stub, 1);
    peer_until_quiet(p);
    assert_int_equal(peer_stream(p, id)->status, 200);
    for (int i = 0; i < HINTS; i++) {
        const char *path = rig_text(rig, "/asset-%d", i);
        const struct peer_stream *s = peer_pushed(p, path);
        assert_non_null(s);
        assert_int_equal(s->status, 200);
        check_text(fieldset_get(&stub_find(stub, path, 0)->fields, "accept"), "text/css,*/*;q=0.1");
        check_holds(fieldset_get(&peer_stream(p, id)->head, "cf-h2-pushed"), path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(many_may_come_at_once),
        RIG_TEST(what_was_said_holds_no_memory),
        RIG_TEST(large_ones_are_bounded_together),
        RIG_TEST(a_flood_ends_for_the_client_that_asked),
        RIG_TEST(a_client_that_does_not_read_holds_a_bounded_number),
        RIG_TEST(pushes_of_many_hints_outlive_them),
    };
    return rig_run(tests);
}
