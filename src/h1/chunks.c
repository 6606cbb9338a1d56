#include "h1/chunks.h"

#include "http/fields.h"

static const char bad_size[] = "the size of a chunk is not a hexadecimal number, or too large";
static const char bad_line_end[] = "the line of a chunk does not end in CRLF";
static const char bad_data_end[] = "CRLF does not follow the data of a chunk";

void h1_chunks_start(struct h1_chunks *c, size_t max_line_bytes, struct h1_quirks *quirks)
{
    *c = (struct h1_chunks){.max_line_bytes = max_line_bytes, .quirks = quirks};
}

/* The value of a hexadecimal digit; 16 for anything else. */
static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = span_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static const char *take_digit(struct h1_chunks *c, char byte)
{
    unsigned digit = hex_digit(byte);
    if (digit > 15 || c->left > UINT64_MAX / 16)
        return bad_size;
    c->left = c->left * 16 + digit;
    c->state = H1_CHUNK_SIZE;
    return NULL;
}

enum byte_class {
    TEXT,
    TOKEN,
    BLANK,
    SEMICOLON,
    EQUALS,
    QUOTE,
    BACKSLASH,
    CR,
    LF,
    CONTROL,
    CLASSES
};

static enum byte_class classify(char byte)
{
    switch (byte) {
    case ' ':
    case '\t':
        return BLANK;
    case ';':
        return SEMICOLON;
    case '=':
        return EQUALS;
    case '"':
        return QUOTE;
    case '\\':
        return BACKSLASH;
    case '\r':
        return CR;
    case '\n':
        return LF;
    default:
        if (field_name_is_valid(span_of(&byte, 1)))
            return TOKEN;
        return field_value_is_valid(span_of(&byte, 1)) ? TEXT : CONTROL;
    }
}

/* What may come behind a size or a value: the end of the line, or an extension. */
#define AFTER_VALUE [BLANK] = H1_CHUNK_BLANK, [SEMICOLON] = H1_CHUNK_EXTENSION, [CR] = H1_CHUNK_LF
/* What a string in quotes may hold. */
#define TEXT_TO(state)                                                                             \
    [TEXT] = (state), [TOKEN] = (state), [BLANK] = (state), [SEMICOLON] = (state),                 \
    [EQUALS] = (state)

/* The grammar of extensions (RFC 9112 §7.1.1); 0: such a byte may not come there. */
static const uint8_t moves[][CLASSES] = {
    [H1_CHUNK_SIZE] = {AFTER_VALUE},
    [H1_CHUNK_BLANK] = {[BLANK] = H1_CHUNK_BLANK, [SEMICOLON] = H1_CHUNK_EXTENSION},
    [H1_CHUNK_EXTENSION] = {[BLANK] = H1_CHUNK_EXTENSION, [TOKEN] = H1_CHUNK_NAME},
    [H1_CHUNK_NAME] = {[TOKEN] = H1_CHUNK_NAME,
                       [BLANK] = H1_CHUNK_NAME_END,
                       [EQUALS] = H1_CHUNK_EQUALS,
                       [SEMICOLON] = H1_CHUNK_EXTENSION,
                       [CR] = H1_CHUNK_LF},
    [H1_CHUNK_NAME_END] =
        {[BLANK] = H1_CHUNK_NAME_END, [EQUALS] = H1_CHUNK_EQUALS, [SEMICOLON] = H1_CHUNK_EXTENSION},
    [H1_CHUNK_EQUALS] =
        {[BLANK] = H1_CHUNK_EQUALS, [TOKEN] = H1_CHUNK_TOKEN, [QUOTE] = H1_CHUNK_QUOTED},
    [H1_CHUNK_TOKEN] = {[TOKEN] = H1_CHUNK_TOKEN, AFTER_VALUE},
    [H1_CHUNK_QUOTED] =
        {TEXT_TO(H1_CHUNK_QUOTED), [BACKSLASH] = H1_CHUNK_ESCAPED, [QUOTE] = H1_CHUNK_UNQUOTED},
    [H1_CHUNK_ESCAPED] =
        {TEXT_TO(H1_CHUNK_QUOTED), [BACKSLASH] = H1_CHUNK_QUOTED, [QUOTE] = H1_CHUNK_QUOTED},
    [H1_CHUNK_UNQUOTED] = {AFTER_VALUE},
};

/* Why a byte may not come. */
static const char *extension_fault(enum h1_chunk_state state, enum byte_class class)
{
    if (state == H1_CHUNK_BLANK)
        return "white space of a chunk's line is not followed by an extension";
    if (class == LF)
        return bad_line_end;
    if (class == CONTROL)
        return "an extension of a chunk holds a control byte";
    if (state == H1_CHUNK_QUOTED || state == H1_CHUNK_ESCAPED)
        return "a quoted string of a chunk's extension does not end";
    return "an extension of a chunk is neither a name nor a name with a value";
}

static enum h1_chunk_state after_line(const struct h1_chunks *c)
{
    return c->left > 0 ? H1_CHUNK_DATA : H1_CHUNK_TRAILERS;
}

/* The end of a line that a lenient reader takes: white space may stand before it, and LF alone may
 * be it. 0: this is no such end. */
static enum h1_chunk_state lenient_end(const struct h1_chunks *c, enum byte_class class)
{
    bool is_blank = c->state == H1_CHUNK_BLANK || c->state == H1_CHUNK_NAME_END;
    if ((class != CR && class != LF) || (!is_blank && moves[c->state][CR] == 0))
        return 0;
    if (is_blank && !h1_quirk_passes(c->quirks, H1_QUIRK_CHUNK_BLANKS))
        return 0;
    if (class == CR)
        return H1_CHUNK_LF;
    return h1_quirk_passes(c->quirks, H1_QUIRK_CHUNK_LF) ? after_line(c) : 0;
}

static const char *take_extension(struct h1_chunks *c, char byte)
{
    enum byte_class class = classify(byte);
    enum h1_chunk_state next = moves[c->state][class];
    if (next == 0)
        next = lenient_end(c, class);
    if (next == 0)
        return extension_fault(c->state, class);
    c->state = next;
    return NULL;
}

/* A digit, or what ends a size. */
static const char *take_size(struct h1_chunks *c, char byte)
{
    if (hex_digit(byte) <= 15)
        return take_digit(c, byte);
    enum byte_class class = classify(byte);
    enum h1_chunk_state next = moves[H1_CHUNK_SIZE][class];
    if (next == 0)
        next = lenient_end(c, class);
    if (next == 0)
        return class == LF ? bad_line_end : bad_size;
    c->state = next;
    return NULL;
}

static const char *take_line_end(struct h1_chunks *c, char byte)
{
    if (byte != '\n')
        return bad_line_end;
    c->state = after_line(c);
    return NULL;
}

/* LF alone behind data that ends in CR may be the rest of a CRLF: then the size was wrong. */
static const char *take_data_end(struct h1_chunks *c, char byte)
{
    bool is_lf =
        byte == '\n' && (c->state == H1_CHUNK_DATA_LF ||
                         (!c->data_has_cr && h1_quirk_passes(c->quirks, H1_QUIRK_CHUNK_LF)));
    if (!is_lf && (byte != '\r' || c->state == H1_CHUNK_DATA_LF))
        return bad_data_end;
    c->state = is_lf ? H1_CHUNK_START : H1_CHUNK_DATA_LF;
    return NULL;
}

/* One byte of what lies between the data of two chunks. */
static const char *take_byte(struct h1_chunks *c, char byte)
{
    if (++c->line_bytes > c->max_line_bytes)
        return "the line of a chunk is too large";
    switch (c->state) {
    case H1_CHUNK_START:
        return take_digit(c, byte);
    case H1_CHUNK_SIZE:
        return take_size(c, byte);
    case H1_CHUNK_BLANK:
    case H1_CHUNK_EXTENSION:
    case H1_CHUNK_NAME:
    case H1_CHUNK_NAME_END:
    case H1_CHUNK_EQUALS:
    case H1_CHUNK_TOKEN:
    case H1_CHUNK_QUOTED:
    case H1_CHUNK_ESCAPED:
    case H1_CHUNK_UNQUOTED:
        return take_extension(c, byte);
    case H1_CHUNK_LF:
        return take_line_end(c, byte);
    case H1_CHUNK_DATA_CR:
    case H1_CHUNK_DATA_LF:
        return take_data_end(c, byte);
    case H1_CHUNK_DATA:
    case H1_CHUNK_TRAILERS:
        break;
    }
    return NULL;
}

static size_t take_data(struct h1_chunks *c, struct span rest, char *to)
{
    size_t n = rest.len < c->left ? rest.len : (size_t)c->left;
    c->data_has_cr = rest.ptr[n - 1] == '\r';
    if (to != rest.ptr)
        memmove(to, rest.ptr, n);
    c->left -= n;
    if (c->left == 0) {
        c->state = H1_CHUNK_DATA_CR;
        c->line_bytes = 0;
    }
    return n;
}

const char *h1_chunks_read(struct h1_chunks *c, struct span input, char *to, struct h1_chunked *out)
{
    size_t at = 0, body = 0;
    while (at < input.len && c->state != H1_CHUNK_TRAILERS) {
        if (c->state == H1_CHUNK_DATA) {
            size_t n = take_data(c, span_from(input, at), to + body);
            body += n;
            at += n;
        } else {
            const char *fault = take_byte(c, input.ptr[at++]);
            if (fault)
                return fault;
        }
    }
    *out = (struct h1_chunked){at, body};
    return NULL;
}
