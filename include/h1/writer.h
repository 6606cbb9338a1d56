/* writer.h - writes HTTP/1.1 requests (RFC 9112). Pure: text in an arena, no I/O. */
#ifndef H1_WRITER_H
#define H1_WRITER_H

#include "http/message.h"

enum { H1_CHUNK_LINE_BYTES = 24 };

/* The head of `request` with `fields` (what forward_request() made) and the framing of
 * request->body: Content-Length where it is known, chunked where it is not (RFC 9112 §6), none for
 * a method that says nothing by leaving it out (RFC 9110 §8.6). Lives in `arena`; empty when memory
 * is out. */
struct span h1_request_head(struct arena *arena, const struct request *request,
                            const struct fields *fields);
/* The line before a chunk of `len` bytes; with `after`, the end of the chunk before it too. Written
 * to `out`. */
struct span h1_chunk_line(char out[H1_CHUNK_LINE_BYTES], size_t len, bool after);
/* The last chunk with the trailer fields (NULL: none); with `after`, the end of the chunk before it
 * too. Lives in `arena`; empty when memory is out. */
struct span h1_last_chunk(struct arena *arena, const struct fields *trailers, bool after);

#endif
