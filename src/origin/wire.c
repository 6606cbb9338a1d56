#include "origin/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/conn.h"

enum {
    RECORD_BYTES = 16384,
    IDLE_RECORDS = 1000, /* tickets and new keys are few */
};

static enum wire_result fail(struct wire *w, const char *why)
{
    w->why = why;
    return WIRE_FAILED;
}

static enum wire_result from_errno(struct wire *w, enum wire_result waiting)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return waiting;
    if (errno == ECONNRESET || errno == EPIPE)
        return WIRE_CUT;
    return fail(w, strerrordesc_np(errno));
}

static enum wire_result from_tls(struct wire *w, enum tls_result result)
{
    switch (result) {
    case TLS_OK:
        return WIRE_OK;
    case TLS_WANT_READ:
        return WIRE_WANTS_READ;
    case TLS_WANT_WRITE:
        return WIRE_WANTS_WRITE;
    case TLS_CLOSED:
        return WIRE_CLOSED;
    case TLS_CUT:
        return WIRE_CUT;
    case TLS_FAILED:
        break;
    }
    return fail(w, tls_conn_why(w->tls));
}

bool wire_secure(struct wire *w, struct tls_target *target, struct blocks *blocks)
{
    w->tls = tls_conn_dial(target, w->fd, blocks);
    return w->tls;
}

enum wire_result wire_handshake(struct wire *w)
{
    return from_tls(w, tls_conn_handshake(w->tls));
}

/* What TLS said for itself, as its tickets, is acknowledged at once: a peer with Nagle's algorithm
 * holds its answer back until then, and the system would put that off for 40 ms. */
static void acknowledge(const struct wire *w)
{
    setsockopt(w->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
}

static enum wire_result read_records(struct wire *w, void *to, size_t room, size_t *n)
{
    enum tls_result result = tls_conn_read(w->tls, to, room, n);
    unsigned idle = tls_conn_take_idle_records(w->tls);
    w->idle_records = result == TLS_OK ? 0 : w->idle_records + idle;
    if (result == TLS_WANT_READ && idle > 0)
        acknowledge(w);
    if (w->idle_records > IDLE_RECORDS)
        return fail(w, "it sends TLS records without data");
    return from_tls(w, result);
}

enum wire_result wire_read(struct wire *w, void *to, size_t room, size_t *n)
{
    if (w->tls)
        return read_records(w, to, room, n);
    ssize_t got = recv(w->fd, to, room, 0);
    if (got < 0)
        return from_errno(w, WIRE_WANTS_READ);
    *n = (size_t)got;
    return got > 0 ? WIRE_OK : WIRE_CLOSED;
}

bool wire_has_pending(const struct wire *w)
{
    return w->tls && tls_conn_has_pending(w->tls);
}

static size_t len_of(const struct iovec *pieces, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

/* The next `len` bytes behind the first `skip`: where they are, if one piece has them all, and else
 * in `gathered`. */
static const void *gather(const struct iovec *pieces, size_t skip, size_t len, char *gathered)
{
    size_t have = 0;
    while (skip >= pieces->iov_len)
        skip -= (pieces++)->iov_len;
    if (pieces->iov_len - skip >= len)
        return (const char *)pieces->iov_base + skip;
    for (; have < len; skip = 0, pieces++) {
        size_t n = pieces->iov_len - skip;
        if (n > len - have)
            n = len - have;
        memcpy(gathered + have, (const char *)pieces->iov_base + skip, n);
        have += n;
    }
    return gathered;
}

/* Records are as large as may be, whatever the pieces are: each costs both sides. */
static enum wire_result write_records(struct wire *w, const struct iovec *pieces, int count,
                                      size_t *n)
{
    char gathered[RECORD_BYTES];
    size_t len = len_of(pieces, count);
    *n = 0;
    while (*n < len) {
        size_t taken, record = len - *n < RECORD_BYTES ? len - *n : RECORD_BYTES;
        const void *from = gather(pieces, *n, record, gathered);
        enum tls_result result = tls_conn_write(w->tls, from, record, &taken);
        if (result != TLS_OK)
            return *n > 0 ? WIRE_OK : from_tls(w, result);
        *n += taken;
    }
    return WIRE_OK;
}

enum wire_result wire_write(struct wire *w, const struct iovec *pieces, int count, size_t *n)
{
    if (w->tls)
        return write_records(w, pieces, count, n);
    ssize_t sent;
    if (count == 1) {
        sent = send(w->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
    } else {
        struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
        sent = sendmsg(w->fd, &message, MSG_NOSIGNAL);
    }
    if (sent < 0)
        return from_errno(w, WIRE_WANTS_WRITE);
    *n = (size_t)sent;
    return WIRE_OK;
}

enum wire_result wire_flush(struct wire *w)
{
    return w->tls ? from_tls(w, tls_conn_flush(w->tls)) : WIRE_OK;
}

void wire_close(struct wire *w)
{
    if (w->tls) {
        tls_conn_shutdown(w->tls);
        tls_conn_free(w->tls);
    }
    if (w->fd >= 0)
        close(w->fd);
    *w = (struct wire){.fd = -1};
}

const char *wire_why(const struct wire *w)
{
    return w->why ? w->why : "";
}
