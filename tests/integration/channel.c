#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

static ssize_t channel_tls_result(struct channel *ch, int result)
{
    switch (SSL_get_error(ch->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        ch->wants = POLLIN;
        return CHANNEL_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        ch->wants = POLLOUT;
        return CHANNEL_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return CHANNEL_CLOSED;
    default:
        return CHANNEL_BROKEN;
    }
}

ssize_t channel_read(struct channel *ch, void *to, size_t room)
{
    if (ch->ssl) {
        ERR_clear_error();
        int n = SSL_read(ch->ssl, to, (int)room);
        return n > 0 ? n : channel_tls_result(ch, n);
    }
    ssize_t n = recv(ch->fd, to, room, 0);
    if (n >= 0)
        return n;
    ch->wants = POLLIN;
    return errno == EAGAIN || errno == EINTR ? CHANNEL_AGAIN : CHANNEL_BROKEN;
}

ssize_t channel_write(struct channel *ch, const void *from, size_t n)
{
    if (ch->ssl) {
        ERR_clear_error();
        int taken = SSL_write(ch->ssl, from, (int)n);
        if (taken > 0)
            return taken;
        ssize_t result = channel_tls_result(ch, taken);
        return result == CHANNEL_CLOSED ? CHANNEL_BROKEN : result;
    }
    ssize_t taken = send(ch->fd, from, n, MSG_NOSIGNAL);
    if (taken >= 0)
        return taken;
    ch->wants = POLLOUT;
    return errno == EAGAIN || errno == EINTR ? CHANNEL_AGAIN : CHANNEL_BROKEN;
}

int channel_handshake(struct channel *ch)
{
    if (!ch->ssl)
        return 1;
    ERR_clear_error();
    int result = SSL_do_handshake(ch->ssl);
    return result == 1 ? 1 : (int)channel_tls_result(ch, result);
}

int channel_new_keys(struct channel *ch)
{
    ERR_clear_error();
    if (!ch->ssl || (SSL_get_key_update_type(ch->ssl) == SSL_KEY_UPDATE_NONE &&
                     SSL_key_update(ch->ssl, SSL_KEY_UPDATE_REQUESTED) != 1))
        return CHANNEL_BROKEN;
    return channel_handshake(ch);
}

bool channel_has_pending(const struct channel *ch)
{
    return ch->ssl && SSL_has_pending(ch->ssl);
}

void channel_close(struct channel *ch)
{
    if (ch->fd < 0)
        return;
    if (ch->ssl && SSL_is_init_finished(ch->ssl))
        SSL_shutdown(ch->ssl);
    SSL_free(ch->ssl);
    close(ch->fd);
    *ch = (struct channel){.fd = -1};
}

void channel_reset(struct channel *ch)
{
    if (ch->fd < 0)
        return;
    setsockopt(ch->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    SSL_free(ch->ssl);
    ch->ssl = NULL;
    channel_close(ch);
}
