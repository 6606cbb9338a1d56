/* request.h - what must be true of a request before it is served (RFC 9110 §7, RFC 9113 §8.3).
 * Pure. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/message.h"

/* Why a request cannot be served. */
enum request_fault {
    REQUEST_FINE,
    REQUEST_NO_ROOM,    /* memory is short: of its fields only those of the target are kept: 503 */
    REQUEST_TOO_LARGE,  /* the fields of its head or of its trailers: 431 */
    REQUEST_IS_CONNECT, /* CONNECT: 501 */
    REQUEST_BAD_METHOD, /* no token: 400 */
    REQUEST_BAD_SCHEME, /* :scheme is not what the listener speaks: 400 */
    REQUEST_BAD_AUTHORITY, /* missing, malformed, or unlike Host: 400 */
    REQUEST_BAD_PATH, /* a byte that cannot stand in a request target, or not origin-form: 400 */
};

/* Looks whether the request can be forwarded, faults in the order above, and settles what can be
 * written in several ways: `in->authority` is :authority as it was written, or Host where that is
 * missing, and Host may spell it otherwise (http/host.h; the default port may be left out);
 * `in->scheme` is `scheme`, which is what the listener speaks, in lower case. */
enum request_fault request_check(struct request *in, struct span scheme);

#endif
