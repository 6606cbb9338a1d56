/* heads.h - puts the head of a request, and its trailers, together from the fields that HPACK
 * decodes (RFC 9113 §8.3). For this room only. */
#ifndef H2_HEADS_H
#define H2_HEADS_H

#include "streams.h"

/* Copies a field into the request of `stream`, or into its trailers. Fields past
 * session.header_list_bytes are counted as waste and not kept: the request is REQUEST_TOO_LARGE.
 * False: they are so many that the connection is to end; it has been told so. */
NODISCARD bool heads_add(struct h2_session *s, struct h2_stream *stream, struct span name,
                         struct span value, bool trailer);
/* The head is complete; `end`: and the request with it. Settles how the body is framed. */
void heads_complete(struct h2_stream *stream, bool end);

#endif
