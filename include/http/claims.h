/* claims.h - the request fields by which proxies tell an origin what only they can know: who the
 * client is, and what it asked the first of them for. Servers and frameworks believe them, so a
 * client's own must not pass. Pure. */
#ifndef HTTP_CLAIMS_H
#define HTTP_CLAIMS_H

#include <stdbool.h>

#include "base/span.h"

enum claim {
    CLAIM_NONE,
    CLAIM_OF_PROXIES, /* true where the client is a proxy that may be believed */
    CLAIM_OF_NOBODY,  /* `proxy`: CGI makes HTTP_PROXY of it, which its programs send requests to
                         (httpoxy); no proxy sets it */
};

/* What a field of that name (any case) claims. Any byte that is neither a letter nor a digit counts
 * as "-": CGI and its like make one variable of them all. */
enum claim claim_of(struct span name);
/* The name is made of letters, digits and "-", so that no other stands for the same variable. */
bool claim_is_plain(struct span name);

#endif
