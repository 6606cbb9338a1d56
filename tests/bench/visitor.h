/* visitor.h - one connection of the load client: TLS, HTTP/2, pushes accepted, every response
 * looked at as its bytes come. Whatever is not as it must be ends the process (dial_die): another
 * status than 200, a body of another length or other bytes, a promise too few, too many or made
 * twice, a stream reset, a connection closed by the proxy. Owned by its crowd, which calls
 * visitor_on_event() for its descriptor. */
#ifndef VISITOR_H
#define VISITOR_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "body.h"
#include "dial.h"

enum { VISITOR_MAX_PUSHES = 512 };

/* What all visitors of a run ask for. */
struct target {
    SSL_CTX *tls;
    int epoll;
    uint16_t port;
    const char *path;
    struct body body;
    unsigned pushes; /* promises that the page must come with */
    /* A page has come as a whole; its pushes may still be under way. */
    void (*answered)(void *arg, uint64_t began_ns);
    void *arg;
};

enum visitor_state {
    VISITOR_CLOSED,
    VISITOR_HANDSHAKE,
    VISITOR_OPEN,
};

struct visit_stream;

struct visitor {
    const struct target *target;
    void *crowd;
    enum visitor_state state;
    int fd;
    SSL *ssl;
    nghttp2_session *session;
    uint64_t began_ns;
    bool greeted;      /* the proxy's SETTINGS have come */
    bool awaits_room;  /* for writing */
    unsigned asked;    /* requests made */
    unsigned active;   /* pages under way */
    unsigned promised; /* pushes under way */
    char *unsent;
    size_t unsent_bytes;
    struct visit_stream *spare;
    uint64_t seen[VISITOR_MAX_PUSHES / 64]; /* promises of the page under way */
};

/* What all visitors have counted so far. */
struct visitor_tally {
    uint64_t answers, pushes, bytes;
};
extern struct visitor_tally visitor_tally;

void visitor_open(struct visitor *v, const struct target *target, void *crowd);
/* Says goodbye and closes. */
void visitor_close(struct visitor *v);
/* Takes what the socket has; what it makes us say goes out with visitor_flush(). */
void visitor_on_event(struct visitor *v);
/* `began_ns` is when the request was due. */
void visitor_ask(struct visitor *v, uint64_t began_ns);
void visitor_flush(struct visitor *v);

#endif
