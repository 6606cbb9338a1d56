/* channel.h - the bytes of one non-blocking connection, with TLS or without.
 * Owns the descriptor and the SSL, which may be NULL. Knows nothing of waiting: a call that cannot
 * go on returns CHANNEL_AGAIN and says in `wants` which event of poll() it needs. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <openssl/ssl.h>

enum {
    CHANNEL_CLOSED = 0,
    CHANNEL_AGAIN = -1,
    CHANNEL_BROKEN = -2,
};

struct channel {
    int fd;
    SSL *ssl;
    short wants;
};

/* Bytes that were read, or one of the results above. */
ssize_t channel_read(struct channel *ch, void *to, size_t room);
/* Bytes that were taken (never CHANNEL_CLOSED for n > 0), or one of the results above. */
ssize_t channel_write(struct channel *ch, const void *from, size_t n);
/* Says that what follows has new keys, and asks for the same; CHANNEL_BROKEN without TLS 1.3. */
int channel_new_keys(struct channel *ch);
/* Goes on with the handshake, as client or server: 1 when it is done, or a result above. */
int channel_handshake(struct channel *ch);
/* Bytes wait inside TLS: do not wait for the socket. */
bool channel_has_pending(const struct channel *ch);
/* Closes: in order with close_notify and FIN, or with a reset. A closed one is fine. */
void channel_close(struct channel *ch);
void channel_reset(struct channel *ch);

#endif
