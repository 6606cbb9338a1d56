/* conn.h - one TLS connection of a client, on a non-blocking socket.
 * Borrows the descriptor and the context, belongs to one thread, never calls back. SIGPIPE must be
 * ignored by the process. */
#ifndef TLS_CONN_H
#define TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct tls_context;
struct tls_conn;

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,  /* again when the socket is readable */
    TLS_WANT_WRITE, /* again when the socket is writable */
    TLS_CLOSED,     /* the peer closed the connection, in order or not */
    TLS_FAILED,     /* a fault of the protocol or the socket; tls_conn_why() says which */
};

/* A server's connection on `fd`, handshake not started. NULL when memory is out. */
NODISCARD struct tls_conn *tls_conn_new(struct tls_context *ctx, int fd);
/* Frees it without any I/O; the descriptor stays open. NULL is fine. */
void tls_conn_free(struct tls_conn *conn);
/* Goes on with the handshake. TLS_OK: it is done, and ALPN chose "h2"; a client that does not
 * offer it was refused with no_application_protocol (RFC 7301 §3.2). */
enum tls_result tls_conn_handshake(struct tls_conn *conn);
/* Reads what there is, at most `room` bytes; with TLS_OK `*n` is at least 1. */
enum tls_result tls_conn_read(struct tls_conn *conn, void *to, size_t room, size_t *n);
/* Bytes have come from the socket that tls_conn_read() may turn into data: do not wait for the
 * socket. False once tls_conn_read() has said TLS_WANT_READ: only part of a record is there. */
bool tls_conn_has_pending(const struct tls_conn *conn);
/* Writes `len` bytes (at least 1) as one record of at most 16 KiB; with TLS_OK `*n` of them, at
 * least 1, were taken. After TLS_WANT_WRITE the same bytes (wherever they are now, and more after
 * them if need be) must be offered again first. */
enum tls_result tls_conn_write(struct tls_conn *conn, const void *from, size_t len, size_t *n);
/* Sends close_notify, as far as the socket takes it. */
void tls_conn_shutdown(struct tls_conn *conn);
/* "TLSv1.3", once the handshake is done. */
const char *tls_conn_version(const struct tls_conn *conn);
/* The session was resumed from a ticket. */
bool tls_conn_resumed(const struct tls_conn *conn);
/* One line about the last TLS_FAILED; lives as long as the connection. */
const char *tls_conn_why(const struct tls_conn *conn);

#endif
