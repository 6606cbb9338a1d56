/* socket.h - a peer's socket as OpenSSL sees it (a BIO): what is read comes at once, but only up to
 * an allowance, since OpenSSL reads in a loop for as long as records come that carry no data; what
 * is written is collected, so that several records leave in one system call. For this room only.
 * Borrows the descriptor; takes memory from a cache (borrowed) only while bytes wait. */
#ifndef TLS_SOCKET_H
#define TLS_SOCKET_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct tls_socket {
    int fd;
    struct buf out;
    uint64_t sent_bytes;    /* that the system took */
    bool heard;             /* any byte of the peer */
    size_t allowance_bytes; /* that may still be read; then "again", as of an empty socket */
};

/* What OpenSSL is to call; NULL when memory is out. Free with BIO_meth_free() once its last BIO is
 * gone. */
NODISCARD BIO_METHOD *tls_socket_method(void);
/* A BIO over `s`, which must outlive it; NULL when memory is out. */
NODISCARD BIO *tls_socket_bio(struct tls_socket *s, const BIO_METHOD *method);
/* Gives what was collected to the system, as much as it takes. False, and errno, where it takes
 * nothing more: EAGAIN, or a fault. */
bool tls_socket_flush(struct tls_socket *s);

#endif
