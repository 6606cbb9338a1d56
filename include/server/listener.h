/* listener.h - the sockets on which clients arrive.
 * The main thread opens them all once and keeps them for the process's life: one for each worker
 * and address (SO_REUSEPORT), so that the kernel spreads the clients; unix sockets are shared. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include "config/config.h"
#include "proxy/env.h"
#include "server/socketfile.h"

/* Opens one listening socket at `address` and says so, with `what` it is for ("admin") where that
 * is not clients. For a unix socket `access` says who may connect, and `file` is to be removed by
 * socketfile_remove(). Returns -1 after one message if it cannot be opened. */
NODISCARD int listener_open(const struct config_address *address,
                            const struct config_access *access, const char *what,
                            struct socketfile *file);

/* One address at which clients arrive; a reload does not change it. */
struct listener {
    const char *name; /* of its section */
    struct config_address address;
    struct socketfile file;
};

/* The sockets of all workers. */
struct listeners {
    struct arena arena; /* holds everything below */
    size_t workers, len;
    struct listener *at;
    int *fds; /* workers times len */
};

/* Opens every socket; on failure one message was logged and nothing stays open. Keeps nothing of
 * `config`. */
NODISCARD bool listeners_open(struct listeners *l, const struct config *config, size_t workers);
/* Removes the unix sockets from the file system: the process ends without closing anything. */
void listeners_unlink(const struct listeners *l);
/* Closes them, and removes the unix sockets from the file system. */
void listeners_close(struct listeners *l);
/* The socket of one worker for the listener number `i`. */
int listeners_fd(const struct listeners *l, size_t worker, size_t i);

/* The TCP port of the listener number `i`; 0 for a unix socket. */
unsigned listeners_port(const struct listeners *l, size_t i);

/* One socket in the loop of one worker. */
struct acceptor;

/* Accepts clients into `env`, whose configuration has a listener of that name (borrowed). NULL when
 * memory is out. */
NODISCARD struct acceptor *acceptor_new(struct env *env, const char *name, int fd);
/* Accepts clients into another env from now on, whose configuration has the listener, too. */
void acceptor_serve(struct acceptor *a, struct env *env);
/* Refuses clients from now on: those in the queue, and those that come, are told at once. */
void acceptor_stop(struct acceptor *a);
/* NULL is fine. */
void acceptor_free(struct acceptor *a);

#endif
