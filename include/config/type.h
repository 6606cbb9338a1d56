/* type.h - the types that an option's value can have: how each is read, printed and described.
 * Reading fills the object that the option is a part of; what it allocates lives in the arena of
 * the configuration. A default goes through the same code as a value from a file. */
#ifndef CONFIG_TYPE_H
#define CONFIG_TYPE_H

#include <stdio.h>

#include "config/config.h"

struct type;

/* One option of a section; options.h has the table of them. */
struct option {
    const char *name;
    const struct type *type;
    size_t offset;            /* in the section's object */
    const char *fallback;     /* the default, as it would be written; NULL: must be given */
    uint64_t min, max;        /* of a number */
    const char *const *words; /* of a word, NULL at the end */
    const char *sample;       /* what the example shows where there is no default */
    const char *help;         /* Markdown, whole sentences, one paragraph */
    bool needs_restart;       /* a reload does not change it */
};

/* What a value may need to know besides its own text. */
struct type_context {
    struct config *config; /* its origins are complete when the first route is read */
    const char *folder;    /* absolute, without a slash at its end: relative paths begin here */
    char why[160];         /* what is wrong with the value, where there is more to say than what is
                              allowed; else empty */
};

struct type {
    /* Reads all of `text` into `*to`. False where it is no such value. When memory is out the
     * arena's mark is set and the result does not matter. */
    bool (*parse)(struct type_context *ctx, const struct option *option, struct span text,
                  void *to);
    /* Prints `*from` so that `parse` reads it back. */
    void (*print)(const struct option *option, const void *from, FILE *out);
    /* Writes what is allowed, to go after "allowed is". NULL: `allowed` says it. */
    void (*describe)(const struct option *option, char *out, size_t room);
    const char *allowed;
};

extern const struct type type_count;    /* uint64_t, option->min to option->max */
extern const struct type type_duration; /* uint64_t milliseconds, the same */
extern const struct type type_size;     /* uint64_t bytes, the same */
extern const struct type type_memory;   /* struct config_memory, in bytes the same, or none */
extern const struct type type_switch;   /* bool */
extern const struct type type_word;     /* unsigned: option->min for the first of option->words */

extern const struct type type_user;  /* const char *; NULL: none */
extern const struct type type_group; /* const char *, a name or digits; NULL: none */
extern const struct type type_mode;  /* unsigned: permissions, up to 0777 */
extern const struct type type_host;  /* const char *; NULL: none */
extern const struct type type_path;  /* const char *, absolute; NULL: none */
extern const struct type type_log;   /* const char *: "stdout", "off" or an absolute path */
extern const struct type type_names; /* struct config_names: fields, lower case */
extern const struct type type_hosts; /* struct config_names: names of hosts, lower case */

extern const struct type type_address;  /* struct config_address; len 0: none */
extern const struct type type_url;      /* struct config_url */
extern const struct type type_networks; /* struct config_networks */
extern const struct type type_match;    /* config_route.match, and host and prefix beside it */
extern const struct type type_origin;   /* const struct config_origin * */

/* Says why a value is wrong; always false, so that `parse` may return it. */
bool type_why(struct type_context *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* `text` is empty and the option need not be given: the same as leaving it out. */
bool type_is_left_out(const struct option *option, struct span text);
/* A copy of `s` as a C string in the configuration's arena. */
const char *type_copy(struct type_context *ctx, struct span s);
/* `path` as an absolute path, as a C string in the configuration's arena. */
const char *type_absolute(struct type_context *ctx, struct span path);
/* A copy of `s` with its ASCII letters in lower case. */
struct span type_lower(struct arena *arena, struct span s);
/* Every byte of `s` is an ASCII letter, a digit, or one of `others`. */
bool type_is_made_of(struct span s, const char *others);
/* Takes the next word of a list that is separated by blanks off its front; false at the end. */
bool type_next_word(struct span *list, struct span *word);
/* How many words the list has. */
size_t type_words(struct span list);

#endif
