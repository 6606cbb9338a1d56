#include "proxy/client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/greeting.h"

enum {
    READS_A_TURN = 8,
    QUEUED_FRAMES = 1000, /* of answers to a client that does not read them */
    UNSENT_BYTES = 65536, /* at most, that wait in the kernel: the order of what comes after
                           * them can still change */
    CLIENT_BYTES = 16384, /* about what a connection takes in OpenSSL and in other small things */
};

static void set_state(struct client *c, enum client_state to)
{
    static const bool allowed[CLIENT_STATES][CLIENT_STATES] = {
        [CLIENT_GREETING] = {[CLIENT_OPEN] = true, [CLIENT_CLOSED] = true},
        [CLIENT_OPEN] = {[CLIENT_LEAVING] = true, [CLIENT_CLOSED] = true},
        [CLIENT_LEAVING] = {[CLIENT_CLOSED] = true},
    };
    assert(allowed[c->state][to]);
    c->state = to;
}

void client_write_soon(struct client *c)
{
    turn_add(&c->env->turn, TURN_WRITE, &c->write);
}

/* A page does not wait for its pushes, but these for it and for each other. */
void client_write_answer(struct client *c, enum call_rank rank)
{
    unsigned others = c->unanswered[CALL_OF_CLIENT];
    if (rank == CALL_OF_PUSH)
        others += c->unanswered[CALL_OF_PUSH];
    if (others > 0)
        turn_put_off(&c->env->turn, &c->write);
    else
        client_write_soon(c);
}

static bool is_idle(enum client_wait wait)
{
    return wait == CLIENT_WAIT_REQUEST;
}

/* Starts the time-out of what the connection waits for; one that runs for the same thing goes on,
 * unless `anew`. */
static void wait_for(struct client *c, enum client_wait what, bool anew)
{
    struct env *e = c->env;
    struct timeouts *lists[] = {
        [CLIENT_WAIT_NONE] = NULL,       [CLIENT_WAIT_GREETING] = &e->handshake,
        [CLIENT_WAIT_HEAD] = &e->header, [CLIENT_WAIT_REQUEST] = &e->awake,
        [CLIENT_WAIT_SIGN] = &e->linger, [CLIENT_WAIT_CLOSE] = &e->linger,
    };
    if (c->wait == what && !anew)
        return;
    thrift_note_idle(&e->thrift, is_idle(c->wait), is_idle(what));
    c->wait = what;
    if (lists[what])
        timeout_start(lists[what], &c->timeout, turn_now_ms(&e->turn));
    else
        timeout_stop(&c->timeout);
}

/* The idle time runs from the start of the session, or the end of the last request, whatever else
 * comes. A request does not stop it: it ends for nothing then. */
static void begin_idle(struct client *c)
{
    timeout_start(&c->env->idle, &c->idle, turn_now_ms(&c->env->turn));
}

/* What was `received` keeps a session awake. */
static void wait_for_next(struct client *c, bool received)
{
    if (c->state != CLIENT_OPEN || c->wait == CLIENT_WAIT_CLOSE || c->wait == CLIENT_WAIT_SIGN)
        return;
    if (c->session->in_head)
        wait_for(c, CLIENT_WAIT_HEAD, false);
    else if (c->streams_len > 0)
        wait_for(c, CLIENT_WAIT_NONE, false);
    else
        wait_for(c, CLIENT_WAIT_REQUEST, received);
}

static void client_free(struct client *c)
{
    if (c->read_event)
        event_free(c->read_event);
    if (c->write_event)
        event_free(c->write_event);
    session_free(c->session);
    tls_conn_free(c->tls);
    outlet_fini(&c->outlet);
    diary_fini(&c->diary);
    timeout_stop(&c->timeout);
    timeout_stop(&c->idle);
    timeout_stop(&c->stall);
    turn_cancel(&c->write);
    turn_cancel(&c->read);
    peer_leave(&c->peer, c->env->crowd);
    close(c->fd);
    mem_free(c);
}

static void run_die(struct turn_task *task)
{
    client_free(CONTAINER_OF(task, struct client, die));
}

/* The connection is lost for its streams; they are taken off the list when they are done. */
static void close_streams(struct client *c, enum failure why)
{
    c->leaving_why = why;
    LIST_FOR_EACH_SAFE (stream, &c->streams, struct stream, node) {
        stream->session = NULL;
        c->env->events->closed(stream, STREAM_CLOSED_LOST);
    }
}

void client_close(struct client *c, enum failure why)
{
    if (c->state == CLIENT_CLOSED)
        return;
    set_state(c, CLIENT_CLOSED);
    close_streams(c, why);
    timeout_stop(&c->timeout);
    timeout_stop(&c->idle);
    timeout_stop(&c->stall);
    turn_cancel(&c->read);
    event_del(c->read_event);
    event_del(c->write_event);
    list_remove(&c->node);
    thrift_note_idle(&c->env->thrift, is_idle(c->wait), false);
    c->wait = CLIENT_WAIT_NONE;
    c->env->clients_len--;
    account_charge(c->env->account, -CLIENT_BYTES);
    turn_add(&c->env->turn, TURN_FREE, &c->die);
}

/* Nothing is said on it any more, and the last stream was reported with it: its memory is given
 * back before the client closes the connection, for which it may take its time. */
static void drop_session(struct client *c)
{
    if (c->state != CLIENT_LEAVING || c->streams_len > 0)
        return;
    session_free(c->session);
    c->session = NULL;
}

/* Everything is said. The client's own last words are read and dropped: closing a socket with
 * unread bytes would take back what was sent (RFC 9112 §9.6 tells why). */
static void leave(struct client *c)
{
    set_state(c, CLIENT_LEAVING);
    if (c->read_blocked)
        event_add(c->read_event, NULL);
    close_streams(c, c->leaving_why);
    drop_session(c);
    tls_conn_shutdown(c->tls);
    shutdown(c->fd, SHUT_WR);
    wait_for(c, CLIENT_WAIT_CLOSE, true);
}

static void on_write_stall(struct timeout *t)
{
    client_close(CONTAINER_OF(t, struct client, stall), FAIL_CLIENT_STALLED);
}

/* The last word of a drain: the client has read that it comes, or takes too long to say so. */
static void send_goaway(struct client *c)
{
    session_leave(c->session, SESSION_LEAVE_LAST);
    wait_for(c, CLIENT_WAIT_NONE, true);
    wait_for_next(c, false);
    client_write_soon(c);
}

void client_end(struct client *c, enum session_leave how)
{
    session_leave(c->session, how);
    wait_for(c, CLIENT_WAIT_CLOSE, false);
    client_write_soon(c);
}

static void on_idle(struct timeout *t)
{
    struct client *c = CONTAINER_OF(t, struct client, idle);
    if (c->state == CLIENT_OPEN && c->streams_len == 0)
        client_end(c, SESSION_LEAVE_NOW);
}

static void note_failed_greeting(struct client *c, enum tls_failure why, const char *words)
{
    struct env *e = c->env;
    handshakes_note(&e->handshakes, &c->peer, why, words, turn_now_ms(&e->turn));
}

static void on_timeout(struct timeout *t)
{
    struct client *c = CONTAINER_OF(t, struct client, timeout);
    switch (c->wait) {
    case CLIENT_WAIT_SIGN:
        send_goaway(c);
        break;
    case CLIENT_WAIT_HEAD:
        c->leaving_why = FAIL_CLIENT_STALLED;
        client_end(c, SESSION_LEAVE_CALM);
        break;
    case CLIENT_WAIT_REQUEST:
        session_doze(c->session); /* it is idle all the same */
        break;
    case CLIENT_WAIT_GREETING:
        note_failed_greeting(c, TLS_FAILURE_TIMEOUT, "timeouts.handshake is over");
        client_close(c, FAIL_CLIENT_STALLED);
        break;
    case CLIENT_WAIT_NONE:
    case CLIENT_WAIT_CLOSE:
        client_close(c, FAIL_CLIENT_STALLED);
        break;
    }
}

/* No new streams; the connection ends when what runs is finished. Nothing is said to a client that
 * is still greeted. */
static void drain(struct client *c)
{
    if (c->state == CLIENT_OPEN && c->wait != CLIENT_WAIT_CLOSE) {
        session_leave(c->session, SESSION_LEAVE_SOON);
        wait_for(c, CLIENT_WAIT_SIGN, true);
        client_write_soon(c);
    }
}

static bool open_session(struct client *c)
{
    c->session = greeting_session(c->env, c);
    if (!c->session)
        return false;
    set_state(c, CLIENT_OPEN);
    if (c->env->draining)
        drain(c);
    begin_idle(c);
    wait_for_next(c, true);
    client_write_soon(c);
    return true;
}

/* True when the connection can be read. While the socket takes nothing it is not looked at for what
 * comes, which would be there all the time. */
static bool greet(struct client *c)
{
    switch (greeting_go_on(c->tls)) {
    case GREETING_DONE:
        if (open_session(c))
            return true;
        break;
    case GREETING_WANTS_WRITE:
        event_del(c->read_event);
        event_add(c->write_event, NULL);
        return false;
    case GREETING_WANTS_READ:
        return false;
    case GREETING_GONE:
    case GREETING_FAILED:
        note_failed_greeting(c, tls_conn_failure(c->tls), tls_conn_why(c->tls));
        break;
    }
    client_close(c, FAIL_CLIENT_GONE);
    return false;
}

/* A client that asks and does not read gets no more read from it until it does. */
static void regulate(struct client *c)
{
    bool flooded =
        c->write_blocked &&
        (c->crossing == CLIENT_READS_AFTER_WRITE ||
         (c->crossing == CLIENT_CROSSES_NOT && session_queued(c->session) > QUEUED_FRAMES));
    if (flooded == c->read_blocked)
        return;
    c->read_blocked = flooded;
    if (flooded) {
        event_del(c->read_event);
    } else {
        event_add(c->read_event, NULL);
        turn_defer(&c->env->turn, TURN_READ, &c->read);
    }
}

/* Writes nothing more until the socket takes bytes, or, where TLS waits for the rest of a message,
 * until the client has sent more. */
static void block_write(struct client *c, enum client_crossing crossing)
{
    struct env *e = c->env;
    c->write_blocked = true;
    c->crossing = crossing;
    if (crossing != CLIENT_WRITES_AFTER_READ)
        event_add(c->write_event, NULL);
    if (list_empty(&c->stall.node))
        timeout_start(&e->write_stall, &c->stall, turn_now_ms(&e->turn));
    regulate(c);
}

static void unblock_write(struct client *c)
{
    c->write_blocked = false;
    c->crossing = CLIENT_CROSSES_NOT;
}

/* A connection error is the client's, or its library's, to mend: it is told of once. */
static void say_why(struct client *c)
{
    if (!c->session->why)
        return;
    log_info("client %s: the connection ends with %s", c->peer.text, c->session->why);
    c->session->why = NULL;
}

/* Reads once; true if there is more that the socket does not tell of. */
static bool read_once(struct client *c)
{
    size_t n;
    switch (tls_conn_read(c->tls, c->env->input, sizeof c->env->input, &n)) {
    case TLS_OK:
        if (!session_receive(c->session, span_of(c->env->input, n))) {
            client_end(c, SESSION_LEAVE_FAULT);
            return false;
        }
        return tls_conn_has_pending(c->tls);
    case TLS_WANT_READ:
        return false;
    case TLS_WANT_WRITE:
        block_write(c, CLIENT_READS_AFTER_WRITE);
        return false;
    case TLS_FAILED:
        log_debug("client %s: %s", c->peer.text, tls_conn_why(c->tls));
        break;
    case TLS_CLOSED:
    case TLS_CUT:
        break;
    }
    client_close(c, FAIL_CLIENT_GONE);
    return false;
}

static void go_on_draining(struct client *c)
{
    if (c->wait == CLIENT_WAIT_SIGN && c->session->leave_read)
        send_goaway(c);
}

static void discard(struct client *c)
{
    ssize_t n = recv(c->fd, c->env->input, sizeof c->env->input, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        client_close(c, FAIL_CLIENT_GONE);
}

/* Ends the connection of a client that does something too often. */
RARE static void end_over(struct client *c, const struct charge *over)
{
    if (c->state != CLIENT_OPEN || c->wait == CLIENT_WAIT_CLOSE)
        return;
    log_info("client %s: over %llu in 10 s of %s", c->peer.text, (unsigned long long)over->most,
             over->what);
    client_end(c, SESSION_LEAVE_CALM);
}

static void charge_what_came(struct client *c)
{
    struct env *e = c->env;
    const struct charge over =
        charge_received(&c->charges, e->config, c->session, tls_conn_take_idle_records(c->tls),
                        turn_now_ms(&e->turn));
    if (over.what)
        end_over(c, &over);
}

void client_charge_reset(struct client *c)
{
    const struct charge over =
        charge_reset(&c->charges, c->env->config, turn_now_ms(&c->env->turn));
    if (over.what)
        end_over(c, &over);
}

static bool may_be_read(const struct client *c)
{
    return c->state == CLIENT_OPEN && c->wait != CLIENT_WAIT_CLOSE && !c->read_blocked;
}

static void client_read(struct client *c)
{
    if (c->state == CLIENT_LEAVING || c->wait == CLIENT_WAIT_CLOSE) {
        discard(c);
        return;
    }
    if (c->state == CLIENT_GREETING && !greet(c))
        return;
    for (int i = 0; may_be_read(c) && read_once(c); i++) {
        charge_what_came(c);
        if (i == READS_A_TURN || session_queued(c->session) > QUEUED_FRAMES) {
            turn_defer(&c->env->turn, TURN_READ, &c->read);
            break;
        }
    }
    if (c->state != CLIENT_OPEN)
        return;
    charge_what_came(c);
    if (c->crossing == CLIENT_WRITES_AFTER_READ)
        unblock_write(c);
    regulate(c);
    go_on_draining(c);
    wait_for_next(c, true);
    if (!turn_is_put_off(&c->write))
        client_write_soon(c);
}

static void client_write(struct client *c)
{
    if (c->state != CLIENT_OPEN || c->write_blocked)
        return;
    uint64_t before = c->outlet.sent_bytes;
    enum outlet_result result =
        outlet_write(&c->outlet, c->session, c->tls, turn_now_ms(&c->env->turn));
    if (c->outlet.sent_bytes != before)
        timeout_stop(&c->stall);
    say_why(c);
    switch (result) {
    case OUTLET_EMPTY:
        break;
    case OUTLET_BLOCKED:
        block_write(c, CLIENT_CROSSES_NOT);
        break;
    case OUTLET_CROSSED:
        block_write(c, CLIENT_WRITES_AFTER_READ);
        break;
    case OUTLET_OVER:
        leave(c);
        return;
    case OUTLET_GONE:
        client_close(c, FAIL_CLIENT_GONE);
        return;
    }
    regulate(c);
    wait_for_next(c, false);
}

static void run_read(struct turn_task *task)
{
    client_read(CONTAINER_OF(task, struct client, read));
}

static void run_write(struct turn_task *task)
{
    client_write(CONTAINER_OF(task, struct client, write));
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct client *c = user;
    turn_add(&c->env->turn, TURN_READ, &c->read);
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    struct client *c = user;
    (void)fd;
    (void)events;
    if (c->state == CLIENT_GREETING) {
        event_add(c->read_event, NULL);
        client_read(c);
        return;
    }
    unblock_write(c);
    client_write_soon(c);
}

static void tune_socket(const struct client *c)
{
    int on = 1, unsent = UNSENT_BYTES;
    if (!peer_is_remote(&c->peer))
        return;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static void say_refused(struct client *c)
{
    enum { SAY_EVERY_MS = 10000 };
    struct env *e = c->env;
    e->clients_refused++;
    if (!bucket_take(&e->refusals_said, 1, 1, SAY_EVERY_MS, turn_now_ms(&e->turn)))
        return;
    log_warning("%s has %llu connections: more are refused (limits.connections_per_address)",
                c->peer.text, (unsigned long long)e->config->limits.connections_per_address);
}

static bool enter_crowd(struct client *c)
{
    struct env *e = c->env;
    unsigned max = (unsigned)e->config->limits.connections_per_address;
    if (peer_enter(&c->peer, e->crowd, &e->key, max))
        return true;
    say_refused(c);
    return false;
}

bool client_accept(struct env *env, const struct config_listen *listen, int fd,
                   const struct sockaddr *address)
{
    struct client *c = mem_zalloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return false;
    }
    c->env = env;
    c->leaving_why = FAIL_CLIENT_GONE;
    c->listen = listen;
    c->fd = fd;
    list_init(&c->node);
    list_init(&c->streams);
    turn_task_init(&c->write, run_write);
    turn_task_init(&c->die, run_die);
    turn_task_init(&c->read, run_read);
    timeout_init(&c->stall, on_write_stall);
    timeout_init(&c->timeout, on_timeout);
    timeout_init(&c->idle, on_idle);
    outlet_init(&c->outlet, &env->out_blocks);
    diary_init(&c->diary);
    peer_init(&c->peer, address);
    if (!enter_crowd(c)) {
        client_free(c);
        return true;
    }
    tune_socket(c);
    c->tls = tls_conn_new(env->tls, fd, &env->tls_blocks);
    c->read_event = event_new(env->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    c->write_event = event_new(env->base, fd, EV_WRITE, on_writable, c);
    if (!c->tls || !c->read_event || !c->write_event || event_add(c->read_event, NULL) != 0) {
        client_free(c);
        return false;
    }
    account_charge(env->account, CLIENT_BYTES);
    list_push(&env->clients, &c->node);
    env->clients_len++;
    env->clients_total++;
    thrift_note_client(&env->thrift);
    wait_for(c, CLIENT_WAIT_GREETING, true);
    return true;
}

void client_add_stream(struct client *c, struct stream *stream)
{
    list_push(&c->streams, &stream->node);
    c->streams_len++;
}

void client_remove_stream(struct client *c, struct stream *stream)
{
    list_remove(&stream->node);
    c->streams_len--;
    drop_session(c);
    wait_for_next(c, false);
    if (c->state != CLIENT_OPEN || c->streams_len > 0)
        return;
    begin_idle(c);
    client_write_soon(c);
}

bool client_takes_pushes(const struct client *c)
{
    return c->state == CLIENT_OPEN && c->session->takes_pushes;
}

bool client_may_open(const struct client *c)
{
    return c->heads_bytes < c->env->most_heads_bytes;
}

uint64_t client_pushes_left(const struct client *c)
{
    if (!client_may_open(c) || budget_is_over(c->env->account->budget))
        return 0;
    uint64_t most = c->session->max_pushes;
    if (most > c->env->config->push.max_open)
        most = c->env->config->push.max_open;
    return most > c->pushes_open ? most - c->pushes_open : 0;
}

void clients_retire(struct env *env)
{
    if (env->draining)
        return;
    env->draining = true;
    pools_drain(env->pools);
    env_keep_nothing(env);
    LIST_FOR_EACH_SAFE (c, &env->clients, struct client, node)
        drain(c);
}

void clients_drain(struct env *env)
{
    clients_retire(env);
    LIST_FOR_EACH_SAFE (c, &env->clients, struct client, node) {
        if (c->state == CLIENT_GREETING)
            client_close(c, FAIL_DRAINING);
    }
}

void clients_close(struct env *env)
{
    LIST_FOR_EACH_SAFE (c, &env->clients, struct client, node)
        client_close(c, FAIL_DRAINING);
    turn_run(&env->turn);
}
