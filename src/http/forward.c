#include "http/forward.h"

#include <stdlib.h>

#include "http/claims.h"

static int compare_names(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    for (size_t i = 0; i < a->len; i++) {
        int difference = span_lower(a->ptr[i]) - span_lower(b->ptr[i]);
        if (difference != 0)
            return difference;
    }
    return 0;
}

struct names {
    struct span *at;
    size_t len;
};

/* The names in Connection that need to be looked for: most often none, since "keep-alive", "close"
 * and "te" say nothing new. Sorted: a peer may send many names and many fields. */
static struct names connection_names(const struct fields *in, struct arena *arena)
{
    struct names names = {NULL, 0};
    size_t capacity = 0;
    for (size_t i = 0; i < in->len; i++) {
        struct span list = in->at[i].value, name;
        while (in->at[i].id == FIELD_CONNECTION && span_next_item(&list, &name)) {
            if (field_is(field_lookup(name), FIELD_IS_HOP_BY_HOP) || span_ieq(name, SPAN("close")))
                continue;
            if (names.len == capacity) {
                capacity = capacity > 0 ? capacity * 2 : 8;
                struct span *at = arena_alloc(arena, capacity * sizeof *at);
                if (!at)
                    return (struct names){NULL, 0};
                if (names.len > 0)
                    memcpy(at, names.at, names.len * sizeof *at);
                names.at = at;
            }
            names.at[names.len++] = name;
        }
    }
    if (names.len > 1)
        qsort(names.at, names.len, sizeof *names.at, compare_names);
    return names;
}

/* `in` without the fields that its Connection names; `in` itself where it names none of interest.
 */
static struct fields without_named(const struct fields *in, struct arena *arena)
{
    struct names names = connection_names(in, arena);
    struct fields out;
    if (names.len == 0)
        return *in;
    fields_init(&out, arena);
    for (size_t i = 0; i < in->len; i++) {
        if (!bsearch(&in->at[i].name, names.at, names.len, sizeof *names.at, compare_names))
            fields_copy(&out, &in->at[i]);
    }
    return out;
}

/* The values of all lines of a field as one, and `last` behind them; empty ones are skipped. An
 * empty span where there is nothing. */
static struct span joined(const struct fields *in, enum field_name id, struct span separator,
                          struct span last, struct arena *arena)
{
    struct span only = last;
    size_t len = last.len, parts = last.len > 0 ? 1 : 0;
    for (size_t i = 0; i < in->len; i++) {
        if (in->at[i].id != id || in->at[i].value.len == 0)
            continue;
        only = in->at[i].value;
        len += only.len + separator.len;
        parts++;
    }
    char *text = parts > 1 ? arena_text(arena, len) : NULL;
    if (!text)
        return parts > 1 ? SPAN("") : only;
    size_t at = 0;
    for (size_t i = 0; i <= in->len; i++) {
        bool is_part = i == in->len || in->at[i].id == id;
        struct span part = i == in->len ? last : in->at[i].value;
        if (!is_part || part.len == 0)
            continue;
        if (at > 0) {
            memcpy(text + at, separator.ptr, separator.len);
            at += separator.len;
        }
        memcpy(text + at, part.ptr, part.len);
        at += part.len;
    }
    return span_of(text, at);
}

/* What this proxy adds to Via; nothing where `protocol` is empty. */
static struct span via_element(struct span protocol, struct arena *arena)
{
    if (protocol.len == 0)
        return SPAN("");
    const struct span parts[] = {protocol, SPAN(" " FORWARD_PSEUDONYM)};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

/* Writes what of `id` is there, joined into one line; nothing where there is nothing. */
static void add_joined(struct fields *out, const struct fields *in, enum field_name id,
                       struct span separator, struct span last)
{
    struct span value = joined(in, id, separator, last, out->arena);
    if (value.len > 0)
        fields_add_known(out, id, value);
}

/* An address in Forwarded (RFC 7239 §6): IPv6 in brackets, and so in quotes. */
static struct span forwarded_node(struct span peer, struct arena *arena)
{
    if (peer.len == 0)
        return SPAN("unknown");
    if (span_find(peer, ':') == peer.len)
        return peer;
    const struct span parts[] = {SPAN("\"["), peer, SPAN("]\"")};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

static struct span forwarded_element(const struct request *in, struct span peer,
                                     struct arena *arena)
{
    /* An authority holds no byte that would have to be escaped in quotes. */
    struct span quote = field_name_is_valid(in->authority) ? SPAN("") : SPAN("\"");
    const struct span parts[] = {
        SPAN("for="),    forwarded_node(peer, arena),
        SPAN(";host="),  quote,
        in->authority,   quote,
        SPAN(";proto="), in->scheme,
    };
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

/* The fields that tell the origin who the client is. `in` is what the client sent. */
static void add_forwarding(struct fields *out, const struct fields *in,
                           const struct request *request, const struct forward_rules *rules)
{
    static const struct fields nothing = {.len = 0};
    if (rules->claims)
        in = rules->claims;
    const struct fields *before = rules->append ? in : &nothing;
    const struct span comma = SPAN(", ");
    add_joined(out, before, FIELD_X_FORWARDED_FOR, comma, rules->peer);
    add_joined(out, before, FIELD_X_FORWARDED_HOST, comma, request->authority);
    add_joined(out, before, FIELD_X_FORWARDED_PROTO, comma, request->scheme);
    if (fields_get(in, FIELD_FORWARDED))
        add_joined(out, before, FIELD_FORWARDED, comma,
                   forwarded_element(request, rules->peer, out->arena));
    if (fields_get(in, FIELD_X_REAL_IP))
        add_joined(out, before, FIELD_X_REAL_IP, comma, rules->append ? SPAN("") : rules->peer);
}

/* forward_request() writes these itself, or leaves them out. */
static bool is_rewritten(enum field_name id)
{
    return field_is(id, FIELD_IS_REWRITTEN | FIELD_IS_HOP_BY_HOP);
}

/* A name that CGI and its like take for one that is_rewritten(). */
static bool is_rewritten_in_cgi(struct span name)
{
    char dashed[32];
    if (name.len > sizeof dashed)
        return false;
    for (size_t i = 0; i < name.len; i++)
        dashed[i] = claim_is_plain(span_of(name.ptr + i, 1)) ? name.ptr[i] : '-';
    return is_rewritten(field_lookup(span_of(dashed, name.len)));
}

/* Whether a field that has no name of the table goes to the origin. Claims do where they are
 * believed, in the spelling of proxies: another one may be the client's own, beside theirs. */
static bool is_passed_to_origin(struct span name, bool append, bool underscores)
{
    enum claim claim = claim_of(name);
    if (claim_is_plain(name))
        return claim == CLAIM_NONE || (claim == CLAIM_OF_PROXIES && append);
    if (!underscores && span_find(name, '_') < name.len)
        return false;
    return claim == CLAIM_NONE && !is_rewritten_in_cgi(name);
}

/* Without content there is nothing to go on with: such an expectation says nothing (RFC 9110
 * §10.1.1), and an origin would only wait with the client for each other. Others pass. */
static bool is_void_expectation(const struct field *field, const struct request *in)
{
    struct span list = field->value, item;
    if (field->id != FIELD_EXPECT || request_has_content(in))
        return false;
    while (span_next_item(&list, &item)) {
        if (!span_ieq(item, SPAN("100-continue")))
            return false;
    }
    return true;
}

/* Every list that was written on the way lives in one arena, whose mark tells of them all. */
static void note_failure(struct fields *out)
{
    out->failed = out->failed || out->arena->failed;
}

/* The claims of `from` that have no name of the table; add_forwarding() writes the others. */
static void copy_claims(struct fields *out, const struct fields *from)
{
    for (size_t i = 0; i < from->len; i++) {
        const struct field *field = &from->at[i];
        if (field->id == FIELD_OTHER && claim_of(field->name) != CLAIM_NONE &&
            is_passed_to_origin(field->name, true, false))
            fields_copy(out, field);
    }
}

void forward_request(struct fields *out, const struct request *in,
                     const struct forward_rules *rules)
{
    struct fields kept = without_named(&in->fields, out->arena);
    fields_add_known(out, FIELD_HOST, rules->host.len > 0 ? rules->host : in->authority);
    for (size_t i = 0; i < kept.len; i++) {
        const struct field *field = &kept.at[i];
        if (field->id == FIELD_OTHER
                ? is_passed_to_origin(field->name, rules->append, rules->underscores)
                : !is_rewritten(field->id) && !is_void_expectation(field, in))
            fields_copy(out, field);
    }
    if (rules->append && rules->claims)
        copy_claims(out, rules->claims);
    add_joined(out, &kept, FIELD_COOKIE, SPAN("; "), SPAN(""));
    if (fields_list_has(&in->fields, FIELD_TE, SPAN("trailers"))) {
        fields_add_known(out, FIELD_TE, SPAN("trailers"));
        fields_add_known(out, FIELD_CONNECTION, SPAN("TE"));
    }
    add_forwarding(out, &kept, in, rules);
    add_joined(out, &kept, FIELD_VIA, SPAN(", "), via_element(rules->via_protocol, out->arena));
    if (rules->pushed)
        fields_add_known(out, FIELD_X_HTTP2_PUSH, SPAN("1"));
    note_failure(out);
}

static bool is_passed_to_client(enum field_name id, unsigned status)
{
    if (id == FIELD_CONTENT_LENGTH)
        return status >= 200 && status != 204;
    if (id == FIELD_VIA)
        return status < 200;
    return !field_is(id, FIELD_IS_OURS | FIELD_IS_HOP_BY_HOP);
}

void forward_response(struct fields *out, const struct response *in, struct span via_protocol,
                      struct span date)
{
    struct fields kept = without_named(&in->fields, out->arena);
    bool is_final = in->status >= 200;
    bool needs_date = is_final && !fields_get(&in->fields, FIELD_DATE);
    struct span via = SPAN("");
    if (is_final)
        via =
            joined(&kept, FIELD_VIA, SPAN(", "), via_element(via_protocol, out->arena), out->arena);
    for (size_t i = 0; i < kept.len; i++) {
        if (is_passed_to_client(kept.at[i].id, in->status))
            fields_copy(out, &kept.at[i]);
    }
    if (needs_date)
        fields_add_known(out, FIELD_DATE, date);
    if (via.len > 0)
        fields_add_known(out, FIELD_VIA, via);
    note_failure(out);
}

static bool is_passed_in_trailer(enum field_name id)
{
    return !field_is(id, FIELD_IS_HEAD_ONLY | FIELD_IS_HOP_BY_HOP);
}

void forward_trailers(struct fields *out, const struct fields *in)
{
    for (size_t i = 0; i < in->len; i++) {
        if (is_passed_in_trailer(in->at[i].id))
            fields_copy(out, &in->at[i]);
    }
}

void forward_request_trailers(struct fields *out, const struct fields *in, bool underscores)
{
    for (size_t i = 0; i < in->len; i++) {
        const struct field *field = &in->at[i];
        if (field->id == FIELD_OTHER ? is_passed_to_origin(field->name, false, underscores)
                                     : is_passed_in_trailer(field->id))
            fields_copy(out, field);
    }
}
