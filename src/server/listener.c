#include "server/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bucket.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/client.h"

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 16,
    PAUSE_MS = 100,
    SAY_EVERY_MS = 10000,
    NEAR_FDS = 64,
};

static const char *what_to_do(int code)
{
    switch (code) {
    case EADDRINUSE:
        return "another program listens there: stop it or choose another address";
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
        return "no interface of this machine has that address";
    default:
        return "check [listen] address";
    }
}

static int open_socket(const struct sockaddr *sa, socklen_t len)
{
    int on = 1, off = 0;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (sa->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, sa, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* The reuse of a port lets our workers share it, and would let a second daemon in, too: the first
 * socket is bound without it. */
static bool is_taken(const struct sockaddr *sa, socklen_t len)
{
    int on = 1, off = 0;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (sa->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool taken = bind(fd, sa, len) != 0;
    int code = errno;
    close(fd);
    errno = code;
    return taken;
}

static void say_listening(const struct sockaddr *sa, const char *what)
{
    char text[INET6_ADDRSTRLEN];
    if (sa->sa_family == AF_UNIX) {
        log_info("%slistening on unix:%s", what, ((const struct sockaddr_un *)sa)->sun_path);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        log_info("%slistening on [%s]:%u", what, text, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        log_info("%slistening on %s:%u", what, text, ntohs(in->sin_port));
    }
}

/* "Every address" means IPv4's where the kernel has no IPv6. */
static void settle_family(struct sockaddr_storage *storage, socklen_t *len)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
    if (storage->ss_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        return;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        close(fd);
        return;
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(storage, &in, sizeof in);
    *len = sizeof in;
}

static bool is_unix(const struct config_address *address)
{
    return address->storage.ss_family == AF_UNIX;
}

/* Opens `count` sockets at one address of the network, every `stride`th of `fds`. */
static bool open_group(const struct config_address *address, const char *what, int *fds,
                       size_t count, size_t stride)
{
    struct sockaddr_storage storage = address->storage;
    struct sockaddr *sa = (struct sockaddr *)&storage;
    socklen_t len = address->len;
    settle_family(&storage, &len);
    bool ok = !is_taken(sa, len);
    for (size_t i = 0; ok && i < count; i++) {
        int fd = open_socket(sa, len);
        ok = fd >= 0;
        fds[i * stride] = fd;
        if (ok && i == 0) /* a port of 0 has become a real one, which the others share */
            ok = getsockname(fd, sa, &(socklen_t){sizeof storage}) == 0;
    }
    if (ok)
        say_listening(sa, what);
    else
        log_error("cannot listen on %s: %s; %s", address->text, strerror(errno), what_to_do(errno));
    return ok;
}

static int open_unix(const struct config_address *address, const struct config_access *access,
                     const char *what, struct socketfile *file)
{
    int fd = socketfile_listen(file, address, access, BACKLOG);
    if (fd >= 0)
        say_listening((const struct sockaddr *)&address->storage, what);
    return fd;
}

int listener_open(const struct config_address *address, const struct config_access *access,
                  const char *what, struct socketfile *file)
{
    char prefix[32];
    int fd = -1;
    snprintf(prefix, sizeof prefix, "%s: ", what);
    *file = (struct socketfile){0};
    if (is_unix(address))
        return open_unix(address, access, prefix, file);
    if (open_group(address, prefix, &fd, 1, 1))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static const char *copy(struct arena *arena, const char *text)
{
    return arena_printf(arena, "%s", text).ptr;
}

/* Everything but the sockets. */
static bool prepare(struct listeners *l, const struct config *config)
{
    arena_init(&l->arena, NULL);
    struct listener *at = arena_alloc(&l->arena, config->listens_len * sizeof *at);
    l->fds = arena_alloc(&l->arena, l->workers * config->listens_len * sizeof l->fds[0]);
    for (size_t i = 0; !l->arena.failed && i < config->listens_len; i++) {
        const struct config_listen *from = &config->listens[i];
        at[i] = (struct listener){.name = copy(&l->arena, from->name), .address = from->address};
        at[i].address.text = copy(&l->arena, from->address.text);
    }
    if (l->arena.failed)
        return false;
    l->at = at;
    l->len = config->listens_len;
    for (size_t i = 0; i < l->workers * l->len; i++)
        l->fds[i] = -1;
    return true;
}

bool listeners_open(struct listeners *l, const struct config *config, size_t workers)
{
    *l = (struct listeners){.workers = workers};
    bool ok = prepare(l, config);
    if (!ok)
        log_error("no memory for the listeners");
    for (size_t i = 0; ok && i < l->len; i++) {
        struct listener *at = &l->at[i];
        if (is_unix(&at->address)) {
            l->fds[i] = open_unix(&at->address, &config->listens[i].access, "", &at->file);
            ok = l->fds[i] >= 0;
        } else {
            ok = open_group(&at->address, "", l->fds + i, workers, l->len);
        }
    }
    if (!ok)
        listeners_close(l);
    return ok;
}

void listeners_unlink(const struct listeners *l)
{
    for (size_t i = 0; i < l->len; i++)
        socketfile_remove(&l->at[i].file, &l->at[i].address);
}

void listeners_close(struct listeners *l)
{
    for (size_t i = 0; i < l->workers * l->len; i++) {
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    }
    listeners_unlink(l);
    arena_fini(&l->arena);
    *l = (struct listeners){0};
}

int listeners_fd(const struct listeners *l, size_t worker, size_t i)
{
    bool shared = is_unix(&l->at[i].address);
    return l->fds[(shared ? 0 : worker) * l->len + i];
}

unsigned listeners_port(const struct listeners *l, size_t i)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    getsockname(listeners_fd(l, 0, i), (struct sockaddr *)&storage, &len);
    if (storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&storage)->sin6_port);
    return storage.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&storage)->sin_port)
                                        : 0;
}

struct acceptor {
    const char *name;
    struct env *env;
    const struct config_listen *listen;
    int fd;
    int client_fds; /* a client's descriptor is to be less than that */
    int last_fd;    /* of the client that came last */
    struct event *event, *pause;
    struct bucket said;
};

/* Clients leave a quarter of the descriptors to connections with origins: without these nobody is
 * served. The least one that is free is always the next. */
static int most_client_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int)(limit.rlim_cur - limit.rlim_cur / 4);
}

/* Out of descriptors or memory: the clients in the queue wait, and the loop does not spin. */
static void take_a_break(struct acceptor *a, int code)
{
    struct timeval wait = {0, PAUSE_MS * 1000};
    if (bucket_take(&a->said, 1, 1, SAY_EVERY_MS, turn_now_ms(&a->env->turn))) {
        log_error(
            "cannot accept clients on %s: %s; raise the limit of open files (LimitNOFILE=) or add "
            "memory",
            a->listen->address.text, strerror(code));
    }
    event_del(a->event);
    event_add(a->pause, &wait);
}

static void on_pause_over(evutil_socket_t fd, short events, void *user)
{
    struct acceptor *a = user;
    (void)fd;
    (void)events;
    event_add(a->event, NULL);
}

/* Looks only when it may be near: the system gives the least descriptor that is free. */
static bool has_descriptor(const struct acceptor *a)
{
    if (a->last_fd < a->client_fds - NEAR_FDS)
        return true;
    int least = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
    if (least >= 0)
        close(least);
    return least >= 0 && least < a->client_fds;
}

/* -1, and a reason in errno: there is none, or no descriptor for it. */
static int accept_client(struct acceptor *a, struct sockaddr_storage *from)
{
    socklen_t len = sizeof *from;
    if (!has_descriptor(a)) {
        errno = EMFILE;
        return -1;
    }
    int fd = accept4(a->fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        a->last_fd = fd;
    return fd;
}

static void on_acceptable(evutil_socket_t fd, short events, void *user)
{
    struct acceptor *a = user;
    (void)fd;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        int client = accept_client(a, &from);
        if (client >= 0) {
            if (client_accept(a->env, a->listen, client, (struct sockaddr *)&from))
                continue;
            errno = ENOMEM;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            take_a_break(a, errno);
        return;
    }
}

struct acceptor *acceptor_new(struct env *env, const char *name, int fd)
{
    struct acceptor *a = mem_zalloc(1, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct acceptor){.name = name, .fd = fd, .client_fds = most_client_fds()};
    acceptor_serve(a, env);
    a->event = event_new(env->base, fd, EV_READ | EV_PERSIST, on_acceptable, a);
    a->pause = evtimer_new(env->base, on_pause_over, a);
    if (!a->event || !a->pause || event_add(a->event, NULL) != 0) {
        acceptor_free(a);
        return NULL;
    }
    return a;
}

void acceptor_serve(struct acceptor *a, struct env *env)
{
    a->env = env;
    a->listen = config_listen_named(env->config, a->name);
    assert(a->listen);
}

void acceptor_stop(struct acceptor *a)
{
    event_del(a->event);
    event_del(a->pause);
    shutdown(a->fd, SHUT_RD);
}

void acceptor_free(struct acceptor *a)
{
    if (!a)
        return;
    if (a->event)
        event_free(a->event);
    if (a->pause)
        event_free(a->pause);
    mem_free(a);
}
