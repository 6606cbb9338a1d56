#include "origin/conn.h"

#include <assert.h>

#include "base/mem.h"

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
    enum conn_state was = c->state;
    if (was == CONN_DEAD)
        return;
    assert(!c->user);
    set_state(c, CONN_DEAD);
    timeout_stop(&c->idle_timeout);
    dial_free(c->dial);
    c->dial = NULL;
    if (c->read_event)
        event_del(c->read_event);
    if (c->write_event)
        event_del(c->write_event);
    turn_cancel(&c->act);
    turn_cancel(&c->write);
    turn_add(c->rules->dial.turn, TURN_FREE, &c->die);
    c->owner->closed(c, was);
}

/* A socket is watched only for what somebody waits for. */
static void watch_reading(struct conn *c)
{
    if (c->paused || c->reading == CONN_AWAITS_WRITABLE)
        event_del(c->read_event);
    else
        event_add(c->read_event, NULL);
}

/* Reading waits until the origin takes bytes: TLS has something to say first. */
static void await_writable_to_read(struct conn *c)
{
    c->reading = CONN_AWAITS_WRITABLE;
    watch_reading(c);
    event_add(c->write_event, NULL);
}

/* The wire takes no more now, or never again. */
static void stop_writing(struct conn *c, enum wire_result why)
{
    switch (why) {
    case WIRE_WANTS_WRITE:
        c->writing = CONN_AWAITS_WRITABLE;
        event_add(c->write_event, NULL);
        break;
    case WIRE_WANTS_READ:
        c->writing = CONN_AWAITS_READABLE;
        break;
    case WIRE_OK:
        break;
    case WIRE_CLOSED:
    case WIRE_CUT:
    case WIRE_FAILED:
        c->write_broken = true;
        break;
    }
}

static void conn_flush(struct conn *c)
{
    if (c->writing == CONN_GOES && !c->write_broken)
        stop_writing(c, wire_flush(&c->wire));
}

/* An idle connection has nothing to say: a byte on it is an answer that nobody asked for. TLS may
 * have, for itself: tickets, and keys. */
static void read_idle(struct conn *c)
{
    char byte;
    size_t n;
    if (wire_read(&c->wire, &byte, 1, &n) == WIRE_WANTS_READ)
        conn_flush(c);
    else
        conn_close(c);
}

/* What TLS has taken from the socket the loop does not tell of. */
static bool was_looked_at(const struct conn *c)
{
    const struct turn *turn = c->rules->dial.turn;
    bool was_quiet =
        c->idle_since < turn->number && turn_knows_all(turn) && list_empty(&c->act.node);
    return !wire_has_pending(&c->wire) && (was_quiet || c->emptied_in == turn->number);
}

/* Bytes that come unasked would be taken for the answer to the next request. One whose dial has
 * just ended is used as it is: an origin that speaks first would else be dialed again and again. */
bool conn_is_clean(struct conn *c)
{
    bool is_new = c->served == 0 && c->idle_since == c->rules->dial.turn->number;
    if (!is_new && !was_looked_at(c))
        read_idle(c);
    return c->state == CONN_IDLE;
}

static void stop_reading(struct conn *c)
{
    c->paused = true;
    watch_reading(c);
    c->uses->watch(c->user);
}

static bool is_emptied(const struct conn *c, size_t n, size_t room)
{
    return n < room && !c->wire.tls; /* TLS reads a record at a time */
}

static void read_more_soon(struct conn *c)
{
    turn_defer(c->rules->dial.turn, TURN_READ, &c->act);
}

/* The origin will send no more. */
static void end_reading(struct conn *c, enum wire_result why)
{
    if (why == WIRE_FAILED)
        c->owner->broke(c, wire_why(&c->wire));
    c->uses->closed(c->user, why == WIRE_CLOSED);
}

/* Reads once; true if more may be there that the socket does not tell of. */
static bool read_once(struct conn *c)
{
    size_t room, n;
    bool full = false;
    char *at = c->uses->space(c->user, &room, &full);
    if (!at) {
        if (full)
            stop_reading(c);
        else
            c->uses->no_memory(c->user);
        return false;
    }
    enum wire_result result = wire_read(&c->wire, at, room, &n);
    switch (result) {
    case WIRE_OK:
        c->emptied_in = is_emptied(c, n, room) ? c->rules->dial.turn->number : 0;
        turn_note_read(c->rules->dial.turn, n);
        c->uses->received(c->user, at, n);
        return wire_has_pending(&c->wire);
    case WIRE_WANTS_READ:
        break;
    case WIRE_WANTS_WRITE:
        await_writable_to_read(c);
        break;
    case WIRE_CLOSED:
    case WIRE_CUT:
    case WIRE_FAILED:
        end_reading(c, result);
        return false;
    }
    c->uses->received(c->user, at, 0);
    return false;
}

static void read_busy(struct conn *c)
{
    for (int i = 0; c->state == CONN_BUSY && !c->paused; i++) {
        if (i == READS_A_TURN) {
            read_more_soon(c);
            return;
        }
        if (!read_once(c))
            return;
    }
}

static void conn_read(struct conn *c)
{
    if (c->state == CONN_IDLE) {
        read_idle(c);
        return;
    }
    read_busy(c);
    if (c->state != CONN_DEAD)
        conn_flush(c);
}

static void conn_write(struct conn *c)
{
    struct iovec pieces[CONN_PIECES];
    int count;
    while (c->state == CONN_BUSY && !c->write_broken &&
           (count = c->uses->output(c->user, pieces)) > 0) {
        size_t n;
        enum wire_result result = wire_write(&c->wire, pieces, count, &n);
        if (result != WIRE_OK) {
            stop_writing(c, result);
            if (!c->write_broken)
                c->uses->watch(c->user); /* it is the origin's turn now */
            return;
        }
        c->uses->written(c->user, n);
    }
    if (c->state != CONN_DEAD)
        conn_flush(c);
}

static void run_act(struct turn_task *task)
{
    struct conn *c = CONTAINER_OF(task, struct conn, act);
    if (c->reading == CONN_GOES)
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
    turn_add(c->rules->dial.turn, TURN_READ, &c->act);
    if (c->writing == CONN_AWAITS_READABLE) {
        c->writing = CONN_GOES;
        conn_write_soon(c);
    }
}

static void on_writable(evutil_socket_t fd, short events, void *user)
{
    struct conn *c = user;
    (void)fd;
    (void)events;
    if (c->reading == CONN_AWAITS_WRITABLE) {
        c->reading = CONN_GOES;
        watch_reading(c);
        turn_add(c->rules->dial.turn, TURN_READ, &c->act);
    }
    if (c->writing == CONN_AWAITS_WRITABLE) {
        c->writing = CONN_GOES;
        conn_write(c);
    }
}

static void on_idle_timeout(struct timeout *t)
{
    conn_close(CONTAINER_OF(t, struct conn, idle_timeout));
}

static void become_idle(struct conn *c)
{
    enum conn_state was = c->state;
    struct turn *turn = c->rules->dial.turn;
    set_state(c, CONN_IDLE);
    c->idle_since = turn->number;
    timeout_start(c->rules->idle, &c->idle_timeout, turn_now_ms(turn));
    if (wire_has_pending(&c->wire))
        read_more_soon(c);
    c->owner->idle(c, was);
}

static bool open_events(struct conn *c)
{
    struct event_base *base = c->rules->dial.base;
    c->read_event = event_new(base, c->wire.fd, EV_READ | EV_PERSIST, on_readable, c);
    c->write_event = event_new(base, c->wire.fd, EV_WRITE, on_writable, c);
    return c->read_event && c->write_event && event_add(c->read_event, NULL) == 0;
}

/* The end of the handshake leaves with the first request, if that is here already. */
static void take_wire(struct conn *c)
{
    dial_free(c->dial);
    c->dial = NULL;
    become_idle(c);
    if (c->wire.tls)
        conn_write_soon(c);
}

static void on_dialed(void *user, enum dial_result result)
{
    struct conn *c = user;
    const char *why = dial_why(c->dial);
    if (result == DIAL_DONE) {
        c->wire = dial_take(c->dial);
        if (open_events(c)) {
            take_wire(c);
            return;
        }
        why = "memory is out";
    }
    c->owner->dial_failed(c, result, why);
    conn_close(c);
}

struct conn *conn_new(const struct conn_rules *rules, const struct conn_owner *owner,
                      void *owner_data)
{
    struct conn *c = mem_zalloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->rules = rules;
    c->owner = owner;
    c->owner_data = owner_data;
    c->wire.fd = -1;
    list_init(&c->node);
    timeout_init(&c->idle_timeout, on_idle_timeout);
    turn_task_init(&c->act, run_act);
    turn_task_init(&c->write, run_write);
    turn_task_init(&c->die, run_die);
    c->reader = h1_reader_new(rules->head_bytes, rules->strict);
    if (c->reader)
        c->dial = dial_start(&rules->dial, on_dialed, c);
    if (!c->dial) {
        conn_free(c);
        return NULL;
    }
    return c;
}

void conn_carry(struct conn *c, const struct conn_user *uses, void *user)
{
    set_state(c, CONN_BUSY);
    timeout_stop(&c->idle_timeout);
    c->uses = uses;
    c->user = user;
    conn_write_soon(c);
}

void conn_write_soon(struct conn *c)
{
    if (c->writing == CONN_GOES)
        turn_add(c->rules->dial.turn, TURN_FORWARD, &c->write);
}

void conn_resume(struct conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    watch_reading(c);
    if (wire_has_pending(&c->wire))
        read_more_soon(c);
}

void conn_release(struct conn *c, bool reusable)
{
    c->uses = NULL;
    c->user = NULL;
    c->served++;
    if (!reusable || c->write_broken) {
        conn_close(c);
        return;
    }
    if (c->paused) {
        c->paused = false;
        watch_reading(c);
    }
    become_idle(c);
}
