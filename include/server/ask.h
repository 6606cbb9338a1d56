/* ask.h - the head of a request to the admin listener (RFC 9112). Pure.
 * Borrows the text; says what is asked for, by which method and of which host. */
#ifndef SERVER_ASK_H
#define SERVER_ASK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/span.h"

enum ask_method {
    ASK_GET,
    ASK_HEAD,
    ASK_OTHER,
};

struct ask {
    enum ask_method method;
    struct span path; /* without its query */
    struct span host; /* in lower or upper case, without its port; of a target "http://HOST/" that
                         one, else of the field Host */
    bool names_host;  /* false: HTTP/1.0 without Host, as simple probes send it */
};

enum ask_result {
    ASK_FINE,
    ASK_MORE,    /* the head is not complete */
    ASK_BAD,     /* no request, or not with exactly one Host */
    ASK_VERSION, /* neither HTTP/1.1 nor HTTP/1.0 */
};

/* Reads the head at the front of `text`. `out` is filled with ASK_FINE only. */
NODISCARD enum ask_result ask_read(struct ask *out, struct span text);

#endif
