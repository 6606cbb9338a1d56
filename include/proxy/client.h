/* client.h - one connection of a client: its socket, its TLS, its protocol.
 * Owns its exchanges and lives in env.clients; freed at the end of the turn in which it was closed.
 * An exchange speaks to its client through proxy/stream.h. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "base/bucket.h"
#include "base/buf.h"
#include "h2/session.h"
#include "origin/call.h"
#include "proxy/env.h"
#include "proxy/peer.h"

enum client_state {
    CLIENT_HANDSHAKE,
    CLIENT_OPEN,
    CLIENT_LEAVING, /* what is still to be sent goes out, then it is closed */
    CLIENT_CLOSED,
    CLIENT_STATES,
};

/* What the client is to do next; each has its time-out. */
enum client_await {
    CLIENT_AWAIT_NOTHING,
    CLIENT_AWAIT_HANDSHAKE,
    CLIENT_AWAIT_HEADER, /* the preface, or the rest of a header block */
    CLIENT_AWAIT_REQUEST,
    CLIENT_AWAIT_REST_OVER, /* a request, after so long that the session rests */
    CLIENT_AWAIT_PING,      /* the sign that it has read that we will leave */
    CLIENT_AWAIT_CLOSE,     /* everything is said */
};

struct client {
    struct env *env;
    struct list node;
    enum client_state state;
    const struct config_listen *listen;
    int fd;
    struct tls_conn *tls;
    struct h2_session *h2;
    struct event *read_event, *write_event;
    bool write_blocked, read_blocked;
    struct buf out; /* what the protocol has to send and TLS has not taken */
    struct turn_task read, write, die;
    struct timeout timeout; /* of what is awaited */
    struct timeout stall;   /* while the socket takes nothing */
    enum client_await await;
    uint64_t progress_ms; /* when the client last took bytes */
    uint64_t sent_bytes;  /* that it had taken then */
    uint64_t ramp_bytes;  /* written since the connection was new, or quiet */
    uint64_t body_bytes;  /* of all its exchanges' bodies, that it sent or took */
    struct caller caller; /* of its exchanges' calls */
    struct peer peer;
    struct bucket resets, idle_frames;
    struct list exchanges;
    unsigned exchanges_len;
    unsigned awaited[CALL_RANKS]; /* of these, whose answers have not begun */
    enum failure leaving_why;     /* what its exchanges fail with when it leaves */
    struct diary diary;
    uint64_t pushes_made;
    uint64_t pushes_open;
};

/* Makes a client of the accepted socket `fd`, which belongs to this function whatever it returns;
 * or closes it, if its address has too many connections. False: memory is out. */
NODISCARD bool client_accept(struct env *env, const struct config_listen *listen, int fd,
                             const struct sockaddr *address);
/* Ends the connection at once, and its exchanges with the failure `why`. */
void client_close(struct client *c, enum failure why);
/* No new streams; the connection ends when what runs is finished. Nothing is said to a client that
 * has not finished its handshake. */
void client_drain(struct client *c);

/* The protocol has something to send: it goes out at the end of the turn. */
void client_write_soon(struct client *c);
/* The same, of the answer to a call of that rank, which is here as a whole. While other answers are
 * awaited and the worker has more to do, it waits a little, so that they leave together. */
void client_write_answer(struct client *c, enum call_rank rank);
/* The client has abandoned a request that we worked on, or made us end it. Too many such end the
 * connection. */
void client_count_reset(struct client *c);
/* An exchange has ended: the connection may be idle now, or over. */
void client_settle(struct client *c);

/* The client takes pushes now. */
bool client_takes_pushes(const struct client *c);
/* How many more promised streams it takes now. */
uint64_t client_pushes_left(const struct client *c);

#endif
