#include "tls/conn.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/mem.h"
#include "tls/context.h"
#include "tls/socket.h"
#include "tls/trust.h"

enum {
    RECORD_BYTES = 16384,
    RECORD_EXTRA_BYTES = 64, /* around its data, with a KeyUpdate before it */
};

struct tls_conn {
    SSL *ssl;
    struct tls_target *target; /* of a client; NULL: a server */
    struct tls_socket socket;
    enum tls_failure failure;
    const char *why;       /* static text */
    bool starved;          /* what OpenSSL has read ahead is no whole record */
    bool broken;           /* after a fatal error OpenSSL may not be asked to write */
    bool undecided;        /* the last record has brought neither data nor a message, so far */
    unsigned idle_records; /* see tls_conn_take_idle_records() */
};

/* OpenSSL has read the head of a record, or a whole message of a handshake. A record that has
 * brought no data when the next one begins was idle. */
static void note_record(int is_write, int version, int type, const void *bytes, size_t len,
                        SSL *ssl, void *user)
{
    struct tls_conn *conn = user;
    (void)version, (void)bytes, (void)len, (void)ssl;
    if (is_write)
        return;
    if (type == SSL3_RT_HEADER) {
        conn->idle_records += conn->undecided;
        conn->undecided = true;
    } else if (type == SSL3_RT_HANDSHAKE) {
        conn->idle_records++;
        conn->undecided = false;
    }
}

static void forget_records(struct tls_conn *conn)
{
    conn->undecided = false;
    conn->idle_records = 0;
}

static struct tls_conn *new_conn(int fd, struct blocks *blocks)
{
    struct tls_conn *conn = mem_zalloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->why = "";
    conn->socket.fd = fd;
    buf_init(&conn->socket.out, blocks);
    return conn;
}

/* Brings together what was made; NULL, and all of it freed, where that is not all. */
static struct tls_conn *assemble(struct tls_conn *conn, SSL *ssl, BIO *bio)
{
    conn->ssl = ssl;
    if (!ssl || !bio) {
        BIO_free(bio);
        tls_conn_free(conn);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_msg_callback(ssl, note_record);
    SSL_set_msg_callback_arg(ssl, conn);
    return conn;
}

struct tls_conn *tls_conn_new(struct tls_context *ctx, int fd, struct blocks *blocks)
{
    struct tls_conn *conn = new_conn(fd, blocks);
    if (!conn)
        return NULL;
    conn = assemble(conn, tls_context_ssl(ctx), tls_context_bio(ctx, &conn->socket));
    if (conn)
        SSL_set_accept_state(conn->ssl);
    return conn;
}

struct tls_conn *tls_conn_dial(struct tls_target *target, int fd, struct blocks *blocks)
{
    struct tls_conn *conn = new_conn(fd, blocks);
    if (!conn)
        return NULL;
    conn->target = target;
    return assemble(conn, tls_target_ssl(target), tls_target_bio(target, &conn->socket));
}

void tls_conn_free(struct tls_conn *conn)
{
    if (!conn)
        return;
    /* OpenSSL would spoil the session of a connection that was cut, or not shut down by us. */
    if (conn->target && conn->ssl && SSL_is_init_finished(conn->ssl))
        SSL_set_shutdown(conn->ssl, SSL_SENT_SHUTDOWN);
    SSL_free(conn->ssl);
    buf_fini(&conn->socket.out);
    mem_free(conn);
}

static enum tls_result gone(struct tls_conn *conn, enum tls_result how)
{
    conn->failure = conn->socket.heard ? TLS_FAILURE_CLOSED : TLS_FAILURE_SILENT;
    conn->why = "closed by the peer";
    return how;
}

static enum tls_result socket_fault(struct tls_conn *conn, int code)
{
    conn->broken = true;
    if (code == 0 || code == EPIPE || code == ECONNRESET)
        return gone(conn, TLS_CUT);
    conn->failure = TLS_FAILURE_OTHER;
    conn->why = strerrordesc_np(code);
    return TLS_FAILED;
}

static enum tls_result protocol_fault(struct tls_conn *conn)
{
    unsigned long error = ERR_peek_error();
    const char *text =
        conn->target ? tls_target_why(conn->ssl, error) : ERR_reason_error_string(error);
    conn->broken = true;
    conn->failure = tls_failure_of(ERR_GET_REASON(error));
    conn->why = text ? text : "TLS error";
    return TLS_FAILED;
}

/* Most often there is none. */
static void clear_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* What a call to OpenSSL came to. The thread's error queue is shared with the thread's other
 * connections, so it is left empty. */
static enum tls_result result(struct tls_conn *conn, int returned)
{
    int code = errno;
    enum tls_result r;
    switch (SSL_get_error(conn->ssl, returned)) {
    case SSL_ERROR_NONE:
        r = TLS_OK;
        break;
    case SSL_ERROR_WANT_READ:
        r = TLS_WANT_READ;
        break;
    case SSL_ERROR_WANT_WRITE:
        r = TLS_WANT_WRITE;
        break;
    case SSL_ERROR_ZERO_RETURN:
        r = gone(conn, TLS_CLOSED);
        break;
    case SSL_ERROR_SYSCALL:
        r = socket_fault(conn, code);
        break;
    default:
        r = protocol_fault(conn);
    }
    clear_errors();
    return r;
}

static void prepare(struct tls_conn *conn)
{
    clear_errors();
    errno = 0;
    conn->socket.allowance_bytes = TLS_IN_BYTES;
}

/* What OpenSSL has to say to the client goes out before that is waited for, or given up. */
static enum tls_result flush_before(struct tls_conn *conn, enum tls_result r)
{
    enum tls_result flushed = tls_conn_flush(conn);
    return r == TLS_FAILED || flushed == TLS_OK ? r : flushed;
}

static bool is_over(enum tls_result r)
{
    return r == TLS_CLOSED || r == TLS_CUT || r == TLS_FAILED;
}

enum tls_result tls_conn_handshake(struct tls_conn *conn)
{
    prepare(conn);
    enum tls_result r = result(conn, SSL_do_handshake(conn->ssl));
    if (r == TLS_OK)
        forget_records(conn);
    /* The origin may be another one by now, to which the session means nothing. */
    if (conn->target && is_over(r))
        tls_target_forget_session(conn->target);
    return r == TLS_WANT_READ || r == TLS_FAILED ? flush_before(conn, r) : r;
}

enum tls_result tls_conn_read(struct tls_conn *conn, void *to, size_t room, size_t *n)
{
    assert(room > 0);
    prepare(conn);
    enum tls_result r = result(conn, SSL_read_ex(conn->ssl, to, room, n));
    conn->starved = r == TLS_WANT_READ;
    if (r == TLS_OK)
        conn->undecided = false;
    return r == TLS_FAILED ? flush_before(conn, r) : r;
}

bool tls_conn_has_pending(const struct tls_conn *conn)
{
    return !conn->starved && SSL_has_pending(conn->ssl);
}

unsigned tls_conn_take_idle_records(struct tls_conn *conn)
{
    unsigned n = conn->idle_records;
    conn->idle_records = 0;
    return n;
}

/* Makes sure that a record fits into what is collected. OpenSSL must never be left with a part of
 * one: a KeyUpdate that it reads meanwhile, and wants to answer, would end the connection. */
static enum tls_result make_room(struct tls_conn *conn, size_t len)
{
    size_t record = (len < RECORD_BYTES ? len : RECORD_BYTES) + RECORD_EXTRA_BYTES;
    if (buf_room(&conn->socket.out) >= record)
        return TLS_OK;
    enum tls_result r = tls_conn_flush(conn);
    return r == TLS_WANT_WRITE && buf_room(&conn->socket.out) >= record ? TLS_OK : r;
}

/* Goes on with a message after the handshake that is half read, or whose answer is half written:
 * OpenSSL writes nothing else before. */
static enum tls_result finish_messages(struct tls_conn *conn)
{
    if (!SSL_in_init(conn->ssl))
        return TLS_OK;
    prepare(conn);
    return result(conn, SSL_do_handshake(conn->ssl));
}

enum tls_result tls_conn_write(struct tls_conn *conn, const void *from, size_t len, size_t *n)
{
    assert(len > 0);
    enum tls_result r = make_room(conn, len);
    if (r == TLS_OK)
        r = finish_messages(conn);
    if (r != TLS_OK)
        return r;
    prepare(conn);
    return result(conn, SSL_write_ex(conn->ssl, from, len, n));
}

enum tls_result tls_conn_flush(struct tls_conn *conn)
{
    if (tls_socket_flush(&conn->socket))
        return TLS_OK;
    return errno == EAGAIN ? TLS_WANT_WRITE : socket_fault(conn, errno);
}

uint64_t tls_conn_sent_bytes(const struct tls_conn *conn)
{
    return conn->socket.sent_bytes;
}

void tls_conn_shutdown(struct tls_conn *conn)
{
    if (conn->broken || !SSL_is_init_finished(conn->ssl))
        return;
    prepare(conn);
    SSL_shutdown(conn->ssl);
    ERR_clear_error();
    tls_socket_flush(&conn->socket);
}

const char *tls_conn_version(const struct tls_conn *conn)
{
    return SSL_get_version(conn->ssl);
}

bool tls_conn_resumed(const struct tls_conn *conn)
{
    return SSL_session_reused(conn->ssl);
}

enum tls_failure tls_conn_failure(const struct tls_conn *conn)
{
    return conn->failure;
}

const char *tls_conn_why(const struct tls_conn *conn)
{
    return conn->why;
}
