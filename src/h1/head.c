#include "h1/head.h"

#include <assert.h>
#include <string.h>

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

/* The rest of a text: its last line is empty, so that its first one is there and ends in CRLF. */
struct cursor {
    char *at;
    const char *end;
    struct h1_quirks *quirks;
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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Passes over white space, which some other byte ends. */
static char *skip_blanks(char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* A proxy takes white space before a colon away (RFC 9112 §5.1). */
static RARE bool skip_to_colon(struct cursor *c)
{
    char *colon = skip_blanks(c->at);
    if (*colon != ':' || !h1_quirk_passes(c->quirks, H1_QUIRK_NAME_BLANKS))
        return false;
    c->at = colon;
    return true;
}

/* Takes a field line (RFC 9112 §5). */
static inline const char *take_line(struct cursor *c, struct line *line)
{
    size_t len = field_name_to_lower(c->at);
    line->name = span_of(c->at, len);
    c->at += len;
    if (at_line_end(c))
        return "a field line has no colon";
    if (len == 0 || (c->at[0] != ':' && !skip_to_colon(c)))
        return "a field name is empty or holds a byte that no name may hold";
    c->at++;
    line->raw = take_rest(c);
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A code over 599 is none, but its first digit still says that it is final (RFC 9110 §15). */
static const char *check_status(unsigned status, struct h1_quirks *quirks)
{
    if (status < STATUS_MIN ||
        (status > STATUS_MAX && !h1_quirk_passes(quirks, H1_QUIRK_STATUS_RANGE)))
        return "the status code is not in 100-599";
    return status == 101 ? "101 was not asked for" : NULL;
}

/* Takes the version (RFC 9110 §2.5: a minor one that is not known is read as the highest that is)
 * and what separates it from the code (RFC 9112 §4: any white space will do). */
static const char *take_version(struct cursor *c, bool *is_1_0)
{
    char *at = c->at + sizeof "HTTP/1." - 1;
    struct h1_quirks *quirks = c->quirks;
    if (!is_digit(*at) || (*at > '1' && !h1_quirk_passes(quirks, H1_QUIRK_VERSION)))
        return "the version is neither HTTP/1.0 nor HTTP/1.1";
    *is_1_0 = *at++ == '0';
    if (*at != ' ' && (*at != '\t' || !h1_quirk_passes(quirks, H1_QUIRK_STATUS_BLANKS)))
        return "no space follows the version";
    c->at = ++at;
    if (is_blank(*at) && h1_quirk_passes(quirks, H1_QUIRK_STATUS_BLANKS))
        c->at = skip_blanks(at);
    return NULL;
}

/* Takes a status line (RFC 9112 §4). Its every byte is looked at in order, so that a line that is
 * too short is left at its end. */
static const char *take_status_line(struct cursor *c, struct response *response, bool *is_1_0)
{
    const char *fault = take_version(c, is_1_0);
    if (fault)
        return fault;
    for (int i = 0; i < 3; i++, c->at++) {
        if (!is_digit(*c->at))
            return "the status code has not three digits";
        response->status = response->status * 10 + (unsigned)(*c->at - '0');
    }
    char next = *c->at;
    if (next != ' ' && next != '\r' &&
        (next != '\t' || !h1_quirk_passes(c->quirks, H1_QUIRK_STATUS_BLANKS)))
        return "the status code has not three digits";
    take_rest(c); /* the reason phrase says nothing (RFC 9110 §15.1) */
    return check_status(response->status, c->quirks);
}

/* What a head says of its framing and its connection. */
struct seen {
    struct h1_quirks *quirks;
    bool is_1_0, length, chunked, close, keep_alive;
};

/* Reads a list of the same number throughout (RFC 9110 §8.6), which no list may be empty in.
 * `*value` becomes its first element. */
static bool read_lengths(struct span *value, uint64_t *length)
{
    struct span rest = *value;
    bool is_first = true, more = true;
    while (more) {
        size_t comma = span_find(rest, ',');
        struct span item = span_trim(span_of(rest.ptr, comma));
        uint64_t n;
        if (!span_to_u64(item, UINT64_MAX, &n) || (!is_first && n != *length))
            return false;
        if (is_first)
            *value = item;
        *length = n;
        is_first = false;
        more = comma < rest.len;
        rest = span_from(rest, more ? comma + 1 : comma);
    }
    return true;
}

/* One length (RFC 9112 §6.3). The same one again says nothing new, and its field leaves the list.
 */
static const char *see_length(struct seen *seen, struct fields *fields, uint64_t *length)
{
    struct field *field = &fields->at[fields->len - 1];
    uint64_t again;
    uint64_t *to = seen->length ? &again : length;
    bool is_list = !span_to_u64(field->value, UINT64_MAX, to);
    if (seen->length && seen->quirks->strict)
        return "several content-length fields";
    if (is_list &&
        (!read_lengths(&field->value, to) || !h1_quirk_passes(seen->quirks, H1_QUIRK_LENGTHS)))
        return "content-length is not a number, or too large";
    if (seen->length && (again != *length || !h1_quirk_passes(seen->quirks, H1_QUIRK_LENGTHS)))
        return "several content-length fields";
    if (seen->length)
        fields->len--;
    seen->length = true;
    return NULL;
}

/* `list` names chunked once, and nothing else beside empty elements (RFC 9110 §5.6.1.2). */
static bool is_only_chunked(struct span list)
{
    struct span coding;
    return span_next_item(&list, &coding) && span_ieq(coding, SPAN("chunked")) &&
           !span_next_item(&list, &coding);
}

/* The only coding that we asked for is chunked (RFC 9112 §6.1). */
static const char *see_coding(struct seen *seen, struct span value)
{
    bool is_plain = !seen->chunked && span_ieq(value, SPAN("chunked"));
    if (!is_plain && (!is_only_chunked(value) || !h1_quirk_passes(seen->quirks, H1_QUIRK_CODINGS)))
        return "transfer-encoding is not exactly \"chunked\"";
    if (seen->is_1_0 && !h1_quirk_passes(seen->quirks, H1_QUIRK_CODING_1_0))
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

/* Around a value RFC 9112 §5 allows tabs as well as spaces, but not all parsers take them off. */
static const char *check_blanks(struct seen *seen, const struct line *line)
{
    bool has_tab = span_find(line->raw, '\t') < line->raw.len;
    return has_tab && !h1_quirk_passes(seen->quirks, H1_QUIRK_FRAMING_TAB)
               ? "a tab stands beside what frames the body"
               : NULL;
}

/* Looks at the newest field, which came in `line`. */
static const char *see_field(struct seen *seen, const struct line *line, struct response *response)
{
    const struct field *field = &response->fields.at[response->fields.len - 1];
    const char *fault;
    switch (field->id) {
    case FIELD_CONTENT_LENGTH:
        fault = check_blanks(seen, line);
        return fault ? fault : see_length(seen, &response->fields, &response->body.length);
    case FIELD_TRANSFER_ENCODING:
        fault = check_blanks(seen, line);
        return fault ? fault : see_coding(seen, field->value);
    case FIELD_CONNECTION:
        see_connection(seen, field->value);
        return NULL;
    default:
        return NULL;
    }
}

/* Transfer-encoding overrides content-length, which must not be passed on (RFC 9112 §6.3). */
static const char *settle_framing(struct seen *seen, struct response *response)
{
    if (!seen->chunked || !seen->length)
        return NULL;
    if (!h1_quirk_passes(seen->quirks, H1_QUIRK_BOTH))
        return "both transfer-encoding and content-length";
    fields_remove(&response->fields, FIELD_CONTENT_LENGTH);
    response->body.length = 0;
    seen->length = false;
    return NULL;
}

static const char *take_fields(struct cursor *c, struct response *response, struct seen *seen)
{
    while (!at_line_end(c)) {
        struct line line;
        const char *fault = take_line(c, &line);
        if (fault)
            return fault;
        if (!fields_add(&response->fields, line.name, span_trim(line.raw)))
            return NULL;
        fault = see_field(seen, &line, response);
        if (fault)
            return fault;
    }
    return settle_framing(seen, response);
}

const char *h1_head_parse(struct h1_head *out, char *text, size_t len)
{
    struct cursor c = {text, text + len, out->quirks};
    struct seen seen = {.quirks = out->quirks};
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

const char *h1_head_parse_trailers(struct fields *to, struct h1_quirks *quirks, char *text,
                                   size_t len)
{
    struct cursor c = {text, text + len, quirks};
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
