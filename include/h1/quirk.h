/* quirk.h - what an origin writes against the grammar that has one meaning all the same, because
 * RFC 9112 says how to read it or nothing else could be meant.
 * A strict reader refuses each of them. A lenient one reads on and notes the quirk: the connection
 * then carries no further exchange, so that nobody who would have read it otherwise can have a say
 * in where the next response begins. */
#ifndef H1_QUIRK_H
#define H1_QUIRK_H

#include <stdbool.h>

/* name, what came, how it is read */
#define H1_QUIRKS(X)                                                                               \
    X(LINE_LF, "a line of a head or of trailers ends in LF alone", "LF ends it")                   \
    X(EMPTY_LINE, "an empty line stands before the status line", "it is passed over")              \
    X(VERSION, "the version is above HTTP/1.1", "it is HTTP/1.1")                                  \
    X(STATUS_BLANKS, "the status line has a tab, or several blanks before the code",               \
      "they are one space")                                                                        \
    X(STATUS_RANGE, "the status code is in 600-999", "it is passed on")                            \
    X(NAME_BLANKS, "white space stands before a colon", "it is taken away")                        \
    X(FRAMING_TAB, "a tab stands beside what frames the body", "it is taken away")                 \
    X(LENGTHS, "content-length is there several times, always the same", "it counts once")         \
    X(CODINGS, "transfer-encoding names chunked in two lines, or beside nothing",                  \
      "it counts once")                                                                            \
    X(BOTH, "both transfer-encoding and content-length are there", "content-length is dropped")    \
    X(CODING_1_0, "transfer-encoding is there in HTTP/1.0", "the body comes in chunks")            \
    X(CHUNK_LF, "a line of a chunk, or its data, is followed by LF alone", "LF ends it")           \
    X(CHUNK_BLANKS, "white space stands at the end of a chunk's line", "it is passed over")

enum h1_quirk {
#define X(id, what, reading) H1_QUIRK_##id,
    H1_QUIRKS(X)
#undef X
        H1_QUIRKS_END
};

/* What was noted of one response. */
struct h1_quirks {
    bool strict;
    unsigned seen; /* bits, by enum h1_quirk */
};

/* Whether the quirk may be read on from; notes it then. */
static inline bool h1_quirk_passes(struct h1_quirks *q, enum h1_quirk quirk)
{
    if (!q->strict)
        q->seen |= 1U << quirk;
    return !q->strict;
}

/* What came, in words. */
const char *h1_quirk_what(enum h1_quirk quirk);
/* How it is read, in words. */
const char *h1_quirk_reading(enum h1_quirk quirk);

#endif
