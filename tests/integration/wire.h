/* wire.h - a client's TLS connection to the daemon, before there is any HTTP.
 * Blocking in effect: every call waits, up to a deadline. For handshakes that must fail, for
 * clients that stay silent or send any bytes, and as what peer.h stands on. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

enum wire_alpn {
    WIRE_ALPN_H2,
    WIRE_ALPN_HTTP11, /* offers http/1.1 only */
    WIRE_ALPN_BOTH,   /* http/1.1 first */
    WIRE_ALPN_NONE,   /* sends no ALPN at all */
};

struct wire_options {
    unsigned port;
    const char *sni; /* NULL: none is sent */
    enum wire_alpn alpn;
    int version;          /* TLS1_2_VERSION: no newer one; 0: any */
    SSL_SESSION *session; /* to resume; borrowed */
    int receive_bytes;    /* the socket's buffer; 0: the system's default */
    uint8_t fragment;     /* asks for small records, TLSEXT_max_fragment_length_…; 0: does not */
};

struct wire {
    struct channel channel;
    SSL_CTX *tls;
    SSL_SESSION *session; /* the last one that the server gave */
    int alert;            /* the description of the last alert that came, or -1 */
    bool ready;           /* the handshake was done */
};

/* Connects without a word more: no handshake. Fails the test where that is not possible. */
struct wire *wire_connect(const struct wire_options *options);
/* Does the handshake; false if it failed, or the deadline passed. */
bool wire_handshake(struct wire *w);
/* Reads what there is; waits for it. 0 or less: a result of channel_read(), CHANNEL_AGAIN at the
 * deadline. */
ssize_t wire_read(struct wire *w, void *to, size_t room, unsigned ms);
/* Writes all of it; false where that is not possible. */
bool wire_write(struct wire *w, const void *from, size_t n);
/* Reads and drops what comes until the connection ends; false at the deadline. */
bool wire_ends(struct wire *w, unsigned ms);
/* The common name of the server's certificate; valid until the next call. */
const char *wire_certificate(struct wire *w);
/* Closes and frees; NULL is fine. */
void wire_free(struct wire *w);

#endif
