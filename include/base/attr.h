/* attr.h - the compiler's help, under one name each. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

/* A result that must be looked at. */
#define NODISCARD __attribute__((warn_unused_result))
/* printf-like: `fmt` is the number of the format argument, `args` of the first after it. */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A function for what happens rarely: it is kept out of those that call it. */
#define RARE __attribute__((cold, noinline))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The object of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
