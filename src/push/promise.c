#include "push/promise.h"

#include "http/claims.h"

/* A Vary with more names than this is taken for "*", so that an origin cannot make us compare long
 * lists with long lists. */
enum { VARY_NAMES_MAX = 64 };

/* The longest URL that is told as a referrer (W3C Referrer Policy §8.3). */
enum { REFERER_MAX = 4096 };

/* The defaults of the Fetch standard. */
static struct span accept_of(struct span as)
{
    if (span_ieq(as, SPAN("style")))
        return SPAN("text/css,*/*;q=0.1");
    if (span_ieq(as, SPAN("image")))
        return SPAN("image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5");
    return SPAN("*/*");
}

/* What a referrer policy (W3C Referrer Policy §3) says of requests to the page's own origin. */
enum policy {
    POLICY_UNSAID, /* empty, or none that is known: the default, which allows it */
    POLICY_ALLOWS, /* the page's URL is told */
    POLICY_FORBIDS,
};

static enum policy policy_of(struct span word)
{
    static const struct {
        struct span word;
        enum policy policy;
    } policies[] = {
        {{"no-referrer", 11}, POLICY_FORBIDS},
        {{"no-referrer-when-downgrade", 26}, POLICY_ALLOWS},
        {{"same-origin", 11}, POLICY_ALLOWS},
        {{"origin", 6}, POLICY_FORBIDS},
        {{"strict-origin", 13}, POLICY_FORBIDS},
        {{"origin-when-cross-origin", 24}, POLICY_ALLOWS},
        {{"strict-origin-when-cross-origin", 31}, POLICY_ALLOWS},
        {{"unsafe-url", 10}, POLICY_ALLOWS},
    };
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        if (span_ieq(word, policies[i].word))
            return policies[i].policy;
    }
    return POLICY_UNSAID;
}

/* Of several policies in Referrer-Policy the last that is known counts (§8.1). */
static enum policy page_policy(const struct fields *answer)
{
    enum policy policy = POLICY_UNSAID;
    for (size_t i = 0; i < answer->len; i++) {
        struct span list = answer->at[i].value, item;
        while (answer->at[i].id == FIELD_REFERRER_POLICY && span_next_item(&list, &item)) {
            enum policy of_item = policy_of(item);
            policy = of_item != POLICY_UNSAID ? of_item : policy;
        }
    }
    return policy;
}

static bool referer_is_allowed(const struct fields *answer, const struct promise_rules *rules)
{
    return rules->referer && page_policy(answer) != POLICY_FORBIDS &&
           policy_of(rules->policy) != POLICY_FORBIDS;
}

/* The page's URL, or its origin alone where that is too long (§8.3). It has neither user info nor a
 * fragment: request_check() let none pass. */
static struct span make_referer(struct arena *arena, const struct request *page)
{
    const struct span separator = SPAN("://");
    size_t len = page->scheme.len + separator.len + page->authority.len + page->path.len;
    const struct span parts[] = {page->scheme, separator, page->authority,
                                 len > REFERER_MAX ? SPAN("/") : page->path};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

enum copying {
    COPY_ALWAYS,
    COPY_IF_LISTED,
    COPY_NEVER,
};

/* Never: what the promise says itself, what belongs to the page's connection or to its body, and
 * what is between the client and us. */
static enum copying copying_of(enum field_name id)
{
    switch (id) {
    case FIELD_ACCEPT_ENCODING:
    case FIELD_ACCEPT_LANGUAGE:
    case FIELD_USER_AGENT:
        return COPY_ALWAYS;
    case FIELD_ACCEPT:
    case FIELD_CF_H2_PUSH_EXPLAIN:
    case FIELD_CONTENT_LENGTH:
    case FIELD_EXPECT:
    case FIELD_HOST:
    case FIELD_REFERER:
    case FIELD_TRAILER:
    case FIELD_X_HTTP2_PUSH:
        return COPY_NEVER;
    default:
        return field_is_hop_by_hop(id) ? COPY_NEVER : COPY_IF_LISTED;
    }
}

/* The field is copied because its name is listed: not claims, which go to the origin beside what
 * the promise says, and not what the origin would not get of the page's request. */
static bool is_listed(const struct promise_rules *rules, struct span name)
{
    size_t i = 0;
    while (i < rules->copied_len && !span_eq(rules->copied[i], name))
        i++;
    return i < rules->copied_len && claim_of(name) == CLAIM_NONE &&
           (rules->underscores || span_find(name, '_') == name.len);
}

void promise_request(struct request *out, struct arena *arena, const struct request *page,
                     const struct fields *answer, struct span target, struct span as,
                     const struct promise_rules *rules, bool *is_private)
{
    *out = (struct request){
        .method = SPAN("GET"),
        .scheme = page->scheme,
        .authority = page->authority,
        .path = target,
        .body = {.framing = BODY_NONE},
    };
    *is_private = false;
    fields_init(&out->fields, arena);
    fields_add_known(&out->fields, FIELD_ACCEPT, accept_of(as));
    for (size_t i = 0; i < page->fields.len; i++) {
        const struct field *field = &page->fields.at[i];
        enum copying copying = copying_of(field->id);
        bool listed = copying == COPY_IF_LISTED && is_listed(rules, field->name);
        if (copying == COPY_ALWAYS || listed)
            fields_copy(&out->fields, field);
        *is_private = *is_private || listed;
    }
    if (referer_is_allowed(answer, rules))
        fields_add_known(&out->fields, FIELD_REFERER, make_referer(arena, page));
    out->fields.failed = out->fields.failed || arena->failed;
}

/* Reads the elements of all lines of one field, as if they were one line. */
struct items {
    const struct fields *fields;
    struct span name;
    size_t line; /* the next one to look at */
    struct span rest;
};

static bool items_next(struct items *items, struct span *item)
{
    while (!span_next_item(&items->rest, item)) {
        do {
            if (items->line == items->fields->len)
                return false;
        } while (!span_ieq(items->fields->at[items->line++].name, items->name));
        items->rest = items->fields->at[items->line - 1].value;
    }
    return true;
}

static bool is_there(const struct fields *fields, struct span name)
{
    for (size_t i = 0; i < fields->len; i++) {
        if (span_ieq(fields->at[i].name, name))
            return true;
    }
    return false;
}

/* The page's request has the field `name`, and the promise has another value of it, or none. */
static bool differs(struct span name, const struct fields *page, const struct fields *promise)
{
    struct items theirs = {.fields = page, .name = name};
    struct items ours = {.fields = promise, .name = name};
    struct span a, b;
    if (!is_there(page, name))
        return false;
    if (!is_there(promise, name))
        return true;
    while (items_next(&theirs, &a)) {
        if (!items_next(&ours, &b) || !span_eq(a, b))
            return true;
    }
    return items_next(&ours, &b);
}

/* Whether the answer may vary by `name` without harm: `accept` follows the destination, and the
 * origin gets the host and the claims that it got for the page. */
static bool is_harmless(struct span name)
{
    enum field_name id = field_lookup(name);
    return id == FIELD_ACCEPT || id == FIELD_HOST || claim_of(name) != CLAIM_NONE;
}

bool promise_vary_forbids(const struct fields *answer, const struct request *page,
                          const struct request *promise)
{
    size_t names = 0;
    for (size_t i = 0; i < answer->len; i++) {
        struct span list = answer->at[i].value, name;
        while (answer->at[i].id == FIELD_VARY && span_next_item(&list, &name)) {
            if (span_eq(name, SPAN("*")) || ++names > VARY_NAMES_MAX)
                return true;
            if (!is_harmless(name) && differs(name, &page->fields, &promise->fields))
                return true;
        }
    }
    return false;
}
