#include "push/promise.h"

#include "http/claims.h"
#include "http/vary.h"

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
        bool always = field_is(field->id, FIELD_IS_PROMISED);
        bool never = field_is(field->id, FIELD_IS_NOT_PROMISED | FIELD_IS_HOP_BY_HOP);
        bool listed = !always && !never && is_listed(rules, field->name);
        if (always || listed)
            fields_copy(&out->fields, field);
        *is_private = *is_private || listed;
    }
    if (referer_is_allowed(answer, rules))
        fields_add_known(&out->fields, FIELD_REFERER, make_referer(arena, page));
    out->fields.failed = out->fields.failed || arena->failed;
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
    struct vary vary = {.response = answer};
    struct span name;
    enum vary_item item;
    while ((item = vary_next(&vary, &name)) != VARY_END) {
        if (item == VARY_ANY)
            return true;
        if (!is_harmless(name) && vary_has(&page->fields, name) &&
            !vary_same(name, &page->fields, &promise->fields))
            return true;
    }
    return false;
}
