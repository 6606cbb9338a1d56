/* conn.h - one TLS connection, with a client or with an origin, on a non-blocking socket.
 * Borrows the descriptor, and the context or the target; belongs to one thread, never calls back.
 * SIGPIPE must be ignored by the process. One call takes at most TLS_IN_BYTES from the socket,
 * whatever the peer sends: the library would go on for as long as records come that carry no data.
 * Then it says TLS_WANT_READ though the socket still has bytes, so whoever waits must wait for the
 * level, not for an edge. Each call may want either of the socket's two directions (RFC 8446
 * §4.6.3: reading a KeyUpdate may have to write one; writing may have to await the rest of one).
 * Wait for that which the answer names, and for nothing else: the other one may be there all the
 * time. */
#ifndef TLS_CONN_H
#define TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/blocks.h"
#include "tls/failure.h"

struct tls_context;
struct tls_conn;
struct tls_target;

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,  /* again when the socket is readable, which it may be already */
    TLS_WANT_WRITE, /* again when the socket is writable */
    TLS_CLOSED,     /* the peer will send no more, and said so (close_notify) */
    TLS_CUT,        /* the connection is gone: nobody knows whether that was all (RFC 8446 §6.1) */
    TLS_FAILED,     /* a fault of the protocol or the socket; tls_conn_why() says which */
};

enum {
    TLS_OUT_BYTES = 4 * (16384 + 64), /* four whole records */
    TLS_IN_BYTES = 16384 + 1024,      /* a whole record, as much as OpenSSL's buffer takes */
};

/* A server's connection on `fd`, handshake not started. What waits to be sent lies in a block of
 * `blocks`, which are to be of TLS_OUT_BYTES (borrowed). NULL when memory is out. */
NODISCARD struct tls_conn *tls_conn_new(struct tls_context *ctx, int fd, struct blocks *blocks);
/* A client's connection to `target` on `fd`, handshake not started; all else as above. */
NODISCARD struct tls_conn *tls_conn_dial(struct tls_target *target, int fd, struct blocks *blocks);
/* Frees it without any I/O; the descriptor stays open. NULL is fine. */
void tls_conn_free(struct tls_conn *conn);
/* Goes on with the handshake. TLS_OK: it is done, and its last bytes are left for tls_conn_flush().
 * With a client ALPN chose "h2" then; one that does not offer it was refused with
 * no_application_protocol (RFC 7301 §3.2). An origin has shown a certificate that its target
 * trusts, and OpenSSL has seen to it that ALPN chose nothing but HTTP/1.1. */
enum tls_result tls_conn_handshake(struct tls_conn *conn);
/* Reads what there is, at most `room` bytes; with TLS_OK `*n` is at least 1. */
enum tls_result tls_conn_read(struct tls_conn *conn, void *to, size_t room, size_t *n);
/* Bytes have come from the socket that tls_conn_read() may turn into data: do not wait for the
 * socket. False once tls_conn_read() has said TLS_WANT_READ: only part of a record is there. */
bool tls_conn_has_pending(const struct tls_conn *conn);
/* How many records, and messages of a handshake that is over, the peer sent since this was last
 * asked that brought no data: KeyUpdates, renegotiations, warnings, empty and padded records. They
 * cost as much as others, so whoever reads should end a connection that brings many. None of the
 * handshake itself. */
unsigned tls_conn_take_idle_records(struct tls_conn *conn);
/* Writes `len` bytes (at least 1) as one record of at most 16 KiB; with TLS_OK `*n` of them, at
 * least 1, were taken, and otherwise none. Records are collected: they leave with
 * tls_conn_flush(), or when there is no room for more. TLS_WANT_READ: the rest of a message of the
 * peer's must be read before, with tls_conn_read(). */
enum tls_result tls_conn_write(struct tls_conn *conn, const void *from, size_t len, size_t *n);
/* Sends what was written; TLS_OK: the system has taken all of it. Never TLS_WANT_READ. */
enum tls_result tls_conn_flush(struct tls_conn *conn);
/* How many bytes the system has taken. */
uint64_t tls_conn_sent_bytes(const struct tls_conn *conn);
/* Sends what was written, and close_notify, as far as the socket takes it. */
void tls_conn_shutdown(struct tls_conn *conn);
/* "TLSv1.3", once the handshake is done. */
const char *tls_conn_version(const struct tls_conn *conn);
/* The session was resumed from a ticket. */
bool tls_conn_resumed(const struct tls_conn *conn);
/* The reason of a handshake that came to TLS_CLOSED or TLS_FAILED. */
enum tls_failure tls_conn_failure(const struct tls_conn *conn);
/* One line about the last TLS_FAILED or TLS_CLOSED; lives as long as the connection. */
const char *tls_conn_why(const struct tls_conn *conn);

#endif
