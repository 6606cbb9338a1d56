#include "proxy/pushes.h"

#include "base/log.h"
#include "push/promise.h"

static bool is_page_status(unsigned status)
{
    return status == 103 || (status >= 200 && status < 400 && status != 304);
}

/* The conditions of docs/push.md, "which responses are looked at". */
static enum plan_off why_off(const struct exchange *x, const struct response *from)
{
    const struct client *c = x->client;
    if (!span_eq(x->request.method, SPAN("GET")))
        return PLAN_OFF_METHOD;
    if (!is_page_status(from->status))
        return PLAN_OFF_STATUS;
    if (!c->env->config->push.enabled || !x->route->push)
        return PLAN_OFF_CONFIG;
    if (!client_takes_pushes(c))
        return PLAN_OFF_CLIENT;
    if (c->env->draining)
        return PLAN_OFF_DRAINING;
    if (x->push)
        return PLAN_OFF_PARENT;
    return PLAN_ON;
}

static struct plan_rules make_rules(const struct exchange *x, const struct response *from)
{
    const struct client *c = x->client;
    const struct config *config = c->env->config;
    uint64_t most = config->push.max_per_connection;
    return (struct plan_rules){
        .off = why_off(x, from),
        .max_per_page = (unsigned)config->push.max_per_page,
        .connection_left = most == 0               ? UINT64_MAX
                           : most > c->pushes_made ? most - c->pushes_made
                                                   : 0,
        .client_left = client_pushes_left(c),
        .diary = &c->diary,
        .refusals = &c->env->refusals,
        .now_ms = turn_now_ms(&c->env->turn),
    };
}

/* A request that somebody else forwarded may be from anywhere, whoever brought it. */
static bool wants_explanation(const struct exchange *x)
{
    const struct client *c = x->client;
    const struct fields *fields = &x->request.fields;
    if (x->push || !fields_get(fields, FIELD_CF_H2_PUSH_EXPLAIN))
        return false;
    if (!config_networks_have(&c->env->config->push.explain_from, &c->peer.address))
        return false;
    bool forwarded =
        fields_get(fields, FIELD_X_FORWARDED_FOR) || fields_get(fields, FIELD_FORWARDED);
    return !(forwarded && address_is_loopback(&c->peer.address));
}

static const struct config_route *route_of(const struct exchange *page, struct span target)
{
    return config_route(page->client->env->config, page->plan->page.url.host, target);
}

static struct exchange *make_push(struct exchange *page, const struct plan_link *link,
                                  const struct config_route *route, const struct response *from)
{
    const struct config_names *copied = &page->client->env->config->push.request_headers;
    struct exchange *x = exchange_new(page->client, page->client->session->verbs->stream_bytes);
    if (!x)
        return NULL;
    if (!exchange_make_push(x, page)) {
        exchange_close(x);
        return NULL;
    }
    const struct promise_rules rules = {
        .copied = copied->at,
        .copied_len = copied->len,
        .underscores = page->client->listen->underscores == CONFIG_UNDERSCORES_KEEP,
        .referer = route->origin == page->route->origin,
        .policy = link->policy,
    };
    x->route = route;
    promise_request(&x->request, &x->arena, &page->request, &from->fields,
                    arena_dup(&x->arena, link->target), link->as, &rules, &x->push->is_private);
    x->push->key = link->key;
    if (x->request.fields.failed || x->arena.failed) {
        exchange_close(x);
        return NULL;
    }
    return x;
}

/* Promises one link. Returns PLAN_PUSHED, or why it could not be. */
static enum plan_verdict promise(struct exchange *page, const struct plan_link *link,
                                 const struct response *from)
{
    struct client *c = page->client;
    const struct config_route *route = route_of(page, link->target);
    if (!route)
        return PLAN_REFUSED_BEFORE; /* no origin would answer */
    struct exchange *x = make_push(page, link, route, from);
    if (!x)
        return PLAN_CLIENT_LIMIT;
    if (!stream_promise(page->stream, x->stream)) {
        exchange_close(x);
        return PLAN_CLIENT_LIMIT;
    }
    c->pushes_open++;
    c->pushes_made++;
    diary_enter(&c->diary, x->push->key);
    client_write_soon(c);
    x->upload = UPLOAD_ENDED;
    exchange_act_soon(x);
    return PLAN_PUSHED;
}

static void promise_all(struct exchange *x, struct plan *plan, const struct response *from)
{
    for (size_t i = 0; i < plan->len; i++) {
        if (plan->links[i].verdict != PLAN_PUSHED)
            continue;
        enum plan_verdict deny = promise(x, &plan->links[i], from);
        if (deny != PLAN_PUSHED)
            plan_deny(plan, i, deny);
    }
}

static void count(struct exchange_plan *to, const struct plan *plan, enum plan_off off)
{
    to->counted = true;
    to->off = off;
    for (size_t i = 0; i < plan->len; i++)
        to->verdicts[plan->links[i].verdict]++;
}

static void add_pushed(struct exchange *x, struct response *to)
{
    struct span value = plan_pushed_value(&x->plan->page, &x->arena);
    if (value.len > 0)
        fields_add_known(&to->fields, FIELD_CF_H2_PUSHED, value);
}

static void add_explanation(struct exchange *x, const struct plan *plan, enum plan_off off,
                            struct response *to)
{
    struct span value = plan_explain_value(plan, off, &x->arena);
    if (value.len > 0)
        fields_add_known(&to->fields, FIELD_CF_H2_PUSH_EXPLAIN, value);
}

/* Once for all heads of the page. */
static bool make_plan(struct exchange *x)
{
    if (x->plan)
        return true;
    x->plan = arena_zalloc(&x->arena, sizeof *x->plan);
    if (x->plan) /* false says no more than that all links are cross-origin */
        (void)plan_page_init(&x->plan->page, &x->request, &x->client->env->key);
    return x->plan != NULL;
}

bool pushes_plan(struct exchange *x, struct response *head)
{
    if (head->status < 200 && head->status != 103) {
        plan_hide(&head->fields);
        return !head->fields.failed;
    }
    bool explain = head->status >= 200 && wants_explanation(x);
    struct plan plan;
    bool has_pushed = x->plan && x->plan->page.pushed_len > 0;
    if (!explain && !has_pushed && !fields_get(&head->fields, FIELD_LINK))
        return true;
    if (!make_plan(x))
        return false;
    struct plan_page *page = &x->plan->page;
    const struct plan_rules rules = make_rules(x, head);
    if (!push_plan(&plan, head->fields.arena, page, &head->fields, &rules))
        return false;
    if (rules.off == PLAN_ON)
        promise_all(x, &plan, head);
    if (!plan_remember(page, &x->arena, &plan))
        return false;
    plan_apply(&plan, &head->fields);
    count(x->plan, &plan, rules.off);
    if (head->status >= 200)
        add_pushed(x, head);
    if (explain)
        add_explanation(x, &plan, rules.off, head);
    return !x->arena.failed && !head->fields.arena->failed;
}

void pushes_tell(struct exchange *x, struct response *head)
{
    static const struct plan no_links = {.len = 0};
    if (x->plan)
        add_pushed(x, head);
    if (x->route && wants_explanation(x))
        add_explanation(x, &no_links, why_off(x, head), head);
}

/* Statuses after which nobody is to be pushed the asset for a while; after the others it is this
 * client that need not have it pushed. */
static bool is_everybodys(unsigned status)
{
    return status == 404 || status == 410 || status >= 500;
}

static void refuse_for_all(struct exchange *x)
{
    struct env *env = x->client->env;
    if (!x->push->is_private) {
        refusals_add(&env->refusals, x->push->key,
                     turn_now_ms(&env->turn) + env->config->push.retry_after_ms);
    }
}

enum failure pushes_judge(struct exchange *x, const struct response *from)
{
    if (from->status < 200 || from->status > 299) {
        if (is_everybodys(from->status) && !x->push->is_private)
            refuse_for_all(x);
        else
            diary_refuse(&x->client->diary, x->push->key);
        return FAIL_PUSH_STATUS;
    }
    if (promise_vary_forbids(&from->fields, &x->push->page->request, &x->request))
        return FAIL_PUSH_VARY;
    return FAIL_NONE;
}

/* What was asked for without the client's cookies must not change them. */
static bool copies_cookies(const struct config *config)
{
    const struct config_names *copied = &config->push.request_headers;
    for (size_t i = 0; i < copied->len; i++) {
        if (span_eq(copied->at[i], SPAN("cookie")))
            return true;
    }
    return false;
}

void pushes_mark(struct exchange *x, struct response *to)
{
    if (!copies_cookies(x->client->env->config))
        fields_remove(&to->fields, FIELD_SET_COOKIE);
    fields_add_known(&to->fields, FIELD_X_HTTP2_PUSH, SPAN("pushed"));
}

void pushes_failed(struct exchange *x, enum failure why)
{
    diary_leave(&x->client->diary, x->push->key);
    if (x->status != 0)
        return; /* its head was fine */
    switch (why) {
    case FAIL_ORIGIN_REFUSED:
    case FAIL_ORIGIN_CONNECT_TIMEOUT:
    case FAIL_ORIGIN_TIMEOUT:
    case FAIL_ORIGIN_CLOSED:
    case FAIL_ORIGIN_MALFORMED:
    case FAIL_ORIGIN_STALLED:
    case FAIL_EXCHANGE_TIMEOUT:
        refuse_for_all(x);
        break;
    default:
        break;
    }
}
