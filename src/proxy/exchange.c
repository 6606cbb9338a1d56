#include "proxy/exchange.h"

#include <assert.h>

#include "base/clock.h"
#include "http/forward.h"
#include "proxy/pushes.h"

enum call_rank exchange_rank(const struct exchange *x)
{
    return x->is_push ? CALL_OF_PUSH : CALL_OF_CLIENT;
}

static void set_state(struct exchange *x, enum exchange_state to)
{
    static const bool allowed[EXCHANGE_STATES][EXCHANGE_STATES] = {
        [EXCHANGE_RECEIVING] = {[EXCHANGE_FORWARDING] = true,
                                [EXCHANGE_ANSWERING] = true,
                                [EXCHANGE_RESET] = true,
                                [EXCHANGE_CLOSED] = true},
        [EXCHANGE_FORWARDING] =
            {[EXCHANGE_ANSWERING] = true, [EXCHANGE_RESET] = true, [EXCHANGE_CLOSED] = true},
        [EXCHANGE_ANSWERING] = {[EXCHANGE_RESET] = true, [EXCHANGE_CLOSED] = true},
        [EXCHANGE_RESET] = {[EXCHANGE_CLOSED] = true},
    };
    assert(allowed[x->state][to]);
    unsigned *awaited = &x->client->awaited[exchange_rank(x)];
    *awaited -= x->state == EXCHANGE_FORWARDING;
    *awaited += to == EXCHANGE_FORWARDING;
    x->state = to;
}

static void act_soon(struct exchange *x)
{
    turn_add(&x->client->env->turn, TURN_ACT, &x->act);
}

static void on_call_changed(struct call *call)
{
    act_soon(CONTAINER_OF(call, struct exchange, call));
}

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
    if (x->state == EXCHANGE_CLOSED && x->pins == 0)
        turn_add(&env->turn, TURN_FREE, &x->die);
}

static void release_page(struct exchange *x)
{
    struct exchange *page = x->page;
    if (!page)
        return;
    x->page = NULL;
    page->pins--;
    die_if_unneeded(page, x->client->env);
}

/* Recording. */

void exchange_on_field(struct exchange *x, struct span name, struct span value, bool trailer)
{
    const size_t overhead = 32; /* RFC 9113 §6.5.2 */
    x->header_bytes += name.len + value.len + overhead;
    if (x->header_bytes > x->client->env->config->limits.header_list_bytes) {
        x->header_too_large = true;
        return;
    }
    struct span copy = arena_dup(&x->arena, value);
    struct fields *to = trailer ? &x->request_trailers : &x->request.fields;
    if (name.len > 0 && name.ptr[0] == ':') {
        if (span_eq(name, SPAN(":method")))
            x->request.method = copy;
        else if (span_eq(name, SPAN(":scheme")))
            x->request.scheme = copy;
        else if (span_eq(name, SPAN(":authority")))
            x->request.authority = copy;
        else if (span_eq(name, SPAN(":path")))
            x->request.path = copy;
        return;
    }
    enum field_name id = field_lookup(name);
    struct span text = id != FIELD_OTHER ? field_text(id) : arena_dup(&x->arena, name);
    fields_copy(to, &(struct field){.name = text, .value = copy, .id = id});
}

static struct body body_of(const struct request *request, bool end)
{
    struct body body = {BODY_UNKNOWN, 0};
    const struct field *length = fields_get(&request->fields, FIELD_CONTENT_LENGTH);
    if (end)
        return (struct body){BODY_NONE, 0};
    if (length && span_to_u64(length->value, INT64_MAX, &body.length))
        body.framing = BODY_LENGTH;
    return body;
}

void exchange_on_head(struct exchange *x, bool end)
{
    x->head_complete = true;
    x->request.body = body_of(&x->request, end);
    act_soon(x);
}

void exchange_on_body(struct exchange *x, struct span bytes)
{
    pace_moved(x, bytes.len);
    if (!call_upload(&x->call, bytes))
        x->arena.failed = true;
    act_soon(x);
}

void exchange_on_end(struct exchange *x)
{
    x->request_ended = true;
    act_soon(x);
}

void exchange_on_closed(struct exchange *x, enum failure why)
{
    if (x->stream_closed)
        return;
    x->stream_closed = true;
    if (why == FAIL_CLIENT_RESET && !x->head_complete)
        why = FAIL_BAD_REQUEST; /* the protocol refused it */
    if (x->failure == FAIL_NONE && !x->answer_ended)
        x->failure = why;
    act_soon(x);
}

enum h2_body exchange_pull(struct exchange *x, struct h2_piece *piece,
                           const struct fields **trailers)
{
    if (x->has_own_body) {
        piece->bytes = x->own_body;
    } else {
        *piece = (struct h2_piece){call_body(&x->call), call_body_spare(&x->call)};
        if (x->call.state != CALL_COMPLETE)
            return H2_BODY_LATER;
        *trailers = x->response_trailers.len > 0 ? &x->response_trailers : NULL;
    }
    return H2_BODY_END;
}

void exchange_on_sent(struct exchange *x, size_t n)
{
    x->bytes += n;
    pace_moved(x, n);
    if (x->has_own_body)
        x->own_body = span_from(x->own_body, n);
    else
        call_consume(&x->call, n);
    act_soon(x);
}

void exchange_on_ended(struct exchange *x)
{
    x->answer_ended = true;
    act_soon(x);
}

/* Acting. */

static bool out_of_memory(const struct exchange *x)
{
    return x->arena.failed || x->request.fields.failed || x->request_trailers.failed;
}

/* We end the stream; its close will come back to us. */
static void reset(struct exchange *x, enum h2_code code)
{
    stream_reset(x, code);
    set_state(x, EXCHANGE_RESET);
}

/* The client is done with a stream whose answer is complete; what it still sends is not wanted
 * (RFC 9113 §8.1). */
static void end_if_answered(struct exchange *x)
{
    if (x->answer_ended && !x->request_ended && x->state == EXCHANGE_ANSWERING)
        reset(x, H2_NO_ERROR);
}

/* A GET that brought nothing leaves the diary. */
static void leave_diary(struct exchange *x)
{
    bool kept = (x->status >= 200 && x->status < 300) || x->status == 304;
    if (!x->in_diary || kept)
        return;
    diary_leave(&x->client->diary, x->diary_key);
    x->in_diary = false;
}

static void send_final(struct exchange *x, const struct response *head, bool has_body)
{
    x->status = head->status;
    leave_diary(x);
    set_state(x, EXCHANGE_ANSWERING);
    if (!stream_respond(x, head, has_body)) {
        x->failure = FAIL_NO_MEMORY;
        call_cancel(&x->call);
        reset(x, H2_INTERNAL_ERROR);
        return;
    }
    x->answer_ended = !has_body;
    end_if_answered(x);
}

/* An answer of our own: short, plain, and silent about the inside. */
static void answer(struct exchange *x, unsigned status)
{
    struct arena *a = &x->arena;
    struct response head = {.status = status};
    struct span text = arena_printf(a, "%u %s\n", status, status_reason(status));
    bool is_head = span_eq(x->request.method, SPAN("HEAD"));
    fields_init(&head.fields, a);
    fields_add_known(&head.fields, FIELD_DATE, arena_dup(a, env_date(x->client->env)));
    fields_add_known(&head.fields, FIELD_CONTENT_TYPE, SPAN("text/plain; charset=utf-8"));
    fields_add_known(&head.fields, FIELD_CONTENT_LENGTH, arena_printf(a, "%zu", text.len));
    x->own_body = text;
    x->has_own_body = true;
    send_final(x, &head, !is_head && text.len > 0);
}

static enum h2_code code_of(const struct exchange *x, enum failure why)
{
    if (why == FAIL_CLIENT_YIELDED)
        return H2_ENHANCE_YOUR_CALM;
    return x->state == EXCHANGE_ANSWERING ? H2_INTERNAL_ERROR : H2_CANCEL;
}

void exchange_fail(struct exchange *x, enum failure why)
{
    if (x->state == EXCHANGE_RESET || x->state == EXCHANGE_CLOSED)
        return;
    if (x->failure == FAIL_NONE)
        x->failure = why;
    call_cancel(&x->call);
    if (x->is_push)
        pushes_failed(x, why);
    if (x->state != EXCHANGE_ANSWERING && !x->is_push && failure_status(why) != 0) {
        answer(x, failure_status(why));
        return;
    }
    reset(x, code_of(x, why));
}

static enum failure failure_of(const struct exchange *x)
{
    static const enum failure failures[] = {
        [CALL_FINE] = FAIL_NONE,
        [CALL_REFUSED] = FAIL_ORIGIN_REFUSED,
        [CALL_CONNECT_TIMEOUT] = FAIL_ORIGIN_CONNECT_TIMEOUT,
        [CALL_BUSY] = FAIL_ORIGIN_BUSY,
        [CALL_YIELDED] = FAIL_CLIENT_YIELDED,
        [CALL_TIMEOUT] = FAIL_ORIGIN_TIMEOUT,
        [CALL_CLOSED] = FAIL_ORIGIN_CLOSED,
        [CALL_MALFORMED] = FAIL_ORIGIN_MALFORMED,
        [CALL_BROKEN] = FAIL_ORIGIN_BROKEN,
        [CALL_STALLED] = FAIL_ORIGIN_STALLED,
        [CALL_NO_MEMORY] = FAIL_NO_MEMORY,
    };
    if (x->is_push && x->call.fault == CALL_BUSY)
        return FAIL_PUSH_WAITED;
    return failures[x->call.fault];
}

static bool start_call(struct exchange *x)
{
    struct client *c = x->client;
    const struct config_origin *origin = x->route->origin;
    const struct forward_rules rules = {
        .peer = span_str(c->peer.text),
        .host = origin->host ? span_str(origin->host) : SPAN(""),
        .via_protocol = SPAN("2"),
        .append = c->listen->forwarded == CONFIG_FORWARDED_APPEND,
        .pushed = x->is_push,
    };
    struct fields fields;
    fields_init(&fields, &x->arena);
    forward_request(&fields, &x->request, &rules);
    if (fields.failed || out_of_memory(x))
        return false;
    return call_start(&x->call, pools_of(c->env->pools, origin), &c->caller, &x->arena, &x->request,
                      &fields, exchange_rank(x));
}

static void forward(struct exchange *x)
{
    set_state(x, EXCHANGE_FORWARDING);
    if (!start_call(x))
        exchange_fail(x, FAIL_NO_MEMORY);
}

/* A GET of the client enters the diary when it is received. */
static void enter_diary(struct exchange *x)
{
    struct env *env = x->client->env;
    if (!span_eq(x->request.method, SPAN("GET")))
        return;
    x->diary_key = diary_key(&env->key, env_site(env, &x->request), x->request.path);
    x->in_diary = true;
    diary_enter(&x->client->diary, x->diary_key);
}

/* The time of the whole exchange runs from here. */
static void start_time(struct exchange *x)
{
    struct env *env = x->client->env;
    timeout_start(&env->exchange, &x->whole, turn_now_ms(&env->turn));
}

/* What is answered now is watched as any other answer. */
static void on_time_over(struct timeout *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, whole);
    exchange_fail(x, FAIL_EXCHANGE_TIMEOUT);
    act_soon(x);
}

/* The head of a client's request is here. */
static void begin(struct exchange *x)
{
    struct env *env = x->client->env;
    start_time(x);
    if (x->header_too_large) {
        exchange_fail(x, FAIL_HEADER_TOO_LARGE);
        return;
    }
    if (out_of_memory(x)) {
        exchange_fail(x, FAIL_NO_MEMORY);
        return;
    }
    switch (request_check(&x->request, SPAN("https"))) {
    case REQUEST_FINE:
        break;
    case REQUEST_IS_CONNECT:
        exchange_fail(x, FAIL_CONNECT);
        return;
    default:
        exchange_fail(x, FAIL_BAD_REQUEST);
        return;
    }
    x->route = config_route(env->config, x->request.host, x->request.path);
    if (!x->route) {
        exchange_fail(x, FAIL_NO_ROUTE);
        return;
    }
    enter_diary(x);
    forward(x);
}

void exchange_start_push(struct exchange *x)
{
    x->request_ended = true;
    x->head_complete = true;
    start_time(x);
    forward(x);
}

/* Makes the origin's head the one for the client. */
static void rewrite_head(struct exchange *x, struct response *head)
{
    const struct response from = *head;
    struct span date = SPAN("");
    if (!fields_get(&from.fields, FIELD_DATE))
        date = arena_dup(&x->arena, env_date(x->client->env));
    head->fields.len = 0;
    forward_response(&head->fields, &from, SPAN("1.1"), date);
}

/* RFC 9110 §15.2: 100 is for those who asked, 103 may have pushes in it. */
static void on_informational(struct exchange *x, struct response *head)
{
    if (x->is_push)
        return;
    if (head->status == 100 &&
        !fields_list_has(&x->request.fields, FIELD_EXPECT, SPAN("100-continue")))
        return;
    rewrite_head(x, head);
    if (head->status == 103 && !pushes_plan(x, head))
        head->fields.failed = true;
    if (head->fields.failed ||
        (!(head->status == 103 && head->fields.len == 0) && !stream_inform(x, head)))
        exchange_fail(x, FAIL_NO_MEMORY);
}

static bool has_body(const struct response *head)
{
    return head->body.framing == BODY_UNKNOWN ||
           (head->body.framing == BODY_LENGTH && head->body.length > 0);
}

static void on_final(struct exchange *x, struct response *head)
{
    if (x->is_push) {
        enum failure why = pushes_judge(x, head);
        if (why != FAIL_NONE) {
            exchange_fail(x, why);
            return;
        }
    }
    rewrite_head(x, head);
    if (x->is_push)
        pushes_mark(x, head);
    if (!pushes_plan(x, head) || head->fields.failed || x->arena.failed) {
        exchange_fail(x, FAIL_NO_MEMORY);
        return;
    }
    send_final(x, head, has_body(head));
}

static void take_heads(struct exchange *x)
{
    struct response *head;
    while (x->state == EXCHANGE_FORWARDING && (head = call_take_head(&x->call))) {
        if (head->status < 200)
            on_informational(x, head);
        else
            on_final(x, head);
    }
}

static void take_end(struct exchange *x)
{
    if (x->call.state != CALL_COMPLETE || !x->call.trailers || x->response_trailers.arena)
        return;
    fields_init(&x->response_trailers, &x->arena);
    forward_trailers(&x->response_trailers, x->call.trailers);
}

static void take_answer(struct exchange *x)
{
    take_heads(x);
    if (x->call.state == CALL_FAILED && !x->has_own_body)
        exchange_fail(x, failure_of(x));
    if (x->state != EXCHANGE_ANSWERING || x->has_own_body || x->answer_ended)
        return;
    take_end(x);
    if (call_body(&x->call).len > 0 || x->call.state != CALL_RUNNING)
        stream_resume(x);
}

static void report(struct exchange *x)
{
    struct client *c = x->client;
    const struct exchange_plan *plan = x->plan;
    uint64_t first = x->call.first_byte_us;
    const struct record record = {
        .peer = c->peer.text,
        .tls_version = tls_conn_version(c->tls),
        .request = &x->request,
        .origin = x->route ? x->route->origin : NULL,
        .status = x->stream.responded ? x->status : 0,
        .bytes = x->bytes,
        .duration_us = clock_monotonic_us() - x->started_us,
        .origin_us = first > x->started_us ? first - x->started_us : 0,
        .reused = x->call.on_reused,
        .is_push = x->is_push,
        .failure = x->failure,
        .planned = plan && plan->counted,
        .push_off = plan ? plan->off : PLAN_ON,
        .verdicts = plan ? plan->verdicts : NULL,
        .pushed = plan ? plan->page.pushed : NULL,
        .pushed_len = plan ? plan->page.pushed_len : 0,
    };
    if (c->env->report)
        c->env->report(c->env->report_user, &record);
}

/* A page that is reset takes the pushes with it that nobody works on yet. */
static void abandon_pushes(struct exchange *x)
{
    if (x->pins == 0 || x->answer_ended)
        return;
    LIST_FOR_EACH_SAFE (push, &x->client->exchanges, struct exchange, node) {
        if (push->page == x && push->call.state == CALL_WAITING)
            exchange_fail(push, FAIL_PUSH_ABANDONED);
    }
}

static void finish(struct exchange *x)
{
    struct client *c = x->client;
    abandon_pushes(x);
    call_cancel(&x->call);
    pace_stop(x);
    timeout_stop(&x->whole);
    set_state(x, EXCHANGE_CLOSED);
    leave_diary(x);
    report(x);
    list_remove(&x->node);
    c->exchanges_len--;
    if (x->is_push)
        c->pushes_open--;
    else if (x->failure == FAIL_CLIENT_RESET || (x->failure == FAIL_BAD_REQUEST && x->status == 0))
        client_count_reset(c);
    release_page(x);
    die_if_unneeded(x, c->env);
    client_settle(c);
}

/* The trailers that go to the origin; NULL: none, or no memory (then the arena is marked). */
static const struct fields *make_upload_trailers(struct exchange *x)
{
    struct fields *out = x->request_trailers.len > 0 ? arena_alloc(&x->arena, sizeof *out) : NULL;
    if (!out)
        return NULL;
    fields_init(out, &x->arena);
    forward_trailers(out, &x->request_trailers);
    return out->len > 0 ? out : NULL;
}

/* What came after the head of the request. */
static void take_request_end(struct exchange *x)
{
    if (x->state != EXCHANGE_FORWARDING && x->state != EXCHANGE_ANSWERING)
        return;
    if (out_of_memory(x)) {
        exchange_fail(x, FAIL_NO_MEMORY);
    } else if (x->header_too_large && !x->has_own_body) {
        exchange_fail(x, FAIL_HEADER_TOO_LARGE);
    } else if (x->request_ended && !x->upload_ended && !x->has_own_body) {
        const struct fields *trailers = make_upload_trailers(x);
        if (out_of_memory(x)) {
            exchange_fail(x, FAIL_NO_MEMORY);
            return;
        }
        x->upload_ended = true;
        call_upload_end(&x->call, trailers);
    }
}

static void run_act(struct turn_task *task)
{
    struct exchange *x = CONTAINER_OF(task, struct exchange, act);
    if (x->state == EXCHANGE_CLOSED)
        return;
    if (x->stream_closed) {
        finish(x);
        return;
    }
    if (x->state == EXCHANGE_RECEIVING && x->head_complete)
        begin(x);
    take_request_end(x);
    size_t sent = call_take_sent(&x->call);
    if (sent > 0)
        stream_consumed(x, sent);
    take_answer(x);
    end_if_answered(x);
    pace_watch(x);
}

struct exchange *exchange_new(struct client *client)
{
    struct env *env = client->env;
    struct arena arena;
    arena_init(&arena, &env->arena_blocks);
    struct exchange *x = arena_zalloc(&arena, sizeof *x);
    if (!x)
        return NULL;
    x->arena = arena;
    x->client = client;
    h2_stream_init(&x->stream);
    turn_task_init(&x->act, run_act);
    turn_task_init(&x->die, run_die);
    pace_init(x);
    timeout_init(&x->whole, on_time_over);
    fields_init(&x->request.fields, &x->arena);
    fields_init(&x->request_trailers, &x->arena);
    call_init(&x->call, env->pools, on_call_changed);
    x->started_us = clock_monotonic_us();
    list_init(&x->node);
    list_push(&client->exchanges, &x->node);
    client->exchanges_len++;
    return x;
}

void exchange_discard(struct exchange *x)
{
    set_state(x, EXCHANGE_CLOSED);
    list_remove(&x->node);
    x->client->exchanges_len--;
    release_page(x);
    die_if_unneeded(x, x->client->env);
}
