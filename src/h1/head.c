#include "h1/head.h"

#include <assert.h>
#include <string.h>

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

/* The rest of a text: its last line is empty, so that its first one is there and ends in CRLF. */
struct cursor {
    char *at;
    const char *end;
};

struct line {
    struct span name;
    struct span raw; /* the value with the white space around it */
};

/* A CR stands at the end of a line only. */
static bool at_line_end(const struct cursor *c)
{
    return c->at[0] == '\r';
}

/* Takes the rest of the line. */
static struct span take_rest(struct cursor *c)
{
    char *cr = memchr(c->at, '\r', (size_t)(c->end - c->at));
    assert(cr);
    struct span rest = {c->at, (size_t)(cr - c->at)};
    c->at = cr + sizeof "\r\n" - 1;
    return rest;
}

/* Takes a field line (RFC 9112 §5): no white space may stand before its colon. */
static const char *take_line(struct cursor *c, struct line *line)
{
    size_t len = field_name_to_lower(c->at);
    line->name = span_of(c->at, len);
    c->at += len;
    if (at_line_end(c))
        return "a field line has no colon";
    if (len == 0 || c->at[0] != ':')
        return "a field name is empty or holds a byte that no name may hold";
    c->at++;
    line->raw = take_rest(c);
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *check_status(unsigned status)
{
    if (status < STATUS_MIN || status > STATUS_MAX)
        return "the status code is not in 100-599";
    return status == 101 ? "101 was not asked for" : NULL;
}

/* Takes a status line (RFC 9112 §4). Its every byte is looked at in order, so that a line that is
 * too short is left at its end. */
static const char *take_status_line(struct cursor *c, struct response *response, bool *is_1_0)
{
    char *at = c->at + sizeof "HTTP/1." - 1;
    if (*at != '0' && *at != '1')
        return "the version is neither HTTP/1.0 nor HTTP/1.1";
    *is_1_0 = *at++ == '0';
    if (*at++ != ' ')
        return "no space follows the version";
    for (int i = 0; i < 3; i++, at++) {
        if (!is_digit(*at))
            return "the status code has not three digits";
        response->status = response->status * 10 + (unsigned)(*at - '0');
    }
    if (*at != ' ' && *at != '\r')
        return "the status code has not three digits";
    c->at = at;
    take_rest(c); /* the reason phrase says nothing (RFC 9110 §15.1) */
    return check_status(response->status);
}

/* What a head says of its framing and its connection. */
struct seen {
    bool is_1_0, length, chunked, close, keep_alive;
};

/* One length, one time (RFC 9112 §6.3). */
static const char *see_length(struct seen *seen, struct span value, uint64_t *length)
{
    if (seen->length)
        return "several content-length fields";
    if (!span_to_u64(value, UINT64_MAX, length))
        return "content-length is not a number, or too large";
    seen->length = true;
    return NULL;
}

/* The only coding that we asked for is chunked (RFC 9112 §6.1). */
static const char *see_coding(struct seen *seen, struct span value)
{
    if (seen->chunked || !span_ieq(value, SPAN("chunked")))
        return "transfer-encoding is not exactly \"chunked\"";
    if (seen->is_1_0)
        return "transfer-encoding in HTTP/1.0";
    seen->chunked = true;
    return NULL;
}

static void see_connection(struct seen *seen, struct span list)
{
    struct span option;
    while (span_next_item(&list, &option)) {
        seen->close = seen->close || span_ieq(option, SPAN("close"));
        seen->keep_alive = seen->keep_alive || span_ieq(option, SPAN("keep-alive"));
    }
}

/* Around a value RFC 9112 §5 allows tabs as well as spaces. Not all parsers take them off, so what
 * frames a message comes without any, be it in front of the value or behind it. */
static const char *check_blanks(const struct line *line)
{
    return span_find(line->raw, '\t') < line->raw.len ? "a tab stands beside what frames the body"
                                                      : NULL;
}

static const char *see_field(struct seen *seen, const struct line *line, const struct field *field,
                             uint64_t *length)
{
    const char *fault;
    switch (field->id) {
    case FIELD_CONTENT_LENGTH:
        fault = check_blanks(line);
        return fault ? fault : see_length(seen, field->value, length);
    case FIELD_TRANSFER_ENCODING:
        fault = check_blanks(line);
        return fault ? fault : see_coding(seen, field->value);
    case FIELD_CONNECTION:
        see_connection(seen, field->value);
        return NULL;
    default:
        return NULL;
    }
}

static const char *take_fields(struct cursor *c, struct response *response, struct seen *seen)
{
    while (!at_line_end(c)) {
        struct line line;
        const char *fault = take_line(c, &line);
        if (fault)
            return fault;
        const struct field *field = fields_add(&response->fields, line.name, span_trim(line.raw));
        if (!field)
            return NULL;
        fault = see_field(seen, &line, field, &response->body.length);
        if (fault)
            return fault;
    }
    if (seen->chunked && seen->length)
        return "both transfer-encoding and content-length";
    return NULL;
}

const char *h1_head_parse(struct h1_head *out, char *text, size_t len)
{
    struct cursor c = {text, text + len};
    struct seen seen = {0};
    struct response *response = out->response;
    response->body.length = 0;
    response->status = 0;
    const char *fault = take_status_line(&c, response, &seen.is_1_0);
    if (!fault)
        fault = take_fields(&c, response, &seen);
    response->body.framing = seen.length ? BODY_LENGTH : BODY_UNKNOWN;
    out->chunked = seen.chunked;
    out->keeps_alive = !seen.close && (!seen.is_1_0 || seen.keep_alive);
    return fault;
}

static bool is_framing(enum field_name id)
{
    return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_TRAILER;
}

const char *h1_head_parse_trailers(struct fields *to, char *text, size_t len)
{
    struct cursor c = {text, text + len};
    while (!at_line_end(&c)) {
        struct line line;
        const char *fault = take_line(&c, &line);
        if (fault)
            return fault;
        if (!is_framing(field_lookup(line.name)))
            fields_add(to, line.name, span_trim(line.raw));
    }
    return NULL;
}
