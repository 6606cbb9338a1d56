/* The push plan: verdicts in the order of their table, never more than any limit lets through, and
 * a response that keeps every byte of what was not pushed. */
#include "push/link.h"
#include "push/plan.h"

#include "input.h"

enum { REST_BYTES = 48, LIMIT_OF_NONE = 1 << 20 };

static const struct siphash_key key = {1, 2};

struct limits {
    unsigned page, connection, client;
    bool off;
};

/* One page, with the links of its response and what the connection remembers. */
struct page {
    struct arena arena;
    struct request request;
    struct plan_page page;
    struct fields fields;
    struct diary diary;
    struct refusals refusals;
    struct plan_rules rules;
};

/* Fields of a response: each line of the input is a Link, with others between them. */
static void read_links(struct page *p, struct input *in)
{
    fields_init(&p->fields, &p->arena);
    fields_add(&p->fields, SPAN("x-first"), SPAN("</a>; rel=preload"));
    while (in->rest.len > 0)
        fields_add(&p->fields, SPAN("link"), input_line(in));
    fields_add(&p->fields, SPAN("x-last"), SPAN("1"));
}

static void page_init(struct page *p, struct input *in)
{
    static const struct span authorities[] = {
        {"example.com", 11}, {"EXAMPLE.com:443", 15}, {"", 0}};
    static const struct span paths[] = {
        {"/dir/page.html?x=1", 18}, {"/", 1}, {"//a/../b", 8}, {"/d\xc3\xa4/p|q?", 9}};
    *p = (struct page){.request = {.method = SPAN("GET"), .scheme = SPAN("https")}};
    p->request.authority = authorities[input_below(in, ARRAY_LEN(authorities))];
    p->request.path = paths[input_below(in, ARRAY_LEN(paths))];
    arena_init(&p->arena, NULL);
    diary_init(&p->diary);
    refusals_init(&p->refusals);
    bool is_site = plan_page_init(&p->page, &p->request, &key);
    assert(is_site == (p->request.authority.len > 0));
    p->rules = (struct plan_rules){.max_per_page = LIMIT_OF_NONE,
                                   .connection_left = UINT64_MAX,
                                   .client_left = UINT64_MAX,
                                   .diary = &p->diary,
                                   .refusals = &p->refusals,
                                   .now_ms = 1000};
}

static void page_fini(struct page *p)
{
    diary_fini(&p->diary);
    refusals_fini(&p->refusals);
    arena_fini(&p->arena);
}

static size_t count(const struct plan *plan, enum plan_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->len; i++)
        n += plan->links[i].verdict == verdict;
    return n;
}

/* The plan with nothing remembered and no limits: a link is pushed, or is never. */
static void check_free_plan(const struct page *p, const struct plan *plan)
{
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_link *link = &plan->links[i];
        assert(link->verdict <= PLAN_DUPLICATE || link->verdict == PLAN_PUSHED);
        if (link->verdict != PLAN_PUSHED)
            continue;
        assert(p->request.authority.len > 0);
        assert(link->target.len > 0 && link->target.ptr[0] == '/' && link->removed);
        assert(!span_eq(link->target, p->request.path));
        assert(link->key == diary_key(&key, p->page.site, link->target));
    }
}

/* Lets the connection remember some of the links, in one way or another. */
static void remember_some(struct page *p, const struct plan *plan, struct input *in)
{
    for (size_t i = 0; i < plan->len; i++) {
        uint64_t asset = plan->links[i].key;
        if (plan->links[i].verdict != PLAN_PUSHED)
            continue;
        switch (input_below(in, 8)) {
        case 1:
            diary_enter(&p->diary, asset);
            break;
        case 2:
            diary_refuse(&p->diary, asset);
            break;
        case 3:
            refusals_add(&p->refusals, asset, p->rules.now_ms + 1);
            break;
        case 4:
            refusals_add(&p->refusals, asset, p->rules.now_ms);
            break;
        default:
            break;
        }
    }
}

static void set_limits(struct page *p, const struct limits *limits)
{
    p->rules.max_per_page = limits->page;
    p->rules.connection_left = limits->connection;
    p->rules.client_left = limits->client;
    p->rules.off = limits->off ? PLAN_OFF_CLIENT : PLAN_ON;
}

/* What the table says of a link that came past `duplicate`; counts the limits down. */
static enum plan_verdict expected(const struct page *p, uint64_t asset, struct limits *left)
{
    if (diary_has(&p->diary, asset))
        return PLAN_SEEN;
    if (diary_refused(&p->diary, asset) || refusals_has(&p->refusals, asset, p->rules.now_ms))
        return PLAN_REFUSED_BEFORE;
    if (left->page == 0)
        return PLAN_PAGE_LIMIT;
    if (left->connection == 0)
        return PLAN_CONNECTION_LIMIT;
    if (left->client == 0)
        return PLAN_CLIENT_LIMIT;
    left->page--;
    left->connection--;
    left->client--;
    return left->off ? PLAN_WOULD_PUSH : PLAN_PUSHED;
}

/* `plan` is `without` (no limits, nothing remembered) but for the rows behind `duplicate`. */
static void check_verdicts(const struct page *p, const struct plan *plan,
                           const struct plan *without, const struct limits *limits)
{
    struct limits left = *limits;
    assert(plan->len == without->len);
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_link *a = &plan->links[i], *b = &without->links[i];
        assert(a->element.ptr == b->element.ptr && a->element.len == b->element.len);
        assert(span_eq(a->written, b->written) && a->push_only == b->push_only);
        enum plan_verdict verdict = b->verdict;
        if (verdict == PLAN_PUSHED)
            verdict = expected(p, a->key, &left);
        assert(a->verdict == verdict);
        assert(a->verdict != PLAN_PUSHED || a->removed);
        assert(!a->push_only || a->removed);
    }
    size_t pushed = count(plan, PLAN_PUSHED);
    assert(pushed <= limits->page && pushed <= limits->connection && pushed <= limits->client);
    assert(!limits->off || pushed == 0);
}

static void deny_some(struct plan *plan, struct input *in)
{
    for (size_t i = 0; i < plan->len; i++) {
        if (plan->links[i].verdict == PLAN_PUSHED && input_below(in, 4) == 1)
            plan_deny(plan, i, PLAN_CLIENT_LIMIT);
    }
}

/* A link leaves if it was pushed, is the twin of one that was, or is for pushes only. */
static void check_removed(const struct plan *plan)
{
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_link *link = &plan->links[i];
        bool removed = link->push_only || link->verdict == PLAN_PUSHED;
        for (size_t j = 0; link->verdict == PLAN_DUPLICATE && j < i; j++)
            removed = removed ||
                      (plan->links[j].verdict == PLAN_PUSHED && plan->links[j].key == link->key);
        assert(link->removed == removed);
    }
}

/* What is left of a line whose links, from `*next` on, are in the plan. */
static struct span expected_line(const struct plan *plan, struct span line, size_t *next,
                                 struct arena *arena)
{
    struct link_reader reader;
    struct link link;
    struct span text = SPAN("");
    bool removed = false;
    enum link_result result;
    link_start(&reader, line);
    while ((result = link_next(&reader, &link)) != LINK_END) {
        if (result == LINK_ELEMENT && plan->links[(*next)++].removed) {
            removed = true;
            continue;
        }
        const struct span parts[] = {text, text.len > 0 ? SPAN(",") : SPAN(""), link.element};
        text = arena_join(arena, parts, ARRAY_LEN(parts));
    }
    return removed ? text : line;
}

static void check_applied(struct page *p, const struct plan *plan, const struct fields *before,
                          const struct fields *after)
{
    size_t next = 0, at = 0;
    for (size_t i = 0; i < before->len; i++) {
        struct span value = before->at[i].value;
        if (before->at[i].id == FIELD_LINK) {
            struct span line = value;
            value = expected_line(plan, line, &next, &p->arena);
            if (value.len == 0 && line.len > 0)
                continue;
        }
        assert(at < after->len && span_eq(after->at[at].name, before->at[i].name));
        assert(span_eq(after->at[at].value, value));
        at++;
    }
    assert(at == after->len && next == plan->len);
}

static void check_apply(struct page *p, const struct plan *plan)
{
    struct fields applied;
    fields_init(&applied, &p->arena);
    for (size_t i = 0; i < p->fields.len; i++)
        fields_copy(&applied, &p->fields.at[i]);
    plan_apply(plan, &applied);
    assert(!applied.failed);
    check_applied(p, plan, &p->fields, &applied);
}

/* A second head with the same links: what was pushed for the first is listed and not pushed
 * again, and the page's limit counts both. */
static void check_next_head(struct page *p, const struct plan *plan)
{
    struct plan again;
    size_t pushed = count(plan, PLAN_PUSHED);
    assert(plan_remember(&p->page, &p->arena, plan) && p->page.pushed_len == pushed);
    assert((plan_pushed_value(&p->page, &p->arena).len > 0) == (pushed > 0));
    assert(push_plan(&again, &p->arena, &p->page, &p->fields, &p->rules));
    assert(again.len == plan->len);
    assert(pushed + count(&again, PLAN_PUSHED) <= p->rules.max_per_page);
    for (size_t i = 0; i < plan->len; i++) {
        if (plan->links[i].verdict != PLAN_PUSHED)
            continue;
        assert(again.links[i].verdict == PLAN_DUPLICATE && again.links[i].removed);
    }
}

static void check_explained(struct page *p, const struct plan *plan)
{
    struct span text = plan_explain_value(plan, p->rules.off, &p->arena);
    struct span off = SPAN("push=off;reason=client");
    if (p->rules.off != PLAN_ON)
        assert(span_starts(text, off));
    for (size_t i = 0; i < plan->len; i++) {
        size_t before = i > 0 || p->rules.off != PLAN_ON ? 2 : 0;
        if (i == 0 && p->rules.off != PLAN_ON)
            text = span_from(text, off.len);
        const struct span parts[] = {span_from(SPAN(", <"), 2 - before), plan->links[i].written,
                                     SPAN(">;verdict="),
                                     span_str(plan_verdict_text(plan->links[i].verdict))};
        struct span element = arena_join(&p->arena, parts, ARRAY_LEN(parts));
        assert(span_starts(text, element));
        text = span_from(text, element.len);
    }
    assert(plan->len == 0 || text.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct page p;
    struct plan without, plan;
    page_init(&p, &in);
    struct limits limits = {.page = input_below(&in, 12), .connection = input_below(&in, 12)};
    limits.client = input_below(&in, 12);
    limits.off = input_below(&in, 8) == 1;
    struct input choices = {input_bytes(&in, 0)};
    choices.rest = span_of(in.rest.ptr, in.rest.len < REST_BYTES ? in.rest.len : REST_BYTES);
    read_links(&p, &in);
    assert(push_plan(&without, &p.arena, &p.page, &p.fields, &p.rules));
    check_free_plan(&p, &without);
    remember_some(&p, &without, &choices);
    set_limits(&p, &limits);
    assert(push_plan(&plan, &p.arena, &p.page, &p.fields, &p.rules));
    check_verdicts(&p, &plan, &without, &limits);
    deny_some(&plan, &choices);
    check_removed(&plan);
    check_apply(&p, &plan);
    check_explained(&p, &plan);
    check_next_head(&p, &plan);
    assert(!p.arena.failed);
    page_fini(&p);
    return 0;
}
