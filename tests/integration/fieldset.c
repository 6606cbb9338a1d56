#include "fieldset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check.h"

void fieldset_add(struct fieldset *f, const char *name, size_t name_len, const char *value,
                  size_t value_len)
{
    f->at = check_resize(f->at, (f->len + 1) * sizeof(f->at[0]));
    f->at[f->len++] = (struct fieldset_field){
        .name = check_copy(name, name_len),
        .value = check_copy(value, value_len),
    };
}

void fieldset_parse(struct fieldset *f, const char *text)
{
    while (*text && *text != '\r') {
        const char *end = strstr(text, "\r\n");
        const char *colon = strchr(text, ':');
        if (!end || !colon || colon > end)
            return;
        const char *value = colon + 1;
        while (*value == ' ' || *value == '\t')
            value++;
        fieldset_add(f, text, (size_t)(colon - text), value, (size_t)(end - value));
        text = end + 2;
    }
}

const char *fieldset_nth(const struct fieldset *f, const char *name, size_t nth)
{
    for (size_t i = 0; i < f->len; i++)
        if (strcasecmp(f->at[i].name, name) == 0 && nth-- == 0)
            return f->at[i].value;
    return NULL;
}

const char *fieldset_get(const struct fieldset *f, const char *name)
{
    return fieldset_nth(f, name, 0);
}

size_t fieldset_count(const struct fieldset *f, const char *name)
{
    size_t n = 0;
    while (fieldset_nth(f, name, n))
        n++;
    return n;
}

void fieldset_fini(struct fieldset *f)
{
    for (size_t i = 0; i < f->len; i++) {
        free(f->at[i].name);
        free(f->at[i].value);
    }
    free(f->at);
    *f = (struct fieldset){0};
}
