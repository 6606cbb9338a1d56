/* head.h - what the lines of a head and of trailers say (RFC 9112 §4-§6). Pure.
 * Owns nothing: names and values stay where the text is, names are turned to lower case there. */
#ifndef H1_HEAD_H
#define H1_HEAD_H

#include "h1/quirk.h"
#include "http/message.h"

struct h1_head {
    struct response *response;
    struct h1_quirks *quirks;
    bool chunked;     /* the body comes in chunks */
    bool keeps_alive; /* as far as this head says */
};

/* Reads a status line (RFC 9112 §4) and the field lines behind it (§5) into `out->response`, whose
 * fields are there and empty; then its framing (§6), as if the response has a body, and what it
 * says of its connection (§9.3). `text` begins with "HTTP/1." and ends in an empty line; every line
 * of it ends in CRLF and holds no other control byte than tabs. `out->quirks` says how lenient to
 * be, and is told. What frames the body is there once and in its plain form afterwards, or not at
 * all. Returns what is wrong, or NULL. Memory may be out: fields.failed. */
NODISCARD const char *h1_head_parse(struct h1_head *out, char *text, size_t len);
/* Reads trailer lines (RFC 9112 §7.1.2) into `to`, without those that would frame a message. `text`
 * is as above, without a status line, and so are `quirks`. Returns what is wrong, or NULL. Memory
 * may be out: to->failed. */
NODISCARD const char *h1_head_parse_trailers(struct fields *to, struct h1_quirks *quirks,
                                             char *text, size_t len);

#endif
