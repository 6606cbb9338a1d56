#include "tls/socket.h"

#include <errno.h>
#include <sys/socket.h>

bool tls_socket_flush(struct tls_socket *s)
{
    while (buf_len(&s->out) > 0) {
        struct span bytes = buf_bytes(&s->out);
        ssize_t n = send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s->sent_bytes += (size_t)n;
        buf_consume(&s->out, (size_t)n);
    }
    return true;
}

static int write_bytes(BIO *bio, const char *from, int len)
{
    struct tls_socket *s = BIO_get_data(bio);
    size_t room = 0;
    BIO_clear_retry_flags(bio);
    char *space = buf_space(&s->out, &room);
    if (!space && buf_len(&s->out) > 0 && (tls_socket_flush(s) || errno == EAGAIN))
        space = buf_space(&s->out, &room);
    if (!space) {
        if (buf_len(&s->out) == 0)
            errno = ENOMEM;
        else if (errno == EAGAIN)
            BIO_set_retry_write(bio);
        return -1;
    }
    size_t n = (size_t)len < room ? (size_t)len : room;
    memcpy(space, from, n);
    buf_commit(&s->out, n);
    return (int)n;
}

static int read_bytes(BIO *bio, char *to, int room)
{
    struct tls_socket *s = BIO_get_data(bio);
    size_t most = (size_t)room < s->allowance_bytes ? (size_t)room : s->allowance_bytes;
    ssize_t n;
    BIO_clear_retry_flags(bio);
    do {
        n = most > 0 ? recv(s->fd, to, most, 0) : -1;
    } while (most > 0 && n < 0 && errno == EINTR);
    if (most == 0 || (n < 0 && errno == EAGAIN))
        BIO_set_retry_read(bio);
    else if (n > 0)
        s->allowance_bytes -= (size_t)n;
    s->heard |= n > 0;
    return (int)n;
}

/* Whoever owns the socket flushes it when there is nothing more to add. */
static long control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (method && BIO_meth_set_write(method, write_bytes) == 1 &&
        BIO_meth_set_read(method, read_bytes) == 1 && BIO_meth_set_ctrl(method, control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

BIO *tls_socket_bio(struct tls_socket *s, const BIO_METHOD *method)
{
    BIO *bio = BIO_new(method);
    if (!bio)
        return NULL;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    return bio;
}
