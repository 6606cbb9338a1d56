/* peer.h - who is at the other end of a client's connection: its address, as bytes and as text, and
 * the crowd of those that come from there. */
#ifndef PROXY_PEER_H
#define PROXY_PEER_H

#include "base/attr.h"
#include "base/crowd.h"
#include "base/siphash.h"
#include "net/address.h"

struct peer {
    struct address address;        /* without a path */
    char text[ADDRESS_TEXT_BYTES]; /* the IP address; empty for a unix socket */
    uint64_t crowd_key;            /* with in_crowd */
    bool in_crowd;
};

/* The peer of an accepted socket; in no crowd yet. An IPv4 address that came through an IPv6 socket
 * is noted as what it is. */
void peer_init(struct peer *p, const struct sockaddr *address);
/* It came over a network, not over a unix socket. */
bool peer_is_remote(const struct peer *p);
/* Counts it in with those of its address, of IPv6 of its network of 64 bits; false: there are `max`
 * already. A peer without an address is in no crowd. */
NODISCARD bool peer_enter(struct peer *p, struct crowd *crowd, const struct siphash_key *key,
                          unsigned max);
/* Counts it out, if it was counted in. */
void peer_leave(struct peer *p, struct crowd *crowd);

#endif
