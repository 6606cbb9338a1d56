/* writer.h - writes HTTP/1.1 requests (RFC 9112). Pure: text in an arena, no I/O. */
#ifndef H1_WRITER_H
#define H1_WRITER_H

#include "http/message.h"

enum { H1_CHUNK_LINE_BYTES = 24 };

/* The head of `request` with `fields` (what forward_request() made) and the framing of `body`:
 * Content-Length where it is known, chunked where it is not (RFC 9112 §6). Without a body it is
 * Content-Length for POST, PUT and PATCH, which expect one (RFC 9110 §8.6), and for other methods
 * than GET and HEAD where the client said so itself, and none otherwise. Lives in `arena`; empty
 * when memory is out. */
struct span h1_request_head(struct arena *arena, const struct request *request, struct body body,
                            const struct fields *fields);
/* The line before the data of a chunk of `len` bytes, which CRLF follows (RFC 9112 §7.1). Written
 * to `out`. */
struct span h1_chunk_line(char out[H1_CHUNK_LINE_BYTES], size_t len);
/* The last chunk with the trailer fields (NULL: none); with `after`, the CRLF behind the data of
 * the chunk before it too. A literal, or lives in `arena`; empty when memory is out. */
struct span h1_last_chunk(struct arena *arena, const struct fields *trailers, bool after);

#endif
