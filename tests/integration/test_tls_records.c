/* Records of TLS that carry no data, and messages after the handshake: what they may cost the
 * daemon, and that nobody else feels it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "forge.h"
#include "frames.h"
#include "rig.h"

/* A client whose records the test makes itself; what comes is read as of any other. */
struct guest {
    struct frames *f;
    struct forge forge;
};

static struct guest guest_open(struct rig *rig, struct wire_options options)
{
    struct guest g = {.f = check_alloc(sizeof(*g.f))};
    options.port = daemon_port(rig->daemon, 0);
    g.f->wire = wire_connect(&options);
    SSL *ssl = g.f->wire->channel.ssl;
    forge_watch(ssl);
    assert_true(wire_handshake(g.f->wire));
    if (options.version == TLS1_2_VERSION)
        forge_init_old(&g.forge, ssl);
    else
        forge_init(&g.forge);
    assert_int_equal(nghttp2_hd_inflate_new(&g.f->inflater), 0);
    return g;
}

/* Adds a record to what guest_send() will send. */
static void guest_put(struct guest *g, struct bytes *to, int type, const void *bytes, size_t len,
                      size_t padding)
{
    unsigned char record[FORGE_RECORD_BYTES];
    bytes_add(to, record, forge_record(&g->forge, type, bytes, len, padding, record));
}

static void guest_put_key_updates(struct guest *g, struct bytes *to, const char *kind, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        guest_put(g, to, SSL3_RT_HANDSHAKE, kind, 5, 0);
        forge_update(&g->forge);
    }
}

/* Adds the frames that were put. */
static void guest_put_frames(struct guest *g, struct bytes *to)
{
    guest_put(g, to, SSL3_RT_APPLICATION_DATA, g->f->out.ptr, g->f->out.len, 0);
    bytes_clear(&g->f->out);
}

/* Sends it, as far as the daemon takes it, of which `patience_ms` may be spent waiting at a time;
 * returns how many bytes it took. */
static size_t guest_send(struct guest *g, struct bytes *bytes, unsigned patience_ms)
{
    size_t sent = 0;
    while (sent < bytes->len) {
        struct pollfd polled = {g->f->wire->channel.fd, POLLOUT, 0};
        ssize_t n =
            send(polled.fd, bytes->ptr + sent, bytes->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN || poll(&polled, 1, (int)check_slowed(patience_ms)) <= 0)
            break;
    }
    bytes_fini(bytes);
    return sent;
}

static void guest_greet(struct guest *g)
{
    struct bytes hello = {0};
    FRAMES_PUT(g->f, RAW_BYTES(NGHTTP2_CLIENT_MAGIC));
    FRAMES_PUT(g->f, SETTINGS(""));
    guest_put_frames(g, &hello);
    guest_send(g, &hello, CHECK_SOON_MS);
    assert_true(frames_until(g->f, frames_has_acks, 1));
}

static void records_that_carry_nothing_are_limited(void **state)
{
    enum { LIMIT = 100, ROUNDS = 400 };
    static const struct {
        const char *what;
        int version, type;
        const char *bytes;
        size_t len, padding;
    } cases[] = {
        {"key updates", 0, SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE, 5, 0},
        {"key updates that ask", 0, SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE_REQUESTED, 5, 0},
        {"empty records", 0, SSL3_RT_APPLICATION_DATA, "", 0, 0},
        {"padding", 0, SSL3_RT_APPLICATION_DATA, "", 0, 16000},
        {"empty records", TLS1_2_VERSION, SSL3_RT_APPLICATION_DATA, "", 0, 0},
    };
    struct rig *rig = *state;
    rig_start(rig, rig_text(rig, "[limits]\nidle_frames = %d\n", LIMIT));
    struct peer *bystander = rig_peer(rig, NULL);
    peer_settle(bystander);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct guest g = guest_open(rig, (struct wire_options){.version = cases[i].version});
        struct bytes flood = {0};
        guest_greet(&g);
        for (unsigned n = 0; n < ROUNDS; n++) {
            guest_put(&g, &flood, cases[i].type, cases[i].bytes, cases[i].len, cases[i].padding);
            if (cases[i].bytes[0] == FORGE_KEY_UPDATE[0])
                forge_update(&g.forge);
            /* OpenSSL itself ends a connection at 32 empty records in a row. */
            if (n % 8 == 0) {
                FRAMES_PUT(g.f, PING(ACK, 0, "12345678"));
                guest_put_frames(&g, &flood);
            }
        }
        guest_send(&g, &flood, CHECK_SOON_MS);
        bool over = frames_until(g.f, frames_is_over, 0);
        bool goaway = g.f->goaway;
        uint32_t code = g.f->goaway_code;
        frames_close(g.f);
        if (!over || !goaway || code != NGHTTP2_ENHANCE_YOUR_CALM)
            fail_msg("%s: over %d, goaway %d, %u", cases[i].what, over, goaway, code);
        assert_int_equal(peer_fetch(bystander, "/alive")->status, 200);
    }
    assert_true(daemon_says(rig->daemon, "limits.idle_frames", CHECK_SOON_MS));
}

/* Renegotiations of TLS 1.2, each refused; a thousand in one record are as many. The client cannot
 * read what is said to it: OpenSSL ends a connection at the refusal. */
static void renegotiations_are_limited(void **state)
{
    enum { HELLOS = 1000 };
    static const size_t a_record[] = {1, HELLOS};
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nidle_frames = 500\n");
    char hellos[HELLOS * 4];
    for (size_t i = 0; i < HELLOS; i++)
        memcpy(hellos + 4 * i, FORGE_HELLO, 4);
    for (size_t i = 0; i < CHECK_LEN(a_record); i++) {
        struct guest g = guest_open(rig, (struct wire_options){.version = TLS1_2_VERSION});
        struct bytes flood = {0};
        guest_greet(&g);
        for (size_t n = 0; n < HELLOS; n += a_record[i])
            guest_put(&g, &flood, SSL3_RT_HANDSHAKE, hellos, a_record[i] * 4, 0);
        guest_send(&g, &flood, CHECK_SOON_MS);
        bool said = daemon_says_times(rig->daemon, "limits.idle_frames", i + 1, CHECK_SOON_MS);
        g.f->wire->ready = false;
        bool ended = wire_ends(g.f->wire, CHECK_SOON_MS);
        frames_close(g.f);
        assert_true(said);
        assert_true(ended);
    }
}

/* An upload of a byte a record, each in two pieces, and now and then new keys. */
static void an_upload_in_small_records_is_no_flood(void **state)
{
    enum { BYTES = 1000 };
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nidle_frames = 50\n");
    struct guest g = guest_open(rig, (struct wire_options){0});
    struct bytes upload = {0};
    guest_greet(&g);
    FRAMES_PUT(g.f, HEADERS(1, END_HEADERS, POST_FIELDS));
    for (int n = 0; n < BYTES; n++)
        FRAMES_PUT(g.f, DATA(1, 0, "x"));
    FRAMES_PUT(g.f, DATA(1, END_STREAM, ""));
    for (size_t i = 0; i < g.f->out.len; i++) {
        guest_put(&g, &upload, SSL3_RT_APPLICATION_DATA, g.f->out.ptr + i, 1, i % 100);
        if (i % 1000 == 0)
            guest_put_key_updates(&g, &upload, FORGE_KEY_UPDATE_REQUESTED, 1);
    }
    bytes_clear(&g.f->out);
    guest_send(&g, &upload, CHECK_SOON_MS);
    bool ended = frames_until(g.f, frames_has_end, 1);
    unsigned status = g.f->streams[1].status;
    frames_close(g.f);
    assert_true(ended);
    assert_int_equal(status, 200);
}

/* One client's KeyUpdates lie ready before another one's request does. OpenSSL would handle them
 * all in one call. */
static void others_are_served_while_keys_are_updated(void **state)
{
    enum { UPDATES = 8000 };
    struct rig *rig = *state;
    rig_start_alone(rig, "[limits]\nidle_frames = 1000000\n");
    struct guest g = guest_open(rig, (struct wire_options){0});
    struct peer *bystander = rig_peer(rig, NULL);
    struct bytes flood = {0};
    guest_greet(&g);
    peer_settle(bystander);
    guest_put_key_updates(&g, &flood, FORGE_KEY_UPDATE, UPDATES);
    FRAMES_PUT(g.f, HEADERS(1, END_BOTH, HEAD_OF("GET", "/behind-the-updates")));
    guest_put_frames(&g, &flood);
    size_t size = flood.len;
    daemon_freeze(rig->daemon);
    /* Whatever the system does not take now is of no use: all of it must be there. */
    size_t sent = guest_send(&g, &flood, 0);
    peer_get(bystander, "/bystander", NULL);
    peer_ping(bystander);
    daemon_thaw(rig->daemon);
    assert_int_equal(sent, size);
    peer_settle(bystander);
    bool ended = frames_until(g.f, frames_has_end, 1);
    frames_close(g.f);
    assert_true(ended);
    json_t *first = daemon_log(rig->daemon, 0);
    const char *path = json_string_value(json_object_get(first, "path"));
    bool fair = path && strcmp(path, "/bystander") == 0;
    json_decref(first);
    assert_true(fair);
}

/* The processor time that the daemon takes in a while. */
static uint64_t cpu_ms_within(struct rig *rig, unsigned ms)
{
    uint64_t before = daemon_cpu_ms(rig->daemon);
    poll(NULL, 0, (int)ms);
    return daemon_cpu_ms(rig->daemon) - before;
}

/* The answers fill the socket; from then on there is nothing to do for the daemon but wait. */
static void updates_by_a_client_that_does_not_read_cost_nothing(void **state)
{
    enum { UPDATES = 200000, STEP = 10000, STILL_MS = 300, LOOK_MS = 1000 };
    struct rig *rig = *state;
    rig_start_alone(rig, "[limits]\nidle_frames = 1000000\n");
    struct guest g = guest_open(rig, (struct wire_options){.receive_bytes = 4096});
    struct peer *bystander = rig_peer(rig, NULL);
    size_t size = 0, sent = 0;
    guest_greet(&g);
    peer_settle(bystander);
    for (unsigned n = 0; sent == size && n < UPDATES; n += STEP) {
        struct bytes flood = {0};
        guest_put_key_updates(&g, &flood, FORGE_KEY_UPDATE_REQUESTED, STEP);
        size += flood.len;
        sent += guest_send(&g, &flood, check_slowed(STILL_MS));
    }
    /* What it has been sent may still keep it busy; what is to come must not. */
    uint64_t deadline = check_deadline(CHECK_SOON_MS), cpu_ms;
    do {
        cpu_ms = cpu_ms_within(rig, LOOK_MS);
    } while (cpu_ms > LOOK_MS / 4 && check_left(deadline) > 0);
    unsigned status = peer_fetch(bystander, "/alive")->status;
    frames_close(g.f);
    assert_int_equal(status, 200);
    assert_true(sent < size); /* it was made to wait */
    if (cpu_ms > LOOK_MS / 4)
        fail_msg("%llu ms of the processor within %d ms", (unsigned long long)cpu_ms, LOOK_MS);
}

/* It is closed after `stall`, as any client that does not read. */
static void updates_by_a_client_that_does_not_read_stall(void **state)
{
    enum { UPDATES = 100000 };
    struct rig *rig = *state;
    rig_start_alone(rig,
                    rig_text(rig, "[limits]\nidle_frames = 1000000\n[timeouts]\nstall = %ums\n",
                             check_slowed(500)));
    struct guest g = guest_open(rig, (struct wire_options){.receive_bytes = 4096});
    struct bytes flood = {0};
    guest_greet(&g);
    guest_put_key_updates(&g, &flood, FORGE_KEY_UPDATE_REQUESTED, UPDATES);
    guest_send(&g, &flood, CHECK_SOON_MS);
    struct pollfd polled = {g.f->wire->channel.fd, 0, 0};
    int ended = poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS)));
    frames_close(g.f);
    assert_int_equal(ended, 1);
    assert_true(polled.revents & (POLLHUP | POLLERR));
}

static bool has_data(const struct frames *f, uint32_t n)
{
    return f->streams[1].data >= n;
}

/* A download goes on when the client, which is slow to read it, asks for new keys. */
static void a_download_survives_key_updates(void **state)
{
    enum { BODY_BYTES = 8000000, ROUNDS = 70, STEP = 100000 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n"),
            PATTERN(BODY_BYTES));
    struct guest g = guest_open(rig, (struct wire_options){.receive_bytes = 4096});
    struct bytes asked = {0};
    guest_greet(&g);
    FRAMES_PUT(g.f, WINDOW_UPDATE(0, "\0\x7f\xff\xff"));
    FRAMES_PUT(g.f, HEADERS(1, END_BOTH, HEAD_OF("GET", "/large")));
    FRAMES_PUT(g.f, WINDOW_UPDATE(1, "\0\x7f\xff\xff"));
    guest_put_frames(&g, &asked);
    guest_send(&g, &asked, CHECK_SOON_MS);
    /* The daemon can send no more, so it waits in the middle of it. */
    assert_false(stub_reaches(stub, STUB_SENT, BODY_BYTES, 500));
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        struct bytes updates = {0};
        guest_put_key_updates(&g, &updates, FORGE_KEY_UPDATE_REQUESTED, 2);
        guest_send(&g, &updates, CHECK_SOON_MS);
        frames_until(g.f, has_data, i * STEP);
    }
    bool ended = frames_until(g.f, frames_has_end, 1);
    size_t got = g.f->streams[1].data;
    frames_close(g.f);
    assert_true(ended);
    assert_int_equal(got, BODY_BYTES);
}

static void put_half_a_key_update(struct guest *g)
{
    struct bytes half = {0};
    guest_put(g, &half, SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE, 4, 0);
    guest_send(g, &half, CHECK_SOON_MS);
}

/* Nothing can be written before the rest has come. */
static void half_a_key_update_holds_the_answer(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/held", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct guest g = guest_open(rig, (struct wire_options){0});
    struct bytes asked = {0}, rest = {0};
    guest_greet(&g);
    FRAMES_PUT(g.f, GET_HELD(1));
    guest_put_frames(&g, &asked);
    guest_send(&g, &asked, CHECK_SOON_MS);
    stub_wait(stub, STUB_REQUESTS, 1);
    put_half_a_key_update(&g);
    stub_open(stub, 0);
    stub_wait(stub, STUB_ANSWERED, 1);
    uint64_t cpu_ms = cpu_ms_within(rig, 300);
    guest_put(&g, &rest, SSL3_RT_HANDSHAKE, &FORGE_KEY_UPDATE[4], 1, 0);
    forge_update(&g.forge);
    guest_send(&g, &rest, CHECK_SOON_MS);
    bool ended = frames_until(g.f, frames_has_end, 1);
    frames_close(g.f);
    assert_true(ended);
    assert_in_range(cpu_ms, 0, 100);
}

static void half_a_key_update_stalls(void **state)
{
    struct rig *rig = *state;
    struct stub *stub =
        rig_start(rig, rig_text(rig, "[timeouts]\nstall = %ums\n", check_slowed(500)));
    STUB_ON(stub, "/held", AWAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"),
            PATTERN(60000));
    struct guest g = guest_open(rig, (struct wire_options){0});
    struct bytes asked = {0};
    guest_greet(&g);
    FRAMES_PUT(g.f, GET_HELD(1));
    guest_put_frames(&g, &asked);
    guest_send(&g, &asked, CHECK_SOON_MS);
    stub_wait(stub, STUB_REQUESTS, 1);
    put_half_a_key_update(&g);
    stub_open(stub, 0);
    bool over = frames_until(g.f, frames_is_over, 0);
    frames_close(g.f);
    assert_true(over);
    rig_check_failure(rig, "/held", "client-stalled");
}

/* A handshake in records of one byte each, and then no more: others are served, and `handshake`
 * ends it. */
static void a_handshake_in_small_records_ends(void **state)
{
    enum { RECORD = 6, RECORDS = 60000 };
    static const unsigned char head[] = {1, 1, 0xff, 0xff, 3, 3};
    struct rig *rig = *state;
    rig_start_alone(rig, rig_text(rig, "[timeouts]\nhandshake = %ums\n", check_slowed(1000)));
    struct peer *bystander = rig_peer(rig, NULL);
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct guest g = {.f = check_alloc(sizeof(*g.f))};
    struct bytes hello = {0};
    peer_settle(bystander);
    g.f->wire = wire_connect(&options);
    for (size_t i = 0; i < RECORDS; i++) {
        const unsigned char record[RECORD] = {22, 3, 1, 0, 1, i < sizeof(head) ? head[i] : 0};
        bytes_add(&hello, record, RECORD);
    }
    guest_send(&g, &hello, CHECK_SOON_MS);
    unsigned status = peer_fetch(bystander, "/alive")->status;
    bool ended = wire_ends(g.f->wire, CHECK_SOON_MS);
    wire_free(g.f->wire);
    free(g.f);
    assert_int_equal(status, 200);
    assert_true(ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(records_that_carry_nothing_are_limited),
        RIG_TEST(renegotiations_are_limited),
        RIG_TEST(an_upload_in_small_records_is_no_flood),
        RIG_TEST(others_are_served_while_keys_are_updated),
        RIG_TEST(updates_by_a_client_that_does_not_read_cost_nothing),
        RIG_TEST(updates_by_a_client_that_does_not_read_stall),
        RIG_TEST(a_download_survives_key_updates),
        RIG_TEST(half_a_key_update_holds_the_answer),
        RIG_TEST(half_a_key_update_stalls),
        RIG_TEST(a_handshake_in_small_records_ends),
    };
    return rig_run(tests);
}
