/* reader.h - reads HTTP/1.1 responses off a connection (RFC 9112).
 * A head is parsed when it is there as a whole and clean to the byte: its lines end (§2.2), hold no
 * other control byte than tabs (RFC 9110 §5.5), and are not folded (§5.2); what is not so is
 * refused when it comes. What is not to the letter but has one meaning is a quirk (h1/quirk.h): it
 * is read, if the reader is not strict, and its connection is then good for nothing more. Whoever
 * reads a connection has one reader for its whole life. Owns: an unfinished head. The finished ones
 * live in the arenas that h1_reader_start() was given.
 */
#ifndef H1_READER_H
#define H1_READER_H

#include "h1/quirk.h"
#include "http/message.h"

struct h1_reader;

/* What a feed brought, as bits. */
enum h1_event {
    H1_HEAD = 1, /* a head is complete: h1_fed.head */
    H1_END = 2,  /* the response is complete; what follows in the input is not of it */
};

struct h1_fed {
    unsigned events;       /* enum h1_event */
    size_t consumed;       /* bytes of the input that were read */
    size_t body;           /* bytes of body, moved to the front of the input */
    struct response *head; /* with H1_HEAD; an informational one, or the final one */
    size_t head_bytes;     /* with H1_HEAD; its length as it came */
};

enum h1_result {
    H1_OK,
    H1_MALFORMED, /* h1_reader_why() says how */
    H1_NO_MEMORY,
};

/* A reader for heads (RFC 9112 §2.1), trailers and lines of chunks of at most `head_bytes` each, or
 * NULL when memory is out. A strict one refuses every quirk. */
NODISCARD struct h1_reader *h1_reader_new(size_t head_bytes, bool strict);
/* NULL is fine. */
void h1_reader_free(struct h1_reader *r);
/* Starts to read the response to a request with `method`, which has a say in whether there is a
 * body (RFC 9112 §6.3). Its final head and its trailers go to `arena`, its informational heads to
 * `interim`, which may be emptied between two feeds (both borrowed until H1_END). */
void h1_reader_start(struct h1_reader *r, struct span method, struct arena *arena,
                     struct arena *interim);
/* Reads from the `len` bytes at `input` until they end, a head is complete or the response is
 * complete. The bytes of the body go to `to`, which is `input` or lies before it in the same block,
 * so that a body is at rest where the socket put it. After H1_OK with less than `len` consumed and
 * no H1_END, call again with the rest. */
enum h1_result h1_reader_feed(struct h1_reader *r, const char *input, size_t len, char *to,
                              struct h1_fed *out);
/* The connection was closed by the origin: true if that ends the response in order (a body that
 * only the close delimits, RFC 9112 §6.3). */
bool h1_reader_finish(const struct h1_reader *r);
/* Anything of the response has been read: it cannot be asked for again unseen (RFC 9112 §9.3.1). */
bool h1_reader_has_begun(const struct h1_reader *r);
/* After H1_END: the connection may carry another request (RFC 9112 §9.3). */
bool h1_reader_keeps_alive(const struct h1_reader *r);
/* After H1_END: the trailer fields (RFC 9112 §7.1.2); empty where there were none. */
const struct fields *h1_reader_trailers(const struct h1_reader *r);
/* The quirks of the response so far, as bits by enum h1_quirk. */
unsigned h1_reader_quirks(const struct h1_reader *r);
/* What was malformed, in a few words. */
const char *h1_reader_why(const struct h1_reader *r);

#endif
