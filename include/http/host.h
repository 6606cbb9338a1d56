/* host.h - hosts of authorities, compared as entities (RFC 3986 §6.2.2): neither case counts, nor
 * percent-encoding where none is needed, nor how an IPv6 address is abbreviated. The root's dot
 * does: "example.com." is another host, as it is to browsers.
 * Pure. Hosts are taken as url_split() gives them. */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include <stdbool.h>

#include "base/span.h"

enum { HOST_BYTES = 256 }; /* a name of DNS has 253 at the most */

/* The form in which `host` is compared, without regard to case: most often `host` itself, otherwise
 * a text in `room`, with percent-encoded unreserved bytes decoded and an IPv6 address as
 * net/address.h prints it. What would be longer than `room` is no name of DNS and stays as it is.
 */
struct span host_normal(struct span host, char room[HOST_BYTES]);
/* Both name the same host. */
bool host_is_same(struct span a, struct span b);

#endif
