#include "http/vary.h"

/* More names than this count as "*", so that an origin cannot make us compare long lists with long
 * lists. */
enum { NAMES_MAX = 64 };

enum vary_item vary_next(struct vary *v, struct span *name)
{
    while (!span_next_item(&v->rest, name)) {
        while (v->line < v->response->len && v->response->at[v->line].id != FIELD_VARY)
            v->line++;
        if (v->line == v->response->len)
            return VARY_END;
        v->rest = v->response->at[v->line++].value;
    }
    return span_eq(*name, SPAN("*")) || ++v->names > NAMES_MAX ? VARY_ANY : VARY_NAME;
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

bool vary_has(const struct fields *fields, struct span name)
{
    for (size_t i = 0; i < fields->len; i++) {
        if (span_ieq(fields->at[i].name, name))
            return true;
    }
    return false;
}

bool vary_same(struct span name, const struct fields *a, const struct fields *b)
{
    struct items of_a = {.fields = a, .name = name}, of_b = {.fields = b, .name = name};
    struct span one, other;
    if (vary_has(a, name) != vary_has(b, name))
        return false;
    while (items_next(&of_a, &one)) {
        if (!items_next(&of_b, &other) || !span_eq(one, other))
            return false;
    }
    return !items_next(&of_b, &other);
}
