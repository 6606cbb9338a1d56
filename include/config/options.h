/* options.h - the one table of all sections and options.
 * Reading proxy.conf, --dump-config, conf/proxy.conf and docs/configuration.md come from it. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "config/type.h"

/* In the order in which they are read: a route looks for its origin. */
enum section_id {
    SECTION_GLOBAL, /* the options before the first section */
    SECTION_LISTEN,
    SECTION_CERTIFICATE,
    SECTION_ORIGIN,
    SECTION_ROUTE,
    SECTION_TLS,
    SECTION_PUSH,
    SECTION_LIMITS,
    SECTION_TIMEOUTS,
    SECTION_LOG,
    SECTION_ADMIN,
    SECTION_COUNT
};

/* The most options that a section has. */
enum { OPTIONS_MAX = 12 };

/* With a name ([listen NAME]) it can be given many times and its objects stand in an array; without
 * one it is given once and its object is the struct config itself. */
struct section {
    const char *name;        /* empty: no header */
    const char *sample_name; /* NULL: the section has no name */
    size_t array_offset;     /* of the pointer to the objects, in struct config */
    size_t len_offset;       /* of their number */
    size_t object_bytes;
    const struct option *options;
    size_t options_len;
    const char *help;
    bool is_sample; /* the smallest configuration has it */
};

extern const struct section options_sections[SECTION_COUNT];

/* Every named section's object begins with this. */
struct section_head {
    const char *name;
    unsigned line;
};

/* The section whose header begins with `name`, or NULL. */
const struct section *options_section(struct span name);
/* The option of that name, or NULL. */
const struct option *options_find(const struct section *section, struct span name);
/* The number of objects that `c` has of this section. */
size_t options_objects(const struct section *section, const struct config *c);
/* The object number `i` of them. */
const void *options_object(const struct section *section, const struct config *c, size_t i);
/* What is allowed for this option, to go after "allowed is". */
void options_allowed(const struct option *option, char *out, size_t room);

#endif
