/* fake_conn.h - stands in for origin/conn.c: connections without a socket, on which a test is the
 * origin. To be included by one file of a test program; the linker takes it instead of the real
 * one. */
#ifndef UNIT_ORIGIN_FAKE_CONN_H
#define UNIT_ORIGIN_FAKE_CONN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "origin/conn.h"

enum { FAKE_CONNS = 64 };

/* Every connection that was dialed, in its order. */
static struct {
    struct conn *at[FAKE_CONNS];
    size_t len;
    bool dial_fails; /* the next conn_new() says that memory is out */
    unsigned writes; /* how often somebody had something to write */
} fake_conns;

struct conn *conn_new(const struct conn_rules *rules, const struct conn_owner *owner,
                      void *owner_data)
{
    if (fake_conns.dial_fails)
        return NULL;
    struct conn *c = calloc(1, sizeof *c);
    assert_true(c && fake_conns.len < FAKE_CONNS);
    c->rules = rules;
    c->owner = owner;
    c->owner_data = owner_data;
    c->reader = h1_reader_new(rules->head_bytes, rules->strict);
    list_init(&c->node);
    fake_conns.at[fake_conns.len++] = c;
    return c;
}

bool conn_is_clean(struct conn *c)
{
    return c->state == CONN_IDLE;
}

static inline void fake_idle(struct conn *c)
{
    enum conn_state was = c->state;
    c->state = CONN_IDLE;
    c->owner->idle(c, was);
}

void conn_carry(struct conn *c, const struct conn_user *uses, void *user)
{
    assert_int_equal(c->state, CONN_IDLE);
    c->state = CONN_BUSY;
    c->uses = uses;
    c->user = user;
}

void conn_write_soon(struct conn *c)
{
    assert_int_equal(c->state, CONN_BUSY);
    fake_conns.writes++;
}

void conn_resume(struct conn *c)
{
    c->paused = false;
}

void conn_close(struct conn *c)
{
    enum conn_state was = c->state;
    if (was == CONN_DEAD)
        return;
    assert_null(c->user);
    c->state = CONN_DEAD;
    c->owner->closed(c, was);
}

void conn_release(struct conn *c, bool reusable)
{
    assert_int_equal(c->state, CONN_BUSY);
    c->uses = NULL;
    c->user = NULL;
    c->served++;
    if (reusable)
        fake_idle(c);
    else
        conn_close(c);
}

/* What an origin does. */

static inline struct conn *conn_number(size_t i)
{
    assert_true(i < fake_conns.len);
    return fake_conns.at[i];
}

/* The dial has ended well. */
static inline void conn_opens(size_t i)
{
    assert_int_equal(conn_number(i)->state, CONN_DIALING);
    fake_idle(conn_number(i));
}

/* The dial has ended without a connection. */
static inline void conn_fails(size_t i, enum dial_result result)
{
    struct conn *c = conn_number(i);
    c->owner->dial_failed(c, result, "it was told to");
    conn_close(c);
}

/* Takes up to `most` bytes of what is to be written, behind what `out` holds. */
static inline void conn_takes(size_t i, char *out, size_t room, size_t most)
{
    struct conn *c = conn_number(i);
    struct iovec pieces[CONN_PIECES];
    size_t len = strlen(out);
    int count;
    while (most > 0 && c->state == CONN_BUSY && (count = c->uses->output(c->user, pieces)) > 0) {
        size_t n = 0;
        for (int p = 0; p < count && most > 0; p++) {
            size_t take = pieces[p].iov_len < most ? pieces[p].iov_len : most;
            assert_true(len + take < room);
            memcpy(out + len, pieces[p].iov_base, take);
            len += take;
            n += take;
            most -= take;
        }
        out[len] = '\0';
        c->uses->written(c->user, n);
    }
}

/* Sends `text`; false: the call takes no more now. */
static inline bool conn_sends(size_t i, const char *text)
{
    struct conn *c = conn_number(i);
    size_t len = strlen(text);
    while (len > 0 && c->state == CONN_BUSY) {
        size_t room;
        bool full = false;
        char *at = c->uses->space(c->user, &room, &full);
        if (!at) {
            assert_true(full);
            c->paused = true;
            c->uses->watch(c->user);
            return false;
        }
        size_t n = len < room ? len : room;
        memcpy(at, text, n);
        text += n;
        len -= n;
        c->uses->received(c->user, at, n);
    }
    return true;
}

static inline void conn_ends(size_t i, bool in_order)
{
    struct conn *c = conn_number(i);
    c->uses->closed(c->user, in_order);
}

/* All are to be closed by then. */
static inline void fake_conns_free(void)
{
    for (size_t i = 0; i < fake_conns.len; i++) {
        assert_int_equal(fake_conns.at[i]->state, CONN_DEAD);
        h1_reader_free(fake_conns.at[i]->reader);
        free(fake_conns.at[i]);
    }
    memset(&fake_conns, 0, sizeof fake_conns);
}

#endif
