#include "h1/reader.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "h1/chunks.h"
#include "h1/head.h"

enum phase {
    PHASE_HEAD, /* collecting the lines of a head */
    PHASE_LENGTH,
    PHASE_CHUNKS,
    PHASE_TRAILERS, /* collecting the lines after the last chunk */
    PHASE_CLOSE,    /* a body that the close of the connection ends */
    PHASE_END,
};

enum { MAX_EMPTY_LINES = 16 };

struct h1_reader {
    enum phase phase;
    size_t head_bytes;
    struct arena *arena, *interim;
    bool is_head_method, begun, keeps_alive;
    struct h1_quirks quirks;
    unsigned empty_lines;       /* that stood before status lines */
    bool empty_line_has_its_cr; /* the last byte was the CR of one more */

    char *pending; /* the lines of a head, or of trailers, that came in pieces */
    size_t pending_len, pending_capacity;
    size_t line;     /* where the first line begins that was not complete yet */
    size_t clean;    /* how far that was looked at */
    size_t lone_lfs; /* lines before it that end in LF alone */

    uint64_t left; /* of a body with a length */
    struct h1_chunks chunks;
    struct fields trailers;
    const char *why;
};

struct h1_reader *h1_reader_new(size_t head_bytes, bool strict)
{
    struct h1_reader *r = mem_zalloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->head_bytes = head_bytes;
    r->quirks.strict = strict;
    return r;
}

void h1_reader_free(struct h1_reader *r)
{
    if (!r)
        return;
    mem_free(r->pending);
    mem_free(r);
}

static void drop_pending(struct h1_reader *r)
{
    mem_free(r->pending);
    r->pending = NULL;
    r->pending_len = r->pending_capacity = r->line = r->clean = r->lone_lfs = 0;
}

void h1_reader_start(struct h1_reader *r, struct span method, struct arena *arena,
                     struct arena *interim)
{
    r->phase = PHASE_HEAD;
    r->arena = arena;
    r->interim = interim;
    r->is_head_method = span_eq(method, SPAN("HEAD"));
    r->begun = r->keeps_alive = r->empty_line_has_its_cr = false;
    r->quirks.seen = r->empty_lines = 0;
    r->why = NULL;
    drop_pending(r);
    fields_init(&r->trailers, arena);
}

static enum h1_result refuse(struct h1_reader *r, const char *why)
{
    r->why = why;
    return H1_MALFORMED;
}

static enum h1_result out_of_memory(struct h1_reader *r)
{
    r->why = "memory is out";
    return H1_NO_MEMORY;
}

enum { CRLF_BYTES = 2 };

/* A lenient reader takes LF alone for the end of a line (RFC 9112 §2.2). Returns its length, or 0.
 */
static RARE size_t lone_lf(struct h1_reader *r, struct span rest)
{
    if (rest.len == 0 || rest.ptr[0] != '\n' || !h1_quirk_passes(&r->quirks, H1_QUIRK_LINE_LF))
        return 0;
    r->lone_lfs++;
    return 1;
}

/* The length of the line end that stands at `at`; 0: none does. */
static inline size_t line_end(struct h1_reader *r, struct span text, size_t at)
{
    const char *end = text.ptr + at;
    if (text.len - at >= CRLF_BYTES && end[0] == '\r' && end[1] == '\n')
        return CRLF_BYTES;
    return lone_lf(r, span_from(text, at));
}

static bool is_folded(struct span text, size_t line)
{
    return line < text.len && (text.ptr[line] == ' ' || text.ptr[line] == '\t');
}

/* Why a line whose text is followed by `rest`, which is no end of it, cannot be right; NULL if more
 * of it may come. */
static const char *line_fault(struct span rest)
{
    if (rest.len == 0 || (rest.len == 1 && rest.ptr[0] == '\r'))
        return NULL;
    if (rest.ptr[0] == '\n')
        return "a line does not end in CRLF";
    return rest.ptr[0] == '\r' ? "a line holds a bare CR" : "a line holds a control byte";
}

/* The length of the lines up to the empty one, with it; 0 if that has not come; r->why if the lines
 * cannot be right. Each byte is looked at once, however they come. */
static size_t find_empty_line(struct h1_reader *r, struct span text)
{
    size_t line = r->line, at = r->clean;
    while (!is_folded(text, line)) {
        at = field_value_end(text, at);
        size_t end = line_end(r, text, at);
        if (end == 0) {
            r->line = line;
            r->clean = at;
            r->why = line_fault(span_from(text, at));
            return 0;
        }
        at += end;
        if (at - line == end)
            return at;
        line = at;
    }
    r->why = "a field line is folded";
    return 0;
}

static const char no_start[] = "it does not begin with HTTP/1.";

static bool can_be_head(struct span text)
{
    struct span start = SPAN("HTTP/1.");
    if (text.len < start.len)
        start.len = text.len;
    return span_starts(text, start);
}

static bool keep_pending(struct h1_reader *r, struct span more)
{
    size_t need = r->pending_len + more.len;
    if (need > r->pending_capacity) {
        size_t capacity = need * 2;
        char *grown = mem_resize(r->pending, capacity, 1);
        if (!grown)
            return false;
        r->pending = grown;
        r->pending_capacity = capacity;
    }
    memcpy(r->pending + r->pending_len, more.ptr, more.len);
    r->pending_len = need;
    return true;
}

/* Collects lines up to the empty one. `*lines` is set to them once they are there, and stays
 * valid until drop_pending(); until then it is empty. */
static enum h1_result collect(struct h1_reader *r, struct span input, struct span *lines,
                              struct h1_fed *out)
{
    size_t before = r->pending_len, allowed = r->head_bytes + 1 - before;
    struct span text = {input.ptr, input.len < allowed ? input.len : allowed};
    *lines = SPAN("");
    if (before > 0) {
        if (!keep_pending(r, text))
            return out_of_memory(r);
        text = span_of(r->pending, r->pending_len);
    }
    if (r->phase == PHASE_HEAD && !can_be_head(text))
        return refuse(r, no_start);
    size_t len = find_empty_line(r, text);
    if (r->why)
        return H1_MALFORMED;
    if (text.len > r->head_bytes && (len == 0 || len > r->head_bytes)) {
        return refuse(r, r->phase == PHASE_HEAD ? "the head is too large"
                                                : "the trailers are too large");
    }
    if (len == 0 && before == 0 && !keep_pending(r, text))
        return out_of_memory(r);
    out->consumed = (len > 0 ? len : text.len) - before;
    *lines = span_of(text.ptr, len);
    return H1_OK;
}

/* Copies lines so that each ends in CRLF. */
static RARE void copy_with_crlf(char *to, struct span lines)
{
    char before = '\0';
    for (size_t i = 0; i < lines.len; before = lines.ptr[i++]) {
        if (lines.ptr[i] == '\n' && before != '\r')
            *to++ = '\r';
        *to++ = lines.ptr[i];
    }
}

/* A message is parsed where it stays. `*lines` is set to the copy; false when memory is out. */
static bool copy_lines(const struct h1_reader *r, struct arena *arena, struct span *lines,
                       char **copy)
{
    size_t len = lines->len + r->lone_lfs;
    *copy = arena_text(arena, len);
    if (!*copy)
        return false;
    if (r->lone_lfs > 0)
        copy_with_crlf(*copy, *lines);
    else
        memcpy(*copy, lines->ptr, len);
    *lines = span_of(*copy, len);
    return true;
}

static bool has_no_body(const struct h1_reader *r, unsigned status)
{
    return r->is_head_method || status < 200 || status == 204 || status == 304;
}

/* How the body ends (RFC 9112 §6.3), and so what comes next. */
static void settle_body(struct h1_reader *r, const struct h1_head *head)
{
    struct body *body = &head->response->body;
    if (has_no_body(r, head->response->status)) {
        *body = (struct body){BODY_NONE, 0};
        r->phase = head->response->status < 200 ? PHASE_HEAD : PHASE_END;
    } else if (head->chunked) {
        h1_chunks_start(&r->chunks, r->head_bytes, &r->quirks);
        r->phase = PHASE_CHUNKS;
    } else if (body->framing == BODY_LENGTH) {
        r->left = body->length;
        r->phase = body->length > 0 ? PHASE_LENGTH : PHASE_END;
    } else {
        r->phase = PHASE_CLOSE;
    }
}

/* The status code of a head whose lines are complete begins with 1, as far as it has one. */
static bool is_interim(struct span lines)
{
    size_t at = sizeof "HTTP/1.1" - 1;
    while (lines.ptr[at] == ' ' || lines.ptr[at] == '\t')
        at++;
    return lines.ptr[at] == '1';
}

static enum h1_result parse_head(struct h1_reader *r, struct span lines, struct h1_fed *out)
{
    struct arena *arena = is_interim(lines) ? r->interim : r->arena;
    struct h1_head head = {.response = arena_alloc(arena, sizeof *head.response),
                           .quirks = &r->quirks};
    char *copy;
    out->head_bytes = lines.len;
    if (!head.response || !copy_lines(r, arena, &lines, &copy))
        return out_of_memory(r);
    fields_init(&head.response->fields, arena);
    const char *fault = h1_head_parse(&head, copy, lines.len);
    if (head.response->fields.failed)
        return out_of_memory(r);
    if (fault)
        return refuse(r, fault);
    settle_body(r, &head);
    r->keeps_alive = head.keeps_alive;
    out->head = head.response;
    out->events |= H1_HEAD;
    return H1_OK;
}

/* Counts the bytes of the empty lines that `input` begins with, where the next line is that of a
 * status: what RFC 9112 §2.2 asks of a server, for origins that write a line break too many. */
static size_t count_empty_lines(struct h1_reader *r, struct span input)
{
    size_t at = 0;
    if (r->pending_len > 0 || r->quirks.strict)
        return 0;
    for (; at < input.len && r->empty_lines < MAX_EMPTY_LINES; at++) {
        char byte = input.ptr[at];
        if (byte != '\n' && (byte != '\r' || r->empty_line_has_its_cr))
            break;
        r->empty_line_has_its_cr = byte == '\r';
        r->empty_lines += byte == '\n';
    }
    return at;
}

/* Passes over what stands before a head. False: it is not to be passed over. */
static RARE bool skip_empty_lines(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    out->consumed = count_empty_lines(r, input);
    bool is_torn = r->empty_line_has_its_cr && out->consumed < input.len;
    return !is_torn && (out->consumed == 0 || h1_quirk_passes(&r->quirks, H1_QUIRK_EMPTY_LINE));
}

static enum h1_result feed_head(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    struct span lines;
    bool is_start = input.ptr[0] == 'H' && !r->empty_line_has_its_cr;
    if (!is_start && !skip_empty_lines(r, input, out))
        return refuse(r, no_start);
    if (out->consumed > 0)
        return H1_OK;
    enum h1_result result = collect(r, input, &lines, out);
    if (result != H1_OK || lines.len == 0)
        return result;
    result = parse_head(r, lines, out);
    drop_pending(r);
    return result;
}

static enum h1_result parse_trailers(struct h1_reader *r, struct span lines)
{
    char *copy;
    if (!copy_lines(r, r->arena, &lines, &copy))
        return out_of_memory(r);
    const char *fault = h1_head_parse_trailers(&r->trailers, &r->quirks, copy, lines.len);
    if (r->trailers.failed)
        return out_of_memory(r);
    return fault ? refuse(r, fault) : H1_OK;
}

static enum h1_result feed_trailers(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    struct span lines;
    enum h1_result result = collect(r, input, &lines, out);
    if (result != H1_OK || lines.len == 0)
        return result;
    result = parse_trailers(r, lines);
    drop_pending(r);
    if (result == H1_OK)
        r->phase = PHASE_END;
    return result;
}

static void take_body(struct span input, char *to, struct h1_fed *out)
{
    if (to != input.ptr)
        memmove(to, input.ptr, input.len);
    out->consumed = out->body = input.len;
}

static enum h1_result feed_length(struct h1_reader *r, struct span input, char *to,
                                  struct h1_fed *out)
{
    if (input.len > r->left)
        input.len = (size_t)r->left;
    take_body(input, to, out);
    r->left -= input.len;
    if (r->left == 0)
        r->phase = PHASE_END;
    return H1_OK;
}

static enum h1_result feed_chunks(struct h1_reader *r, struct span input, char *to,
                                  struct h1_fed *out)
{
    struct h1_chunked read;
    const char *fault = h1_chunks_read(&r->chunks, input, to, &read);
    if (fault)
        return refuse(r, fault);
    out->consumed = read.consumed;
    out->body = read.body;
    if (r->chunks.state == H1_CHUNK_TRAILERS)
        r->phase = PHASE_TRAILERS;
    return H1_OK;
}

static enum h1_result feed(struct h1_reader *r, struct span input, char *to, struct h1_fed *out)
{
    switch (r->phase) {
    case PHASE_HEAD:
        return feed_head(r, input, out);
    case PHASE_LENGTH:
        return feed_length(r, input, to, out);
    case PHASE_CHUNKS:
        return feed_chunks(r, input, to, out);
    case PHASE_TRAILERS:
        return feed_trailers(r, input, out);
    case PHASE_CLOSE:
        take_body(input, to, out);
        return H1_OK;
    case PHASE_END:
        break;
    }
    return refuse(r, "bytes after the end");
}

enum h1_result h1_reader_feed(struct h1_reader *r, const char *input, size_t len, char *to,
                              struct h1_fed *out)
{
    assert(r->phase != PHASE_END);
    *out = (struct h1_fed){0};
    if (len == 0)
        return H1_OK;
    r->begun = true;
    enum h1_result result = feed(r, span_of(input, len), to, out);
    if (result == H1_OK && r->phase == PHASE_END)
        out->events |= H1_END;
    return result;
}

bool h1_reader_finish(const struct h1_reader *r)
{
    return r->phase == PHASE_END || r->phase == PHASE_CLOSE;
}

bool h1_reader_has_begun(const struct h1_reader *r)
{
    return r->begun;
}

bool h1_reader_keeps_alive(const struct h1_reader *r)
{
    return r->phase == PHASE_END && r->keeps_alive && r->quirks.seen == 0;
}

const struct fields *h1_reader_trailers(const struct h1_reader *r)
{
    return &r->trailers;
}

unsigned h1_reader_quirks(const struct h1_reader *r)
{
    return r->quirks.seen;
}

const char *h1_reader_why(const struct h1_reader *r)
{
    return r->why ? r->why : "";
}
