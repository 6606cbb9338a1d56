#include "proxy/client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/exchange.h"
#include "proxy/stream.h"

enum {
    READS_A_TURN = 8,
    QUEUED_FRAMES = 1000, /* of answers to a client that does not read them */
    UNSENT_BYTES = 65536, /* at most, that wait in the kernel: the order of what comes after
                           * them can still change */
    SMALL_RECORD_BYTES = 4096,
    RAMP_BYTES = 32768, /* in small records, until a connection has got going */
    QUIET_MS = 1000,
    WINDOW_BYTES = POOL_UPLOAD_BYTES - 1, /* an upload's buffer holds a whole window */
};

static void set_state(struct client *c, enum client_state to)
{
    static const bool allowed[CLIENT_STATES][CLIENT_STATES] = {
        [CLIENT_HANDSHAKE] = {[CLIENT_OPEN] = true, [CLIENT_CLOSED] = true},
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
    unsigned awaited = c->awaited[CALL_OF_CLIENT];
    if (rank == CALL_OF_PUSH)
        awaited += c->awaited[CALL_OF_PUSH];
    if (awaited > 0)
        turn_put_off(&c->env->turn, &c->write);
    else
        client_write_soon(c);
}

static bool is_idle(enum client_await await)
{
    return await == CLIENT_AWAIT_REQUEST || await == CLIENT_AWAIT_REST_OVER;
}

/* Starts the time-out of what the client is to do next; one that runs for the same thing goes on,
 * unless `anew`. */
static void await(struct client *c, enum client_await what, bool anew)
{
    struct env *e = c->env;
    struct timeouts *queues[] = {
        [CLIENT_AWAIT_NOTHING] = NULL,       [CLIENT_AWAIT_HANDSHAKE] = &e->handshake,
        [CLIENT_AWAIT_HEADER] = &e->header,  [CLIENT_AWAIT_REQUEST] = &e->awake,
        [CLIENT_AWAIT_REST_OVER] = &e->idle, [CLIENT_AWAIT_PING] = &e->linger,
        [CLIENT_AWAIT_CLOSE] = &e->linger,
    };
    if (c->await == what && !anew)
        return;
    env_note_idle(e, is_idle(c->await), is_idle(what));
    c->await = what;
    if (queues[what])
        timeout_start(queues[what], &c->timeout, turn_now_ms(&e->turn));
    else
        timeout_stop(&c->timeout);
}

static void await_next(struct client *c, bool received)
{
    if (c->state != CLIENT_OPEN || c->await == CLIENT_AWAIT_CLOSE || c->await == CLIENT_AWAIT_PING)
        return;
    if (h2_session_is_in_head(c->h2))
        await(c, CLIENT_AWAIT_HEADER, false);
    else if (c->exchanges_len > 0)
        await(c, CLIENT_AWAIT_NOTHING, false);
    else if (received || c->await != CLIENT_AWAIT_REST_OVER)
        await(c, CLIENT_AWAIT_REQUEST, received);
}

static void client_free(struct client *c)
{
    if (c->read_event)
        event_free(c->read_event);
    if (c->write_event)
        event_free(c->write_event);
    h2_session_free(c->h2);
    tls_conn_free(c->tls);
    buf_fini(&c->out);
    diary_fini(&c->diary);
    timeout_stop(&c->timeout);
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

void client_close(struct client *c, enum failure why)
{
    if (c->state == CLIENT_CLOSED)
        return;
    set_state(c, CLIENT_CLOSED);
    LIST_FOR_EACH_SAFE (x, &c->exchanges, struct exchange, node)
        exchange_on_closed(x, why);
    timeout_stop(&c->timeout);
    timeout_stop(&c->stall);
    turn_cancel(&c->read);
    event_del(c->read_event);
    event_del(c->write_event);
    list_remove(&c->node);
    env_note_idle(c->env, is_idle(c->await), false);
    c->await = CLIENT_AWAIT_NOTHING;
    c->env->clients_len--;
    turn_add(&c->env->turn, TURN_FREE, &c->die);
}

/* Everything is said. The client's own last words are read and dropped: closing a socket with
 * unread bytes would take back what was sent (RFC 9112 §9.6 tells why). */
static void leave(struct client *c)
{
    set_state(c, CLIENT_LEAVING);
    if (c->read_blocked)
        event_add(c->read_event, NULL);
    LIST_FOR_EACH_SAFE (x, &c->exchanges, struct exchange, node)
        exchange_on_closed(x, c->leaving_why);
    tls_conn_shutdown(c->tls);
    shutdown(c->fd, SHUT_WR);
    await(c, CLIENT_AWAIT_CLOSE, true);
}

static void on_write_stall(struct timeout *t)
{
    client_close(CONTAINER_OF(t, struct client, stall), FAIL_CLIENT_STALLED);
}

/* The last word of a drain: the client has read that it comes, or takes too long to say so. */
static void send_goaway(struct client *c)
{
    h2_session_goaway(c->h2);
    await(c, CLIENT_AWAIT_NOTHING, true);
    await_next(c, false);
    client_write_soon(c);
}

/* Says why, ends every stream, and leaves when that is sent. */
static void end_session(struct client *c, enum h2_code code)
{
    h2_session_terminate(c->h2, code);
    await(c, CLIENT_AWAIT_CLOSE, false);
    client_write_soon(c);
}

/* What of the idle time is left goes on. */
static void rest(struct client *c)
{
    if (c->env->idle.duration_ms == 0) {
        end_session(c, H2_NO_ERROR);
        return;
    }
    h2_session_rest(c->h2);
    await(c, CLIENT_AWAIT_REST_OVER, true);
}

static void on_timeout(struct timeout *t)
{
    struct client *c = CONTAINER_OF(t, struct client, timeout);
    switch (c->await) {
    case CLIENT_AWAIT_PING:
        send_goaway(c);
        break;
    case CLIENT_AWAIT_HEADER:
        c->leaving_why = FAIL_CLIENT_STALLED;
        end_session(c, H2_ENHANCE_YOUR_CALM);
        break;
    case CLIENT_AWAIT_REQUEST:
        rest(c);
        break;
    case CLIENT_AWAIT_REST_OVER:
        end_session(c, H2_NO_ERROR);
        break;
    case CLIENT_AWAIT_NOTHING:
    case CLIENT_AWAIT_HANDSHAKE:
    case CLIENT_AWAIT_CLOSE:
        client_close(c, FAIL_CLIENT_STALLED);
        break;
    }
}

static bool open_session(struct client *c)
{
    const struct config *config = c->env->config;
    const struct h2_limits limits = {
        .streams = (uint32_t)config->limits.streams,
        .header_list_bytes = (uint32_t)config->limits.header_list_bytes,
        .window_bytes = WINDOW_BYTES,
        .response_head_bytes = (size_t)config->limits.origin_header_bytes,
    };
    c->h2 = h2_session_new(&stream_h2_events, c, &limits, &c->env->h2_cache);
    if (!c->h2)
        return false;
    set_state(c, CLIENT_OPEN);
    if (c->env->draining)
        client_drain(c);
    await_next(c, true);
    client_write_soon(c);
    return true;
}

/* True when the connection can be read. */
static bool shake_hands(struct client *c)
{
    switch (tls_conn_handshake(c->tls)) {
    case TLS_OK:
        if (open_session(c))
            return true;
        break;
    case TLS_WANT_WRITE:
        event_add(c->write_event, NULL);
        return false;
    case TLS_WANT_READ:
        return false;
    case TLS_CLOSED:
        break;
    case TLS_FAILED:
        log_debug("client %s: TLS handshake failed: %s", c->peer.text, tls_conn_why(c->tls));
        break;
    }
    client_close(c, FAIL_CLIENT_GONE);
    return false;
}

/* Reads once; true if there is more that the socket does not tell of. */
static bool read_once(struct client *c)
{
    size_t n;
    switch (tls_conn_read(c->tls, c->env->input, sizeof c->env->input, &n)) {
    case TLS_OK:
        if (!h2_session_receive(c->h2, span_of(c->env->input, n))) {
            log_debug("client %s: HTTP/2 session failed", c->peer.text);
            end_session(c, H2_PROTOCOL_ERROR);
            return false;
        }
        return tls_conn_has_pending(c->tls);
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        return false;
    case TLS_FAILED:
        log_debug("client %s: %s", c->peer.text, tls_conn_why(c->tls));
        break;
    case TLS_CLOSED:
        break;
    }
    client_close(c, FAIL_CLIENT_GONE);
    return false;
}

static void go_on_draining(struct client *c)
{
    if (c->await == CLIENT_AWAIT_PING && h2_session_announcement_is_read(c->h2))
        send_goaway(c);
}

static void discard(struct client *c)
{
    ssize_t n = recv(c->fd, c->env->input, sizeof c->env->input, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        client_close(c, FAIL_CLIENT_GONE);
}

/* A client that asks and does not read gets no more read from it until it does. */
static void regulate(struct client *c)
{
    bool flooded = c->write_blocked && h2_session_queue_len(c->h2) > QUEUED_FRAMES;
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

/* Ends the connection of a client that does `what` too often. */
static void charge(struct client *c, struct bucket *bucket, uint64_t n, uint64_t most,
                   const char *what)
{
    enum { PERIOD_MS = 10000 };
    if (c->await == CLIENT_AWAIT_CLOSE ||
        bucket_take(bucket, n, most, PERIOD_MS, turn_now_ms(&c->env->turn)))
        return;
    log_info("client %s: over %llu in 10 s of %s", c->peer.text, (unsigned long long)most, what);
    end_session(c, H2_ENHANCE_YOUR_CALM);
}

static void charge_idle_frames(struct client *c)
{
    unsigned n = h2_session_take_idle_frames(c->h2);
    if (n > 0)
        charge(c, &c->idle_frames, n, c->env->config->limits.idle_frames,
               "frames that ask for nothing (limits.idle_frames)");
}

static void client_read(struct client *c)
{
    if (c->state == CLIENT_LEAVING) {
        discard(c);
        return;
    }
    if (c->state == CLIENT_HANDSHAKE && !shake_hands(c))
        return;
    for (int i = 0; c->state == CLIENT_OPEN && !c->read_blocked && read_once(c); i++) {
        if (i == READS_A_TURN) {
            turn_defer(&c->env->turn, TURN_READ, &c->read);
            break;
        }
    }
    if (c->state != CLIENT_OPEN)
        return;
    charge_idle_frames(c);
    regulate(c);
    go_on_draining(c);
    await_next(c, true);
    if (!turn_is_put_off(&c->write))
        client_write_soon(c);
}

enum filled {
    FILLED,
    FILLED_NOTHING,
    FILLED_OVER, /* nothing more will come */
};

/* What fits into the next TLS record. A client can read a record only when all of it has come, and
 * on a connection that is new, or was quiet, a whole one takes more than a round trip. */
static size_t record_room(struct client *c, size_t room)
{
    if (turn_now_ms(&c->env->turn) - c->progress_ms > QUIET_MS)
        c->ramp_bytes = 0;
    return c->ramp_bytes < RAMP_BYTES && room > SMALL_RECORD_BYTES ? SMALL_RECORD_BYTES : room;
}

/* Returns how many of the bytes were taken. */
static size_t write_record(struct client *c, struct span bytes, enum tls_result *result)
{
    size_t n = 0;
    *result = tls_conn_write(c->tls, bytes.ptr, bytes.len, &n);
    return *result == TLS_OK ? n : 0;
}

/* Takes from the session what comes next. What lies in a body is written at once; what is not taken
 * of it waits as other bytes do, since the body may move, or be gone, before it is. */
static enum filled fill(struct client *c, enum tls_result *result)
{
    size_t room, n = 0;
    bool failed = false;
    char *space = buf_space(&c->out, &room);
    if (!space)
        return FILLED_OVER;
    struct span bytes = h2_session_send(c->h2, space, record_room(c, room), &failed);
    if (bytes.ptr != space) {
        n = write_record(c, bytes, result);
        memcpy(space, bytes.ptr + n, bytes.len - n);
    }
    h2_session_taken(c->h2);
    buf_commit(&c->out, bytes.len - n);
    buf_consume(&c->out, 0);
    c->ramp_bytes += bytes.len;
    if (bytes.len > 0)
        return FILLED;
    return failed || h2_session_is_over(c->h2) ? FILLED_OVER : FILLED_NOTHING;
}

static void block_write(struct client *c)
{
    struct env *e = c->env;
    c->write_blocked = true;
    event_add(c->write_event, NULL);
    if (list_empty(&c->stall.node))
        timeout_start(&e->stall, &c->stall, turn_now_ms(&e->turn));
    regulate(c);
}

/* The socket has taken bytes since this was last looked at. */
static void note_progress(struct client *c)
{
    uint64_t sent = tls_conn_sent_bytes(c->tls);
    if (sent == c->sent_bytes)
        return;
    c->sent_bytes = sent;
    c->progress_ms = turn_now_ms(&c->env->turn);
    timeout_stop(&c->stall);
}

/* Acts on what a write came to; false: nothing more can be written now. */
static bool go_on_writing(struct client *c, enum tls_result result)
{
    note_progress(c);
    switch (result) {
    case TLS_OK:
        return true;
    case TLS_WANT_WRITE:
        block_write(c);
        return false;
    case TLS_WANT_READ:
        return false;
    case TLS_CLOSED:
    case TLS_FAILED:
        break;
    }
    client_close(c, FAIL_CLIENT_GONE);
    return false;
}

/* Hands on what waits, and refills, until the protocol has no more or the socket takes no more; it
 * all leaves together. */
static void client_write(struct client *c)
{
    enum filled filled = FILLED;
    bool fine = c->state == CLIENT_OPEN && !c->write_blocked;
    while (fine) {
        enum tls_result result = TLS_OK;
        if (buf_len(&c->out) == 0 && (filled = fill(c, &result)) != FILLED)
            break;
        if (result == TLS_OK && buf_len(&c->out) > 0)
            buf_consume(&c->out, write_record(c, buf_bytes(&c->out), &result));
        fine = go_on_writing(c, result);
    }
    fine = fine && go_on_writing(c, tls_conn_flush(c->tls));
    if (c->state != CLIENT_OPEN)
        return;
    if (fine && filled == FILLED_OVER)
        leave(c);
    if (c->state == CLIENT_OPEN)
        regulate(c);
    await_next(c, false);
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
    if (c->state == CLIENT_HANDSHAKE) {
        client_read(c);
        return;
    }
    c->write_blocked = false;
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
    list_init(&c->exchanges);
    turn_task_init(&c->write, run_write);
    turn_task_init(&c->die, run_die);
    turn_task_init(&c->read, run_read);
    timeout_init(&c->stall, on_write_stall);
    timeout_init(&c->timeout, on_timeout);
    buf_init(&c->out, &env->out_blocks);
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
    list_push(&env->clients, &c->node);
    env->clients_len++;
    env->clients_total++;
    env->work++;
    await(c, CLIENT_AWAIT_HANDSHAKE, true);
    return true;
}

void client_drain(struct client *c)
{
    if (c->state == CLIENT_OPEN && c->await != CLIENT_AWAIT_CLOSE) {
        h2_session_announce_goaway(c->h2);
        await(c, CLIENT_AWAIT_PING, true);
        client_write_soon(c);
    }
}

void client_count_reset(struct client *c)
{
    const uint64_t most = c->env->config->limits.resets;
    if (c->state == CLIENT_OPEN)
        charge(c, &c->resets, 1, most, "requests abandoned (limits.resets)");
}

void client_settle(struct client *c)
{
    await_next(c, false);
    if (c->state == CLIENT_OPEN && c->exchanges_len == 0)
        client_write_soon(c);
}

bool client_takes_pushes(const struct client *c)
{
    return c->state == CLIENT_OPEN && h2_session_takes_pushes(c->h2);
}

uint64_t client_pushes_left(const struct client *c)
{
    uint64_t most = h2_session_max_pushes(c->h2);
    if (most > c->env->config->push.max_open)
        most = c->env->config->push.max_open;
    return most > c->pushes_open ? most - c->pushes_open : 0;
}
