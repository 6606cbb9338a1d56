#include "h1/reader.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

#include "base/mem.h"

enum phase {
    PHASE_HEAD, /* collecting the lines of a head */
    PHASE_BODY,
    PHASE_TRAILERS, /* collecting the lines after the last chunk */
    PHASE_END,
};

enum {
    MAX_INFORMATIONAL = 64,
    STATUS_END = sizeof "HTTP/1.1 200" - 1,
};

struct h1_reader {
    llhttp_t parser;
    enum phase phase;
    size_t head_bytes;
    struct arena *arena;
    bool is_head_method, begun, keep_alive, message_complete, last_chunk;
    unsigned informational;

    char *pending; /* the lines of a head, or of trailers, that came in pieces */
    size_t pending_len, pending_capacity;
    size_t line; /* where in it the first line begins that was not complete yet */

    struct response *head; /* the one being parsed */
    struct fields trailers;
    struct span name, value; /* of the field being parsed */

    char *body;          /* where the next bytes of the body go */
    const char *line_at; /* in the input: where the line of the next chunk begins, or goes on */
    size_t line_bytes;   /* of it, that came before the input */
    const char *why;
    bool no_memory;
};

static int refuse(struct h1_reader *r, const char *why)
{
    r->why = why;
    return HPE_USER;
}

/* A head lies in one piece, so its spans grow in place. */
static int extend(struct span *s, const char *at, size_t len)
{
    *s = s->ptr ? span_of(s->ptr, s->len + len) : span_of(at, len);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    return extend(&r->name, at, len);
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    return extend(&r->value, at, len);
}

static bool is_framing(enum field_name id)
{
    return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_TRAILER;
}

/* The text of a message is ours: it lies in the arena, so it may be changed. */
static int add_field(struct h1_reader *r, struct fields *to, struct span name, struct span value)
{
    if (!field_name_to_lower((char *)name.ptr, name.len))
        return refuse(r, "a field name is empty or holds a byte that no name may hold");
    if (!field_value_is_valid(value))
        return refuse(r, "a field value holds a control byte");
    fields_add(to, name, value);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    struct span name = r->name, value = span_trim(r->value);
    r->name = r->value = (struct span){0};
    return add_field(r, &r->head->fields, name, value);
}

static int check_framing(struct h1_reader *r)
{
    const llhttp_t *parser = &r->parser;
    bool chunked = false;
    unsigned lengths = 0;
    for (size_t i = 0; i < r->head->fields.len; i++) {
        const struct field *f = &r->head->fields.at[i];
        if (f->id == FIELD_CONTENT_LENGTH)
            lengths++;
        if (f->id != FIELD_TRANSFER_ENCODING)
            continue;
        if (chunked || !span_ieq(f->value, SPAN("chunked")))
            return refuse(r, "transfer-encoding is not exactly \"chunked\"");
        if (parser->http_minor == 0)
            return refuse(r, "transfer-encoding in HTTP/1.0");
        chunked = true;
    }
    /* With a tab behind it llhttp does not know the word, and would read up to the close. */
    if (chunked != ((parser->flags & F_CHUNKED) != 0))
        return refuse(r, "transfer-encoding is not exactly \"chunked\"");
    if (lengths > 1)
        return refuse(r, "several content-length fields");
    if (chunked && lengths > 0)
        return refuse(r, "both transfer-encoding and content-length");
    return 0;
}

static bool has_no_body(const struct h1_reader *r)
{
    unsigned status = r->head->status;
    return r->is_head_method || status < 200 || status == 204 || status == 304;
}

static void settle_body(struct h1_reader *r)
{
    struct body *body = &r->head->body;
    if (has_no_body(r)) {
        *body = (struct body){BODY_NONE, 0};
    } else if (r->parser.flags & F_CONTENT_LENGTH) {
        *body = (struct body){BODY_LENGTH, r->parser.content_length};
    } else {
        *body = (struct body){BODY_UNKNOWN, 0};
    }
}

static int on_headers_complete(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    r->head->status = parser->status_code;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(r, "the version is neither HTTP/1.0 nor HTTP/1.1");
    if (parser->status_code < 100 || parser->status_code > 599)
        return refuse(r, "the status code is not in 100-599");
    if (parser->status_code == 101)
        return refuse(r, "101 was not asked for");
    if (parser->status_code < 200 && ++r->informational > MAX_INFORMATIONAL)
        return refuse(r, "too many informational responses");
    int fault = check_framing(r);
    if (fault != 0)
        return fault;
    settle_body(r);
    return has_no_body(r) ? 1 : 0;
}

/* The line of a chunk has come up to `end`. llhttp would take extensions without end. */
static int count_line(struct h1_reader *r, const char *end)
{
    r->line_bytes += (size_t)(end - r->line_at);
    r->line_at = end;
    return r->line_bytes > r->head_bytes ? refuse(r, "the line of a chunk is too large") : 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    int fault = count_line(r, at);
    if (fault != 0)
        return fault;
    r->line_at = at + len;
    r->line_bytes = 0;
    if (r->body != at)
        memmove(r->body, at, len);
    r->body += len;
    return 0;
}

/* What comes after the last chunk is read here: llhttp takes folded lines and a bare LF there. */
static int on_chunk_header(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    r->last_chunk = parser->content_length == 0;
    return r->last_chunk ? HPE_PAUSED : 0;
}

/* llhttp overlooks a "close" with a tab behind it. */
static bool leaves_alive(const struct h1_reader *r)
{
    return llhttp_should_keep_alive(&r->parser) != 0 &&
           !fields_list_has(&r->head->fields, FIELD_CONNECTION, SPAN("close"));
}

static int on_message_complete(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    r->message_complete = true;
    r->keep_alive = leaves_alive(r);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_message_complete = on_message_complete,
};

struct h1_reader *h1_reader_new(size_t head_bytes)
{
    struct h1_reader *r = mem_zalloc(1, sizeof *r);
    if (r)
        r->head_bytes = head_bytes;
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
    r->pending_len = r->pending_capacity = r->line = 0;
}

static void start_message(struct h1_reader *r)
{
    llhttp_init(&r->parser, HTTP_RESPONSE, &settings);
    r->parser.data = r;
    r->phase = PHASE_HEAD;
    r->message_complete = r->last_chunk = false;
    r->line_bytes = 0;
    r->name = r->value = (struct span){0};
}

void h1_reader_start(struct h1_reader *r, struct span method, struct arena *arena)
{
    start_message(r);
    r->arena = arena;
    r->is_head_method = span_eq(method, SPAN("HEAD"));
    r->begun = r->keep_alive = r->no_memory = false;
    r->informational = 0;
    r->why = NULL;
    drop_pending(r);
    fields_init(&r->trailers, arena);
}

static const char bad_byte[] = "a line holds a bare CR or a NUL";

/* What is wrong with a line that ends before `end`, where its LF stands; NULL: nothing. */
static const char *line_fault(struct span text, size_t line, size_t end)
{
    struct span with_cr = {text.ptr + line, end - line};
    if (with_cr.len == 0 || text.ptr[end - 1] != '\r')
        return "a line does not end in CRLF";
    if (span_find(with_cr, '\r') < with_cr.len - 1)
        return bad_byte;
    return NULL;
}

/* The length of the lines up to the empty one, with it; 0 if that has not come; r->why if the lines
 * cannot be right. Goes on where it stopped before. */
static size_t find_empty_line(struct h1_reader *r, struct span text)
{
    for (size_t line = r->line; line < text.len; line = r->line) {
        size_t end = line + span_find(span_from(text, line), '\n');
        if (text.ptr[line] == ' ' || text.ptr[line] == '\t')
            r->why = "a field line is folded";
        else if (end < text.len)
            r->why = line_fault(text, line, end);
        if (r->why || end == text.len)
            return 0;
        if (end == line + 1)
            return end + 1;
        r->line = end + 1;
    }
    return 0;
}

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

static enum h1_result failed(struct h1_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return r->no_memory ? H1_NO_MEMORY : H1_MALFORMED;
}

static enum h1_result out_of_memory(struct h1_reader *r)
{
    r->no_memory = true;
    return failed(r, "memory is out");
}

/* Runs llhttp over `text`; `*used` is how much of it belonged to this message. */
static enum h1_result run_parser(struct h1_reader *r, struct span text, size_t *used)
{
    llhttp_errno_t code = llhttp_execute(&r->parser, text.ptr, text.len);
    if (code == HPE_PAUSED) {
        *used = (size_t)(llhttp_get_error_pos(&r->parser) - text.ptr);
    } else if (code == HPE_OK) {
        *used = text.len;
    } else {
        return failed(r, llhttp_get_error_reason(&r->parser));
    }
    return H1_OK;
}

static enum h1_result parse_head(struct h1_reader *r, struct span text, struct h1_fed *out)
{
    size_t used;
    struct span copy = arena_dup(r->arena, text);
    r->head = arena_zalloc(r->arena, sizeof *r->head);
    if (!r->head || copy.len != text.len)
        return out_of_memory(r);
    fields_init(&r->head->fields, r->arena);
    enum h1_result result = run_parser(r, copy, &used);
    if (result != H1_OK)
        return result;
    if (r->head->fields.failed)
        return out_of_memory(r);
    if (used != copy.len || r->head->status == 0)
        return failed(r, "the head is not complete where it ends");
    if (copy.ptr[STATUS_END] != ' ' && copy.ptr[STATUS_END] != '\r')
        return failed(r, "the status code has not three digits");
    out->head = r->head;
    out->events |= H1_HEAD;
    if (r->head->status < 200) {
        start_message(r);
        return H1_OK;
    }
    r->phase = r->message_complete ? PHASE_END : PHASE_BODY;
    if (r->message_complete)
        out->events |= H1_END;
    return H1_OK;
}

/* Collects lines up to the empty one. `*lines` is set to them once they are there, and stays
 * valid until drop_pending(); until then it is empty. */
static enum h1_result collect(struct h1_reader *r, struct span input, struct span *lines,
                              struct h1_fed *out)
{
    size_t before = r->pending_len;
    struct span text = input;
    *lines = SPAN("");
    if (before > 0) {
        if (!keep_pending(r, input))
            return out_of_memory(r);
        text = span_of(r->pending, r->pending_len);
    }
    if (r->phase == PHASE_HEAD && !can_be_head(text))
        return failed(r, "it does not begin with HTTP/1.");
    size_t len = find_empty_line(r, text);
    if (r->why)
        return failed(r, NULL);
    if (len > r->head_bytes || (len == 0 && text.len > r->head_bytes)) {
        return failed(r, r->phase == PHASE_HEAD ? "the head is too large"
                                                : "the trailers are too large");
    }
    if (len == 0) {
        if (before == 0 && !keep_pending(r, input))
            return out_of_memory(r);
        out->consumed = input.len;
        return H1_OK;
    }
    *lines = span_of(text.ptr, len);
    if (span_find(*lines, '\0') < len)
        return failed(r, bad_byte);
    out->consumed = len - before;
    return H1_OK;
}

static enum h1_result feed_head(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    struct span lines;
    enum h1_result result = collect(r, input, &lines, out);
    if (result != H1_OK || lines.len == 0)
        return result;
    result = parse_head(r, lines, out);
    drop_pending(r);
    return result;
}

/* `lines` are clean and end in an empty one. */
static enum h1_result parse_trailers(struct h1_reader *r, struct span lines)
{
    struct span rest = arena_dup(r->arena, lines);
    while (rest.len > 0) {
        struct span line = {rest.ptr, span_find(rest, '\r')};
        struct span name = {line.ptr, span_find(line, ':')};
        rest = span_from(rest, line.len + 2);
        if (line.len == 0)
            break;
        if (name.len == line.len)
            return failed(r, "a trailer field has no colon");
        if (is_framing(field_lookup(name)))
            continue;
        if (add_field(r, &r->trailers, name, span_trim(span_from(line, name.len + 1))) != 0)
            return failed(r, NULL);
    }
    return r->arena->failed || r->trailers.failed ? out_of_memory(r) : H1_OK;
}

static enum h1_result feed_trailers(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    struct span lines;
    enum h1_result result = collect(r, input, &lines, out);
    if (result != H1_OK || lines.len == 0)
        return result;
    result = parse_trailers(r, lines);
    drop_pending(r);
    if (result != H1_OK)
        return result;
    r->keep_alive = leaves_alive(r);
    r->phase = PHASE_END;
    out->events |= H1_END;
    return H1_OK;
}

static enum h1_result feed_body(struct h1_reader *r, struct span input, char *to,
                                struct h1_fed *out)
{
    r->body = to;
    r->line_at = input.ptr;
    enum h1_result result = run_parser(r, input, &out->consumed);
    if (result != H1_OK)
        return result;
    if (count_line(r, input.ptr + out->consumed) != 0)
        return failed(r, NULL);
    out->body = (size_t)(r->body - to);
    if (r->last_chunk)
        r->phase = PHASE_TRAILERS;
    if (r->message_complete) {
        r->phase = PHASE_END;
        out->events |= H1_END;
    }
    return H1_OK;
}

enum h1_result h1_reader_feed(struct h1_reader *r, const char *input, size_t len, char *to,
                              struct h1_fed *out)
{
    assert(r->phase != PHASE_END);
    *out = (struct h1_fed){0};
    if (len == 0)
        return H1_OK;
    r->begun = true;
    struct span text = span_of(input, len);
    switch (r->phase) {
    case PHASE_HEAD:
        return feed_head(r, text, out);
    case PHASE_BODY:
        return feed_body(r, text, to, out);
    case PHASE_TRAILERS:
        return feed_trailers(r, text, out);
    case PHASE_END:
        break;
    }
    return failed(r, "bytes after the end");
}

bool h1_reader_finish(struct h1_reader *r)
{
    if (r->phase == PHASE_END)
        return true;
    if (r->phase != PHASE_BODY)
        return false;
    llhttp_errno_t code = llhttp_finish(&r->parser);
    if (code == HPE_PAUSED || code == HPE_OK)
        return r->message_complete;
    return false;
}

bool h1_reader_has_begun(const struct h1_reader *r)
{
    return r->begun;
}

bool h1_reader_keeps_alive(const struct h1_reader *r)
{
    return r->phase == PHASE_END && r->keep_alive;
}

const struct fields *h1_reader_trailers(const struct h1_reader *r)
{
    return &r->trailers;
}

const char *h1_reader_why(const struct h1_reader *r)
{
    return r->why ? r->why : "";
}
