/* chunks.h - reads a body that comes in chunks (RFC 9112 §7.1), up to its trailers. Pure: a state
 * machine over the bytes, however they come. */
#ifndef H1_CHUNKS_H
#define H1_CHUNKS_H

#include "base/attr.h"
#include "base/span.h"
#include "h1/quirk.h"

enum h1_chunk_state {
    H1_CHUNK_START, /* before the first digit of a size */
    H1_CHUNK_SIZE,
    H1_CHUNK_BLANK,     /* white space behind a size or a value: only an extension may follow */
    H1_CHUNK_EXTENSION, /* behind its semicolon */
    H1_CHUNK_NAME,      /* in its name */
    H1_CHUNK_NAME_END,  /* white space behind its name: a value or an extension may follow */
    H1_CHUNK_EQUALS,    /* before its value */
    H1_CHUNK_TOKEN,     /* in a value */
    H1_CHUNK_QUOTED,    /* in a value in quotes */
    H1_CHUNK_ESCAPED,   /* there, behind a backslash */
    H1_CHUNK_UNQUOTED,  /* behind the closing quote */
    H1_CHUNK_LF,        /* before the LF of the line with the size */
    H1_CHUNK_DATA,
    H1_CHUNK_DATA_CR, /* before the CR behind the data */
    H1_CHUNK_DATA_LF,
    H1_CHUNK_TRAILERS, /* the last chunk has come: trailers follow */
};

struct h1_chunks {
    enum h1_chunk_state state;
    struct h1_quirks *quirks;
    uint64_t left;                     /* the size of the chunk, and what is to come of it */
    bool data_has_cr;                  /* its last byte is a CR */
    size_t line_bytes, max_line_bytes; /* what lies between the data of two chunks */
};

/* What was read of an input. */
struct h1_chunked {
    size_t consumed;
    size_t body; /* bytes of data, moved to where they were wanted */
};

/* The first chunk is next. What stands between the data of two chunks, extensions with it, may have
 * `max_line_bytes`. `quirks` (borrowed) says how lenient to be, and is told. */
void h1_chunks_start(struct h1_chunks *c, size_t max_line_bytes, struct h1_quirks *quirks);
/* Reads `input` up to its end or the end of the last chunk's line. The data goes to `to`, which is
 * input.ptr or lies before it in the same block. Extensions are checked and passed over (RFC 9112
 * §7.1.1).
 * Returns what is wrong, or NULL. */
NODISCARD const char *h1_chunks_read(struct h1_chunks *c, struct span input, char *to,
                                     struct h1_chunked *out);

#endif
