/* The reader of Link: elements lie in the line in order, between them stand only blanks and commas,
 * each reads the same by itself, and what is malformed reaches to the line's end. */
#include "push/link.h"

#include "input.h"

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/* Between elements there is a comma; before the first there may be none. */
static void check_gap(struct span gap, bool is_first)
{
    bool comma = is_first;
    for (size_t i = 0; i < gap.len; i++) {
        assert(gap.ptr[i] == ',' || gap.ptr[i] == ' ' || gap.ptr[i] == '\t');
        comma = comma || gap.ptr[i] == ',';
    }
    assert(comma);
}

static void check_value(struct link_value value, struct span element, struct arena *arena)
{
    assert(lies_in(value.text, element));
    assert(value.escapes <= value.text.len / 2);
    struct span plain = link_value_plain(value, arena);
    assert(!arena->failed && plain.len == value.text.len - value.escapes);
}

static bool is_same_link(const struct link *a, const struct link *b)
{
    return span_eq(a->element, b->element) && span_eq(a->target, b->target) &&
           span_eq(a->as.text, b->as.text) && span_eq(a->anchor.text, b->anchor.text) &&
           a->preload == b->preload && a->has_anchor == b->has_anchor && a->nopush == b->nopush &&
           a->push_only == b->push_only && a->conditional == b->conditional;
}

/* `link` is what its own bytes are, read by themselves. */
static void check_alone(const struct link *link, enum link_result result)
{
    struct link_reader reader;
    struct link again, none;
    link_start(&reader, link->element);
    assert(link_next(&reader, &again) == result);
    assert(is_same_link(link, &again));
    assert(link_next(&reader, &none) == LINK_END);
}

static void check_element(const struct link *link, struct arena *arena)
{
    struct span element = link->element, target = link->target;
    assert(span_eq(span_trim(element), element));
    assert(element.len >= 2 && element.ptr[0] == '<' && target.ptr == element.ptr + 1);
    assert(target.len <= element.len - 2 && target.ptr[target.len] == '>');
    assert(span_find(target, '>') == target.len);
    check_value(link->as, element, arena);
    check_value(link->anchor, element, arena);
    assert(link->has_anchor || link->anchor.text.len == 0);
    check_alone(link, LINK_ELEMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span line = span_of(data, size);
    struct link_reader reader;
    struct link link;
    struct arena arena;
    size_t at = 0, count = 0;
    enum link_result result;
    arena_init(&arena, NULL);
    link_start(&reader, line);
    while ((result = link_next(&reader, &link)) != LINK_END) {
        assert(link.element.len > 0 && lies_in(link.element, line));
        size_t start = (size_t)(link.element.ptr - line.ptr);
        assert(start >= at);
        check_gap(span_of(line.ptr + at, start - at), count++ == 0);
        at = start + link.element.len;
        if (result == LINK_MALFORMED)
            break;
        check_element(&link, &arena);
    }
    if (result == LINK_MALFORMED) {
        assert(at == line.len);
        check_alone(&link, LINK_MALFORMED);
    } else {
        check_gap(span_from(line, at), true);
    }
    assert(link_next(&reader, &link) == LINK_END);
    arena_fini(&arena);
    return 0;
}
