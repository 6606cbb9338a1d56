/* Memory: every allocation of the daemon's own, and of nghttp2's, fails once while a client is
 * served. The client may lose a stream or its connection, at once; nobody else loses anything, and
 * nothing is left over.
 * The daemon is HEADSTART_BINARY with "-failing" behind it, built with tests/tools/failing_mem.c.
 * ALLOC_STRIDE=n lets only every n-th allocation fail; without it each does (every n-th where
 * TEST_SLOWNESS=n). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tools/failing_mem.h"
#include "rig.h"

enum {
    CHUNKED_BYTES = 40000,
    UPLOAD_BYTES = 30000,
};

static struct failing_mem *memory;

static const char conf[] = "max_connections = 4\n[push]\nretry_after = 0s\n";

#define LINK "Link: </a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script\r\n"

static void set_scripts(struct stub *stub)
{
    STUB_ON(stub, "/page", SEND("HTTP/1.1 103 Early Hints\r\n" LINK "\r\n"),
            SEND("HTTP/1.1 200 OK\r\n" LINK "Content-Length: 4\r\n\r\npage"));
    STUB_ON(stub, "/a.css", SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nasset"));
    STUB_ON(stub, "/b.js", SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nasset"));
    /* The connection is closed, so that each round has to dial. */
    STUB_ON(stub, "/upload", BODY(0),
            SEND("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ntook"), CLOSE());
    STUB_ON(stub, "/chunked",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"),
            CHUNKS(CHUNKED_BYTES), SEND("0\r\nx-sum: 1\r\n\r\n"));
    STUB_ON(stub, "/error", SEND("garbage\r\n\r\n"), CLOSE());
}

/* One visit of a client: all kinds of exchanges at once. */
struct round {
    struct peer *peer;
    int32_t page, upload, chunked, error;
};

static struct round start_round(struct rig *rig)
{
    static const char *const trailers[] = {"x-sum", "1", NULL};
    const struct peer_options options = {.may_be_refused = true};
    struct round r = {.peer = rig_peer(rig, &options)};
    const struct peer_request upload = {.method = "POST",
                                        .path = "/upload",
                                        .body = true,
                                        .body_bytes = UPLOAD_BYTES,
                                        .trailers = trailers};
    r.page = peer_get(r.peer, "/page", NULL);
    r.upload = peer_send(r.peer, &upload);
    r.chunked = peer_get(r.peer, "/chunked", NULL);
    r.error = peer_get(r.peer, "/error", NULL);
    return r;
}

static bool is_quiet(const struct peer *p, const void *arg)
{
    const struct round *r = arg;
    const int32_t asked[] = {r->page, r->upload, r->chunked, r->error};
    for (size_t i = 0; i < CHECK_LEN(asked); i++) {
        const struct peer_stream *s = peer_stream(p, asked[i]);
        if (!s || !s->closed)
            return false;
    }
    for (size_t i = 0; i < peer_pushes(p); i++)
        if (!peer_push(p, i)->closed)
            return false;
    return true;
}

/* A stream that ended in order carried what it should, or says that it did not. */
static bool is_honest(const struct peer_stream *s, uint64_t bytes)
{
    if (!s || !s->closed || s->error != 0)
        return true;
    if (s->status == 200)
        return s->body_bytes == bytes;
    return s->status == 500 || s->status == 502 || s->status == 503;
}

static bool is_honest_round(const struct round *r)
{
    bool honest = is_honest(peer_stream(r->peer, r->page), 4) &&
                  is_honest(peer_stream(r->peer, r->upload), 4) &&
                  is_honest(peer_stream(r->peer, r->chunked), CHUNKED_BYTES);
    for (size_t i = 0; i < peer_pushes(r->peer); i++)
        honest = honest && is_honest(peer_push(r->peer, i), 5);
    return honest;
}

/* Runs a round while the n-th allocation from now on fails; below 0: none. */
static void run_round(struct rig *rig, long long n)
{
    atomic_store(&memory->left, n);
    struct round r = start_round(rig);
    bool quiet = peer_runs(r.peer, is_quiet, &r, CHECK_SOON_MS) || peer_is_over(r.peer);
    atomic_store(&memory->left, -1);
    if (!quiet || !is_honest_round(&r)) {
        peer_print(r.peer);
        fail_msg("%s, where allocation %lld fails", quiet ? "not what was sent" : "a stream hangs",
                 n);
    }
    rig_close_peer(rig, r.peer);
}

/* A round in which nothing fails and all must be right; the number of its allocations. */
static long long run_fine(struct rig *rig)
{
    long long before = atomic_load(&memory->taken);
    struct round r = start_round(rig);
    assert_true(peer_runs(r.peer, is_quiet, &r, CHECK_SOON_MS));
    assert_int_equal(peer_stream(r.peer, r.page)->status, 200);
    assert_int_equal(peer_stream(r.peer, r.page)->body_bytes, 4);
    assert_int_equal(peer_stream(r.peer, r.upload)->status, 200);
    assert_int_equal(peer_stream(r.peer, r.chunked)->body_bytes, CHUNKED_BYTES);
    check_text(fieldset_get(&peer_stream(r.peer, r.chunked)->trailers, "x-sum"), "1");
    assert_int_equal(peer_stream(r.peer, r.error)->status, 502);
    assert_int_equal(peer_pushes(r.peer), 2);
    rig_close_peer(rig, r.peer);
    return atomic_load(&memory->taken) - before;
}

static void serves_another(struct rig *rig)
{
    struct peer *p = rig_peer(rig, NULL);
    const struct peer_stream *s = peer_fetch(p, "/a.css");
    assert_int_equal(s->status, 200);
    assert_int_equal(s->body_bytes, 5);
    rig_close_peer(rig, p);
}

static long long stride(void)
{
    long long n = (long long)check_env("ALLOC_STRIDE", check_slowed(1));
    return n > 0 ? n : 1;
}

static void start(struct rig *rig, const char *url)
{
    const char *text = rig_text(rig, "[origin app]\n%s%s", url, conf);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 1", .conf = text});
}

static void one_client_pays_for_an_allocation_that_fails(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    set_scripts(stub);
    start(rig, rig_url(rig, stub));
    run_fine(rig);
    long long count = run_fine(rig);
    assert_true(count > 20);
    for (long long n = 0; n < count; n += stride()) {
        run_round(rig, n);
        serves_another(rig);
    }
    run_fine(rig);
}

static void a_daemon_that_has_just_started_pays_no_more(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    set_scripts(stub);
    const char *url = rig_url(rig, stub);
    start(rig, url);
    long long count = run_fine(rig);
    rig_stop_daemon(rig);
    for (long long n = 0; n < count; n += stride()) {
        start(rig, url);
        run_round(rig, n);
        run_fine(rig);
        rig_stop_daemon(rig);
    }
}

/* A connection from before a reload goes on where that does not come about. */
static void reload_that_lacks_memory_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    set_scripts(stub);
    const char *text = rig_text(rig, "[origin app]\n%s%s", rig_url(rig, stub), conf);
    const struct daemon_setup setup = {.top = "workers = 2", .conf = text};
    rig_daemon(rig, &setup);
    long long before = atomic_load(&memory->taken);
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    long long count = atomic_load(&memory->taken) - before;
    assert_true(count > 5);
    for (long long n = 0; n < count; n += stride()) {
        struct peer *p = rig_peer(rig, NULL);
        assert_int_equal(peer_fetch(p, "/a.css")->status, 200);
        atomic_store(&memory->left, n);
        bool taken = daemon_try_reload(rig->daemon, rig->dir, &setup);
        atomic_store(&memory->left, -1);
        if (taken) {
            assert_true(peer_ends(p, CHECK_SOON_MS));
        } else {
            assert_int_equal(peer_fetch(p, "/a.css")->status, 200);
            assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
        }
        rig_close_peer(rig, p);
        serves_another(rig);
    }
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    run_fine(rig);
}

/* The daemon that fails, and the file that tells it when. */
static int set_up(void **state)
{
    static char path[64] = "/tmp/headstart-failing-XXXXXX";
    const char *name = getenv("HEADSTART_BINARY");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *memory) < 0)
        return -1;
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return -1;
    atomic_store(&memory->left, -1);
    char *binary = check_printf("%s-failing", name && *name ? name : "build/headstart");
    setenv("HEADSTART_BINARY", binary, 1);
    setenv(FAILING_MEM_VARIABLE, path, 1);
    free(binary);
    return rig_group_setup(state);
}

static int tear_down(void **state)
{
    unlink(getenv(FAILING_MEM_VARIABLE));
    munmap(memory, sizeof *memory);
    return rig_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(one_client_pays_for_an_allocation_that_fails),
        RIG_TEST(a_daemon_that_has_just_started_pays_no_more),
        RIG_TEST(reload_that_lacks_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
