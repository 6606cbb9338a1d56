/* sending.h - the half of a session that sends; behind http/session.h, where each function is
 * described with the verb of its name. For this room only. */
#ifndef H2_SENDING_H
#define H2_SENDING_H

#include "streams.h"

/* Names the callbacks with which nghttp2 tells what it sends. */
void sending_install(nghttp2_session_callbacks *cbs);

struct span sending_send(struct session *s, char *to, size_t room, bool *failed);
void sending_taken(struct session *s);
bool sending_inform(struct stream *stream, const struct response *head);
bool sending_respond(struct stream *stream, const struct response *head, bool has_body);
bool sending_promise(struct stream *page, struct stream *push);
void sending_reset(struct stream *stream, enum stream_end why);
void sending_resume(struct stream *stream);
size_t sending_window(const struct stream *stream);

#endif
