#include "origin/call.h"

#include <assert.h>

#include "base/clock.h"
#include "pools.h"

enum {
    CALL_INTERIM_HEADS = 4,   /* so many of the largest informational heads may come at once */
    CALL_INTERIM_MS = 60000,  /* and as many again in this time */
    CALL_INTERIM_BYTES = 100, /* what each counts besides its own bytes */
};

static void set_state(struct call *c, enum call_state to)
{
    static const bool allowed[][CALL_FAILED + 1] = {
        [CALL_NEW] = {[CALL_WAITING] = true, [CALL_FAILED] = true},
        [CALL_WAITING] = {[CALL_RUNNING] = true, [CALL_FAILED] = true},
        [CALL_RUNNING] = {[CALL_WAITING] = true, [CALL_COMPLETE] = true, [CALL_FAILED] = true},
        [CALL_COMPLETE] = {[CALL_FAILED] = true},
        [CALL_FAILED] = {[CALL_FAILED] = true},
    };
    assert(allowed[c->state][to]);
    c->state = to;
}

/* Gives a large head back: it was written, or will be made anew. */
static void drop_head(struct call *c)
{
    if (c->writing.held_bytes == 0)
        return;
    c->head = SPAN("");
    arena_fini(&c->writing);
}

static const struct fields *copy_fields(const struct fields *fields, struct arena *arena)
{
    struct fields *copy = arena_alloc(arena, sizeof *copy);
    if (copy)
        *copy = *fields;
    return copy;
}

static bool has_output(const struct call *c)
{
    return !c->head_made || c->head.len + c->line.len + c->piece_left + c->tail.len > 0;
}

bool call_request_is_written(const struct call *c)
{
    return !has_output(c) && c->upload_written;
}

/* Whose turn it is to do something decides which time-out runs: none while the client is awaited.
 */
static void watch(struct call *c)
{
    struct pools *all = c->pool->all;
    uint64_t now = turn_now_ms(all->turn);
    bool awaits_client = !has_output(c) && !call_request_is_written(c) && !c->awaits_continue;
    if (c->conn->paused || awaits_client)
        timeout_stop(&c->timeout);
    else if (c->has_final_head || has_output(c))
        timeout_start(&all->stall, &c->timeout, now);
    else
        timeout_start(&all->response, &c->timeout, now);
}

/* Takes the call off its connection. */
static void leave_conn(struct call *c, bool reusable)
{
    struct conn *conn = c->conn;
    c->conn = NULL;
    timeout_stop(&c->timeout);
    drop_head(c);
    pool_release(c->pool, &c->waiter, conn, reusable);
}

/* RFC 9110 §9.2.2. */
static bool is_idempotent(struct span method)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (span_eq(method, span_str(methods[i])))
            return true;
    }
    return false;
}

/* A kept-alive connection may have been closed by the origin while the request was on its way. What
 * was written of a body is not kept: with the first byte of it the request cannot be repeated. */
static bool may_retry(const struct call *c)
{
    return c->state == CALL_RUNNING && c->on_reused && !c->waiter.retried &&
           !h1_reader_has_begun(c->conn->reader) && is_idempotent(c->request->method) &&
           !c->upload_used;
}

static void retry(struct call *c)
{
    leave_conn(c, false);
    c->waiter.retried = true;
    c->head = c->line = c->tail = SPAN("");
    c->piece_left = 0;
    c->head_made = c->upload_written = false;
    set_state(c, CALL_WAITING);
    pool_enqueue(c->pool, &c->waiter);
}

static void fail(struct call *c, enum call_fault fault)
{
    if (c->state == CALL_WAITING)
        pool_dequeue(c->pool, &c->waiter);
    else if (c->state == CALL_RUNNING)
        leave_conn(c, false);
    set_state(c, CALL_FAILED);
    c->fault = fault;
    c->changed(c);
}

static void complete(struct call *c, bool clean)
{
    bool reusable = clean && call_request_is_written(c) && h1_reader_keeps_alive(c->conn->reader);
    c->trailers = h1_reader_trailers(c->conn->reader);
    c->trailers = c->trailers->len > 0 ? copy_fields(c->trailers, c->arena) : NULL;
    if (c->arena->failed) {
        fail(c, CALL_NO_MEMORY);
        return;
    }
    leave_conn(c, reusable);
    set_state(c, CALL_COMPLETE);
    c->changed(c);
}

static bool keep_head(struct call *c, struct response *head)
{
    struct call_head *node = arena_zalloc(head->fields.arena, sizeof *node);
    if (!node)
        return false;
    node->response = head;
    *c->heads_end = node;
    c->heads_end = &node->next;
    c->has_final_head = head->status >= 200;
    if (c->has_final_head || head->status == 100)
        c->awaits_continue = false;
    return true;
}

static void drop_interim(struct call *c)
{
    if (c->interim.held_bytes > 0)
        arena_fini(&c->interim);
}

static void drop_heads(struct call *c)
{
    c->heads = NULL;
    c->heads_end = &c->heads;
    drop_interim(c);
}

struct response *call_take_head(struct call *c)
{
    struct call_head *node = c->heads;
    if (!node || node->response->status >= 200)
        drop_interim(c); /* all of them were taken */
    if (!node)
        return NULL;
    c->heads = node->next;
    if (!c->heads)
        c->heads_end = &c->heads;
    return node->response;
}

static char *space(void *user, size_t *room, bool *full)
{
    struct call *c = user;
    struct pools *all = c->pool->all;
    if (!c->body.block)
        buf_init_behind(&c->body, c->flows ? &all->flow_blocks : &all->body_blocks,
                        POOL_FRONT_BYTES);
    char *at = buf_space(&c->body, room);
    *full = c->body.block != NULL;
    return at;
}

static void malformed(struct call *c, const char *why)
{
    pool_warn(c->pool, "sent a malformed response", why);
    fail(c, c->has_final_head ? CALL_BROKEN : CALL_MALFORMED);
}

/* An informational response costs its bytes and some more, since each makes a frame for the client
 * and takes time. Some may come at once, then only so many a second, however long that goes on. */
static bool interim_is_allowed(struct call *c, const struct h1_fed *fed)
{
    struct pools *all = c->pool->all;
    uint64_t burst = CALL_INTERIM_HEADS * all->config->limits.origin_header_bytes;
    return bucket_take(&c->interim_left, fed->head_bytes + CALL_INTERIM_BYTES, burst,
                       CALL_INTERIM_MS, turn_now_ms(all->turn));
}

/* What was not taken yet of a flood does not reach the client. */
static void refuse_interim(struct call *c)
{
    drop_heads(c);
    malformed(c, "its informational responses are too many, or too large");
}

/* A head is complete. False: the call is over. */
static bool take_head(struct call *c, const struct h1_fed *fed)
{
    if (fed->head->status < 200 && !interim_is_allowed(c, fed)) {
        refuse_interim(c);
        return false;
    }
    if (keep_head(c, fed->head))
        return true;
    fail(c, CALL_NO_MEMORY);
    return false;
}

/* Reads on in what came. False: the call is over. */
static bool feed(struct call *c, const char *at, size_t n, char *to, struct h1_fed *fed)
{
    struct h1_reader *reader = c->conn->reader;
    enum h1_result result = h1_reader_feed(reader, at, n, to, fed);
    switch (result) {
    case H1_OK:
        pool_note(c->pool, h1_reader_quirks(reader));
        return !(fed->events & H1_HEAD) || take_head(c, fed);
    case H1_MALFORMED:
        malformed(c, h1_reader_why(reader));
        return false;
    case H1_NO_MEMORY:
        break;
    }
    fail(c, CALL_NO_MEMORY);
    return false;
}

static void received(void *user, char *at, size_t n)
{
    struct call *c = user;
    char *to = at;
    if (n == 0) {
        buf_consume(&c->body, 0);
        return;
    }
    c->flows = n >= POOL_BODY_BYTES / 2;
    if (c->first_byte_us == 0)
        c->first_byte_us = clock_monotonic_us();
    while (n > 0) {
        struct h1_fed fed;
        if (!feed(c, at, n, to, &fed)) {
            buf_consume(&c->body, 0);
            return;
        }
        buf_commit(&c->body, fed.body);
        to += fed.body;
        at += fed.consumed;
        n -= fed.consumed;
        if ((fed.events & H1_HEAD) && buf_len(&c->body) == 0) {
            buf_skip(&c->body, (size_t)(at - to)); /* the body stays where the socket put it */
            to = at;
        }
        if (fed.events & H1_END) {
            buf_consume(&c->body, 0);
            complete(c, n == 0);
            return;
        }
    }
    buf_consume(&c->body, 0);
    watch(c);
    c->changed(c);
}

static void closed(void *user, bool in_order)
{
    struct call *c = user;
    buf_consume(&c->body, 0);
    if (in_order && h1_reader_finish(c->conn->reader)) {
        complete(c, false);
    } else if (may_retry(c)) {
        retry(c);
    } else if (c->has_final_head) {
        pool_warn(c->pool, "closed the connection", "in the middle of a body");
        fail(c, CALL_BROKEN);
    } else {
        pool_warn(c->pool, "closed the connection", "before the head of its response");
        fail(c, CALL_CLOSED);
    }
}

/* How the request is framed. Only chunks carry trailers; a body that is here as a whole before the
 * head is written has a length, also if its client did not say it. */
static struct body choose_framing(const struct call *c)
{
    const struct request *request = c->request;
    struct body body = request->body;
    if (body.framing == BODY_NONE)
        return body;
    if (c->upload_ended ? c->upload_trailers != NULL
                        : fields_get(&request->fields, FIELD_TRAILER) != NULL)
        return (struct body){BODY_UNKNOWN, 0};
    if (body.framing == BODY_UNKNOWN && c->upload_ended)
        return (struct body){BODY_LENGTH, buf_len(&c->upload)};
    return body;
}

/* A head that is small lies in the request's own block and goes with it. */
static struct arena *arena_of_head(struct call *c)
{
    if (!c->arena->blocks || c->arena->held_bytes <= c->arena->blocks->block_bytes)
        return c->arena;
    arena_init(&c->writing, c->arena->blocks);
    return &c->writing;
}

static void make_head(struct call *c)
{
    struct arena *arena = arena_of_head(c);
    c->framing = choose_framing(c);
    c->head = h1_request_head(arena, c->request, c->framing, c->fields);
    c->arena->failed = c->arena->failed || arena->failed;
    c->head_made = true;
    c->upload_written = c->framing.framing == BODY_NONE;
}

/* One chunk for all that waits, with all that belongs to it, and the last one behind it if that is
 * due: an origin may read whole chunks, and nobody knows when the next piece comes. */
static void make_chunks(struct call *c)
{
    if (c->piece_left > 0) {
        c->line = h1_chunk_line(c->chunk_line, c->piece_left);
        c->tail = SPAN("\r\n");
    }
    if (c->upload_ended)
        c->tail = h1_last_chunk(c->arena, c->upload_trailers, c->piece_left > 0);
}

/* Decides what is to be written after what was written. */
static void prepare_output(struct call *c)
{
    if (!c->head_made)
        make_head(c);
    if (c->upload_written)
        return;
    c->piece_left = buf_len(&c->upload);
    if (c->framing.framing == BODY_UNKNOWN)
        make_chunks(c);
    if (!c->upload_ended)
        return;
    c->upload_written = true;
    watch(c); /* the end of a body with a length is not to be seen in what is written */
}

static void add_piece(struct iovec *pieces, int *count, struct span text)
{
    if (text.len > 0)
        pieces[(*count)++] = (struct iovec){(void *)text.ptr, text.len};
}

static int output(void *user, struct iovec pieces[CONN_PIECES])
{
    struct call *c = user;
    int count = 0;
    if (!c->head_made || !has_output(c))
        prepare_output(c);
    if (c->arena->failed) {
        fail(c, CALL_NO_MEMORY);
        return 0;
    }
    if (!has_output(c))
        return 0;
    add_piece(pieces, &count, c->head);
    if (c->framing.framing == BODY_NONE)
        return count;
    add_piece(pieces, &count, c->line);
    add_piece(pieces, &count, span_of(buf_bytes(&c->upload).ptr, c->piece_left));
    add_piece(pieces, &count, c->tail);
    return count;
}

/* Takes what was written of `text` off its front; returns how many of the `n` bytes are left. */
static size_t take_written(struct span *text, size_t n)
{
    size_t of_text = n < text->len ? n : text->len;
    *text = span_from(*text, of_text);
    return n - of_text;
}

/* `n` bytes were written of a piece of the body and what stands around it. */
static void body_written(struct call *c, size_t n)
{
    n = take_written(&c->line, n);
    size_t of_piece = n < c->piece_left ? n : c->piece_left;
    take_written(&c->tail, n - of_piece);
    if (of_piece == 0)
        return;
    c->piece_left -= of_piece;
    buf_consume(&c->upload, of_piece);
    c->upload_sent += of_piece;
    c->upload_used = true;
    c->changed(c);
}

static void written(void *user, size_t n)
{
    struct call *c = user;
    n = take_written(&c->head, n);
    if (n > 0)
        body_written(c, n);
    if (c->head.len == 0)
        drop_head(c);
    watch(c);
}

static void no_memory(void *user)
{
    fail(user, CALL_NO_MEMORY);
}

static void on_watch(void *user)
{
    watch(user);
}

static const struct conn_user conn_user = {
    .space = space,
    .received = received,
    .closed = closed,
    .no_memory = no_memory,
    .output = output,
    .written = written,
    .watch = on_watch,
};

/* The pool lends it a connection. */
static void got(struct waiter *w, struct conn *conn)
{
    struct call *c = CONTAINER_OF(w, struct call, waiter);
    set_state(c, CALL_RUNNING);
    c->conn = conn;
    c->on_reused = conn->served > 0;
    h1_reader_start(conn->reader, c->request->method, c->arena, &c->interim);
    conn_carry(conn, &conn_user, c);
    watch(c);
    if (c->request->body.framing != BODY_NONE)
        c->changed(c); /* its client is awaited from now on */
}

static void on_failed(struct waiter *w, enum call_fault why)
{
    fail(CONTAINER_OF(w, struct call, waiter), why);
}

static const struct waiter_events waiter_events = {.got = got, .failed = on_failed};

static void on_timeout(struct timeout *t)
{
    struct call *c = CONTAINER_OF(t, struct call, timeout);
    if (!c->has_final_head && (c->awaits_continue || call_request_is_written(c)))
        fail(c, CALL_TIMEOUT);
    else
        fail(c, CALL_STALLED);
}

static void on_wait_over(struct timeout *t)
{
    fail(CONTAINER_OF(t, struct call, waiter.timeout), CALL_BUSY);
}

void call_init(struct call *c, struct pools *pools, void (*changed)(struct call *c))
{
    *c = (struct call){.changed = changed};
    buf_init_behind(&c->body, &pools->body_blocks, POOL_FRONT_BYTES);
    buf_init(&c->upload, &pools->upload_blocks);
    list_init(&c->waiter.node);
    list_init(&c->waiter.offer_node);
    timeout_init(&c->timeout, on_timeout);
    timeout_init(&c->waiter.timeout, on_wait_over);
    c->waiter.events = &waiter_events;
    c->heads_end = &c->heads;
}

bool call_start(struct call *c, struct pool *pool, struct caller *caller, struct arena *arena,
                const struct request *request, const struct fields *fields, enum call_rank rank)
{
    assert(c->state == CALL_NEW);
    c->fields = copy_fields(fields, arena);
    if (!c->fields)
        return false;
    c->pool = pool;
    c->waiter.caller = caller;
    c->arena = arena;
    c->request = request;
    c->waiter.rank = rank;
    arena_init(&c->interim, arena->blocks);
    c->awaits_continue = request_awaits_continue(request) && buf_len(&c->upload) == 0;
    set_state(c, CALL_WAITING);
    pool_enqueue(pool, &c->waiter);
    return true;
}

bool call_upload(struct call *c, struct span bytes)
{
    if (c->state == CALL_COMPLETE || c->state == CALL_FAILED) {
        c->upload_sent += bytes.len; /* nobody wants it any more */
        return true;
    }
    if (!buf_append(&c->upload, bytes))
        return false;
    c->awaits_continue = false;
    if (c->state == CALL_RUNNING)
        conn_write_soon(c->conn);
    return true;
}

void call_upload_end(struct call *c, const struct fields *trailers)
{
    c->awaits_continue = false;
    c->upload_ended = true;
    c->upload_trailers = trailers;
    if (c->state == CALL_RUNNING)
        conn_write_soon(c->conn);
}

size_t call_take_sent(struct call *c)
{
    size_t n = c->upload_sent;
    c->upload_sent = 0;
    return n;
}

struct span call_body(const struct call *c)
{
    return c->body.block ? buf_bytes(&c->body) : SPAN("");
}

size_t call_body_spare(const struct call *c)
{
    return buf_spare(&c->body);
}

void call_offer(struct call *c)
{
    assert(c->state == CALL_RUNNING);
    if (!call_is_offered(c))
        pool_offer(c->pool, &c->waiter);
}

void call_keep(struct call *c)
{
    list_remove(&c->waiter.offer_node);
}

bool call_is_offered(const struct call *c)
{
    return !list_empty(&c->waiter.offer_node);
}

void call_consume(struct call *c, size_t n)
{
    buf_consume(&c->body, n);
    if (c->conn && c->conn->paused && buf_room(&c->body) >= c->body.blocks->block_bytes / 2) {
        conn_resume(c->conn);
        watch(c);
    }
}

void call_cancel(struct call *c)
{
    if (c->state == CALL_WAITING)
        pool_dequeue(c->pool, &c->waiter);
    else if (c->state == CALL_RUNNING)
        leave_conn(c, false);
    timeout_stop(&c->timeout);
    buf_fini(&c->body);
    buf_fini(&c->upload);
    drop_heads(c);
    c->state = CALL_FAILED;
}
