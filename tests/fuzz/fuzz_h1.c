/* The reader of responses: what comes in pieces reads as what comes at once, to the byte and to the
 * end; an end stands where the framing puts it; a connection is clean only if both ends say so.
 * What a strict reader reads, a lenient one reads in the same way and without a quirk. */
#include <stdlib.h>

#include "h1/reader.h"

#include "input.h"

enum { HEAD_BYTES = 512, MESSAGES = 3 };

/* What was read of one response. */
struct message {
    struct span heads; /* all of them, as text */
    struct span body, trailers;
    const struct response *final;
    size_t head_end, end; /* in the input; end: with `ended` */
    bool ended, keeps_alive, malformed, closed_in_order;
    unsigned quirks;
};

/* A reading of the input: in whole, or in pieces. */
struct reading {
    bool strict;
    struct arena arena, interim;
    char *block;
    struct message messages[MESSAGES];
    size_t len;
};

static struct span fields_text(struct span before, const struct fields *fields, struct arena *arena)
{
    struct span text = before;
    for (size_t i = 0; i < fields->len; i++) {
        const struct field *f = &fields->at[i];
        const struct span parts[] = {text, f->name, SPAN(": "), f->value, SPAN("\n")};
        assert(field_name_is_valid(f->name) && field_value_is_valid(f->value));
        assert(f->id == field_lookup(f->name) && span_eq(span_trim(f->value), f->value));
        text = arena_join(arena, parts, ARRAY_LEN(parts));
    }
    return text;
}

static void check_framing_fields(const struct response *head)
{
    size_t lengths = 0;
    for (size_t i = 0; i < head->fields.len; i++)
        lengths += head->fields.at[i].id == FIELD_CONTENT_LENGTH;
    assert(lengths <= 1);
    if (lengths == 0)
        return;
    uint64_t length;
    assert(span_to_u64(fields_value(&head->fields, FIELD_CONTENT_LENGTH), UINT64_MAX, &length));
    assert(!fields_get(&head->fields, FIELD_TRANSFER_ENCODING));
    assert(head->body.framing == BODY_NONE ||
           (head->body.framing == BODY_LENGTH && head->body.length == length));
}

static void note_head(struct message *m, const struct response *head, struct arena *arena,
                      bool strict)
{
    assert(!m->final && head->status >= 100 && head->status <= (strict ? 599 : 999));
    assert(head->status != 101);
    check_framing_fields(head);
    struct span line = arena_printf(arena, "%.*s%u %d %llu\n", SPAN_ARG(m->heads), head->status,
                                    (int)head->body.framing, (unsigned long long)head->body.length);
    m->heads = fields_text(line, &head->fields, arena);
    if (head->status >= 200)
        m->final = head;
}

/* Feeds the bytes from `*at` to `end`, which are put behind the body that is there already. */
static void feed(struct reading *r, struct message *m, struct h1_reader *reader, struct span in,
                 size_t *at, size_t end)
{
    char *piece = r->block + m->body.len;
    memcpy(piece, in.ptr + *at, end - *at);
    while (*at < end && !m->ended) {
        struct h1_fed fed;
        enum h1_result result =
            h1_reader_feed(reader, piece, end - *at, r->block + m->body.len, &fed);
        assert(result != H1_NO_MEMORY);
        m->malformed = result == H1_MALFORMED;
        assert(m->malformed == (h1_reader_why(reader)[0] != '\0'));
        if (m->malformed)
            return;
        assert(fed.consumed > 0 && fed.consumed <= end - *at && fed.body <= fed.consumed);
        piece += fed.consumed;
        *at += fed.consumed;
        if (fed.events & H1_HEAD) {
            note_head(m, fed.head, &r->arena, r->strict);
            m->head_end = *at;
            if (fed.head->status < 200)
                arena_fini(&r->interim);
        }
        m->body.len += fed.body;
        m->ended = fed.events & H1_END;
    }
}

/* Reads one response, which begins at `*at`. */
static void read_message(struct reading *r, struct message *m, struct h1_reader *reader,
                         struct span in, size_t *at, struct input *cuts)
{
    while (*at < in.len && !m->ended && !m->malformed) {
        size_t len = cuts->rest.len > 0 ? 1 + input_below(cuts, 64) : in.len - *at;
        feed(r, m, reader, in, at, len < in.len - *at ? *at + len : in.len);
    }
    assert(!(m->ended && m->malformed));
    m->end = *at;
    m->quirks = h1_reader_quirks(reader);
    m->keeps_alive = h1_reader_keeps_alive(reader);
    assert(!(m->keeps_alive && m->quirks != 0) && !(r->strict && m->quirks != 0));
    if (m->ended)
        m->trailers = fields_text(SPAN(""), h1_reader_trailers(reader), &r->arena);
    else if (!m->malformed)
        m->closed_in_order = h1_reader_finish(reader);
    m->body = arena_dup(&r->arena, span_of(r->block, m->body.len));
}

/* Reads one response after the other from one connection, as long as it may be used again. */
static void read_all(struct reading *r, struct span in, struct span method, struct input cuts,
                     bool strict)
{
    struct h1_reader *reader = h1_reader_new(HEAD_BYTES, strict);
    size_t at = 0;
    bool more = true;
    *r = (struct reading){.block = malloc(in.len + 1), .strict = strict};
    assert(reader && r->block);
    arena_init(&r->arena, NULL);
    arena_init(&r->interim, NULL);
    while (more && r->len < MESSAGES) {
        struct message *m = &r->messages[r->len++];
        h1_reader_start(reader, method, &r->arena, &r->interim);
        assert(!h1_reader_has_begun(reader) && !h1_reader_keeps_alive(reader));
        read_message(r, m, reader, in, &at, &cuts);
        more = m->ended && m->keeps_alive && at < in.len;
    }
    h1_reader_free(reader);
    assert(!r->arena.failed);
}

static void reading_fini(struct reading *r)
{
    free(r->block);
    arena_fini(&r->arena);
    arena_fini(&r->interim);
}

static void check_same(const struct reading *whole, const struct reading *pieces)
{
    assert(whole->len == pieces->len);
    for (size_t i = 0; i < whole->len; i++) {
        const struct message *a = &whole->messages[i], *b = &pieces->messages[i];
        assert(a->malformed == b->malformed);
        if (a->malformed)
            continue; /* how much was read before that was seen is chance */
        assert(span_eq(a->heads, b->heads) && span_eq(a->body, b->body));
        assert(span_eq(a->trailers, b->trailers) && a->quirks == b->quirks);
        assert(a->ended == b->ended && a->end == b->end && a->keeps_alive == b->keeps_alive);
        assert(a->closed_in_order == b->closed_in_order);
    }
}

static int hex_digit(char c)
{
    char low = span_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The bytes of the line end at `at`: CRLF, or LF alone where that may be. */
static size_t line_end(struct span in, size_t at, bool strict)
{
    size_t len = in.ptr[at] == '\r' ? 2 : 1;
    assert(in.ptr[at + len - 1] == '\n' && (!strict || len == 2));
    return len;
}

/* A second, plain decoder of chunks. Returns where the response ends. */
static size_t decode_chunks(struct span in, size_t at, char *body, size_t *body_len, bool strict)
{
    size_t size = 1;
    while (size > 0) {
        size_t digits = 0;
        for (size = 0; hex_digit(in.ptr[at]) >= 0; at++, digits++)
            size = size * 16 + (size_t)hex_digit(in.ptr[at]);
        assert(digits > 0);
        at += span_find(span_from(in, at), '\n') + 1;
        assert(at <= in.len && (!strict || in.ptr[at - 2] == '\r') && size <= in.len - at);
        memcpy(body + *body_len, in.ptr + at, size);
        *body_len += size;
        at += size;
        if (size > 0)
            at += line_end(in, at, strict);
    }
    while (in.ptr[at] != '\r' && in.ptr[at] != '\n')
        at += span_find(span_from(in, at), '\n') + 1;
    return at + line_end(in, at, strict);
}

static void check_chunks(const struct message *m, struct span in, bool strict)
{
    char *body = malloc(in.len);
    size_t len = 0;
    assert(body);
    assert(decode_chunks(in, m->head_end, body, &len, strict) == m->end);
    assert(span_eq(m->body, span_of(body, len)));
    free(body);
}

/* The end is where the framing says. */
static void check_end(const struct message *m, struct span in, bool strict)
{
    const struct response *head = m->final;
    bool chunked = head && fields_get(&head->fields, FIELD_TRANSFER_ENCODING);
    if (m->closed_in_order)
        assert(head && head->body.framing == BODY_UNKNOWN && !chunked);
    if (m->keeps_alive)
        assert(m->ended);
    if (!m->ended)
        return;
    assert(head);
    if (fields_list_has(&head->fields, FIELD_CONNECTION, SPAN("close")))
        assert(!m->keeps_alive);
    switch (head->body.framing) {
    case BODY_NONE:
        assert(m->body.len == 0 && m->end == m->head_end);
        break;
    case BODY_LENGTH:
        assert(m->body.len == head->body.length && m->end == m->head_end + m->body.len);
        assert(span_eq(m->body, span_of(in.ptr + m->head_end, m->body.len)));
        break;
    case BODY_UNKNOWN:
        assert(chunked);
        check_chunks(m, in, strict);
        break;
    }
}

/* At once and in pieces; the first stays in `whole`. */
static void read_both_ways(struct reading *whole, struct span in, struct span method,
                           struct input cuts, bool strict)
{
    struct reading pieces;
    read_all(whole, in, method, (struct input){SPAN("")}, strict);
    read_all(&pieces, in, method, cuts, strict);
    check_same(whole, &pieces);
    for (size_t i = 0; i < whole->len; i++)
        check_end(&whole->messages[i], in, strict);
    reading_fini(&pieces);
}

/* The lenient reader differs only in what the strict one refuses, or has not seen enough of. */
static void check_leniency(const struct reading *strictly, const struct reading *leniently)
{
    for (size_t i = 0; i < strictly->len && !strictly->messages[i].malformed; i++) {
        const struct message *a = &strictly->messages[i], *b = &leniently->messages[i];
        assert(i < leniently->len && !b->malformed && b->quirks == 0);
        assert(span_eq(a->heads, b->heads) && span_eq(a->body, b->body));
        assert(span_eq(a->trailers, b->trailers) && a->ended == b->ended && a->end == b->end);
        assert(a->keeps_alive == b->keeps_alive && a->closed_in_order == b->closed_in_order);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span methods[] = {
        {"GET", 3},
        {"HEAD", 4},
        {"POST", 4},
    };
    struct input in = input_of(data, size);
    struct span method = methods[input_below(&in, ARRAY_LEN(methods))];
    struct input cuts = {input_bytes(&in, input_below(&in, 32))};
    struct reading strictly, leniently;
    read_both_ways(&strictly, in.rest, method, cuts, true);
    read_both_ways(&leniently, in.rest, method, cuts, false);
    check_leniency(&strictly, &leniently);
    reading_fini(&strictly);
    reading_fini(&leniently);
    return 0;
}
