/* stream.h - the stream of an exchange on its client's connection, whatever the protocol.
 * Here the two meet: what an exchange says goes to the protocol, and what the protocol saw is
 * recorded in the exchange. On a connection that is closed nothing is said any more, and that is no
 * failure. */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include "proxy/client.h"

struct exchange;

/* What an HTTP/2 session tells; its user is the client. */
extern const struct h2_events stream_h2_events;

/* Sends an informational head. */
NODISCARD bool stream_inform(struct exchange *x, const struct response *head);
/* Sends the final head; the body, if there is one, is pulled by exchange_pull(). */
NODISCARD bool stream_respond(struct exchange *x, const struct response *head, bool has_body);
/* Promises the request of `push` on the stream of `page`. */
NODISCARD bool stream_promise(struct exchange *page, struct exchange *push);
/* Ends the exchange's stream with `code`. */
void stream_reset(struct exchange *x, enum h2_code code);
/* exchange_pull() has something to say. */
void stream_resume(struct exchange *x);
/* `n` bytes of the request's body were passed on. */
void stream_consumed(struct exchange *x, size_t n);
/* The client could take DATA of the exchange now. */
bool stream_has_window(const struct exchange *x);

#endif
