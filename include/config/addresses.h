/* addresses.h - whether two addresses are one place, so that nobody listens twice there or is an
 * origin of its own. Pure: no name is looked up.
 * "Every address" holds each single one, an IPv4-mapped IPv6 address is the IPv4 address, and of
 * paths "/a//./b" is "/a/b". Port 0 is another free port each time: it is nobody's place. */
#ifndef CONFIG_ADDRESSES_H
#define CONFIG_ADDRESSES_H

#include "config/config.h"

/* Sockets at both cannot be open at once. */
bool addresses_overlap(const struct config_address *a, const struct config_address *b);

/* Where a connection to an origin ends. */
enum addresses_end {
    ADDRESSES_ELSEWHERE, /* not at that listener */
    ADDRESSES_THERE,
    ADDRESSES_IF_LOCAL, /* there if the origin's host, a name or a number, is one of this machine's
                         */
};

/* Whether who connects to `url` comes to who listens at `address`. */
enum addresses_end addresses_reach(const struct config_url *url,
                                   const struct config_address *address);

#endif
