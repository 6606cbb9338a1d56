/* source.h - what a proxy.conf says, before it is understood: its sections in their order, each
 * with the text of the options that it gives. The only file that knows inih. Here an unknown
 * section or option is refused, and one that is given twice; whether a value is right is not looked
 * at, but for what looks like a comment behind it. A line's end may be CR LF; a comment stands on a
 * line of its own. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include "config/options.h"

/* The longest line, and the longest name of a section. */
enum { SOURCE_LINE_BYTES = 4096, SOURCE_NAME_BYTES = 64 };

struct source_value {
    bool is_given;
    struct span text;
    unsigned line;
    const char *flag; /* of the command line, "--origin"; NULL: it stands in the file */
};

struct source_section {
    struct source_section *next;
    const struct section *kind;
    const char *name;                        /* empty: it has none */
    unsigned line;                           /* 0: not from a file */
    struct source_value values[OPTIONS_MAX]; /* in the order of kind->options */
};

struct source {
    struct arena arena; /* holds everything below */
    const char *file;   /* borrowed */
    struct source_section *first, **end;
};

/* A section as it is written: "[listen main]", or nothing for the options before the first. */
struct source_label {
    char text[SOURCE_NAME_BYTES + 16];
};

/* An empty source. */
void source_init(struct source *s, const char *file);
/* Frees what was read. */
void source_fini(struct source *s);
/* Reads `text`. False, and `error` filled, where it is not right or memory is out. */
NODISCARD bool source_read(struct source *s, struct span text, struct config_error *error);
/* Appends a section and returns it; NULL when memory is out. */
struct source_section *source_add(struct source *s, const struct section *kind, struct span name,
                                  unsigned line);
/* The next section of this kind after `after`; the first of all where that is NULL. */
const struct source_section *source_next(const struct source *s, const struct source_section *after,
                                         const struct section *kind);
/* The section's label; `name` NULL: it has none. */
struct source_label source_label(const struct section *kind, const char *name);

#endif
