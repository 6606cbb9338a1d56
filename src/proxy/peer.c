#include "proxy/peer.h"

void peer_init(struct peer *p, const struct sockaddr *address)
{
    *p = (struct peer){.address = address_of_sockaddr(address)};
    p->address.path = NULL; /* it lies in `address` */
    address_print_ip(&p->address, p->text);
}

bool peer_is_remote(const struct peer *p)
{
    return p->address.kind == ADDRESS_IP;
}

bool peer_enter(struct peer *p, struct crowd *crowd, const struct siphash_key *key, unsigned max)
{
    struct span holder = address_holder(&p->address);
    if (holder.len == 0 || max == 0)
        return true;
    p->crowd_key = siphash(key, holder);
    p->in_crowd = crowd_enter(crowd, p->crowd_key, max);
    return p->in_crowd;
}

void peer_leave(struct peer *p, struct crowd *crowd)
{
    if (p->in_crowd)
        crowd_leave(crowd, p->crowd_key);
    p->in_crowd = false;
}
