#include "proxy/exchange.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"

static struct exchange *exchange_of(struct stream *stream)
{
    return stream->user;
}

enum call_rank exchange_rank(const struct exchange *x)
{
    return x->push ? CALL_OF_PUSH : CALL_OF_CLIENT;
}

void exchange_set_state(struct exchange *x, enum exchange_state to)
{
    static const bool allowed[EXCHANGE_STATES][EXCHANGE_STATES] = {
        [EXCHANGE_RECEIVING] = {[EXCHANGE_ASKING] = true,
                                [EXCHANGE_ANSWERING] = true,
                                [EXCHANGE_RESET] = true,
                                [EXCHANGE_CLOSED] = true},
        [EXCHANGE_ASKING] =
            {[EXCHANGE_ANSWERING] = true, [EXCHANGE_RESET] = true, [EXCHANGE_CLOSED] = true},
        [EXCHANGE_ANSWERING] =
            {[EXCHANGE_ANSWERED] = true, [EXCHANGE_RESET] = true, [EXCHANGE_CLOSED] = true},
        [EXCHANGE_ANSWERED] = {[EXCHANGE_RESET] = true, [EXCHANGE_CLOSED] = true},
        [EXCHANGE_RESET] = {[EXCHANGE_CLOSED] = true},
    };
    assert(allowed[x->state][to]);
    unsigned *unanswered = &x->client->unanswered[exchange_rank(x)];
    *unanswered -= x->state == EXCHANGE_ASKING;
    *unanswered += to == EXCHANGE_ASKING;
    x->state = to;
}

void exchange_act_soon(struct exchange *x)
{
    turn_add(&x->client->env->turn, TURN_ACT, &x->act);
}

void exchange_fail(struct exchange *x, enum failure why)
{
    if (x->state == EXCHANGE_RESET || x->state == EXCHANGE_CLOSED)
        return;
    if (x->failure == FAIL_NONE)
        x->failure = why;
    if (x->failing == FAIL_NONE)
        x->failing = why;
    exchange_act_soon(x);
}

bool exchange_is_out_of_memory(const struct exchange *x)
{
    return x->arena.failed || x->request.fields.failed || x->request_trailers.failed;
}

/* Without a failure we end a stream only when its answer is complete. */
bool exchange_is_answered(const struct exchange *x)
{
    return x->state == EXCHANGE_ANSWERED || (x->state == EXCHANGE_RESET && x->failure == FAIL_NONE);
}

bool exchange_is_answering(const struct exchange *x)
{
    return x->state == EXCHANGE_ANSWERING || x->state == EXCHANGE_ANSWERED;
}

/* A request that is being received will be written to the origin, which takes as much again. */
void exchange_count_heads(struct exchange *x)
{
    size_t bytes = x->arena.held_bytes - ENV_ARENA_BYTES;
    if (bytes == 0)
        return; /* as most do */
    bytes += x->state == EXCHANGE_RECEIVING ? bytes : answer_head_bytes(&x->answer);
    x->client->heads_bytes += bytes - x->heads_bytes;
    x->heads_bytes = bytes;
}

void exchange_leave_diary(struct exchange *x)
{
    bool kept = (x->status >= 200 && x->status < 300) || x->status == 304;
    if (x->diary_key == 0 || kept)
        return;
    diary_leave(&x->client->diary, x->diary_key);
    x->diary_key = 0;
}

/* Whose turn it is. */

static enum pace_wait wait_of(const struct exchange *x)
{
    bool open = x->state == EXCHANGE_ASKING || exchange_is_answering(x);
    bool sending = open && x->upload == UPLOAD_OPEN && answer_awaits_upload(&x->answer);
    if (exchange_is_answering(x) && answer_awaits_reader(&x->answer))
        return PACE_WAIT_READ;
    if (!sending)
        return PACE_WAIT_NONE;
    if (exchange_is_answering(x))
        return PACE_WAIT_TALK;
    return answer_awaits_continue(&x->answer) ? PACE_WAIT_CONTINUE : PACE_WAIT_SEND;
}

static struct pace_facts facts_of(const struct exchange *x)
{
    struct client *c = x->client;
    return (struct pace_facts){
        .wait = wait_of(x),
        .holds = answer_state(&x->answer) == ANSWER_RUNNING,
        .offered = answer_is_offered(&x->answer),
        .client_bytes = c->body_bytes,
        .streams = c->streams_len,
    };
}

/* The same, for a verdict. */
static struct pace_facts all_facts_of(const struct exchange *x)
{
    struct client *c = x->client;
    struct pace_facts facts = facts_of(x);
    facts.has_window = stream_window(x->stream) > 0;
    facts.quiet_ms = turn_now_ms(&c->env->turn) - c->outlet.progress_ms;
    return facts;
}

void exchange_watch_pace(struct exchange *x)
{
    struct env *env = x->client->env;
    const struct pace_facts facts = facts_of(x);
    if (!pace_watch(&x->pace, &env->pace_rules, &facts, turn_now_ms(&env->turn)))
        answer_keep(&x->answer);
}

static void on_stall(struct timeout *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, pace.stall);
    const struct pace_facts facts = all_facts_of(x);
    if (!pace_goes_on(&x->pace, &x->client->env->pace_rules, &facts))
        exchange_fail(x, FAIL_CLIENT_STALLED);
    exchange_watch_pace(x);
}

static void on_grace(struct timeout *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, pace.grace);
    const struct pace_facts facts = all_facts_of(x);
    if (!facts.holds)
        return; /* it ended in this turn, and the exchange has not looked yet */
    if (pace_keeps(&x->pace, &x->client->env->pace_rules, &facts))
        exchange_watch_pace(x);
    else
        answer_offer(&x->answer);
}

struct exchange *exchange_longest(struct env *e, enum pace_step step, uint64_t ms,
                                  uint64_t *silent_ms)
{
    const struct timeouts *q = &e->stall;
    uint64_t now = turn_now_ms(&e->turn);
    for (struct timeout *t = timeouts_first(q); t; t = timeouts_next(q, t)) {
        struct exchange *x = CONTAINER_OF(t, struct exchange, pace.stall);
        if (timeouts_age_ms(q, t, now) < ms)
            return NULL;
        const struct pace_facts facts = all_facts_of(x);
        if (pace_step(&x->pace, &e->pace_rules, &facts, ms, now) > step)
            continue;
        *silent_ms = pace_silent_ms(&x->pace, &e->pace_rules, now);
        return x;
    }
    return NULL;
}

static void note_moved(struct exchange *x, size_t n)
{
    pace_moved(&x->pace, n, turn_now_ms(&x->client->env->turn));
    x->client->body_bytes += n;
    answer_keep(&x->answer);
}

/* Recording. */

static void say_refused(struct client *c)
{
    enum { SAY_EVERY_MS = 10000 };
    struct env *e = c->env;
    e->streams_refused++;
    if (bucket_take(&e->streams_refused_said, 1, 1, SAY_EVERY_MS, turn_now_ms(&e->turn)))
        log_warning("client %s: the heads of its %u requests and pushes take %zu bytes: more of "
                    "them are refused",
                    c->peer.text, c->streams_len, c->heads_bytes);
}

static struct stream *on_opened(void *user, size_t bytes)
{
    struct client *c = user;
    if (!client_may_open(c)) {
        say_refused(c);
        return NULL;
    }
    struct exchange *x = exchange_new(c, bytes);
    if (!x)
        return NULL;
    if (budget_is_over(c->env->account->budget))
        x->stream->fault = REQUEST_NO_ROOM;
    return x->stream;
}

static void on_head(struct stream *stream, bool end)
{
    struct exchange *x = exchange_of(stream);
    (void)end; /* on_end() tells */
    x->upload = UPLOAD_OPEN;
    exchange_count_heads(x);
    exchange_act_soon(x);
}

static void on_body(struct stream *stream, struct span bytes)
{
    struct exchange *x = exchange_of(stream);
    note_moved(x, bytes.len);
    if (!answer_upload(&x->answer, bytes))
        x->arena.failed = true;
    exchange_act_soon(x);
}

static void on_end(struct stream *stream)
{
    struct exchange *x = exchange_of(stream);
    x->upload = UPLOAD_ENDED;
    exchange_act_soon(x);
}

static void on_closed(struct stream *stream, enum stream_closed how)
{
    struct exchange *x = exchange_of(stream);
    enum failure why = x->client->leaving_why;
    if (how == STREAM_CLOSED_ENDED)
        why = x->upload == UPLOAD_HEAD ? FAIL_BAD_REQUEST : FAIL_CLIENT_RESET;
    if (x->failure == FAIL_NONE && !exchange_is_answered(x))
        x->failure = why;
    exchange_act_soon(x);
}

static enum stream_after on_pull(struct stream *stream, struct stream_piece *piece,
                                 const struct fields **trailers)
{
    struct exchange *x = exchange_of(stream);
    enum stream_after after = answer_body(&x->answer, piece);
    if (after == STREAM_ENDS && x->response_trailers.len > 0)
        *trailers = &x->response_trailers;
    return after;
}

static void on_sent(struct stream *stream, size_t n)
{
    struct exchange *x = exchange_of(stream);
    x->bytes += n;
    note_moved(x, n);
    answer_consume(&x->answer, n);
    exchange_act_soon(x);
}

static void on_ended(struct stream *stream)
{
    struct exchange *x = exchange_of(stream);
    if (x->state == EXCHANGE_ANSWERING)
        exchange_set_state(x, EXCHANGE_ANSWERED);
    exchange_act_soon(x);
}

const struct stream_events exchange_events = {
    .opened = on_opened,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .closed = on_closed,
    .pull = on_pull,
    .sent = on_sent,
    .ended = on_ended,
};

static void on_answer_changed(struct answer *a)
{
    exchange_act_soon(CONTAINER_OF(a, struct exchange, answer));
}

/* What is answered now is watched as any other answer. */
static void on_time_over(struct timeout *t)
{
    exchange_fail(CONTAINER_OF(t, struct exchange, whole), FAIL_EXCHANGE_TIMEOUT);
}

/* Life. */

/* The exchange is the first thing in its arena, so the arena is copied out before it goes. */
static void exchange_free(struct exchange *x)
{
    struct arena arena = x->arena;
    turn_cancel(&x->act);
    turn_cancel(&x->die);
    arena_fini(&arena);
}

static void run_die(struct turn_task *task)
{
    exchange_free(CONTAINER_OF(task, struct exchange, die));
}

static void die_if_unneeded(struct exchange *x, struct env *env)
{
    if (x->state != EXCHANGE_CLOSED || x->pins > 0)
        return;
    x->client->heads_bytes -= x->heads_bytes;
    x->heads_bytes = 0;
    turn_add(&env->turn, TURN_FREE, &x->die);
}

static void release_page(struct exchange *x)
{
    struct exchange *page = x->push ? x->push->page : NULL;
    if (!page)
        return;
    x->push->page = NULL;
    page->pins--;
    die_if_unneeded(page, x->client->env);
}

static struct stream *make_stream(struct exchange *x, size_t bytes)
{
    struct stream *stream = arena_zalloc(&x->arena, bytes);
    if (!stream)
        return NULL;
    stream->request = &x->request;
    stream->trailers = &x->request_trailers;
    stream->user = x;
    list_init(&stream->node);
    return stream;
}

struct exchange *exchange_new(struct client *client, size_t stream_bytes)
{
    struct env *env = client->env;
    struct arena arena;
    arena_init(&arena, &env->arena_blocks);
    struct exchange *x = arena_zalloc(&arena, sizeof *x);
    if (!x)
        return NULL;
    x->arena = arena;
    x->client = client;
    x->stream = make_stream(x, stream_bytes);
    turn_task_init(&x->act, env->step);
    turn_task_init(&x->die, run_die);
    if (!x->stream) {
        exchange_free(x);
        return NULL;
    }
    pace_init(&x->pace, on_stall, on_grace);
    timeout_init(&x->whole, on_time_over);
    fields_init(&x->request.fields, &x->arena);
    fields_init(&x->request_trailers, &x->arena);
    answer_init(&x->answer, env->pools, on_answer_changed);
    x->started_us = clock_monotonic_us();
    client_add_stream(client, x->stream);
    return x;
}

bool exchange_make_push(struct exchange *x, struct exchange *page)
{
    x->push = arena_zalloc(&x->arena, sizeof *x->push);
    if (!x->push)
        return false;
    x->push->page = page;
    page->pins++;
    return true;
}

void exchange_close(struct exchange *x)
{
    struct client *c = x->client;
    answer_cancel(&x->answer);
    pace_stop(&x->pace);
    timeout_stop(&x->whole);
    exchange_set_state(x, EXCHANGE_CLOSED);
    release_page(x);
    die_if_unneeded(x, c->env);
    client_remove_stream(c, x->stream);
}
