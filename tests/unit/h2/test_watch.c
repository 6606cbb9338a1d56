#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h2/watch.h"

enum { END_STREAM = 0x1, END_HEADERS = 0x4, PADDED = 0x8, PRIORITIZED = 0x20 };
enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, CONTINUATION = 9, UNKNOWN = 0xfa };
enum { PREFACE_BYTES = 24, MOST_BYTES = 40000 };

struct frame {
    uint8_t type, flags;
    uint32_t stream, length;
    uint32_t dependency;
};

struct bytes {
    char at[MOST_BYTES];
    size_t len;
};

static void put(struct bytes *b, uint32_t number, int count)
{
    for (int i = count - 1; i >= 0; i--)
        b->at[b->len++] = (char)(number >> (8 * i));
}

static void put_frame(struct bytes *b, const struct frame *f)
{
    assert_true(b->len + 9 + f->length < MOST_BYTES);
    put(b, f->length, 3);
    put(b, f->type, 1);
    put(b, f->flags, 1);
    put(b, f->stream, 4);
    size_t end = b->len + f->length;
    if (f->length >= 4)
        put(b, f->dependency, 4);
    while (b->len < end)
        b->at[b->len++] = '\0';
}

static void put_preface(struct bytes *b)
{
    memset(b->at, 'P', PREFACE_BYTES);
    b->len = PREFACE_BYTES;
}

/* Reads in pieces of `piece` bytes; `*fine` is counted from the first byte. */
static enum watch_fault read_pieces(struct watch *w, const struct bytes *b, size_t piece,
                                    size_t *fine)
{
    for (size_t at = 0; at < b->len; at += piece) {
        size_t n = b->len - at < piece ? b->len - at : piece;
        enum watch_fault fault = watch_read(w, span_of(b->at + at, n), fine);
        if (fault != WATCH_FINE) {
            *fine += at;
            return fault;
        }
    }
    return WATCH_FINE;
}

static const struct {
    const char *name;
    struct frame frames[6]; /* a stream of 0 and type DATA: no more */
    enum watch_fault fault; /* of the last of them */
} cases[] = {
    {"requests that rise",
     {{HEADERS, 5, 1, 9, 0}, {HEADERS, 5, 3, 0, 0}, {HEADERS, 5, 9, 1, 0}},
     WATCH_FINE},
    {"an upload", {{HEADERS, 4, 1, 9, 0}, {DATA, 0, 1, 100, 0}, {DATA, 1, 1, 0, 0}}, WATCH_FINE},
    {"trailers", {{HEADERS, 4, 1, 9, 0}, {HEADERS, 5, 1, 9, 0}}, WATCH_FINE},
    {"DATA after the end", {{HEADERS, 5, 1, 9, 0}, {DATA, 0, 1, 4, 0}}, WATCH_STREAM_CLOSED},
    {"HEADERS after the end", {{HEADERS, 5, 1, 9, 0}, {HEADERS, 5, 1, 9, 0}}, WATCH_STREAM_CLOSED},
    {"DATA after RST_STREAM",
     {{HEADERS, 4, 1, 9, 0}, {RST_STREAM, 0, 1, 4, 0}, {DATA, 0, 1, 4, 0}},
     WATCH_STREAM_CLOSED},
    {"the end of another stream",
     {{HEADERS, 4, 1, 9, 0}, {HEADERS, 5, 3, 9, 0}, {DATA, 1, 1, 4, 0}},
     WATCH_FINE},
    {"RST_STREAM twice",
     {{HEADERS, 4, 1, 9, 0}, {RST_STREAM, 0, 1, 4, 0}, {RST_STREAM, 0, 1, 4, 0}},
     WATCH_FINE},
    {"HEADERS on a stream passed over",
     {{HEADERS, 5, 5, 9, 0}, {HEADERS, 5, 3, 9, 0}},
     WATCH_PROTOCOL},
    {"DATA on a stream passed over",
     {{HEADERS, 5, 5, 9, 0}, {DATA, 1, 3, 9, 0}},
     WATCH_STREAM_CLOSED},
    {"RST_STREAM on a stream passed over",
     {{HEADERS, 5, 5, 9, 0}, {RST_STREAM, 0, 3, 4, 0}},
     WATCH_FINE},
    {"DATA on an idle stream is not ours to say", {{DATA, 1, 7, 4, 0}}, WATCH_FINE},
    {"nor are even ids", {{HEADERS, 5, 4, 9, 0}, {HEADERS, 5, 2, 9, 0}}, WATCH_FINE},
    {"nor what breaks into a block", {{HEADERS, 0, 5, 9, 0}, {HEADERS, 4, 3, 9, 0}}, WATCH_FINE},
    {"a block in pieces, then the next",
     {{HEADERS, 1, 1, 9, 0},
      {CONTINUATION, 0, 1, 0, 0},
      {CONTINUATION, 4, 1, 5, 0},
      {HEADERS, 5, 1, 9, 0}},
     WATCH_STREAM_CLOSED},
    {"PRIORITY does not open", {{PRIORITY, 0, 5, 5, 0}, {HEADERS, 5, 3, 9, 0}}, WATCH_FINE},
    {"PRIORITY on itself", {{PRIORITY, 0, 5, 5, 5}}, WATCH_PROTOCOL},
    {"PRIORITY on itself, exclusive", {{PRIORITY, 0, 5, 5, 0x80000005}}, WATCH_PROTOCOL},
    {"PRIORITY of the connection", {{PRIORITY, 0, 0, 5, 0}}, WATCH_PROTOCOL},
    {"PRIORITY of another length is not ours to say", {{PRIORITY, 0, 5, 6, 5}}, WATCH_FINE},
    {"the largest frame", {{UNKNOWN, 0, 0, 16384, 0}}, WATCH_FINE},
    {"a larger one", {{UNKNOWN, 0, 0, 16385, 0}}, WATCH_FRAME_SIZE},
    {"a larger CONTINUATION",
     {{HEADERS, 0, 1, 9, 0}, {CONTINUATION, 4, 1, 16385, 0}},
     WATCH_FRAME_SIZE},
    {"no room for the padding's length",
     {{HEADERS, 4, 1, 9, 0}, {DATA, PADDED, 1, 0, 0}},
     WATCH_FRAME_SIZE},
    {"room for that alone", {{HEADERS, 4, 1, 9, 0}, {DATA, PADDED, 1, 1, 0}}, WATCH_FINE},
    {"no room for priority",
     {{HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, 5, 0}},
     WATCH_FRAME_SIZE},
};

static void frames_are_judged_wherever_they_are_cut(void **state)
{
    static const size_t pieces[] = {1, 2, 5, 9, 10, 13, 24, 33, MOST_BYTES};
    static struct bytes bytes;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t last = 0;
        put_preface(&bytes);
        for (const struct frame *f = cases[i].frames; f->stream || f->type; f++) {
            last = bytes.len;
            put_frame(&bytes, f);
        }
        for (size_t j = 0; j < sizeof pieces / sizeof *pieces; j++) {
            struct watch w;
            size_t fine = 0;
            watch_init(&w);
            enum watch_fault fault = read_pieces(&w, &bytes, pieces[j], &fine);
            if (fault != cases[i].fault)
                fail_msg("%s, in pieces of %zu: %d", cases[i].name, pieces[j], (int)fault);
            /* A head that is cut was handed on in part. */
            if (fault != WATCH_FINE)
                assert_in_range(fine, last, last + WATCH_PEEK_BYTES);
            if (fault != WATCH_FINE && pieces[j] == MOST_BYTES)
                assert_int_equal(fine, last);
        }
    }
}

static void a_head_is_open_until_its_last_byte(void **state)
{
    static struct bytes bytes;
    struct watch w;
    size_t fine;
    (void)state;
    put_preface(&bytes);
    put_frame(&bytes, &(struct frame){SETTINGS, 0, 0, 6, 0});
    size_t begun = bytes.len + 9;
    put_frame(&bytes, &(struct frame){HEADERS, END_STREAM, 1, 20, 0});
    put_frame(&bytes, &(struct frame){CONTINUATION, END_HEADERS, 1, 4, 0});
    size_t done = bytes.len;
    put_frame(&bytes, &(struct frame){HEADERS, END_STREAM | END_HEADERS, 3, 0, 0});
    watch_init(&w);
    for (size_t i = 0; i < bytes.len; i++) {
        /* The preface counts until the first frame's head is there. */
        bool open = i < PREFACE_BYTES + 9 || (i >= begun && i < done);
        assert_int_equal(watch_is_in_head(&w), open);
        assert_int_equal(watch_read(&w, span_of(bytes.at + i, 1), &fine), WATCH_FINE);
    }
    assert_int_equal(watch_read(&w, SPAN("\0"), &fine), WATCH_FINE);
    assert_false(watch_is_in_head(&w));
}

static enum watch_fault say(struct watch *w, struct frame frame)
{
    static struct bytes bytes;
    size_t fine;
    bytes.len = 0;
    put_frame(&bytes, &frame);
    return watch_read(w, span_of(bytes.at, bytes.len), &fine);
}

static void only_the_newest_streams_are_remembered(void **state)
{
    static struct bytes bytes;
    struct watch w;
    size_t fine;
    const uint32_t first = 5, newest = first + 2 * (WATCH_STREAMS - 1);
    (void)state;
    put_preface(&bytes);
    watch_init(&w);
    assert_int_equal(watch_read(&w, span_of(bytes.at, bytes.len), &fine), WATCH_FINE);
    for (uint32_t id = first; id <= newest; id += 2)
        assert_int_equal(say(&w, (struct frame){HEADERS, 5, id, 9, 0}), WATCH_FINE);
    struct watch full = w;
    assert_int_equal(say(&w, (struct frame){DATA, 0, first, 9, 0}), WATCH_STREAM_CLOSED);
    w = full;
    assert_int_equal(say(&w, (struct frame){HEADERS, 5, newest + 2, 9, 0}), WATCH_FINE);
    assert_int_equal(say(&w, (struct frame){DATA, 0, first, 9, 0}), WATCH_FINE);
    assert_int_equal(say(&w, (struct frame){DATA, 0, first + 2, 9, 0}), WATCH_STREAM_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_judged_wherever_they_are_cut),
        cmocka_unit_test(a_head_is_open_until_its_last_byte),
        cmocka_unit_test(only_the_newest_streams_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
