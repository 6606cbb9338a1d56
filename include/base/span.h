/* span.h - borrowed text as a value.
 * Owns nothing: whoever stores a span says who owns its bytes. Never NUL-terminated. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){("" literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define SPAN_ARG(s) (int)(s).len, (s).ptr

/* The span over `len` bytes at `ptr`. */
static inline struct span span_of(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

/* The span over the C string `s`. */
static inline struct span span_str(const char *s)
{
    return (struct span){s, strlen(s)};
}

/* The bytes of `s` from `from` to its end; `from` is at most s.len. */
static inline struct span span_from(struct span s, size_t from)
{
    return from == 0 ? s : (struct span){s.ptr + from, s.len - from};
}

/* The same bytes. */
static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* `c` in lower case if it is an ASCII capital. */
static inline char span_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The same bytes but for the case of ASCII letters. */
bool span_ieq(struct span a, struct span b);
/* `s` begins with `prefix`. */
bool span_starts(struct span s, struct span prefix);
/* `s` without the spaces and tabs around it. */
struct span span_trim(struct span s);
/* The offset of the first `c` in `s`, or s.len where there is none. */
size_t span_find(struct span s, char c);
/* Takes the next element of the comma-separated list `*list` off its front: without the white
 * space around it, empty elements skipped. False at the end. For lists of tokens (RFC 9110
 * §5.6.1), not for values with quoted strings. */
bool span_next_item(struct span *list, struct span *item);
/* Reads all of `s` as a decimal number up to `max`. False for anything else, an empty `s` too. */
bool span_to_u64(struct span s, uint64_t max, uint64_t *out);

#endif
