/* Clients that make the daemon hold as much as they can: its memory stays bounded, and who is
 * served beside them gets every answer. HEADSTART_CHECK_MEMORY=0 leaves the bound on resident
 * memory unchecked, for sanitizers and valgrind. */
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "rig.h"

enum {
    GROWTH_KIB = 64 << 10,
    PUSHERS = 20,
    PUSHES = 50,
    HELD_PUSHES = 128, /* at one time: half of the worker's connections carry pushes */
    HOLDERS = 10,
    HELD_STREAMS = 100,
    LARGE_BYTES = 4 << 20,
    SMALL_BYTES = 60000,
    START_BYTES = 40000,
    FETCHES = 3, /* of the neighbour, beside each attacker */
};

/* How a client leaves what it has asked for. */
enum manner {
    MANNER_ZERO,   /* windows of no byte */
    MANNER_ONE,    /* of one byte for each stream */
    MANNER_START,  /* of so much that the daemon has a large buffer filled again */
    MANNER_UNREAD, /* all windows are open, and the socket is not read */
};

struct scene {
    struct rig *rig;
    struct stub *stub;
    struct peer *neighbour;
    uint64_t before_kib;
    unsigned attackers;
};

static void check_neighbour(struct scene *scene)
{
    for (int i = 0; i < FETCHES; i++) {
        const struct peer_stream *s = peer_fetch(scene->neighbour, "/small");
        assert_int_equal(s->status, 200);
        assert_int_equal(s->error, 0);
        assert_int_equal(s->body_bytes, SMALL_BYTES);
        assert_true(s->body_is_pattern);
    }
}

/* One worker, so that the neighbour is served by the one that is attacked. */
static struct scene set_scene(struct rig *rig, const char *conf)
{
    struct scene scene = {.rig = rig, .stub = rig_start_alone(rig, conf)};
    STUB_ON(scene.stub, "/small", SEND("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"),
            PATTERN(SMALL_BYTES));
    STUB_ON(scene.stub, "/large", SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"),
            PATTERN(LARGE_BYTES));
    scene.neighbour = rig_peer(rig, NULL);
    check_neighbour(&scene);
    scene.before_kib = daemon_memory_kib(rig->daemon, "VmHWM");
    return scene;
}

static void check_growth(struct scene *scene, const char *what)
{
    const char *wanted = getenv("HEADSTART_CHECK_MEMORY");
    if (wanted && strcmp(wanted, "0") == 0)
        return;
    uint64_t kib = daemon_memory_kib(scene->rig->daemon, "VmHWM") - scene->before_kib;
    print_message("%s: the daemon took %llu KiB more\n", what, (unsigned long long)kib);
    if (kib >= GROWTH_KIB)
        fail_msg("the daemon took %llu KiB more", (unsigned long long)kib);
}

static bool at_once(const struct peer *p, const void *arg)
{
    (void)p, (void)arg;
    return true;
}

/* Sends what waits and reads nothing. */
static void send_only(struct peer *p)
{
    peer_runs(p, at_once, NULL, 0);
}

static struct peer *attacker(struct rig *rig, enum manner manner)
{
    struct peer_options options = {.manual = true};
    if (manner == MANNER_ONE)
        options.stream_window = 1;
    if (manner == MANNER_START) {
        options.stream_window = START_BYTES;
        options.window = INT32_MAX;
    }
    if (manner == MANNER_UNREAD) {
        options.stream_window = options.window = INT32_MAX;
        options.wire.receive_bytes = 4096;
    }
    struct peer *p = rig_peer(rig, &options);
    if (manner == MANNER_ZERO)
        peer_set(p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    return p;
}

/* All requests of an attacker go out at once. */
static void attack(struct scene *scene, enum manner manner, const char *path, size_t requests)
{
    struct peer *p = attacker(scene->rig, manner);
    for (size_t n = 0; n < requests; n++)
        peer_get(p, path, NULL);
    if (manner == MANNER_UNREAD)
        send_only(p);
    else
        peer_settle(p);
    check_neighbour(scene);
}

static const char *page_of_pushes(struct rig *rig)
{
    struct bytes page = {0};
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: ";
    bytes_add(&page, head, sizeof(head) - 1);
    for (int i = 0; i < PUSHES; i++) {
        const char *link = rig_text(rig, "%s</asset%d>;rel=preload", i ? "," : "", i);
        bytes_add(&page, link, strlen(link));
    }
    bytes_add(&page, "\r\n\r\n", 4);
    const char *text = rig_text(rig, "%s", bytes_text(&page));
    bytes_fini(&page);
    return text;
}

static void pushes_are_not_read(struct rig *rig, enum manner manner, const char *what)
{
    /* Pushes that wait do so all the time. */
    struct scene scene = set_scene(rig, "[push]\nmax_wait = 10m\n");
    const char *page = page_of_pushes(rig);
    STUB_ON(scene.stub, "/", SEND_TEXT(page));
    for (int i = 0; i < PUSHES; i++) {
        const char *path = rig_text(rig, "/asset%d", i);
        STUB_ON(scene.stub, path, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"),
                PATTERN(LARGE_BYTES));
    }
    for (int n = 0; n < PUSHERS; n++)
        attack(&scene, manner, "/", 1);
    stub_wait(scene.stub, STUB_OPEN_MOST, HELD_PUSHES);
    check_neighbour(&scene);
    check_growth(&scene, what);
}

static void pushes_at_window_zero_are_held_in_bounded_memory(void **state)
{
    pushes_are_not_read(*state, MANNER_ZERO, "1,000 pushes at window zero");
}

static void pushes_at_tiny_windows_are_held_in_bounded_memory(void **state)
{
    pushes_are_not_read(*state, MANNER_ONE, "1,000 pushes at windows of one byte");
}

static void pushes_to_sockets_that_are_not_read_are_held_in_bounded_memory(void **state)
{
    pushes_are_not_read(*state, MANNER_UNREAD, "1,000 pushes that are not read");
}

static void answers_are_not_read(struct rig *rig, enum manner manner, const char *path,
                                 const char *what)
{
    struct scene scene =
        set_scene(rig, rig_text(rig, "[timeouts]\nqueue = 10m\ngrace = %ums\n", check_slowed(200)));
    for (int n = 0; n < HOLDERS; n++)
        attack(&scene, manner, path, HELD_STREAMS);
    check_neighbour(&scene);
    check_growth(&scene, what);
}

static void streams_at_window_zero_are_held_in_bounded_memory(void **state)
{
    answers_are_not_read(*state, MANNER_ZERO, "/large", "1,000 streams at window zero");
}

static void streams_at_tiny_windows_are_held_in_bounded_memory(void **state)
{
    answers_are_not_read(*state, MANNER_ONE, "/large", "1,000 streams at windows of one byte");
}

static void streams_of_sockets_that_are_not_read_are_held_in_bounded_memory(void **state)
{
    answers_are_not_read(*state, MANNER_UNREAD, "/large", "1,000 streams that are not read");
}

/* The origin is done with these, and their connections are free: all of it is in our memory. */
static void small_answers_at_window_zero_are_held_in_bounded_memory(void **state)
{
    struct rig *rig = *state;
    struct scene scene = set_scene(rig, "");
    STUB_ON(scene.stub, "/fits", SEND("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n"),
            PATTERN(30000));
    for (int n = 0; n < HOLDERS; n++)
        attack(&scene, MANNER_ZERO, "/fits", HELD_STREAMS);
    stub_wait(scene.stub, STUB_REQUESTS, HOLDERS * HELD_STREAMS);
    check_neighbour(&scene);
    check_growth(&scene, "1,000 answers of 30,000 bytes at window zero");
}

static void answers_of_which_the_start_is_read_are_held_in_bounded_memory(void **state)
{
    enum { READERS = HOLDERS / 2 };
    struct rig *rig = *state;
    struct scene scene = set_scene(rig, "");
    STUB_ON(scene.stub, "/fits", SEND("HTTP/1.1 200 OK\r\nContent-Length: 97000\r\n\r\n"),
            PATTERN(97000));
    for (int n = 0; n < READERS; n++) {
        struct peer *p = attacker(rig, MANNER_START);
        int32_t ids[HELD_STREAMS];
        for (int i = 0; i < HELD_STREAMS; i++)
            ids[i] = peer_get(p, "/fits", NULL);
        for (int i = 0; i < HELD_STREAMS; i++)
            peer_until_bytes(p, ids[i], START_BYTES);
        check_neighbour(&scene);
    }
    /* The origin has said all of it. */
    stub_wait(scene.stub, STUB_ANSWERED, READERS * HELD_STREAMS + FETCHES * (READERS + 1));
    check_neighbour(&scene);
    check_growth(&scene, "500 answers of 97,000 bytes of which the start was read");
}

/* Header bombs: heads that are small on the wire and large when they are decoded. */
enum {
    FRAME_ROOM = 16384,
    VALUE_BYTES = 4000,
    BOMBS = 20,
};

/* GET https / a, then a field with a value of 1 or VALUE_BYTES bytes that enters the dynamic table,
 * then references to it up to `len` bytes. */
static void make_bomb(char *to, size_t value, size_t len)
{
    static const char request[] = "\x82\x87\x84\1\1a";
    static const char small[] = "\x40\1x\1y";
    static const char large[] = "\x40\1x\x7f\xa1\x1e"; /* VALUE_BYTES follow */
    const unsigned char reference = 0xbe;
    size_t n = sizeof(request) - 1;
    memcpy(to, request, n);
    if (value == 1) {
        memcpy(to + n, small, sizeof(small) - 1);
        n += sizeof(small) - 1;
    } else {
        memcpy(to + n, large, sizeof(large) - 1);
        n += sizeof(large) - 1;
        memset(to + n, 'y', value);
        n += value;
    }
    memset(to + n, reference, len - n);
}

static void put_block(struct frames *f, uint8_t type, uint8_t flags, uint32_t stream,
                      const char *bytes, size_t len)
{
    const struct frame frame = {FRAME_SEND, type, flags, stream, bytes, len, NULL, 0};
    frames_put(f, &frame);
}

/* Some times the limit: refused alone, again and again on the same connection. */
static void head_of_some_size_is_refused(struct scene *scene, size_t value, size_t len)
{
    static char bomb[FRAME_ROOM];
    struct frames *f = frames_greet(scene->rig);
    make_bomb(bomb, value, len);
    bool fine = true;
    for (uint32_t n = 0; fine && n < BOMBS; n++) {
        uint32_t stream = 2 * n + 1;
        put_block(f, NGHTTP2_HEADERS, END_BOTH, stream, bomb, len);
        fine = frames_until(f, frames_has_end, stream) && f->streams[stream].status == 431;
    }
    frames_close(f);
    assert_true(fine);
}

/* A HEADERS and seven CONTINUATIONs, 130,000 fields: ends the connection. */
static void bomb_ends_the_connection(struct scene *scene, size_t value)
{
    static char bomb[FRAME_ROOM], more[FRAME_ROOM];
    make_bomb(bomb, value, FRAME_ROOM);
    memset(more, bomb[FRAME_ROOM - 1], sizeof(more));
    for (int n = 0; n < BOMBS; n++) {
        struct frames *f = frames_greet(scene->rig);
        put_block(f, NGHTTP2_HEADERS, END_STREAM, 1, bomb, FRAME_ROOM);
        for (int i = 0; i < 7; i++)
            put_block(f, NGHTTP2_CONTINUATION, i == 6 ? END_HEADERS : 0, 1, more, FRAME_ROOM);
        bool over = frames_until(f, frames_is_over, 0);
        uint32_t code = f->goaway_code;
        frames_close(f);
        assert_true(over);
        assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

static void bombs_are_refused(struct rig *rig, size_t value, size_t len, const char *what)
{
    struct scene scene = set_scene(rig, "");
    head_of_some_size_is_refused(&scene, value, len);
    check_neighbour(&scene);
    bomb_ends_the_connection(&scene, value);
    check_neighbour(&scene);
    assert_int_equal(stub_times(scene.stub, "/"), 0);
    check_growth(&scene, what);
}

static void header_bombs_by_count_are_refused(void **state)
{
    bombs_are_refused(*state, 1, 10000, "heads of 130,000 small fields");
}

static void header_bombs_by_size_are_refused(void **state)
{
    bombs_are_refused(*state, VALUE_BYTES, 4200, "heads of 520 MB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(pushes_at_window_zero_are_held_in_bounded_memory),
        RIG_TEST(pushes_at_tiny_windows_are_held_in_bounded_memory),
        RIG_TEST(pushes_to_sockets_that_are_not_read_are_held_in_bounded_memory),
        RIG_TEST(streams_at_window_zero_are_held_in_bounded_memory),
        RIG_TEST(streams_at_tiny_windows_are_held_in_bounded_memory),
        RIG_TEST(streams_of_sockets_that_are_not_read_are_held_in_bounded_memory),
        RIG_TEST(small_answers_at_window_zero_are_held_in_bounded_memory),
        RIG_TEST(answers_of_which_the_start_is_read_are_held_in_bounded_memory),
        RIG_TEST(header_bombs_by_count_are_refused),
        RIG_TEST(header_bombs_by_size_are_refused),
    };
    return rig_run(tests);
}
