/* url.h - URI references (RFC 3986), without allocation and without decoding.
 * Pure. A url's spans point into the text that was split, or into the caller's buffer. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>

#include "base/span.h"

struct url {
    struct span scheme; /* empty: there is none */
    struct span host;   /* with has_authority; IPv6 addresses with their brackets */
    struct span path;
    struct span query; /* with has_query, without the "?" */
    unsigned port;     /* 0: none given */
    bool has_authority, has_userinfo, has_query;
};

/* Splits a URI reference (RFC 3986 §4.1); the fragment is dropped. False where `text` is none: a
 * byte outside the RFC's set, a scheme or a host that cannot be one, a port that is not 1-65535
 * (empty is none). Percent-encoding is not looked at. */
bool url_split(struct span text, struct url *out);
/* Splits an authority, `host[:port]` with optional user info, into out's authority members and
 * leaves the rest empty. False where it is malformed. */
bool url_split_authority(struct span text, struct url *out);
/* `host` is a name under PARENT, however deep, where `wildcard` is "*.PARENT"; case does not count.
 */
bool url_host_is_under(struct span host, struct span wildcard);
/* Splits the origin-form of a request target, `/path?query`, into out's path and query. */
void url_split_target(struct span target, struct url *out);
/* The port that `scheme` (any case) has by default; 0 for one that is neither http nor https. */
unsigned url_default_port(struct span scheme);
/* The port of `url`, given or by default; 0 where it has neither. */
unsigned url_port(const struct url *url);
/* Both have an authority and the same scheme, host (http/host.h) and port; the default port is
 * implied. */
bool url_same_origin(const struct url *a, const struct url *b);

/* The bytes that url_resolve() may write at the most. */
size_t url_resolve_bytes(const struct url *base, const struct url *ref);
/* Resolves `ref` against `base` (RFC 3986 §5.2.2, strict) into `*out`. The path of the result with
 * its query, `/path?query`, is written to `buffer`, which has url_resolve_bytes() of room, and
 * `*target` is set to it; an empty path is "/" where there is an authority. */
void url_resolve(const struct url *base, const struct url *ref, char *buffer, struct url *out,
                 struct span *target);

#endif
