#include "push/plan.h"

#include <assert.h>

#include "base/text.h"
#include "push/link.h"

enum { FIRST_LINKS = 16, FIRST_SLOTS = 64 };

/* The work of one push_plan(). */
struct planner {
    struct plan *plan;
    struct arena *arena;
    const struct plan_page *page;
    const struct plan_rules *rules;
    uint64_t page_left, connection_left, client_left;
    /* Where one URL after the other is resolved. */
    char *room;
    size_t room_bytes;
    /* The assets met so far, in a hash table with open addressing: each a number, from 1. First
     * come those that were pushed for earlier heads of the page, then the links. */
    uint32_t *slots;
    size_t slots_len, slots_used;
};

bool plan_page_init(struct plan_page *page, const struct request *request,
                    const struct siphash_key *key)
{
    struct url site = {.port = 0};
    bool is_site = url_split_authority(request->authority, &site) && site.host.len > 0;
    *page = (struct plan_page){.target = request->path, .key = *key};
    url_split_target(request->path, &page->url);
    page->url.scheme = request->scheme;
    if (is_site) {
        page->url.has_authority = true;
        page->url.host = site.host;
        page->url.port = site.port;
    }
    page->site = diary_site(key, &page->url);
    return is_site;
}

/* Growing in an arena leaves the old array behind: at most as much again in all. */
static void *grow(struct arena *arena, const void *old, size_t len, size_t capacity, size_t size)
{
    char *at = arena_alloc(arena, capacity * size);
    if (at && len > 0)
        memcpy(at, old, len * size);
    return at;
}

static uint64_t key_of(const struct planner *p, uint32_t number)
{
    size_t i = number - 1;
    size_t before = p->page->pushed_len;
    assert(i < before || p->plan->links);
    return i < before ? p->page->pushed[i].key : p->plan->links[i - before].key;
}

static bool was_pushed(const struct planner *p, uint32_t number)
{
    size_t i = number - 1;
    size_t before = p->page->pushed_len;
    assert(i < before || p->plan->links);
    return i < before || p->plan->links[i - before].verdict == PLAN_PUSHED;
}

/* The slot of the asset `key`, or the free one where it belongs. */
static uint32_t *slot_of(const struct planner *p, uint64_t key)
{
    size_t i = key & (p->slots_len - 1);
    while (p->slots[i] != 0 && key_of(p, p->slots[i]) != key)
        i = (i + 1) & (p->slots_len - 1);
    return &p->slots[i];
}

/* Makes sure that at least half of the slots are free once `added` more are taken. */
static bool make_slots(struct planner *p, size_t added)
{
    size_t wanted = (p->slots_used + added) * 2;
    if (p->slots && wanted <= p->slots_len)
        return true;
    struct planner grown = *p;
    grown.slots_len = p->slots_len > 0 ? p->slots_len : FIRST_SLOTS;
    while (grown.slots_len < wanted)
        grown.slots_len *= 2;
    grown.slots = arena_zalloc(p->arena, grown.slots_len * sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < p->slots_len; i++) {
        if (p->slots[i] != 0)
            *slot_of(&grown, key_of(p, p->slots[i])) = p->slots[i];
    }
    *p = grown;
    return true;
}

static bool planner_init(struct planner *p)
{
    const struct plan_page *page = p->page;
    const struct plan_rules *rules = p->rules;
    p->page_left =
        rules->max_per_page > page->pushed_len ? rules->max_per_page - page->pushed_len : 0;
    p->connection_left = rules->connection_left;
    p->client_left = rules->client_left;
    if (!make_slots(p, page->pushed_len))
        return false;
    for (size_t i = 0; i < page->pushed_len; i++)
        *slot_of(p, page->pushed[i].key) = (uint32_t)(i + 1);
    p->slots_used = page->pushed_len;
    return true;
}

static bool make_room(struct planner *p, size_t bytes)
{
    if (bytes <= p->room_bytes)
        return true;
    size_t wanted = bytes > p->room_bytes * 2 ? bytes : p->room_bytes * 2;
    char *room = arena_alloc(p->arena, wanted);
    if (!room)
        return false;
    p->room = room;
    p->room_bytes = wanted;
    return true;
}

/* Splits `text` and resolves it against the page. The result lives until the next call. False where
 * `text` is no URL that could be asked for. */
static bool resolve(struct planner *p, struct span text, struct url *out, struct span *target)
{
    struct url ref;
    if (!url_split(text, &ref) || ref.has_userinfo)
        return false;
    if (ref.has_authority && ref.host.len == 0)
        return false;
    /* "https:/a" is a URI, but none of the scheme. */
    if (!ref.has_authority && url_default_port(ref.scheme) != 0)
        return false;
    if (!make_room(p, url_resolve_bytes(&p->page->url, &ref)))
        return false;
    url_resolve(&p->page->url, &ref, p->room, out, target);
    return true;
}

static bool is_page(struct planner *p, struct link_value anchor)
{
    struct url url;
    struct span target;
    return resolve(p, link_value_plain(anchor, p->arena), &url, &target) &&
           url_same_origin(&p->page->url, &url) && span_eq(target, p->page->target);
}

/* The rows of the table that look at the asset's history and at the limits. */
static enum plan_verdict judge_asset(struct planner *p, uint64_t key)
{
    const struct plan_rules *rules = p->rules;
    if (diary_has(rules->diary, key))
        return PLAN_SEEN;
    if (diary_refused(rules->diary, key) || refusals_has(rules->refusals, key, rules->now_ms))
        return PLAN_REFUSED_BEFORE;
    if (p->page_left == 0)
        return PLAN_PAGE_LIMIT;
    if (p->connection_left == 0)
        return PLAN_CONNECTION_LIMIT;
    if (p->client_left == 0)
        return PLAN_CLIENT_LIMIT;
    p->page_left--;
    p->connection_left--;
    p->client_left--;
    return rules->off == PLAN_ON ? PLAN_PUSHED : PLAN_WOULD_PUSH;
}

/* The rows from `duplicate` on. */
static enum plan_verdict judge_target(struct planner *p, const struct link *link,
                                      struct span target, struct plan_link *out)
{
    out->key = diary_key(&p->page->key, p->page->site, target);
    if (!make_slots(p, 1))
        return PLAN_INVALID_URL;
    uint32_t *slot = slot_of(p, out->key);
    if (*slot != 0) {
        out->removed = was_pushed(p, *slot);
        return PLAN_DUPLICATE;
    }
    *slot = (uint32_t)(p->page->pushed_len + p->plan->len + 1);
    p->slots_used++;
    enum plan_verdict verdict = judge_asset(p, out->key);
    if (verdict == PLAN_PUSHED || verdict == PLAN_WOULD_PUSH) {
        out->target = arena_dup(p->arena, target);
        out->as = link_value_plain(link->as, p->arena);
        out->policy = link_value_plain(link->policy, p->arena);
    }
    out->removed = verdict == PLAN_PUSHED;
    return verdict;
}

/* The whole table, in its order. When memory is out the verdict does not count. */
static enum plan_verdict judge(struct planner *p, const struct link *link, struct plan_link *out)
{
    struct url url;
    struct span target;
    if (!link->preload)
        return PLAN_NOT_PRELOAD;
    if (link->nopush)
        return PLAN_NOPUSH;
    if (link->has_anchor && !is_page(p, link->anchor))
        return PLAN_ANCHOR;
    if (link->conditional)
        return PLAN_CONDITIONAL;
    if (link->target.len == 0 || !resolve(p, link->target, &url, &target))
        return PLAN_INVALID_URL;
    if (!url_same_origin(&p->page->url, &url))
        return PLAN_CROSS_ORIGIN;
    if (span_eq(target, p->page->target))
        return PLAN_SELF;
    return judge_target(p, link, target, out);
}

/* A candidate that no client is to see. */
static bool is_hidden(const struct link *link)
{
    return link->preload && link->push_only;
}

static bool add_link(struct planner *p, struct span line, const struct link *link)
{
    struct plan *plan = p->plan;
    if (plan->len == plan->capacity) {
        size_t capacity = plan->capacity > 0 ? plan->capacity * 2 : FIRST_LINKS;
        struct plan_link *links =
            grow(p->arena, plan->links, plan->len, capacity, sizeof *plan->links);
        if (!links)
            return false;
        plan->links = links;
        plan->capacity = capacity;
    }
    struct plan_link *out = &plan->links[plan->len];
    *out = (struct plan_link){.line = line, .element = link->element, .written = link->target};
    out->verdict = judge(p, link, out);
    out->push_only = is_hidden(link);
    out->removed = out->removed || out->push_only;
    plan->len++;
    return !p->arena->failed;
}

bool push_plan(struct plan *out, struct arena *arena, const struct plan_page *page,
               const struct fields *fields, const struct plan_rules *rules)
{
    struct plan plan = {.len = 0};
    struct planner p = {.plan = &plan, .arena = arena, .page = page, .rules = rules};
    bool started = false;
    for (size_t i = 0; i < fields->len; i++) {
        struct link_reader reader;
        struct link link;
        if (fields->at[i].id != FIELD_LINK)
            continue;
        if (!started && !planner_init(&p))
            return false;
        started = true;
        link_start(&reader, fields->at[i].value);
        while (link_next(&reader, &link) == LINK_ELEMENT) {
            if (!add_link(&p, fields->at[i].value, &link))
                return false;
        }
    }
    *out = plan;
    return true;
}

void plan_deny(struct plan *plan, size_t link, enum plan_verdict verdict)
{
    struct plan_link *denied = &plan->links[link];
    assert(denied->verdict == PLAN_PUSHED && verdict != PLAN_PUSHED);
    denied->verdict = verdict;
    denied->removed = denied->push_only;
    for (size_t i = link + 1; i < plan->len; i++) {
        struct plan_link *twin = &plan->links[i];
        if (twin->verdict == PLAN_DUPLICATE && twin->key == denied->key)
            twin->removed = twin->push_only;
    }
}

static size_t count_pushed(const struct plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->len; i++)
        n += plan->links[i].verdict == PLAN_PUSHED;
    return n;
}

bool plan_remember(struct plan_page *page, struct arena *arena, const struct plan *plan)
{
    size_t len = page->pushed_len, capacity = len + count_pushed(plan);
    if (capacity == len)
        return true;
    struct plan_asset *pushed = page->pushed;
    if (capacity > page->pushed_capacity)
        pushed = grow(arena, page->pushed, len, capacity, sizeof *pushed);
    if (!pushed)
        return false;
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_link *link = &plan->links[i];
        if (link->verdict != PLAN_PUSHED)
            continue;
        pushed[len++] = (struct plan_asset){
            .written = arena_dup(arena, link->written),
            .target = arena_dup(arena, link->target),
            .key = link->key,
        };
    }
    if (arena->failed)
        return false;
    page->pushed = pushed;
    page->pushed_len = page->pushed_capacity = len;
    return true;
}

/* Takes the removed ones of `links`, which are the links of a line, out of it; where `links` is
 * NULL those that are hidden. Reads the line again, for its malformed end. */
static void rewrite(struct field *line, const struct plan_link *links, struct fields *fields)
{
    struct link_reader reader;
    struct link link;
    struct text out = {.len = line->value.len};
    if (!text_place(&out, fields->arena)) {
        fields->failed = true;
        return;
    }
    link_start(&reader, line->value);
    for (;;) {
        enum link_result result = link_next(&reader, &link);
        if (result == LINK_END)
            break;
        if (result == LINK_ELEMENT && (links ? (links++)->removed : is_hidden(&link)))
            continue;
        if (out.len > 0)
            text_put_char(&out, ',');
        text_put(&out, link.element);
    }
    line->value = text_span(&out);
}

/* The links of the line, from number `from` on; `*end` is set behind its last. Where the line was
 * not planned `*end` is `from`. */
static size_t find_line(const struct plan *plan, struct span line, size_t from, size_t *end)
{
    struct link_reader reader;
    struct link link;
    *end = from;
    link_start(&reader, line);
    /* A line without links is in no plan; to look for it through all of them would cost much. */
    if (link_next(&reader, &link) != LINK_ELEMENT)
        return from;
    size_t first = from;
    while (first < plan->len && plan->links[first].line.ptr != line.ptr)
        first++;
    if (first == plan->len)
        return from;
    *end = first + 1;
    while (*end < plan->len && plan->links[*end].line.ptr == line.ptr &&
           plan->links[*end].element.ptr > plan->links[*end - 1].element.ptr)
        (*end)++;
    return first;
}

static bool any_removed(const struct plan *plan, size_t from, size_t end)
{
    while (from < end && !plan->links[from].removed)
        from++;
    return from < end;
}

void plan_apply(const struct plan *plan, struct fields *fields)
{
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < fields->len; i++) {
        struct field *field = &fields->at[i];
        if (field->id == FIELD_LINK) {
            size_t first = find_line(plan, field->value, next, &next);
            bool is_shorter = any_removed(plan, first, next);
            if (is_shorter)
                rewrite(field, &plan->links[first], fields);
            if (is_shorter && field->value.len == 0)
                continue;
        }
        fields->at[kept++] = *field;
    }
    fields->len = kept;
}

static bool has_hidden(struct span line)
{
    struct link_reader reader;
    struct link link;
    link_start(&reader, line);
    while (link_next(&reader, &link) == LINK_ELEMENT) {
        if (is_hidden(&link))
            return true;
    }
    return false;
}

void plan_hide(struct fields *fields)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->len; i++) {
        struct field *field = &fields->at[i];
        if (field->id == FIELD_LINK && has_hidden(field->value)) {
            rewrite(field, NULL, fields);
            if (field->value.len == 0)
                continue;
        }
        fields->at[kept++] = *field;
    }
    fields->len = kept;
}

static void put_pushed(struct text *t, const struct plan_page *page)
{
    for (size_t i = 0; i < page->pushed_len; i++) {
        text_put(t, i > 0 ? SPAN(",<") : SPAN("<"));
        text_put(t, page->pushed[i].written);
        text_put_char(t, '>');
    }
}

struct span plan_pushed_value(const struct plan_page *page, struct arena *arena)
{
    struct text t = {0};
    put_pushed(&t, page);
    if (t.len == 0 || !text_place(&t, arena))
        return SPAN("");
    put_pushed(&t, page);
    return text_span(&t);
}

static const char *const verdict_texts[] = {
#define X(id, text) [PLAN_##id] = text,
    PLAN_VERDICTS(X)
#undef X
};

static const char *const off_texts[] = {[PLAN_ON] = "",
#define X(id, text) [PLAN_OFF_##id] = text,
                                        PLAN_OFF_REASONS(X)
#undef X
};

static void put_explanation(struct text *t, const struct plan *plan, enum plan_off off)
{
    if (off != PLAN_ON) {
        text_put(t, SPAN("push=off;reason="));
        text_put(t, span_str(off_texts[off]));
    }
    for (size_t i = 0; i < plan->len; i++) {
        text_put(t, t->len > 0 ? SPAN(", <") : SPAN("<"));
        text_put(t, plan->links[i].written);
        text_put(t, SPAN(">;verdict="));
        text_put(t, span_str(verdict_texts[plan->links[i].verdict]));
    }
}

struct span plan_explain_value(const struct plan *plan, enum plan_off off, struct arena *arena)
{
    struct text t = {0};
    put_explanation(&t, plan, off);
    if (t.len == 0 || !text_place(&t, arena))
        return SPAN("");
    put_explanation(&t, plan, off);
    return text_span(&t);
}

const char *plan_off_text(enum plan_off off)
{
    return off_texts[off];
}

const char *plan_verdict_text(enum plan_verdict verdict)
{
    return verdict_texts[verdict];
}
