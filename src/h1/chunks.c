#include "h1/chunks.h"

#include "http/fields.h"

static const char bad_size[] = "the size of a chunk is not a hexadecimal number, or too large";
static const char bad_line_end[] = "the line of a chunk does not end in CRLF";
static const char bad_data_end[] = "CRLF does not follow the data of a chunk";

void h1_chunks_start(struct h1_chunks *c, size_t max_line_bytes)
{
    *c = (struct h1_chunks){.max_line_bytes = max_line_bytes};
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

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* What may come behind a size: its end, or white space and an extension. */
static const char *take_after_size(struct h1_chunks *c, char byte)
{
    if (byte == '\r')
        c->state = H1_CHUNK_LF;
    else if (byte == ';')
        c->state = H1_CHUNK_EXTENSION;
    else if (is_blank(byte))
        c->state = H1_CHUNK_BLANK;
    else if (byte == '\n')
        return bad_line_end;
    else
        return take_digit(c, byte);
    return NULL;
}

static const char *take_blank(struct h1_chunks *c, char byte)
{
    if (byte == ';')
        c->state = H1_CHUNK_EXTENSION;
    else if (!is_blank(byte))
        return "white space follows the size of a chunk";
    return NULL;
}

static const char *take_extension(struct h1_chunks *c, char byte)
{
    if (byte == '\r')
        c->state = H1_CHUNK_LF;
    else if (!field_value_is_valid(span_of(&byte, 1)))
        return byte == '\n' ? bad_line_end : "an extension of a chunk holds a control byte";
    return NULL;
}

static const char *take_line_end(struct h1_chunks *c, char byte)
{
    if (byte != '\n')
        return bad_line_end;
    c->state = c->left > 0 ? H1_CHUNK_DATA : H1_CHUNK_TRAILERS;
    return NULL;
}

static const char *take_data_end(struct h1_chunks *c, char byte)
{
    bool is_cr = c->state == H1_CHUNK_DATA_CR;
    if (byte != (is_cr ? '\r' : '\n'))
        return bad_data_end;
    c->state = is_cr ? H1_CHUNK_DATA_LF : H1_CHUNK_START;
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
        return take_after_size(c, byte);
    case H1_CHUNK_BLANK:
        return take_blank(c, byte);
    case H1_CHUNK_EXTENSION:
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
