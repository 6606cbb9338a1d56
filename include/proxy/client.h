/* client.h - one connection of a client: its socket, its greeting, its session.
 * Lives in env.clients; freed at the end of the turn in which it was closed. Its exchanges are
 * known to it as streams only: it reports to them through env.events. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "base/bucket.h"
#include "origin/call.h"
#include "proxy/charge.h"
#include "proxy/env.h"
#include "proxy/failure.h"
#include "proxy/outlet.h"
#include "proxy/peer.h"

enum client_state {
    CLIENT_GREETING, /* before its protocol */
    CLIENT_OPEN,
    CLIENT_LEAVING, /* what is still to be sent goes out, then it is closed */
    CLIENT_CLOSED,
    CLIENT_STATES,
};

/* What the connection waits for; each has its time-out. */
enum client_wait {
    CLIENT_WAIT_NONE,
    CLIENT_WAIT_GREETING,
    CLIENT_WAIT_HEAD,    /* the preface, or the rest of a header block */
    CLIENT_WAIT_REQUEST, /* for a while; then the session dozes */
    CLIENT_WAIT_SIGN,    /* that the client has read that we will leave */
    CLIENT_WAIT_CLOSE,   /* everything is said */
};

/* TLS may need the socket's other direction before it goes on with one. */
enum client_crossing {
    CLIENT_CROSSES_NOT,
    CLIENT_READS_AFTER_WRITE, /* not read before the socket takes bytes */
    CLIENT_WRITES_AFTER_READ, /* not written to before it has sent the rest of a message */
};

struct client {
    struct env *env;
    struct list node;
    enum client_state state;
    const struct config_listen *listen;
    int fd;
    struct tls_conn *tls;
    struct session *session; /* NULL while it is greeted, and once all is said */
    struct event *read_event, *write_event;
    bool write_blocked, read_blocked;
    enum client_crossing crossing;
    struct outlet outlet;
    struct turn_task read, write, die;
    struct timeout timeout; /* of `wait` */
    struct timeout idle;    /* since the session began, or had no request open any more */
    struct timeout stall;   /* while the socket takes nothing */
    enum client_wait wait;
    uint64_t body_bytes;  /* of all its exchanges' bodies, that it sent or took */
    struct caller caller; /* of its exchanges' calls */
    struct peer peer;
    struct charges charges;
    size_t heads_bytes;  /* of its exchanges' arenas, beyond the first block of each */
    struct list streams; /* of its exchanges */
    unsigned streams_len;
    unsigned unanswered[CALL_RANKS]; /* of these, whose answers have not begun */
    enum failure leaving_why;        /* what its exchanges fail with when it leaves */
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
/* Says why, ends every stream, and leaves when that is sent. Legal while CLIENT_OPEN. */
void client_end(struct client *c, enum session_leave how);

/* The session has something to send: it goes out at the end of the turn. */
void client_write_soon(struct client *c);
/* The same, of the answer to a call of that rank, which is here as a whole. While other answers are
 * awaited and the worker has more to do, it waits a little, so that they leave together. */
void client_write_answer(struct client *c, enum call_rank rank);
/* A stream of the client begins. */
void client_add_stream(struct client *c, struct stream *stream);
/* A stream of the client is over, and was reported: the connection may be idle now, or over. */
void client_remove_stream(struct client *c, struct stream *stream);

/* The heads of its exchanges take so little memory that it may have one more. */
bool client_may_open(const struct client *c);
/* Charges the client for a request that it has abandoned, made us end, or whose head was too large
 * (proxy/charge.h). Too many such end the connection. */
void client_charge_reset(struct client *c);

/* The client takes pushes now. */
bool client_takes_pushes(const struct client *c);
/* How many more promised streams it takes now. */
uint64_t client_pushes_left(const struct client *c);

/* Tells every client of `env` that no new stream will be served; each is closed when what runs is
 * finished. One that is still greeted is told when it has been. */
void clients_retire(struct env *env);
/* The same, but does not wait for those that are greeted: they are closed. */
void clients_drain(struct env *env);
/* Closes every client of `env` and frees them. */
void clients_close(struct env *env);

#endif
