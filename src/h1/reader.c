#include "h1/reader.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

#include "base/mem.h"

enum phase {
    PHASE_HEAD, /* collecting the lines of a head */
    PHASE_BODY,
    PHASE_END,
};

enum { MAX_INFORMATIONAL = 64 };

struct h1_reader {
    llhttp_t parser;
    enum phase phase;
    size_t head_bytes;
    struct arena *arena;
    bool is_head_method, begun, keep_alive, message_complete;
    unsigned informational;

    char *pending; /* the lines of a head that came in pieces */
    size_t pending_len, pending_capacity;
    size_t line; /* where in it the first line begins that was not complete yet */

    struct response *head; /* the one being parsed */
    struct fields trailers;
    struct span name, value; /* of the field being parsed */
    size_t trailer_bytes;

    char *body; /* where the next bytes of the body go */
    const char *why;
    bool no_memory;
};

static int refuse(struct h1_reader *r, const char *why)
{
    r->why = why;
    return HPE_USER;
}

/* A head lies in one piece, so its spans grow in place; trailers may come in pieces and are joined.
 */
static int extend(struct h1_reader *r, struct span *s, const char *at, size_t len)
{
    if (s->ptr && s->ptr + s->len == at) {
        s->len += len;
        return 0;
    }
    if (r->phase == PHASE_HEAD) {
        *s = span_of(at, len);
        return 0;
    }
    r->trailer_bytes += len;
    if (r->trailer_bytes > r->head_bytes)
        return refuse(r, "the trailers are too large");
    *s = arena_join(r->arena, (struct span[]){*s, span_of(at, len)}, 2);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    return extend(r, &r->name, at, len);
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    return extend(r, &r->value, at, len);
}

/* The text of a message is ours: it lies in the arena, so it may be changed. */
static void lower_case(struct span s)
{
    char *at = (char *)s.ptr;
    for (size_t i = 0; i < s.len; i++)
        at[i] = span_lower(at[i]);
}

static bool is_framing(enum field_name id)
{
    return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_TRAILER;
}

static int on_value_complete(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    bool trailer = r->phase != PHASE_HEAD;
    struct span name = r->name, value = span_trim(r->value);
    r->name = r->value = (struct span){0};
    if (!field_name_is_valid(name))
        return refuse(r, "a field name is empty or holds a byte that no name may hold");
    if (!field_value_is_valid(value))
        return refuse(r, "a field value holds a control byte");
    lower_case(name);
    struct fields *to = trailer ? &r->trailers : &r->head->fields;
    if (trailer && is_framing(field_lookup(name)))
        return 0;
    fields_add(to, name, value);
    return 0;
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

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_reader *r = parser->data;
    if (r->body != at)
        memmove(r->body, at, len);
    r->body += len;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct h1_reader *r = parser->data;
    r->message_complete = true;
    r->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
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
    r->message_complete = false;
    r->name = r->value = (struct span){0};
}

void h1_reader_start(struct h1_reader *r, struct span method, struct arena *arena)
{
    start_message(r);
    r->arena = arena;
    r->is_head_method = span_eq(method, SPAN("HEAD"));
    r->begun = r->keep_alive = r->no_memory = false;
    r->informational = 0;
    r->trailer_bytes = 0;
    r->why = NULL;
    drop_pending(r);
    fields_init(&r->trailers, arena);
}

/* The length of the head with its empty line, 0 if it is not complete; r->why if it cannot become
 * one. Goes on where it stopped before. */
static size_t find_head_end(struct h1_reader *r, struct span text)
{
    static const char start[] = "HTTP/1.";
    size_t n = text.len < sizeof start - 1 ? text.len : sizeof start - 1;
    if (memcmp(text.ptr, start, n) != 0) {
        r->why = "it does not begin with HTTP/1.";
        return 0;
    }
    for (size_t line = r->line; line < text.len; line = r->line) {
        size_t end = line + span_find(span_from(text, line), '\n');
        if (text.ptr[line] == ' ' || text.ptr[line] == '\t') {
            r->why = "a field line is folded";
            return 0;
        }
        if (end == text.len)
            return 0;
        if (end == line || text.ptr[end - 1] != '\r') {
            r->why = "a line does not end in CRLF";
            return 0;
        }
        if (end == line + 1)
            return end + 1;
        r->line = end + 1;
    }
    return 0;
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

static enum h1_result feed_head(struct h1_reader *r, struct span input, struct h1_fed *out)
{
    size_t before = r->pending_len;
    struct span text = input;
    if (before > 0) {
        if (!keep_pending(r, input))
            return out_of_memory(r);
        text = span_of(r->pending, r->pending_len);
    }
    size_t head = find_head_end(r, text);
    if (r->why)
        return failed(r, NULL);
    if (head > r->head_bytes || (head == 0 && text.len > r->head_bytes))
        return failed(r, "the head is too large");
    if (head == 0) {
        if (before == 0 && !keep_pending(r, input))
            return out_of_memory(r);
        out->consumed = input.len;
        return H1_OK;
    }
    out->consumed = head - before;
    enum h1_result result = parse_head(r, span_of(text.ptr, head), out);
    drop_pending(r);
    return result;
}

static enum h1_result feed_body(struct h1_reader *r, struct span input, char *to,
                                struct h1_fed *out)
{
    r->body = to;
    enum h1_result result = run_parser(r, input, &out->consumed);
    if (result != H1_OK)
        return result;
    if (r->trailers.failed || r->arena->failed)
        return out_of_memory(r);
    out->body = (size_t)(r->body - to);
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
    return r->phase == PHASE_HEAD ? feed_head(r, text, out) : feed_body(r, text, to, out);
}

bool h1_reader_finish(struct h1_reader *r)
{
    if (r->phase == PHASE_END)
        return true;
    if (r->phase == PHASE_HEAD)
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
