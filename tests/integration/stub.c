#include "stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "visit.h"

struct script {
    struct script *next;
    char *target;
    struct stub_step *steps;
    bool used;
};

struct stub {
    int listener;
    int wake;
    unsigned port;
    SSL_CTX *tls;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* All below under the lock. */
    bool stopping;
    struct script *scripts; /* in the order in which they were given */
    struct visit *visits;
    struct stub_request **requests;
    size_t requests_len;
    uint64_t open_gates;
    uint64_t counts[STUB_COUNTS];
};

static void stub_raise(struct stub *s, enum stub_count now, enum stub_count most)
{
    if (++s->counts[now] > s->counts[most])
        s->counts[most] = s->counts[now];
}

static void stub_welcome(struct stub *s, int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct visit *v = check_alloc(sizeof(*v));
    v->stub = s;
    v->channel.fd = fd;
    v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    v->idle = true;
    if (s->tls) {
        v->channel.ssl = SSL_new(s->tls);
        SSL_set_fd(v->channel.ssl, fd);
        SSL_set_accept_state(v->channel.ssl);
    }
    pthread_mutex_lock(&s->lock);
    v->number = (unsigned)++s->counts[STUB_CONNECTIONS];
    stub_raise(s, STUB_OPEN, STUB_OPEN_MOST);
    v->next = s->visits;
    s->visits = v;
    pthread_create(&v->thread, NULL, visit_run, v);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void *stub_accept(void *arg)
{
    struct stub *s = arg;
    struct pollfd polled[2] = {{s->listener, POLLIN, 0}, {s->wake, POLLIN, 0}};
    while (poll(polled, 2, -1) >= 0 || errno == EINTR) {
        if (polled[1].revents)
            break;
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            stub_welcome(s, fd);
    }
    return NULL;
}

static void stub_listen_unix(struct stub *s, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(s->listener, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail_msg("bind %s: %s", path, strerror(errno));
}

static void stub_listen_tcp(struct stub *s, unsigned port, const char *ip)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_int_equal(inet_pton(AF_INET, ip ? ip : "127.0.0.1", &address.sin_addr), 1);
    socklen_t len = sizeof(address);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(s->listener, (struct sockaddr *)&address, len) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &len) < 0)
        fail_msg("bind: %s", strerror(errno));
    s->port = ntohs(address.sin_port);
}

static SSL_CTX *stub_make_tls(const struct stub_options *options)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, options->chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1)
        fail_msg("cannot load %s", options->chain);
    if (options->tls_version) {
        SSL_CTX_set_min_proto_version(tls, options->tls_version);
        SSL_CTX_set_max_proto_version(tls, options->tls_version);
        SSL_CTX_set_security_level(tls, 0); /* TLS 1.1 and older need that */
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

struct stub *stub_start(const struct stub_options *options)
{
    struct stub *s = check_alloc(sizeof(*s));
    if (options && options->unix_path)
        stub_listen_unix(s, options->unix_path);
    else
        stub_listen_tcp(s, options ? options->port : 0, options ? options->address : NULL);
    if (options && options->chain)
        s->tls = stub_make_tls(options);
    if (listen(s->listener, 128) < 0)
        fail_msg("listen: %s", strerror(errno));
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_create(&s->acceptor, NULL, stub_accept, s);
    return s;
}

static void stub_wake_visits(struct stub *s)
{
    for (struct visit *v = s->visits; v; v = v->next)
        eventfd_write(v->wake, 1);
}

static void stub_free_request(struct stub_request *r)
{
    free(r->head);
    free(r->method);
    free(r->target);
    fieldset_fini(&r->fields);
    fieldset_fini(&r->trailers);
    bytes_fini(&r->body);
    bytes_fini(&r->raw);
    free(r);
}

void stub_stop(struct stub *s)
{
    if (!s)
        return;
    eventfd_write(s->wake, 1);
    pthread_join(s->acceptor, NULL);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    stub_wake_visits(s);
    pthread_mutex_unlock(&s->lock);
    for (struct visit *v = s->visits, *next; v; v = next) {
        next = v->next;
        pthread_join(v->thread, NULL);
        close(v->wake);
        free(v);
    }
    for (struct script *script = s->scripts, *next; script; script = next) {
        next = script->next;
        free(script->target);
        free(script->steps);
        free(script);
    }
    for (size_t i = 0; i < s->requests_len; i++)
        stub_free_request(s->requests[i]);
    free(s->requests);
    SSL_CTX_free(s->tls);
    close(s->listener);
    close(s->wake);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

unsigned stub_port(const struct stub *s)
{
    return s->port;
}

void stub_on(struct stub *s, const char *target, const struct stub_step *steps)
{
    size_t n = 1;
    while (steps[n - 1].what != STUB_END)
        n++;
    struct script *script = check_alloc(sizeof(*script));
    script->target = check_copy(target, strlen(target));
    script->steps = check_alloc(n * sizeof(steps[0]));
    memcpy(script->steps, steps, n * sizeof(steps[0]));
    pthread_mutex_lock(&s->lock);
    struct script **end = &s->scripts;
    while (*end)
        end = &(*end)->next;
    *end = script;
    pthread_mutex_unlock(&s->lock);
}

void stub_open(struct stub *s, unsigned gate)
{
    pthread_mutex_lock(&s->lock);
    s->open_gates |= UINT64_C(1) << gate;
    stub_wake_visits(s);
    pthread_mutex_unlock(&s->lock);
}

void stub_drop_idle(struct stub *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct visit *v = s->visits; v; v = v->next)
        if (v->idle && !v->done)
            shutdown(v->channel.fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

uint64_t stub_counted(struct stub *s, enum stub_count what)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->counts[what];
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool stub_reaches(struct stub *s, enum stub_count what, uint64_t n, unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    struct timespec until = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    pthread_mutex_lock(&s->lock);
    while (s->counts[what] < n)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            break;
    bool reached = s->counts[what] >= n;
    pthread_mutex_unlock(&s->lock);
    return reached;
}

void stub_wait_at(struct stub *s, enum stub_count what, uint64_t n, const char *name,
                  const char *file, int line)
{
    if (stub_reaches(s, what, n, CHECK_SOON_MS))
        return;
    print_error("waited for %s >= %llu, it is %llu\n", name, (unsigned long long)n,
                (unsigned long long)stub_counted(s, what));
    _fail(file, line);
}

const struct stub_request *stub_request(struct stub *s, size_t nth)
{
    pthread_mutex_lock(&s->lock);
    const struct stub_request *r = nth < s->requests_len ? s->requests[nth] : NULL;
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Under the lock. */
static const struct stub_request *find_locked(struct stub *s, const char *target, size_t nth)
{
    for (size_t i = 0; i < s->requests_len; i++)
        if (strcmp(s->requests[i]->target, target) == 0 && nth-- == 0)
            return s->requests[i];
    return NULL;
}

const struct stub_request *stub_find(struct stub *s, const char *target, size_t nth)
{
    pthread_mutex_lock(&s->lock);
    const struct stub_request *found = find_locked(s, target, nth);
    pthread_mutex_unlock(&s->lock);
    return found;
}

size_t stub_times(struct stub *s, const char *target)
{
    size_t n = 0;
    while (stub_find(s, target, n))
        n++;
    return n;
}

const struct stub_request *stub_expect(struct stub *s, const char *target)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    struct timespec until = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    const struct stub_request *r;
    pthread_mutex_lock(&s->lock);
    while (!(r = find_locked(s, target, 0)))
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&s->lock);
    if (!r)
        fail_msg("the origin never saw a request for %s", target);
    return r;
}

const struct stub_step *stub_begin(struct visit *v, struct stub_request *r)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    static const struct stub_step plain[] = {{STUB_SEND, answer, sizeof(answer) - 1},
                                             {STUB_END, NULL, 0}};
    static const struct stub_step bare[] = {{STUB_SEND, answer, sizeof(answer) - 4},
                                            {STUB_END, NULL, 0}};
    struct stub *s = v->stub;
    struct script *chosen = NULL;
    pthread_mutex_lock(&s->lock);
    s->requests = check_resize(s->requests, (s->requests_len + 1) * sizeof(struct stub_request *));
    s->requests[s->requests_len++] = r;
    for (struct script *script = s->scripts; script; script = script->next) {
        if (strcmp(script->target, r->target) != 0)
            continue;
        chosen = script;
        if (!script->used)
            break;
    }
    if (chosen)
        chosen->used = true;
    s->counts[STUB_REQUESTS]++;
    stub_raise(s, STUB_RUNNING, STUB_RUNNING_MOST);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (chosen)
        return chosen->steps;
    return strcmp(r->method, "HEAD") == 0 ? bare : plain;
}

void stub_finish(struct visit *v, bool cancelled)
{
    pthread_mutex_lock(&v->stub->lock);
    v->stub->counts[STUB_RUNNING]--;
    v->stub->counts[cancelled ? STUB_CANCELLED : STUB_ANSWERED]++;
    v->idle = true;
    pthread_cond_broadcast(&v->stub->changed);
    pthread_mutex_unlock(&v->stub->lock);
}

void stub_leave(struct visit *v)
{
    pthread_mutex_lock(&v->stub->lock);
    channel_close(&v->channel); /* stub_drop_idle() must not meet a descriptor that is another's */
    v->done = true;
    v->stub->counts[STUB_OPEN]--;
    v->stub->counts[STUB_GONE]++;
    pthread_cond_broadcast(&v->stub->changed);
    pthread_mutex_unlock(&v->stub->lock);
}

void stub_add(struct stub *s, enum stub_count what, uint64_t n)
{
    pthread_mutex_lock(&s->lock);
    s->counts[what] += n;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool stub_gate_is_open(struct stub *s, uint64_t gate)
{
    pthread_mutex_lock(&s->lock);
    bool open = s->open_gates >> gate & 1;
    pthread_mutex_unlock(&s->lock);
    return open;
}

bool stub_is_stopping(struct stub *s)
{
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}
