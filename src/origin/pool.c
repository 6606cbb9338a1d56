#include "origin/pool.h"

#include "base/log.h"
#include "base/mem.h"
#include "pools.h"
#include "tls/conn.h"
#include "tls/trust.h"

enum {
    WARN_EVERY_MS = 1000,
    DIALS_A_TURN = 2,
    KEPT_BODY_BLOCKS = 256,
    KEPT_FLOW_BLOCKS = 64,
    KEPT_UPLOAD_BLOCKS = 16,
    KEPT_RECORD_BLOCKS = 16,
};

static void serve_soon(struct pool *p)
{
    turn_add(p->all->turn, TURN_ACT, &p->serve);
}

void pool_enqueue(struct pool *p, struct waiter *w)
{
    struct pools *all = p->all;
    if (w->retried)
        queue_push_front(&p->waiting[w->rank], &w->node);
    else
        queue_push(&p->waiting[w->rank], &w->node, w->caller->calls[w->rank]);
    w->caller->calls[w->rank]++;
    timeout_start(w->rank == CALL_OF_PUSH ? &all->push_wait : &all->queue, &w->timeout,
                  turn_now_ms(all->turn));
    serve_soon(p);
}

void pool_dequeue(struct pool *p, struct waiter *w)
{
    queue_remove(&p->waiting[w->rank], &w->node);
    w->caller->calls[w->rank]--;
    timeout_stop(&w->timeout);
}

void pool_offer(struct pool *p, struct waiter *w)
{
    list_push(&p->offered[w->rank], &w->offer_node);
    serve_soon(p);
}

static void lend(struct pool *p, struct waiter *w, struct conn *conn)
{
    pool_dequeue(p, w);
    list_remove(&conn->node);
    list_push(&p->others, &conn->node);
    w->caller->calls[w->rank]++;
    if (w->rank == CALL_OF_PUSH)
        p->pushes++;
    w->events->got(w, conn);
}

void pool_release(struct pool *p, struct waiter *w, struct conn *conn, bool reusable)
{
    w->caller->calls[w->rank]--;
    if (w->rank == CALL_OF_PUSH)
        p->pushes--;
    list_remove(&w->offer_node);
    conn_release(conn, reusable && !p->all->draining);
}

/* Pushes may use at most half of the connections, but at least one. */
static unsigned push_share(const struct pool *p)
{
    unsigned half = (unsigned)(p->origin->max_connections / 2);
    return half > 0 ? half : 1;
}

static unsigned pushes_allowed(const struct pool *p)
{
    unsigned share = push_share(p);
    return share > p->pushes ? share - p->pushes : 0;
}

/* A call that failed on a connection that had grown stale gets one that has carried nothing. */
static struct conn *idle_for(const struct pool *p, const struct waiter *w)
{
    LIST_FOR_EACH_SAFE (c, &p->idle, struct conn, node) {
        if ((!w->retried || c->served == 0) && conn_is_clean(c))
            return c;
    }
    return NULL;
}

static void serve_rank(struct pool *p, enum call_rank rank)
{
    struct queue *q = &p->waiting[rank];
    struct list *next;
    for (struct list *node = queue_first(q); node; node = next) {
        struct waiter *w = CONTAINER_OF(node, struct waiter, node);
        if (list_empty(&p->idle) || (rank == CALL_OF_PUSH && pushes_allowed(p) == 0))
            return;
        struct conn *conn = idle_for(p, w);
        next = queue_after(q, node);
        if (conn)
            lend(p, w, conn);
    }
}

static unsigned wanted_dials(const struct pool *p)
{
    unsigned pushes = p->waiting[CALL_OF_PUSH].len;
    if (pushes > pushes_allowed(p))
        pushes = pushes_allowed(p);
    return p->waiting[CALL_OF_CLIENT].len + pushes;
}

/* Picks the waiter that gives up its connection for one of `caller`: its own first, else the
 * longest on offer. */
static struct waiter *find_offered(const struct pool *p, const struct caller *caller)
{
    struct waiter *first = NULL;
    for (int rank = CALL_RANKS - 1; rank >= 0; rank--) {
        LIST_FOR_EACH (w, &p->offered[rank], struct waiter, offer_node) {
            if (w->caller == caller)
                return w;
            if (!first)
                first = w;
        }
    }
    return first;
}

static void take_back(struct waiter *w)
{
    w->events->failed(w, CALL_YIELDED);
}

/* No connection more may be opened: a call whose client has stalled goes for each call of a client
 * that waits, a push first. Its connection is closed, and another takes its place. */
static void make_room(struct pool *p)
{
    const struct queue *q = &p->waiting[CALL_OF_CLIENT];
    unsigned coming = p->dialing;
    for (struct list *node = queue_first(q); node; node = queue_after(q, node)) {
        if (coming > 0) { /* a dial is under way for this one */
            coming--;
            continue;
        }
        struct waiter *offered = find_offered(p, CONTAINER_OF(node, struct waiter, node)->caller);
        if (!offered)
            return;
        take_back(offered);
    }
}

/* Pushes have all connections that they may: one whose client has stalled goes for the next push,
 * unless that is the same client's. */
static void make_room_for_push(struct pool *p)
{
    struct list *node = queue_first(&p->waiting[CALL_OF_PUSH]);
    if (!node || pushes_allowed(p) > 0)
        return;
    const struct waiter *next = CONTAINER_OF(node, struct waiter, node);
    LIST_FOR_EACH (w, &p->offered[CALL_OF_PUSH], struct waiter, offer_node) {
        if (w->caller != next->caller) {
            take_back(w);
            return;
        }
    }
}

/* A dial ended without a connection: one waiter pays for it. */
static void fail_first(struct pool *p, enum call_fault fault, const char *why)
{
    pool_warn(p, "cannot be reached", why);
    for (int rank = 0; rank < CALL_RANKS; rank++) {
        struct list *node = queue_first(&p->waiting[rank]);
        if (node) {
            struct waiter *w = CONTAINER_OF(node, struct waiter, node);
            w->events->failed(w, fault);
            return;
        }
    }
}

static void on_dial_failed(struct conn *c, enum dial_result result, const char *why)
{
    fail_first(c->owner_data, result == DIAL_TIMED_OUT ? CALL_CONNECT_TIMEOUT : CALL_REFUSED, why);
}

static void on_idle(struct conn *c, enum conn_state was)
{
    struct pool *p = c->owner_data;
    p->dialing -= was == CONN_DIALING;
    list_remove(&c->node);
    list_push_front(&p->idle, &c->node);
    serve_soon(p);
}

static void on_closed(struct conn *c, enum conn_state was)
{
    struct pool *p = c->owner_data;
    p->dialing -= was == CONN_DIALING;
    p->total--;
    list_remove(&c->node);
    serve_soon(p);
}

static void on_broke(struct conn *c, const char *why)
{
    pool_warn(c->owner_data, "broke the connection", why);
}

static const struct conn_owner owner = {
    .dial_failed = on_dial_failed, .idle = on_idle, .closed = on_closed, .broke = on_broke};

static bool start_dial(struct pool *p)
{
    struct conn *c = conn_new(&p->rules, &owner, p);
    if (!c)
        return false;
    list_push(&p->others, &c->node);
    p->total++;
    p->dialing++;
    return true;
}

/* A dial takes much longer than anything else in a turn, and others wait for the turn's end: what
 * is still wanted after some is left to the next turn. */
static void dial(struct pool *p)
{
    for (int n = 0; p->dialing < wanted_dials(p) && p->total < p->origin->max_connections; n++) {
        if (n == DIALS_A_TURN) {
            turn_defer(p->all->turn, TURN_ACT, &p->serve);
            return;
        }
        /* Each failure takes a call off the queue: nobody else would ever serve it. */
        if (!start_dial(p))
            fail_first(p, CALL_NO_MEMORY, "memory is out");
    }
}

static void run_serve(struct turn_task *task)
{
    struct pool *p = CONTAINER_OF(task, struct pool, serve);
    serve_rank(p, CALL_OF_CLIENT);
    if (p->waiting[CALL_OF_CLIENT].len == 0)
        serve_rank(p, CALL_OF_PUSH);
    dial(p);
    if (p->total >= p->origin->max_connections)
        make_room(p);
    make_room_for_push(p);
}

void pool_warn(struct pool *p, const char *what, const char *why)
{
    if (!bucket_take(&p->warnings, 1, 1, WARN_EVERY_MS, turn_now_ms(p->all->turn))) {
        p->unsaid++;
        return;
    }
    if (p->unsaid > 0) {
        log_warning("origin %s (%s) %s: %s (and %u failures before that were not logged)",
                    p->origin->name, p->origin->url.text, what, why, p->unsaid);
    } else {
        log_warning("origin %s (%s) %s: %s", p->origin->name, p->origin->url.text, what, why);
    }
    p->unsaid = 0;
}

static void log_quirk(const struct pool *p, enum h1_quirk quirk)
{
    log_warning("origin %s (%s) does not keep to HTTP/1.1: %s; %s, and the connection is not used "
                "again (origin.strict = on refuses this; it is logged once)",
                p->origin->name, p->origin->url.text, h1_quirk_what(quirk),
                h1_quirk_reading(quirk));
}

void pool_note(struct pool *p, unsigned quirks)
{
    unsigned unknown = quirks & ~p->quirks;
    if (unknown == 0)
        return;
    p->quirks |= unknown;
    unknown = notes_add(p->all->notes, (size_t)(p - p->all->at), unknown);
    for (int quirk = 0; quirk < H1_QUIRKS_END; quirk++) {
        if (unknown & (1U << quirk))
            log_quirk(p, (enum h1_quirk)quirk);
    }
}

/* False when memory is out: then it can be freed, and nothing else. */
static bool pool_init(struct pool *p, struct pools *all, const struct config_origin *origin,
                      struct tls_trust *trust)
{
    *p = (struct pool){.all = all, .origin = origin};
    names_init(&p->names, all->base, all->turn, &origin->url, all->config->timeouts.connect_ms);
    list_init(&p->idle);
    list_init(&p->others);
    for (int rank = 0; rank < CALL_RANKS; rank++) {
        queue_init(&p->waiting[rank]);
        list_init(&p->offered[rank]);
    }
    turn_task_init(&p->serve, run_serve);
    p->rules = (struct conn_rules){
        .dial = {.base = all->base,
                 .turn = all->turn,
                 .connect = &all->connect,
                 .unix_path = origin->url.unix_path,
                 .names = &p->names,
                 .blocks = &all->record_blocks},
        .idle = &all->idle,
        .head_bytes = all->config->limits.origin_header_bytes,
        .strict = origin->strict,
    };
    if (origin->url.tls)
        p->rules.dial.target = tls_target_new(trust, all->config, origin);
    return p->rules.dial.target || !origin->url.tls;
}

struct pools *pools_new(struct event_base *base, struct turn *turn, const struct config *config,
                        struct tls_trust *trust, struct notes *notes, struct account *account)
{
    struct pools *all = mem_zalloc(1, sizeof *all + config->origins_len * sizeof all->at[0]);
    if (!all)
        return NULL;
    all->base = base;
    all->turn = turn;
    all->config = config;
    all->notes = notes;
    blocks_init(&all->body_blocks, account, POOL_BODY_BYTES, KEPT_BODY_BLOCKS);
    blocks_init(&all->flow_blocks, account, POOL_FLOW_BYTES, KEPT_FLOW_BLOCKS);
    blocks_init(&all->upload_blocks, account, POOL_UPLOAD_BYTES, KEPT_UPLOAD_BLOCKS);
    blocks_init(&all->record_blocks, account, TLS_OUT_BYTES, KEPT_RECORD_BLOCKS);
    timeouts_init(&all->connect, config->timeouts.connect_ms);
    timeouts_init(&all->queue, config->timeouts.queue_ms);
    timeouts_init(&all->push_wait, config->push.max_wait_ms);
    timeouts_init(&all->response, config->timeouts.response_ms);
    timeouts_init(&all->stall, config->timeouts.origin_stall_ms);
    timeouts_init(&all->idle, config->timeouts.origin_idle_ms);
    while (all->len < config->origins_len) {
        struct pool *p = &all->at[all->len];
        if (!pool_init(p, all, &config->origins[all->len++], trust)) {
            pools_free(all);
            return NULL;
        }
    }
    return all;
}

static void close_all(struct list *conns)
{
    LIST_FOR_EACH_SAFE (c, conns, struct conn, node)
        conn_close(c);
}

void pools_free(struct pools *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->len; i++) {
        close_all(&all->at[i].idle);
        close_all(&all->at[i].others);
    }
    turn_run(all->turn);
    for (size_t i = 0; i < all->len; i++) {
        names_fini(&all->at[i].names);
        tls_target_free(all->at[i].rules.dial.target);
    }
    blocks_fini(&all->body_blocks);
    blocks_fini(&all->flow_blocks);
    blocks_fini(&all->upload_blocks);
    blocks_fini(&all->record_blocks);
    mem_free(all);
}

struct pool *pools_of(struct pools *all, const struct config_origin *origin)
{
    return &all->at[origin - all->config->origins];
}

uint64_t pools_expire(struct pools *all, uint64_t now_ms)
{
    struct timeouts *lists[] = {&all->connect,  &all->queue, &all->push_wait,
                                &all->response, &all->stall, &all->idle};
    return timeouts_expire_all(lists, ARRAY_LEN(lists), now_ms);
}

void pools_trim(struct pools *all)
{
    blocks_trim(&all->body_blocks);
    blocks_trim(&all->flow_blocks);
    blocks_trim(&all->upload_blocks);
    blocks_trim(&all->record_blocks);
}

void pools_drain(struct pools *all)
{
    all->draining = true;
    blocks_fini(&all->body_blocks);
    blocks_fini(&all->flow_blocks);
    blocks_fini(&all->upload_blocks);
    blocks_fini(&all->record_blocks);
    for (size_t i = 0; i < all->len; i++)
        close_all(&all->at[i].idle);
}
