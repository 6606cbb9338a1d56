/* message.h - requests and responses, apart from the protocol that carries them (RFC 9110 §6).
 * A message owns nothing: its spans live in the arena of the exchange. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/fields.h"

/* How the length of a body is known. */
enum body_framing {
    BODY_NONE,    /* there is no body */
    BODY_LENGTH,  /* content-length says it */
    BODY_UNKNOWN, /* it ends when it ends: chunked, END_STREAM or close */
};

struct body {
    enum body_framing framing;
    uint64_t length; /* bytes; with BODY_LENGTH only */
};

struct request {
    struct span method;
    struct span scheme;    /* "https" or "http" */
    struct span authority; /* :authority, or Host where that is missing; may be empty */
    struct span host;      /* the authority without its port, once request_check() found it fine */
    struct span path;      /* with the query; "*" for OPTIONS of the server itself */
    struct fields fields;
    struct body body;
};

struct response {
    unsigned status; /* 100-999; over 599 only where an origin made it up */
    struct fields fields;
    struct body body;
};

/* The request has content. */
bool request_has_content(const struct request *r);
/* It has, and its sender waits to be told to send it: Expect says 100-continue (RFC 9110 §10.1.1).
 */
bool request_awaits_continue(const struct request *r);

/* The standard reason phrase of a status code ("Bad Gateway"), or "" for one that has none. */
const char *status_reason(unsigned status);

#endif
