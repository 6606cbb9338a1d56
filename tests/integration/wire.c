#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "check.h"

static void wire_note(const SSL *ssl, int where, int value)
{
    struct wire *w = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        w->alert = value & 0xff;
}

static int wire_keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct wire *w = SSL_get_app_data(ssl);
    SSL_SESSION_free(w->session);
    w->session = session;
    return 1;
}

static int wire_dial(const struct wire_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (options->receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options->receive_bytes, sizeof(int));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail_msg("cannot connect to port %u: %s", options->port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void wire_offer(SSL *ssl, enum wire_alpn alpn)
{
    static const struct {
        const char *names;
        unsigned len;
    } offers[] = {
        [WIRE_ALPN_H2] = {"\2h2", 3},
        [WIRE_ALPN_HTTP11] = {"\10http/1.1", 9},
        [WIRE_ALPN_BOTH] = {"\10http/1.1\2h2", 12},
    };
    if (alpn != WIRE_ALPN_NONE)
        SSL_set_alpn_protos(ssl, (const unsigned char *)offers[alpn].names, offers[alpn].len);
}

struct wire *wire_connect(const struct wire_options *options)
{
    struct wire *w = check_alloc(sizeof(*w));
    w->alert = -1;
    w->channel.fd = wire_dial(options);
    w->tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(w->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(w->tls,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(w->tls, wire_keep_session);
    SSL_CTX_set_info_callback(w->tls, wire_note);
    if (options->version)
        SSL_CTX_set_max_proto_version(w->tls, options->version);
    SSL *ssl = w->channel.ssl = SSL_new(w->tls);
    SSL_set_app_data(ssl, w);
    SSL_set_fd(ssl, w->channel.fd);
    SSL_set_connect_state(ssl);
    if (options->sni)
        SSL_set_tlsext_host_name(ssl, options->sni);
    if (options->session)
        SSL_set_session(ssl, options->session);
    if (options->fragment)
        SSL_set_tlsext_max_fragment_length(ssl, options->fragment);
    wire_offer(ssl, options->alpn);
    int flags = 1;
    ioctl(w->channel.fd, FIONBIO, &flags);
    return w;
}

/* Waits for what the channel wants; false at the deadline. */
static bool wire_wait(struct wire *w, uint64_t deadline)
{
    struct pollfd polled = {w->channel.fd, w->channel.wants, 0};
    int n;
    do {
        n = poll(&polled, 1, check_left(deadline));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

bool wire_handshake(struct wire *w)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    int result;
    while ((result = channel_handshake(&w->channel)) == CHANNEL_AGAIN)
        if (!wire_wait(w, deadline))
            return false;
    w->ready = result == 1;
    return w->ready;
}

ssize_t wire_read(struct wire *w, void *to, size_t room, unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    ssize_t n;
    while ((n = channel_read(&w->channel, to, room)) == CHANNEL_AGAIN)
        if (!wire_wait(w, deadline))
            break;
    return n;
}

bool wire_write(struct wire *w, const void *from, size_t n)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    const char *rest = from;
    while (n > 0) {
        ssize_t taken = channel_write(&w->channel, rest, n);
        if (taken > 0) {
            rest += taken;
            n -= (size_t)taken;
        } else if (taken != CHANNEL_AGAIN || !wire_wait(w, deadline)) {
            return false;
        }
    }
    return true;
}

bool wire_ends(struct wire *w, unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    char dropped[4096];
    for (;;) {
        ssize_t n = w->ready ? channel_read(&w->channel, dropped, sizeof(dropped))
                             : recv(w->channel.fd, dropped, sizeof(dropped), 0);
        if (n > 0)
            continue;
        if (!w->ready && n < 0 && errno == EAGAIN) {
            w->channel.wants = POLLIN;
            n = CHANNEL_AGAIN;
        } else if (!w->ready) {
            return true;
        }
        if (n != CHANNEL_AGAIN)
            return true;
        if (!wire_wait(w, deadline))
            return false;
    }
}

const char *wire_certificate(struct wire *w)
{
    static char name[256];
    X509 *cert = SSL_get1_peer_certificate(w->channel.ssl);
    assert_non_null(cert);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
    X509_free(cert);
    return name;
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    channel_close(&w->channel);
    SSL_CTX_free(w->tls);
    SSL_SESSION_free(w->session);
    free(w);
}
