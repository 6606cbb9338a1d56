/* fieldset.h - the fields of one head as a test saw them, in order, repeated ones too.
 * Owns copies; a zeroed one is empty. Names compare without case. */
#ifndef FIELDSET_H
#define FIELDSET_H

#include <stddef.h>

struct fieldset_field {
    char *name, *value;
};

struct fieldset {
    struct fieldset_field *at;
    size_t len;
};

void fieldset_add(struct fieldset *f, const char *name, size_t name_len, const char *value,
                  size_t value_len);
/* Adds the field lines ("name: value" and CRLF each) in `text`, up to an empty line or the end. */
void fieldset_parse(struct fieldset *f, const char *text);
/* The value of the field `name` that has `nth` before it, or NULL. */
const char *fieldset_nth(const struct fieldset *f, const char *name, size_t nth);
/* The value of the first field `name`, or NULL. */
const char *fieldset_get(const struct fieldset *f, const char *name);
size_t fieldset_count(const struct fieldset *f, const char *name);
/* Frees the fields and leaves `f` empty. */
void fieldset_fini(struct fieldset *f);

#endif
