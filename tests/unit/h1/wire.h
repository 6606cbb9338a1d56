/* wire.h - what a reader says of what comes from an origin, as text, however it comes. */
#ifndef UNIT_H1_WIRE_H
#define UNIT_H1_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "h1/reader.h"

enum { HEAD_BYTES = 512, TRANSCRIPT_BYTES = 8192 };

/* What a reader said of its input, as text. */
struct transcript {
    char text[TRANSCRIPT_BYTES];
    size_t len;
};

static inline void say(struct transcript *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void say(struct transcript *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->text + t->len, sizeof t->text - t->len, fmt, args);
    va_end(args);
    assert_in_range(n, 0, sizeof t->text - t->len - 1);
    t->len += (size_t)n;
}

static inline void say_fields(struct transcript *t, const char *prefix, const struct fields *fields)
{
    for (size_t i = 0; i < fields->len; i++) {
        const struct field *f = &fields->at[i];
        assert_int_equal(f->id, field_lookup(f->name));
        say(t, "%s%.*s: %.*s\n", prefix, SPAN_ARG(f->name), SPAN_ARG(f->value));
    }
}

static inline void say_head(struct transcript *t, const struct response *head)
{
    say(t, "%u ", head->status);
    switch (head->body.framing) {
    case BODY_NONE:
        say(t, "no body\n");
        break;
    case BODY_LENGTH:
        say(t, "length %llu\n", (unsigned long long)head->body.length);
        break;
    case BODY_UNKNOWN:
        say(t, "unknown length\n");
        break;
    }
    say_fields(t, "", &head->fields);
}

/* An origin's connection: what comes in is put behind the body that is there already, in one
 * block, as the pool does it. */
struct wire {
    struct h1_reader *reader;
    struct arena arena, interim;
    char *block;
    size_t body;
    bool ended, refused;
    struct transcript said;
};

static inline void wire_open(struct wire *w, const char *method, size_t bytes, bool strict)
{
    w->block = malloc(bytes + 1);
    w->body = 0;
    w->ended = w->refused = false;
    w->said.len = 0;
    w->said.text[0] = '\0';
    w->reader = h1_reader_new(HEAD_BYTES, strict);
    assert_true(w->block && w->reader);
    arena_init(&w->arena, NULL);
    arena_init(&w->interim, NULL);
    h1_reader_start(w->reader, span_str(method), &w->arena, &w->interim);
}

static inline void wire_close(struct wire *w)
{
    h1_reader_free(w->reader);
    arena_fini(&w->arena);
    arena_fini(&w->interim);
    free(w->block);
}

static inline void refused(struct wire *w)
{
    w->refused = true;
    w->said.len = 0;
    say(&w->said, "%s", h1_reader_why(w->reader));
}

/* An informational head may be gone with the next feed, and so it is. */
static inline void take_head(struct wire *w, const struct h1_fed *fed)
{
    bool is_interim = fed->head->status < 200;
    assert_ptr_equal(fed->head->fields.arena, is_interim ? &w->interim : &w->arena);
    assert_true(fed->head_bytes > 0);
    say_head(&w->said, fed->head);
    if (is_interim)
        arena_fini(&w->interim);
}

/* Feeds one piece; returns how much of it was not read because the response was complete. */
static inline size_t wire_feed(struct wire *w, struct span piece)
{
    char *at = w->block + w->body;
    size_t left = piece.len;
    memcpy(at, piece.ptr, piece.len);
    while (left > 0 && !w->ended) {
        struct h1_fed fed;
        enum h1_result result = h1_reader_feed(w->reader, at, left, w->block + w->body, &fed);
        if (result != H1_OK) {
            assert_int_equal(result, H1_MALFORMED);
            refused(w);
            return 0;
        }
        assert_true(fed.consumed <= left && fed.body <= fed.consumed);
        assert_true(fed.consumed > 0);
        if (fed.events & H1_HEAD)
            take_head(w, &fed);
        w->body += fed.body;
        at += fed.consumed;
        left -= fed.consumed;
        w->ended = fed.events & H1_END;
    }
    return left;
}

static inline void say_body(struct wire *w)
{
    if (w->body > 0)
        say(&w->said, "[%.*s]\n", (int)w->body, w->block);
}

/* How it ended: in order, by the close of the connection, or not at all. */
static inline void say_end(struct wire *w, size_t left)
{
    if (w->refused)
        return;
    if (w->ended) {
        say_body(w);
        say_fields(&w->said, "trailer ", h1_reader_trailers(w->reader));
        say(&w->said, h1_reader_keeps_alive(w->reader) ? "keep" : "close");
        if (left > 0)
            say(&w->said, ", %zu left", left);
        return;
    }
    bool complete = h1_reader_finish(w->reader);
    say_body(w);
    say(&w->said, complete ? "ended by close" : "cut");
    assert_false(h1_reader_keeps_alive(w->reader));
}

/* What comes in: the response to `method`. */
struct input {
    const char *method;
    struct span text;
    bool strict;
};

/* What a reader says when the input comes as `n` pieces that end at `ends`. */
static inline void read_pieces(struct wire *w, const struct input *input, const size_t *ends,
                               size_t n)
{
    struct span in = input->text;
    size_t left = 0, from = 0;
    wire_open(w, input->method, in.len, input->strict);
    assert_false(h1_reader_has_begun(w->reader));
    for (size_t i = 0; i < n && !w->refused; i++) {
        struct span piece = {in.ptr + from, ends[i] - from};
        left += w->ended ? piece.len : wire_feed(w, piece);
        from = ends[i];
    }
    assert_int_equal(h1_reader_has_begun(w->reader), in.len > 0);
    say_end(w, left);
}

/* Returns the quirks. */
static inline unsigned expect(const struct input *input, const size_t *ends, size_t n,
                              const char *expected)
{
    struct wire w;
    read_pieces(&w, input, ends, n);
    if (strcmp(w.said.text, expected) != 0) {
        fail_msg("%.*s\n%s, in %zu pieces, the first of %zu bytes, came\n%s\nnot\n%s",
                 SPAN_ARG(input->text), input->strict ? "strictly" : "leniently", n, ends[0],
                 w.said.text, expected);
    }
    unsigned quirks = h1_reader_quirks(w.reader);
    assert_true(!input->strict || quirks == 0);
    wire_close(&w);
    return quirks;
}

/* What it says when all comes at once is also what it says when it comes in two pieces, wherever
 * they meet, and byte by byte. Returns the quirks. */
static inline unsigned expect_however_it_comes(const struct input *input, const char *expected)
{
    size_t ends[2048] = {0}, len = input->text.len;
    assert_in_range(len, 1, ARRAY_LEN(ends));
    unsigned quirks = expect(input, &len, 1, expected);
    for (size_t i = 0; i < len; i++)
        ends[i] = i + 1;
    assert_int_equal(expect(input, ends, len, expected), quirks);
    for (size_t split = 1; split < len; split++)
        assert_int_equal(expect(input, (size_t[]){split, len}, 2, expected), quirks);
    return quirks;
}

/* Strictly and leniently it is the same. */
static inline void expect_either_way(const char *method, struct span in, const char *expected)
{
    assert_int_equal(expect_however_it_comes(&(struct input){method, in, true}, expected), 0);
    (void)expect_however_it_comes(&(struct input){method, in, false}, expected);
}

struct reader_case {
    const char *method;
    struct span in;
    const char *out;
};

#define CASE(method, in, out)                                                                      \
    {                                                                                              \
        method, {in, sizeof(in) - 1}, out                                                          \
    }
#define GET(in, out) CASE("GET", in, out)

static inline void check(const struct reader_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++)
        expect_either_way(cases[i].method, cases[i].in, cases[i].out);
}

#define CHUNKED         "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
#define IS_CHUNKED      "200 unknown length\ntransfer-encoding: chunked\n"
#define OK_WITH(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

#endif
