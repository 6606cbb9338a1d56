/* wire.h - the bytes of one connection, plain or under TLS, on a non-blocking socket.
 * Owns the socket and the TLS connection on it. Knows nothing of waiting: what cannot go on says
 * which event of the socket it needs. Belongs to one thread, never calls back. */
#ifndef ORIGIN_WIRE_H
#define ORIGIN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/blocks.h"

struct tls_conn;
struct tls_target;

struct wire {
    int fd;               /* to wait on; -1: there is none */
    struct tls_conn *tls; /* NULL: plain */
    const char *why;      /* the last WIRE_FAILED; static text, or of `tls` */
    unsigned idle_records;
};

enum wire_result {
    WIRE_OK,
    WIRE_WANTS_READ,  /* again when the socket is readable, which it may be already */
    WIRE_WANTS_WRITE, /* again when the socket is writable */
    WIRE_CLOSED,      /* the peer will send no more, and said so: FIN, under TLS close_notify */
    WIRE_CUT,         /* it is gone: nobody knows whether that was all */
    WIRE_FAILED,      /* a fault of the system or of TLS; wire_why() says which */
};

/* Puts TLS over the plain wire, as its client. What waits to be sent lies in a block of `blocks`,
 * of TLS_OUT_BYTES (borrowed). False when memory is out; the wire stays plain. */
NODISCARD bool wire_secure(struct wire *w, struct tls_target *target, struct blocks *blocks);
/* Goes on with the handshake of TLS; WIRE_OK: it is done. */
NODISCARD enum wire_result wire_handshake(struct wire *w);
/* Reads at most `room` bytes; with WIRE_OK `*n` is at least 1. A peer that sends a thousand records
 * of TLS in a row without a byte of data has failed. */
NODISCARD enum wire_result wire_read(struct wire *w, void *to, size_t room, size_t *n);
/* The next wire_read() may have bytes though the socket has none: TLS had them already. */
bool wire_has_pending(const struct wire *w);
/* Takes what the `count` pieces hold, as far as there is room; with WIRE_OK `*n` bytes. Under TLS
 * they have left only after wire_flush(), and after WIRE_WANTS_... the same bytes, perhaps with
 * more behind them, must be offered again. */
NODISCARD enum wire_result wire_write(struct wire *w, const struct iovec *pieces, int count,
                                      size_t *n);
/* Sends what was taken; WIRE_OK: the system has all of it. */
NODISCARD enum wire_result wire_flush(struct wire *w);
/* Closes it, under TLS with close_notify as far as the socket takes that; a wire that is none is
 * fine. */
void wire_close(struct wire *w);
/* One line about the last WIRE_FAILED; lives as long as the wire. */
const char *wire_why(const struct wire *w);

#endif
