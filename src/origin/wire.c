#include "origin/wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static enum wire_result from_errno(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? WIRE_AGAIN : WIRE_FAILED;
}

static enum wire_result from_curl(CURLcode code)
{
    return code == CURLE_AGAIN ? WIRE_AGAIN : WIRE_FAILED;
}

enum wire_result wire_read(struct wire *w, void *to, size_t room, size_t *n)
{
    if (w->tls) {
        CURLcode code = curl_easy_recv(w->tls, to, room, n);
        if (code != CURLE_OK)
            return from_curl(code);
        return *n > 0 ? WIRE_OK : WIRE_CLOSED;
    }
    ssize_t got = recv(w->fd, to, room, 0);
    if (got < 0)
        return from_errno();
    *n = (size_t)got;
    return got > 0 ? WIRE_OK : WIRE_CLOSED;
}

static enum wire_result write_layered(struct wire *w, const struct iovec *pieces, int count,
                                      size_t *n)
{
    *n = 0;
    for (int i = 0; i < count; i++) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(w->tls, pieces[i].iov_base, pieces[i].iov_len, &sent);
        *n += sent;
        if (code != CURLE_OK)
            return *n > 0 && code == CURLE_AGAIN ? WIRE_OK : from_curl(code);
        if (sent < pieces[i].iov_len)
            break;
    }
    return WIRE_OK;
}

enum wire_result wire_write(struct wire *w, const struct iovec *pieces, int count, size_t *n)
{
    if (w->tls)
        return write_layered(w, pieces, count, n);
    ssize_t sent;
    if (count == 1) {
        sent = send(w->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
    } else {
        struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
        sent = sendmsg(w->fd, &message, MSG_NOSIGNAL);
    }
    if (sent < 0)
        return from_errno();
    *n = (size_t)sent;
    return WIRE_OK;
}

void wire_close(struct wire *w)
{
    if (w->tls) {
        curl_multi_remove_handle(w->tls_loop, w->tls);
        curl_easy_cleanup(w->tls);
        curl_multi_cleanup(w->tls_loop);
    } else if (w->fd >= 0) {
        close(w->fd);
    }
    *w = (struct wire){.fd = -1};
}
