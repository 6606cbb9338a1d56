#include "proxy/steps.h"

#include "base/clock.h"
#include "http/forward.h"
#include "proxy/misdirected.h"
#include "proxy/reply.h"

/* Why a request that is at fault is not served. */
static enum failure failure_of(enum request_fault fault)
{
    switch (fault) {
    case REQUEST_FINE:
        return FAIL_NONE;
    case REQUEST_NO_ROOM:
        return FAIL_MEMORY_REFUSED;
    case REQUEST_TOO_LARGE:
        return FAIL_HEADER_TOO_LARGE;
    case REQUEST_IS_CONNECT:
        return FAIL_CONNECT_METHOD;
    case REQUEST_BAD_METHOD:
    case REQUEST_BAD_SCHEME:
    case REQUEST_BAD_AUTHORITY:
    case REQUEST_BAD_PATH:
        break;
    }
    return FAIL_BAD_REQUEST;
}

/* Looks at a request of the client, and finds its route. */
static enum failure check(struct exchange *x)
{
    if (x->stream->fault != REQUEST_FINE)
        return failure_of(x->stream->fault);
    if (exchange_is_out_of_memory(x))
        return FAIL_NO_MEMORY;
    enum request_fault fault = request_check(&x->request, SPAN("https"));
    if (fault != REQUEST_FINE)
        return failure_of(fault);
    x->route = config_route(x->client->env->config, x->request.host, x->request.path);
    if (x->route)
        return FAIL_NONE;
    misdirected_warn(x->client->env, &x->request);
    return FAIL_NO_ROUTE;
}

/* A GET of the client enters the diary when it is received. */
static void enter_diary(struct exchange *x)
{
    struct env *env = x->client->env;
    if (!span_eq(x->request.method, SPAN("GET")))
        return;
    x->diary_key = diary_key(&env->key, env_site(env, &x->request), x->request.path);
    diary_enter(&x->client->diary, x->diary_key);
}

static bool ask(struct exchange *x)
{
    struct client *c = x->client;
    const struct config_origin *origin = x->route->origin;
    const struct answer_ask ask = {
        .pools = c->env->pools,
        .origin = origin,
        .caller = &c->caller,
        .rank = exchange_rank(x),
        .arena = &x->arena,
        .request = &x->request,
        .rules = {.peer = span_str(c->peer.text),
                  .host = origin->host ? span_str(origin->host) : SPAN(""),
                  .via_protocol = origin->via ? c->session->verbs->via : SPAN(""),
                  .append = c->listen->forwarded == CONFIG_FORWARDED_APPEND,
                  .underscores = c->listen->underscores == CONFIG_UNDERSCORES_KEEP,
                  .pushed = x->push != NULL,
                  .claims = x->push ? &x->push->page->request.fields : NULL},
    };
    return !exchange_is_out_of_memory(x) && answer_start(&x->answer, &ask);
}

/* The head of the request is here: that of a client is looked at, that of a push is ours. */
static void begin(struct exchange *x)
{
    struct env *env = x->client->env;
    timeout_start(&env->exchange, &x->whole, turn_now_ms(&env->turn));
    enum failure why = x->push ? FAIL_NONE : check(x);
    if (why != FAIL_NONE) {
        exchange_fail(x, why);
        return;
    }
    if (!x->push)
        enter_diary(x);
    exchange_set_state(x, EXCHANGE_ASKING);
    if (!ask(x))
        exchange_fail(x, FAIL_NO_MEMORY);
}

/* The trailers that go to the origin; NULL: none, or no memory (then the arena is marked). */
static const struct fields *make_upload_trailers(struct exchange *x)
{
    struct fields *out = x->request_trailers.len > 0 ? arena_alloc(&x->arena, sizeof *out) : NULL;
    if (!out)
        return NULL;
    fields_init(out, &x->arena);
    forward_request_trailers(out, &x->request_trailers,
                             x->client->listen->underscores == CONFIG_UNDERSCORES_KEEP);
    return out->len > 0 ? out : NULL;
}

/* What came after the head of the request. */
static void pass_upload(struct exchange *x)
{
    size_t passed = answer_take_uploaded(&x->answer);
    if (passed > 0) {
        stream_consumed(x->stream, passed);
        client_write_soon(x->client);
    }
    bool open = x->state == EXCHANGE_ASKING || exchange_is_answering(x);
    if (!open || x->answer.from != ANSWER_FROM_ORIGIN)
        return;
    const struct fields *trailers = NULL;
    if (x->upload == UPLOAD_ENDED && x->stream->fault == REQUEST_FINE)
        trailers = make_upload_trailers(x);
    if (exchange_is_out_of_memory(x)) {
        exchange_fail(x, FAIL_NO_MEMORY);
    } else if (x->stream->fault != REQUEST_FINE) {
        exchange_fail(x, failure_of(x->stream->fault));
    } else if (x->upload == UPLOAD_ENDED) {
        x->upload = UPLOAD_PASSED;
        answer_upload_end(&x->answer, trailers);
    }
}

static void report(struct exchange *x)
{
    struct client *c = x->client;
    const struct exchange_plan *plan = x->plan;
    bool reused;
    uint64_t first = answer_first_byte_us(&x->answer, &reused);
    const struct report report = {
        .peer = c->peer.text,
        .protocol = c->session->verbs,
        .tls_version = c->tls ? tls_conn_version(c->tls) : "",
        .request = &x->request,
        .origin = x->route ? x->route->origin : NULL,
        .status = x->stream->responded ? x->status : 0,
        .bytes = x->bytes,
        .duration_us = clock_monotonic_us() - x->started_us,
        .origin_us = first > x->started_us ? first - x->started_us : 0,
        .reused = reused,
        .is_push = x->push != NULL,
        .failure = x->failure,
        .planned = plan && plan->counted,
        .push_off = plan ? plan->off : PLAN_ON,
        .verdicts = plan ? plan->verdicts : NULL,
        .pushed = plan ? plan->page.pushed : NULL,
        .pushed_len = plan ? plan->page.pushed_len : 0,
    };
    c->env->report(c->env->report_user, &report);
}

/* The page is gone before its answer was complete: its pushes that no origin works on yet are given
 * up. */
static void abandon_pushes(struct exchange *x)
{
    if (x->pins == 0 || exchange_is_answered(x))
        return;
    LIST_FOR_EACH_SAFE (stream, &x->client->streams, struct stream, node) {
        struct exchange *other = stream->user;
        if (other->push && other->push->page == x && answer_state(&other->answer) == ANSWER_PENDING)
            exchange_fail(other, FAIL_PUSH_ABANDONED);
    }
}

/* We have worked for nothing: a reset of what was answered, or promised, is none of these. */
static bool is_chargeable(const struct exchange *x)
{
    if (x->push)
        return false;
    switch (x->failure) {
    case FAIL_CLIENT_RESET:
    case FAIL_HEADER_TOO_LARGE:
        return true;
    case FAIL_BAD_REQUEST:
        return x->status == 0;
    default:
        return false;
    }
}

/* The stream is closed. */
static void finish(struct exchange *x)
{
    struct client *c = x->client;
    abandon_pushes(x);
    exchange_leave_diary(x);
    report(x);
    if (x->push)
        c->pushes_open--;
    if (is_chargeable(x))
        client_charge_reset(c);
    exchange_close(x);
}

static void run(struct turn_task *task)
{
    struct exchange *x = CONTAINER_OF(task, struct exchange, act);
    if (x->state == EXCHANGE_CLOSED)
        return;
    if (!x->stream->session) {
        finish(x);
        return;
    }
    if (x->state == EXCHANGE_RECEIVING && x->upload != UPLOAD_HEAD && x->failing == FAIL_NONE)
        begin(x);
    pass_upload(x);
    if (x->failing == FAIL_NONE)
        reply_go_on(x);
    if (x->failing != FAIL_NONE)
        reply_fail(x);
    reply_end_if_answered(x);
    exchange_watch_pace(x);
    exchange_count_heads(x);
}

void steps_install(struct env *env)
{
    env->events = &exchange_events;
    env->step = run;
}
