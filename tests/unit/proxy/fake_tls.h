/* fake_tls.h - stands in for tls/conn.h: a connection whose answers a test sets. To be included by
 * one file of a test program; the linker takes it instead of the real one. */
#ifndef UNIT_PROXY_FAKE_TLS_H
#define UNIT_PROXY_FAKE_TLS_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/conn.h"

enum { FAKE_WIRE_BYTES = 1 << 18 };

struct tls_conn {
    int unused;
};

/* The one connection that there is. */
static struct {
    struct tls_conn conn;
    int fd;
    enum tls_result handshake, write, flush; /* what the next calls say */
    enum tls_result read;                    /* what a read says when nothing is there */
    size_t in;                               /* bytes that are there to be read */
    size_t room;                             /* that writes still take; then `write` is said */
    char out[FAKE_WIRE_BYTES];
    size_t out_len, records[256], records_len;
    uint64_t sent; /* of `out`, that the system took */
    unsigned shutdowns, frees, idle_records;
    bool new_fails;
} fake_tls;

static inline void fake_tls_reset(void)
{
    memset(&fake_tls, 0, sizeof fake_tls);
    fake_tls.read = TLS_WANT_READ;
    fake_tls.write = TLS_WANT_WRITE;
    fake_tls.room = FAKE_WIRE_BYTES;
}

struct tls_conn *tls_conn_new(struct tls_context *ctx, int fd, struct blocks *blocks)
{
    (void)ctx, (void)blocks;
    fake_tls.fd = fd;
    return fake_tls.new_fails ? NULL : &fake_tls.conn;
}

void tls_conn_free(struct tls_conn *conn)
{
    fake_tls.frees += conn != NULL;
}

enum tls_result tls_conn_handshake(struct tls_conn *conn)
{
    (void)conn;
    return fake_tls.handshake;
}

enum tls_result tls_conn_read(struct tls_conn *conn, void *to, size_t room, size_t *n)
{
    char signs[64]; /* that there is something to read */
    (void)conn;
    (void)!recv(fake_tls.fd, signs, sizeof signs, 0);
    if (fake_tls.in == 0)
        return fake_tls.read;
    *n = fake_tls.in < room ? fake_tls.in : room;
    memset(to, 'x', *n);
    fake_tls.in -= *n;
    return TLS_OK;
}

bool tls_conn_has_pending(const struct tls_conn *conn)
{
    (void)conn;
    return fake_tls.in > 0;
}

enum tls_failure tls_conn_failure(const struct tls_conn *conn)
{
    (void)conn;
    return TLS_FAILURE_OTHER;
}

unsigned tls_conn_take_idle_records(struct tls_conn *conn)
{
    unsigned n = fake_tls.idle_records;
    (void)conn;
    fake_tls.idle_records = 0;
    return n;
}

enum tls_result tls_conn_write(struct tls_conn *conn, const void *from, size_t len, size_t *n)
{
    (void)conn;
    if (fake_tls.room == 0)
        return fake_tls.write;
    *n = len < fake_tls.room ? len : fake_tls.room;
    memcpy(fake_tls.out + fake_tls.out_len, from, *n);
    fake_tls.out_len += *n;
    fake_tls.room -= *n;
    fake_tls.records[fake_tls.records_len++] = *n;
    return TLS_OK;
}

enum tls_result tls_conn_flush(struct tls_conn *conn)
{
    (void)conn;
    if (fake_tls.flush == TLS_OK)
        fake_tls.sent = fake_tls.out_len;
    return fake_tls.flush;
}

uint64_t tls_conn_sent_bytes(const struct tls_conn *conn)
{
    (void)conn;
    return fake_tls.sent;
}

void tls_conn_shutdown(struct tls_conn *conn)
{
    (void)conn;
    fake_tls.shutdowns++;
}

const char *tls_conn_version(const struct tls_conn *conn)
{
    (void)conn;
    return "TLSv1.9";
}

bool tls_conn_resumed(const struct tls_conn *conn)
{
    (void)conn;
    return false;
}

const char *tls_conn_why(const struct tls_conn *conn)
{
    (void)conn;
    return "it was told to";
}

#endif
