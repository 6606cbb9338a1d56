/* What a reload cannot change: the options that the table says need a restart, and which sections
 * have them. */
#include "config/fault.h"
#include "config/source.h"

/* An option's value as it would be written. */
struct written {
    char text[256];
};

static struct written write_value(const struct option *option, const void *object)
{
    struct written w = {""};
    FILE *out = fmemopen(w.text, sizeof w.text, "w");
    if (out) {
        option->type->print(option, (const char *)object + option->offset, out);
        fclose(out);
    }
    return w;
}

static const char *name_of(const struct section *kind, const void *object)
{
    return kind->sample_name ? ((const struct section_head *)object)->name : NULL;
}

static unsigned line_of(const struct section *kind, const void *object)
{
    return kind->sample_name ? ((const struct section_head *)object)->line : 0;
}

/* The section of that name, or the one that has no name. */
static const void *find(const struct section *kind, const struct config *c, const char *name)
{
    for (size_t i = 0; i < options_objects(kind, c); i++) {
        const void *object = options_object(kind, c, i);
        if (!name || strcmp(name_of(kind, object), name) == 0)
            return object;
    }
    return NULL;
}

static bool is_fixed(const struct section *kind)
{
    for (size_t i = 0; i < kind->options_len; i++) {
        if (kind->options[i].needs_restart)
            return true;
    }
    return false;
}

static bool is_same(const struct section *kind, const void *now, const void *then, const char *file,
                    struct config_error *error)
{
    struct source_label label = source_label(kind, name_of(kind, then));
    for (size_t i = 0; i < kind->options_len; i++) {
        const struct option *option = &kind->options[i];
        if (!option->needs_restart)
            continue;
        struct written is = write_value(option, now), will = write_value(option, then);
        if (strcmp(is.text, will.text) != 0)
            return fault_at(error, file, line_of(kind, then),
                            "%s%s%s = %s: a reload cannot change it from \"%s\"; restart to do so",
                            label.text, label.text[0] ? " " : "", option->name, will.text, is.text);
    }
    return true;
}

static bool section_may_follow(const struct section *kind, const struct config *running,
                               const struct config *next, struct config_error *error)
{
    for (size_t i = 0; i < options_objects(kind, running); i++) {
        const char *name = name_of(kind, options_object(kind, running, i));
        if (!find(kind, next, name))
            return fault_at(error, next->file, 0,
                            "%s is missing: a reload cannot take it away; restart to do so",
                            source_label(kind, name).text);
    }
    for (size_t i = 0; i < options_objects(kind, next); i++) {
        const void *then = options_object(kind, next, i);
        const char *name = name_of(kind, then);
        const void *now = find(kind, running, name);
        if (!now)
            return fault_at(error, next->file, line_of(kind, then),
                            "%s is new: a reload cannot add it; restart to do so",
                            source_label(kind, name).text);
        if (!is_same(kind, now, then, next->file, error))
            return false;
    }
    return true;
}

bool config_may_follow(const struct config *running, const struct config *next,
                       struct config_error *error)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        if (is_fixed(kind) && !section_may_follow(kind, running, next, error))
            return false;
    }
    return true;
}

const struct config_listen *config_listen_named(const struct config *c, const char *name)
{
    return find(&options_sections[SECTION_LISTEN], c, name);
}
