#include "proxy/peer.h"

#include <arpa/inet.h>

/* The address alone, in network order; empty for a unix socket. */
static struct span address_bytes(const union peer_address *address)
{
    if (address->any.sa_family == AF_INET)
        return span_of(&address->in.sin_addr, sizeof address->in.sin_addr);
    if (address->any.sa_family == AF_INET6)
        return span_of(&address->in6.sin6_addr, sizeof address->in6.sin6_addr);
    return SPAN("");
}

void peer_init(struct peer *p, const struct sockaddr *address)
{
    struct sockaddr_in *in = &p->address.in;
    struct sockaddr_in6 *in6 = &p->address.in6;
    *p = (struct peer){0};
    p->address.any.sa_family = address->sa_family;
    if (address->sa_family == AF_INET)
        memcpy(in, address, sizeof *in);
    else if (address->sa_family == AF_INET6)
        memcpy(in6, address, sizeof *in6);
    if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        struct sockaddr_in mapped = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
        memcpy(&mapped.sin_addr, in6->sin6_addr.s6_addr + 12, sizeof mapped.sin_addr);
        *in = mapped;
    }
    struct span bytes = address_bytes(&p->address);
    if (bytes.len > 0)
        inet_ntop(p->address.any.sa_family, bytes.ptr, p->text, sizeof p->text);
}

bool peer_is_remote(const struct peer *p)
{
    return address_bytes(&p->address).len > 0;
}

/* Of IPv6, whoever has one address has a network of 64 bits. */
static struct span kind_of(const union peer_address *address)
{
    struct span bytes = address_bytes(address);
    if (address->any.sa_family == AF_INET6)
        bytes.len = 8;
    return bytes;
}

bool peer_enter(struct peer *p, struct crowd *crowd, const struct siphash_key *key, unsigned max)
{
    struct span kind = kind_of(&p->address);
    if (kind.len == 0 || max == 0)
        return true;
    p->crowd_kind = siphash(key, kind);
    p->in_crowd = crowd_enter(crowd, p->crowd_kind, max);
    return p->in_crowd;
}

void peer_leave(struct peer *p, struct crowd *crowd)
{
    if (p->in_crowd)
        crowd_leave(crowd, p->crowd_kind);
    p->in_crowd = false;
}
