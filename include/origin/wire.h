/* wire.h - the bytes of a connection to an origin, plain or under TLS.
 * A plain wire is a socket of ours; a TLS one is read and written through libcurl, which made it.
 */
#ifndef ORIGIN_WIRE_H
#define ORIGIN_WIRE_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/attr.h"

struct wire {
    int fd;         /* to wait on; -1: there is none */
    void *tls;      /* libcurl's handle, NULL: plain */
    void *tls_loop; /* and its multi handle */
};

enum wire_result {
    WIRE_OK,
    WIRE_AGAIN,  /* wait for the socket */
    WIRE_CLOSED, /* the origin will send no more */
    WIRE_FAILED,
};

/* Reads at most `room` bytes; with WIRE_OK `*n` is at least 1. */
NODISCARD enum wire_result wire_read(struct wire *w, void *to, size_t room, size_t *n);
/* Writes what the `count` pieces hold, as far as the socket takes it; with WIRE_OK `*n` bytes. */
NODISCARD enum wire_result wire_write(struct wire *w, const struct iovec *pieces, int count,
                                      size_t *n);
/* A TLS layer may hold bytes that the socket knows nothing of: read until WIRE_AGAIN. */
static inline int wire_is_layered(const struct wire *w)
{
    return w->tls != NULL;
}
/* Closes it; a wire that is none is fine. Not from a callback of libcurl. */
void wire_close(struct wire *w);

#endif
