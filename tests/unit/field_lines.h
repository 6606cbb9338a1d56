/* field_lines.h - fields as tests write them: "name: value\n" each. */
#ifndef UNIT_FIELD_LINES_H
#define UNIT_FIELD_LINES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/fields.h"

/* The fields that `lines` says; their bytes are those of `lines`. */
static inline struct fields read_fields(struct arena *arena, const char *lines)
{
    struct fields fields;
    struct span rest = span_str(lines);
    fields_init(&fields, arena);
    while (rest.len > 0) {
        size_t end = span_find(rest, '\n'), colon = span_find(rest, ':');
        assert_true(colon < end && end < rest.len);
        fields_add(&fields, (struct span){rest.ptr, colon},
                   span_trim((struct span){rest.ptr + colon + 1, end - colon - 1}));
        rest = span_from(rest, end + 1);
    }
    assert_false(fields.failed);
    return fields;
}

/* `actual` is what `expected` says, in that order. */
static inline void assert_fields(struct arena *arena, const struct fields *actual,
                                 const char *expected)
{
    struct span text = SPAN("");
    assert_false(actual->failed);
    for (size_t i = 0; i < actual->len; i++) {
        const struct field *field = &actual->at[i];
        const struct span parts[] = {text, field->name, SPAN(": "), field->value, SPAN("\n")};
        assert_int_equal(field->id, field_lookup(field->name));
        text = arena_join(arena, parts, ARRAY_LEN(parts));
    }
    if (!span_eq(text, span_str(expected)))
        fail_msg("came\n%.*s\nnot\n%s", SPAN_ARG(text), expected);
}

#endif
