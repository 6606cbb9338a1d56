#include "origin/conn.h"

#include <assert.h>

#include "base/mem.h"
#include "origin/state.h"

enum { READS_A_TURN = 8 };

static void set_state(struct conn *c, enum conn_state to)
{
    static const bool allowed[CONN_STATES][CONN_STATES] = {
        [CONN_DIALING] = {[CONN_IDLE] = true, [CONN_DEAD] = true},
        [CONN_IDLE] = {[CONN_BUSY] = true, [CONN_DEAD] = true},
        [CONN_BUSY] = {[CONN_IDLE] = true, [CONN_DEAD] = true},
    };
    assert(allowed[c->state][to]);
    c->state = to;
}

static void conn_free(struct conn *c)
{
    if (c->read_event)
        event_free(c->read_event);
    if (c->write_event)
        event_free(c->write_event);
    dial_free(c->dial);
    wire_close(&c->wire);
    h1_reader_free(c->reader);
    turn_cancel(&c->act);
    turn_cancel(&c->write);
    timeout_stop(&c->idle_timeout);
    mem_free(c);
}

static void run_die(struct turn_task *task)
{
    conn_free(CONTAINER_OF(task, struct conn, die));
}

void conn_close(struct conn *c)
{
    struct pool *pool = c->pool;
    if (c->state == CONN_DEAD)
        return;
    assert(!c->call);
    if (c->state == CONN_DIALING)
        pool->dialing--;
    pool->total--;
    set_state(c, CONN_DEAD);
    list_remove(&c->node);
    timeout_stop(&c->idle_timeout);
    if (c->read_event)
        event_del(c->read_event);
    if (c->write_event)
        event_del(c->write_event);
    turn_cancel(&c->act);
    turn_cancel(&c->write);
    turn_add(pool->all->turn, TURN_FREE, &c->die);
    pool_serve_soon(pool);
}

static void stop_reading(struct conn *c)
{
    c->paused = true;
    event_del(c->read_event);
    call_watch(c->call);
}

/* An idle connection has nothing to say: a byte on it is an answer that nobody asked for. */
static void read_idle(struct conn *c)
{
    char byte;
    size_t n;
    if (wire_read(&c->wire, &byte, 1, &n) != WIRE_AGAIN)
        conn_close(c);
}

/* Of what TLS holds the loop knows nothing. */
static bool was_looked_at(const struct conn *c)
{
    const struct turn *turn = c->pool->all->turn;
    bool was_quiet =
        c->idle_since < turn->number && turn_knows_all(turn) && list_empty(&c->act.node);
    return !wire_is_layered(&c->wire) && (was_quiet || c->emptied_in == turn->number);
}

/* Bytes that come unasked would be taken for the answer to the next request. One whose dial has
 * just ended is used as it is: an origin that speaks first would else be dialed again and again. */
bool conn_is_clean(struct conn *c)
{
    bool is_new = c->served == 0 && c->idle_since == c->pool->all->turn->number;
    if (!is_new && !was_looked_at(c))
        read_idle(c);
    return c->state == CONN_IDLE;
}

/* Reads once; true if more may be there that the socket does not tell of. */
static bool read_once(struct conn *c)
{
    size_t room, n;
    char *at = call_space(c->call, &room);
    if (!at) {
        if (c->call->body.block)
            stop_reading(c);
        else
            call_fail(c->call, CALL_NO_MEMORY);
        return false;
    }
    switch (wire_read(&c->wire, at, room, &n)) {
    case WIRE_OK:
        c->emptied_in = n < room ? c->pool->all->turn->number : 0;
        turn_note_read(c->pool->all->turn, n);
        call_received(c->call, at, n);
        return wire_is_layered(&c->wire);
    case WIRE_AGAIN:
        buf_consume(&c->call->body, 0);
        return false;
    case WIRE_CLOSED:
        call_closed(c->call, true);
        return false;
    case WIRE_FAILED:
        break;
    }
    call_closed(c->call, false);
    return false;
}

static void conn_read(struct conn *c)
{
    if (c->state == CONN_IDLE) {
        read_idle(c);
        return;
    }
    for (int i = 0; c->state == CONN_BUSY && !c->paused; i++) {
        if (i == READS_A_TURN) {
            turn_defer(c->pool->all->turn, TURN_READ, &c->act);
            return;
        }
        if (!read_once(c))
            return;
    }
}

static void conn_write(struct conn *c)
{
    struct iovec pieces[CALL_PIECES];
    int count;
    while (c->state == CONN_BUSY && !c->write_broken &&
           (count = call_output(c->call, pieces)) > 0) {
        size_t n;
        switch (wire_write(&c->wire, pieces, count, &n)) {
        case WIRE_OK:
            call_written(c->call, n);
            continue;
        case WIRE_AGAIN:
            event_add(c->write_event, NULL);
            c->write_blocked = true;
            call_watch(c->call); /* it is the origin's turn now */
            return;
        case WIRE_CLOSED:
        case WIRE_FAILED:
            c->write_broken = true;
            return;
        }
    }
}

static void run_act(struct turn_task *task)
{
    struct conn *c = CONTAINER_OF(task, struct conn, act);
    if (c->state == CONN_BUSY || c->state == CONN_IDLE)
        conn_read(c);
}

static void run_write(struct turn_task *task)
{
    conn_write(CONTAINER_OF(task, struct conn, write));
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)fd;
    (void)events;
    struct conn *c = user;
    turn_add(c->pool->all->turn, TURN_READ, &c->act);
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    struct conn *c = user;
    (void)fd;
    (void)events;
    c->write_blocked = false;
    conn_write(c);
}

static void on_idle_timeout(struct timeout *t)
{
    conn_close(CONTAINER_OF(t, struct conn, idle_timeout));
}

static void become_idle(struct conn *c)
{
    struct pools *all = c->pool->all;
    set_state(c, CONN_IDLE);
    list_remove(&c->node);
    list_push_front(&c->pool->idle, &c->node);
    c->idle_since = all->turn->number;
    timeout_start(&all->idle, &c->idle_timeout, turn_now_ms(all->turn));
    pool_serve_soon(c->pool);
}

static bool open_events(struct conn *c)
{
    struct event_base *base = c->pool->all->base;
    c->read_event = event_new(base, c->wire.fd, EV_READ | EV_PERSIST, on_readable, c);
    c->write_event = event_new(base, c->wire.fd, EV_WRITE, on_writable, c);
    return c->read_event && c->write_event && event_add(c->read_event, NULL) == 0;
}

/* libcurl has said how the dial ended; now, outside of it, that is acted on. */
static void run_dialed(struct turn_task *task)
{
    struct conn *c = CONTAINER_OF(task, struct conn, act);
    struct pool *pool = c->pool;
    if (c->dial_result == DIAL_DONE && dial_take(c->dial, &c->wire) && open_events(c)) {
        dial_free(c->dial);
        c->dial = NULL;
        c->act.run = run_act;
        pool->dialing--;
        become_idle(c);
        return;
    }
    enum call_fault fault = c->dial_result == DIAL_TIMED_OUT ? CALL_CONNECT_TIMEOUT : CALL_REFUSED;
    const char *why = c->dial_result == DIAL_DONE
                          ? "the connection was lost at once, or memory is out"
                          : dial_why(c->dial);
    pool_dial_failed(pool, fault, why);
    conn_close(c);
}

static void on_dialed(void *user, enum dial_result result)
{
    struct conn *c = user;
    c->dial_result = result;
    turn_add(c->pool->all->turn, TURN_ACT, &c->act);
}

struct conn *conn_new(struct pool *pool)
{
    struct pools *all = pool->all;
    struct conn *c = mem_zalloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->pool = pool;
    c->wire.fd = -1;
    list_init(&c->node);
    timeout_init(&c->idle_timeout, on_idle_timeout);
    turn_task_init(&c->act, run_dialed);
    turn_task_init(&c->write, run_write);
    turn_task_init(&c->die, run_die);
    c->reader = h1_reader_new(all->config->limits.origin_header_bytes, pool->origin->strict);
    if (c->reader) {
        c->dial = dial_start(all->base, pool->origin, all->config->timeouts.connect_ms, all->share,
                             on_dialed, c);
    }
    if (!c->dial) {
        conn_free(c);
        return NULL;
    }
    list_push(&pool->others, &c->node);
    pool->total++;
    pool->dialing++;
    return c;
}

void conn_carry(struct conn *c, struct call *call)
{
    set_state(c, CONN_BUSY);
    timeout_stop(&c->idle_timeout);
    list_remove(&c->node);
    list_push(&c->pool->others, &c->node);
    c->call = call;
    call->caller->calls[call->rank]++;
    if (call->rank == CALL_OF_PUSH)
        c->pool->pushes++;
    call_run(call, c);
    conn_write_soon(c);
}

void conn_write_soon(struct conn *c)
{
    if (!c->write_blocked)
        turn_add(c->pool->all->turn, TURN_FORWARD, &c->write);
}

void conn_resume(struct conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    event_add(c->read_event, NULL);
    if (wire_is_layered(&c->wire))
        turn_defer(c->pool->all->turn, TURN_READ, &c->act);
}

void conn_release(struct conn *c, bool reusable)
{
    c->call->caller->calls[c->call->rank]--;
    if (c->call->rank == CALL_OF_PUSH)
        c->pool->pushes--;
    c->call = NULL;
    c->served++;
    if (!reusable || c->write_broken || c->pool->all->draining) {
        conn_close(c);
        return;
    }
    if (c->paused) {
        c->paused = false;
        event_add(c->read_event, NULL);
    }
    become_idle(c);
}
