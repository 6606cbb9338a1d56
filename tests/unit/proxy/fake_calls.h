/* fake_calls.h - stands in for the room `origin`: calls that a test answers, pools that hold
 * nothing. To be included by one file of a test program; the linker takes these instead of the real
 * ones. */
#ifndef UNIT_PROXY_FAKE_CALLS_H
#define UNIT_PROXY_FAKE_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "origin/call.h"
#include "origin/pool.h"

enum { FAKE_CALLS = 128 };

struct pools {
    struct blocks body_blocks, upload_blocks;
    bool draining, trimmed;
};

/* The calls that were started, in their order, and what they were started with. */
static struct {
    struct call *at[FAKE_CALLS];
    struct fields fields[FAKE_CALLS];
    size_t len;
    bool fails; /* the next call_start() says that memory is out */
} fake_calls;

/* What is behind pools_of(): its number. */
static struct fake_pool {
    const struct config_origin *origin;
} fake_pools[8];

struct pools *pools_new(struct event_base *base, struct turn *turn, const struct config *config,
                        struct tls_trust *trust, struct notes *notes, struct account *account)
{
    struct pools *p = calloc(1, sizeof *p);
    (void)base, (void)turn, (void)config, (void)trust, (void)notes;
    assert_non_null(p);
    blocks_init(&p->body_blocks, account, POOL_BODY_BYTES, 0);
    blocks_init(&p->upload_blocks, account, POOL_UPLOAD_BYTES, 0);
    return p;
}

void pools_free(struct pools *p)
{
    blocks_fini(&p->body_blocks);
    blocks_fini(&p->upload_blocks);
    free(p);
}

struct pool *pools_of(struct pools *p, const struct config_origin *origin)
{
    (void)p;
    fake_pools[0].origin = origin;
    return (struct pool *)(void *)&fake_pools[0];
}

uint64_t pools_expire(struct pools *p, uint64_t now_ms)
{
    (void)p, (void)now_ms;
    return UINT64_MAX;
}

void pools_trim(struct pools *p)
{
    p->trimmed = true;
}

void pools_drain(struct pools *p)
{
    p->draining = true;
}

void call_init(struct call *c, struct pools *pools, void (*changed)(struct call *c))
{
    *c = (struct call){.changed = changed, .heads_end = &c->heads};
    buf_init_behind(&c->body, &pools->body_blocks, POOL_FRONT_BYTES);
    buf_init(&c->upload, &pools->upload_blocks);
    list_init(&c->waiter.offer_node);
}

bool call_start(struct call *c, struct pool *pool, struct caller *caller, struct arena *arena,
                const struct request *request, const struct fields *fields, enum call_rank rank)
{
    if (fake_calls.fails)
        return false;
    assert_true(fake_calls.len < FAKE_CALLS);
    c->pool = pool;
    c->waiter.caller = caller;
    c->arena = arena;
    c->request = request;
    c->waiter.rank = rank;
    c->state = CALL_WAITING;
    fake_calls.fields[fake_calls.len] = *fields;
    fake_calls.at[fake_calls.len++] = c;
    return true;
}

bool call_upload(struct call *c, struct span bytes)
{
    if (c->state == CALL_COMPLETE || c->state == CALL_FAILED) {
        c->upload_sent += bytes.len;
        return true;
    }
    return buf_append(&c->upload, bytes);
}

void call_upload_end(struct call *c, const struct fields *trailers)
{
    c->upload_ended = true;
    c->upload_trailers = trailers;
}

size_t call_take_sent(struct call *c)
{
    size_t n = c->upload_sent;
    c->upload_sent = 0;
    return n;
}

struct response *call_take_head(struct call *c)
{
    struct call_head *node = c->heads;
    if (!node)
        return NULL;
    c->heads = node->next;
    if (!c->heads)
        c->heads_end = &c->heads;
    return node->response;
}

struct span call_body(const struct call *c)
{
    return buf_bytes(&c->body);
}

size_t call_body_spare(const struct call *c)
{
    return buf_spare(&c->body);
}

void call_consume(struct call *c, size_t n)
{
    buf_consume(&c->body, n);
}

void call_offer(struct call *c)
{
    static struct list offered = {&offered, &offered};
    assert_int_equal(c->state, CALL_RUNNING);
    if (!call_is_offered(c))
        list_push(&offered, &c->waiter.offer_node);
}

void call_keep(struct call *c)
{
    list_remove(&c->waiter.offer_node);
}

bool call_is_offered(const struct call *c)
{
    return !list_empty(&c->waiter.offer_node);
}

bool call_request_is_written(const struct call *c)
{
    return c->state != CALL_WAITING;
}

void call_cancel(struct call *c)
{
    call_keep(c);
    buf_fini(&c->body);
    buf_fini(&c->upload);
    c->state = CALL_FAILED;
}

/* What an origin does. */

/* Gives the call a connection. */
static inline void origin_takes(struct call *c)
{
    assert_int_equal(c->state, CALL_WAITING);
    c->state = CALL_RUNNING;
    c->changed(c);
}

/* Passes `n` bytes of the upload on. */
static inline void origin_reads(struct call *c, size_t n)
{
    buf_consume(&c->upload, n);
    c->upload_sent += n;
    c->changed(c);
}

/* Sends a head; its fields are in the call's arena. */
static inline void origin_heads(struct call *c, unsigned status, const struct fields *fields,
                                enum body_framing framing, uint64_t length)
{
    struct call_head *node = arena_zalloc(c->arena, sizeof *node);
    struct response *head = arena_zalloc(c->arena, sizeof *head);
    assert_true(node && head);
    *head = (struct response){.status = status, .fields = *fields, .body = {framing, length}};
    node->response = head;
    *c->heads_end = node;
    c->heads_end = &node->next;
    c->has_final_head = status >= 200;
    c->changed(c);
}

/* Sends bytes of a body. */
static inline void origin_sends(struct call *c, const char *bytes)
{
    assert_true(buf_append(&c->body, span_str(bytes)));
    c->changed(c);
}

/* Completes the response; `trailers` may be NULL. */
static inline void origin_ends(struct call *c, const struct fields *trailers)
{
    c->state = CALL_COMPLETE;
    c->trailers = trailers;
    call_keep(c);
    c->changed(c);
}

static inline void origin_fails(struct call *c, enum call_fault fault)
{
    c->state = CALL_FAILED;
    c->fault = fault;
    call_keep(c);
    c->changed(c);
}

#endif
