/* The limits that libnghttp2 has of its own: those that can be set are behind ours, the others are
 * where docs/security.md says ("Limits of libraries"), and whatever ends a connection is logged. */
#include <stdlib.h>
#include <string.h>

#include "hpack.h"
#include "page.h"

enum {
    ANSWERED = 1500, /* libnghttp2 takes 1,000 resets, and 33 more a second */
    PAGES = 30,
    PUSHES = 50,
    FIELD_MOST = 65536,
    FRAME_ROOM = 16384,
};

static void expect_logged(struct rig *rig, const char *words)
{
    if (!daemon_says(rig->daemon, words, CHECK_SOON_MS))
        fail_msg("nothing is logged of %s", words);
}

static void put_reset(struct peer *p, int32_t id)
{
    const char frame[] = {0, 0, 4, 3, 0, 0, 0, (char)(id >> 8), (char)id, 0, 0, 0, NGHTTP2_CANCEL};
    peer_raw(p, frame, sizeof(frame));
}

/* Its stream is closed for both sides: nothing is abandoned. */
static void a_reset_after_a_complete_answer_costs_nothing(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 20\nidle_frames = 200\n");
    STUB_ON(stub, "/204", SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    struct peer *p = rig_peer(rig, NULL);
    for (int n = 0; n < ANSWERED && !peer_is_over(p); n++) {
        int32_t id = peer_get(p, n % 2 ? "/204" : "/", NULL);
        peer_until_closed(p, id);
        put_reset(p, id);
    }
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
}

/* A page with links that no other page has. */
static const char *page_with_links(struct rig *rig, int number)
{
    static const char start[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: ";
    struct bytes head = {0};
    bytes_add(&head, start, sizeof(start) - 1);
    for (int i = 0; i < PUSHES; i++) {
        char *link = check_printf("%s</asset%d-%d>;rel=preload", i ? "," : "", number, i);
        bytes_add(&head, link, strlen(link));
        free(link);
    }
    bytes_add(&head, "\r\n\r\n", 4);
    const char *text = rig_text(rig, "%s", bytes_text(&head));
    bytes_fini(&head);
    return text;
}

static void refusing_every_push_of_many_pages_costs_nothing(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nresets = 20\nidle_frames = 200\n");
    struct peer *p = rig_peer(rig, NULL);
    size_t reset = 0;
    for (int n = 0; n < PAGES && !peer_is_over(p); n++) {
        const char *path = rig_text(rig, "/page%d", n);
        STUB_ON(stub, path, SEND_TEXT(page_with_links(rig, n)));
        peer_until_closed(p, peer_get(p, path, NULL));
        for (; reset < peer_pushes(p); reset++)
            peer_reset(p, peer_push(p, reset)->id, NGHTTP2_CANCEL);
        peer_settle(p);
    }
    assert_int_equal(reset, PAGES * PUSHES);
    assert_int_equal(peer_fetch(p, "/alive")->status, 200);
    assert_int_equal(peer_count(p, PEER_GOAWAY), 0);
}

/* A literal field "x" with `len` bytes, without an index. */
static void add_field(struct bytes *block, size_t len)
{
    bytes_add(block, "\0\1x\x7f", 4);
    for (size_t left = len - 127;; left >>= 7) {
        char byte = (char)((left & 0x7f) | (left >= 128 ? 0x80 : 0));
        bytes_add(block, &byte, 1);
        if (left < 128)
            break;
    }
    char *value = check_alloc(len);
    memset(value, 'v', len);
    bytes_add(block, value, len);
    free(value);
}

/* A request with a header block of any length, in full frames. */
static void put_block(struct frames *f, uint32_t stream, const struct bytes *block)
{
    for (size_t at = 0; at < block->len; at += FRAME_ROOM) {
        size_t n = block->len - at < FRAME_ROOM ? block->len - at : FRAME_ROOM;
        uint8_t flags =
            (uint8_t)((at == 0 ? END_STREAM : 0) | (at + n == block->len ? END_HEADERS : 0));
        const struct frame frame = {FRAME_SEND,
                                    at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
                                    flags,
                                    stream,
                                    block->ptr + at,
                                    n,
                                    NULL,
                                    0};
        frames_put(f, &frame);
    }
}

static struct frames *ask_with_fields(struct rig *rig, size_t fields, size_t len)
{
    struct frames *f = frames_greet(rig);
    struct bytes block = {0};
    bytes_add(&block, "\x82\x87\x84\1\1a", 6);
    for (size_t n = 0; n < fields; n++)
        add_field(&block, len);
    put_block(f, 1, &block);
    bytes_fini(&block);
    return f;
}

static void a_field_of_64_kib_is_too_large_for_the_request(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct frames *f = ask_with_fields(rig, 1, FIELD_MOST);
    bool ended = frames_until(f, frames_has_end, 1);
    unsigned status = f->streams[1].status;
    bool settled = frames_settle(f);
    frames_close(f);
    assert_true(ended && settled);
    assert_int_equal(status, 431);
}

static void a_field_of_more_is_too_large_for_the_decoder(void **state)
{
    static const size_t lens[] = {FIELD_MOST + 1, 500000};
    struct rig *rig = *state;
    rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(lens); i++) {
        struct frames *f = ask_with_fields(rig, 1, lens[i]);
        bool over = frames_until(f, frames_is_over, 0);
        uint32_t code = f->goaway_code;
        frames_close(f);
        assert_true(over);
        assert_int_equal(code, NGHTTP2_COMPRESSION_ERROR);
    }
    expect_logged(rig,
                  "info: client 127.0.0.1: the connection ends with COMPRESSION_ERROR: a header "
                  "block is no HPACK, or has a name or a value of over 64 KiB");
}

static void a_head_of_500_kb_is_refused_alone(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct frames *f = ask_with_fields(rig, 50, 10000);
    bool ended = frames_until(f, frames_has_end, 1);
    unsigned status = f->streams[1].status;
    bool settled = frames_settle(f);
    frames_close(f);
    assert_true(ended && settled);
    assert_int_equal(status, 431);
}

static void what_ends_a_connection_is_logged_in_words(void **state)
{
    static const struct {
        struct frame frame;
        size_t times;
        uint32_t code;
        const char *words;
    } cases[] = {
        {FRAME(NGHTTP2_PING, 0, 1, "12345678"), 1, NGHTTP2_PROTOCOL_ERROR,
         "PROTOCOL_ERROR: PING: stream_id != 0"},
        {FILLED(NGHTTP2_SETTINGS, 0, 0, 33 * 6), 1, NGHTTP2_ENHANCE_YOUR_CALM,
         "ENHANCE_YOUR_CALM: SETTINGS: too many setting entries"},
        {HEADERS(1, 0, GET_FIELDS), 2, NGHTTP2_PROTOCOL_ERROR, "PROTOCOL_ERROR: "},
        {FILLED(NGHTTP2_DATA, 0, 1, 16385), 1, NGHTTP2_FRAME_SIZE_ERROR,
         "FRAME_SIZE_ERROR: a frame that may not come where it came"},
    };
    struct rig *rig = *state;
    rig_start(rig, "");
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct frames *f = frames_greet(rig);
        for (size_t n = 0; n < cases[i].times; n++)
            frames_put(f, &cases[i].frame);
        bool over = frames_until(f, frames_is_over, 0);
        uint32_t code = f->goaway_code;
        frames_close(f);
        if (!over || code != cases[i].code)
            fail_msg("case %zu: over %d, %u", i, over, code);
        expect_logged(rig, rig_text(rig, "info: client 127.0.0.1: the connection ends with %s",
                                    cases[i].words));
    }
}

static void continuations_beyond_what_a_head_needs_end_the_connection(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct frames *f = frames_greet(rig);
    FRAMES_PUT(f, HEADERS(1, 0, GET_FIELDS));
    for (int n = 0; n < 41; n++)
        FRAMES_PUT(f, CONTINUATION(1, 0, "x: y\n"));
    bool over = frames_until(f, frames_is_over, 0);
    uint32_t code = f->goaway_code;
    frames_close(f);
    assert_true(over);
    assert_int_equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
    expect_logged(rig, "ENHANCE_YOUR_CALM: Too many CONTINUATION frames");
}

/* Before the client has acknowledged our SETTINGS it may not know better. */
static void a_stream_beyond_the_limit_is_refused_and_then_an_error(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nstreams = 2\n");
    STUB_ON(stub, "/held", AWAIT(0));
    struct frames *f = frames_open(rig);
    FRAMES_PUT(f, RAW_BYTES(NGHTTP2_CLIENT_MAGIC));
    FRAMES_PUT(f, SETTINGS(""));
    for (uint32_t id = 1; id < 7; id += 2)
        FRAMES_PUT(f, GET_HELD(id));
    bool settled = frames_settle(f);
    bool refused = f->streams[5].reset && f->streams[5].reset_code == REFUSED_STREAM;
    unsigned resets = f->resets;
    FRAMES_PUT(f, FRAME(NGHTTP2_SETTINGS, ACK, 0, ""));
    FRAMES_PUT(f, GET_HELD(7));
    bool over = frames_until(f, frames_is_over, 0);
    uint32_t code = f->goaway_code;
    frames_close(f);
    assert_true(settled && refused && over);
    assert_int_equal(resets, 1);
    assert_int_equal(code, NGHTTP2_PROTOCOL_ERROR);
    expect_logged(rig, "max concurrent streams exceeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_reset_after_a_complete_answer_costs_nothing),
        RIG_TEST(refusing_every_push_of_many_pages_costs_nothing),
        RIG_TEST(a_field_of_64_kib_is_too_large_for_the_request),
        RIG_TEST(a_field_of_more_is_too_large_for_the_decoder),
        RIG_TEST(a_head_of_500_kb_is_refused_alone),
        RIG_TEST(what_ends_a_connection_is_logged_in_words),
        RIG_TEST(continuations_beyond_what_a_head_needs_end_the_connection),
        RIG_TEST(a_stream_beyond_the_limit_is_refused_and_then_an_error),
    };
    return rig_run(tests);
}
