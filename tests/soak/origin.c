#include "origin.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dice.h"
#include "service.h"

enum {
    OPEN_MS = 1500, /* for so long, at most, a flapping origin accepts, */
    SHUT_MS = 200,  /* and for so long it refuses */
};

struct guest {
    struct guest *next;
    struct origin *origin;
    struct service service;
};

struct origin {
    int holder;   /* has the port, and does not listen */
    int listener; /* -1 while connections are refused */
    int wake;
    unsigned port;
    bool flapping;
    uint64_t seed;
    struct dice dice;
    struct ledger *ledger;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct guest *guests; /* under the lock, as the two below */
    unsigned open;
    uint64_t accepted;
};

static int origin_bind(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        soak_fail("bind: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

static void origin_remove(struct origin *o, struct guest *guest)
{
    pthread_mutex_lock(&o->lock);
    struct guest **at = &o->guests;
    while (*at != guest)
        at = &(*at)->next;
    *at = guest->next;
    close(guest->service.fd); /* under the lock: origin_stop() must not meet another's */
    o->open--;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    free(guest);
}

static void *origin_serve(void *arg)
{
    struct guest *guest = arg;
    service_run(&guest->service);
    origin_remove(guest->origin, guest);
    return NULL;
}

static void origin_welcome(struct origin *o, int fd)
{
    pthread_t thread;
    struct guest *guest = check_alloc(sizeof(*guest));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    guest->origin = o;
    guest->service.fd = fd;
    guest->service.flapping = o->flapping;
    guest->service.ledger = o->ledger;
    pthread_mutex_lock(&o->lock);
    guest->service.dice = dice_of(o->seed, 1000 + 2 * ++o->accepted + o->flapping);
    guest->next = o->guests;
    o->guests = guest;
    o->open++;
    pthread_mutex_unlock(&o->lock);
    if (pthread_create(&thread, NULL, origin_serve, guest) != 0)
        soak_fail("no thread for an origin");
    pthread_detach(thread);
}

static void origin_listen(struct origin *o)
{
    o->listener = origin_bind(&o->port);
    if (listen(o->listener, 256) < 0)
        soak_fail("listen: %s", strerror(errno));
}

static void origin_refuse(struct origin *o)
{
    close(o->listener);
    o->listener = -1;
}

/* Accepts, or refuses, for `ms` (-1: for ever); false when the origin is to stop. */
static bool origin_stay(struct origin *o, int ms)
{
    uint64_t end = check_now_ms() + (uint64_t)(ms < 0 ? 0 : ms);
    struct pollfd polled[2] = {{o->wake, POLLIN, 0}, {o->listener, POLLIN, 0}};
    for (;;) {
        int left = ms < 0 ? -1 : check_left(end);
        if (left == 0)
            return true;
        if (poll(polled, o->listener < 0 ? 1 : 2, left) < 0 && errno != EINTR)
            soak_fail("poll: %s", strerror(errno));
        if (polled[0].revents)
            return false;
        int fd = o->listener < 0 ? -1 : accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            origin_welcome(o, fd);
    }
}

static int origin_span(struct origin *o, uint64_t most_ms)
{
    return (int)dice_between(&o->dice, most_ms / 10, most_ms);
}

static void *origin_accept(void *arg)
{
    struct origin *o = arg;
    while (origin_stay(o, o->flapping ? origin_span(o, OPEN_MS) : -1)) {
        origin_refuse(o);
        soak_count(SOAK_FLAPS, 1);
        if (!origin_stay(o, origin_span(o, SHUT_MS)))
            break;
        origin_listen(o);
    }
    if (o->listener >= 0)
        origin_refuse(o);
    return NULL;
}

struct origin *origin_start(struct ledger *ledger, uint64_t seed, bool flapping)
{
    struct origin *o = check_alloc(sizeof(*o));
    o->flapping = flapping;
    o->seed = seed;
    o->dice = dice_of(seed, flapping);
    o->ledger = ledger;
    o->holder = origin_bind(&o->port);
    origin_listen(o);
    o->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    pthread_create(&o->acceptor, NULL, origin_accept, o);
    return o;
}

unsigned origin_port(const struct origin *o)
{
    return o->port;
}

unsigned origin_open(struct origin *o)
{
    pthread_mutex_lock(&o->lock);
    unsigned n = o->open;
    pthread_mutex_unlock(&o->lock);
    return n;
}

void origin_stop(struct origin *o)
{
    eventfd_write(o->wake, 1);
    pthread_join(o->acceptor, NULL);
    pthread_mutex_lock(&o->lock);
    for (struct guest *guest = o->guests; guest; guest = guest->next)
        shutdown(guest->service.fd, SHUT_RDWR);
    while (o->open > 0)
        pthread_cond_wait(&o->changed, &o->lock);
    pthread_mutex_unlock(&o->lock);
    close(o->holder);
    close(o->wake);
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->changed);
    free(o);
}
