/* address.h - a network address as a value: an IP address with a port, or a unix socket.
 * An IPv4 address and its IPv4-mapped IPv6 form (RFC 4291 §2.5.5.2) are the same value, so that a
 * client is the same one whichever socket it came through. Pure: no I/O, no names. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include "base/attr.h"
#include "base/span.h"

enum address_kind {
    ADDRESS_NONE,
    ADDRESS_IP,
    ADDRESS_UNIX,
};

enum {
    ADDRESS_IP_BYTES = 16,
    ADDRESS_TEXT_BYTES = 48, /* holds the text of any IP address, with brackets, port and NUL */
};

struct address {
    enum address_kind kind;
    uint16_t port;                /* of ADDRESS_IP */
    uint8_t ip[ADDRESS_IP_BYTES]; /* in network order; IPv4 as IPv4-mapped IPv6 */
    const char *path;             /* of ADDRESS_UNIX, borrowed; NULL: the socket has no name */
};

/* A block of addresses: those whose first `bits` of 128 are those of `ip`. */
struct network {
    uint8_t ip[ADDRESS_IP_BYTES];
    unsigned bits;
};

/* Reads an IPv4 address, or an IPv6 address without brackets; the port is 0. False for anything
 * else: a name, a zone, a part of an address. */
NODISCARD bool address_parse_ip(struct address *out, struct span text);
/* Reads "IPV4:PORT", "[IPV6]:PORT", or "*:PORT" and ":PORT", which are [::]:PORT. False for
 * anything else. */
NODISCARD bool address_parse(struct address *out, struct span text);
/* The address in `sa`, which is what accept() or getsockname() filled; ADDRESS_NONE where that is
 * of another family. A unix socket's path is borrowed from `sa`. */
struct address address_of_sockaddr(const struct sockaddr *sa);
/* Fills `out` for bind() and connect(), and returns its length; 0 where the address is of no kind
 * or its path is too long for the system. An IPv4-mapped address becomes an IPv4 one. */
socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out);

/* It is an IPv4 address. */
bool address_is_ipv4(const struct address *a);
/* It stands for every address of the machine: 0.0.0.0 or [::]. */
bool address_is_any(const struct address *a);
/* It is of this machine alone: 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *a);
/* The same address and, if it has one, the same port. */
bool address_eq(const struct address *a, const struct address *b);
/* The bytes that those who hold this address have in common: all four of IPv4, the network of 64
 * bits of IPv6, since whoever has one address there has all of it. Empty where there is no IP
 * address. Borrowed from `a`. */
struct span address_holder(const struct address *a);

/* Writes the IP address without its port and with a NUL; "" where there is none. Returns `out`. */
const char *address_print_ip(const struct address *a, char out[ADDRESS_TEXT_BYTES]);
/* Writes "IPV4:PORT" or "[IPV6]:PORT" with a NUL; "" where there is none. Returns `out`. */
const char *address_print(const struct address *a, char out[ADDRESS_TEXT_BYTES]);

/* Reads "IP" or "IP/BITS". An IPv4 network holds the IPv4-mapped addresses. False for anything
 * else. */
NODISCARD bool network_parse(struct network *out, struct span text);
/* Some bit behind the mask is set: 10.1.2.3/8 was perhaps meant as one host, perhaps as
 * 10.0.0.0/8. */
bool network_has_host_bits(const struct network *n);
/* The IP address is in the network; a unix socket is in none. */
bool network_has(const struct network *n, const struct address *a);
/* Writes "IP", or "IP/BITS" where that is not one address alone, with a NUL. Returns `out`. */
const char *network_print(const struct network *n, char out[ADDRESS_TEXT_BYTES]);

#endif
