/* bytes.h - bytes that grow, with a NUL behind them that is not counted.
 * Owns its memory; a zeroed one is empty. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>

struct bytes {
    char *ptr; /* NULL while nothing was ever added */
    size_t len, capacity;
};

/* Adds `n` bytes at the end. */
void bytes_add(struct bytes *b, const void *from, size_t n);
/* The same, but keeps no more than `max` bytes in all. */
void bytes_add_up_to(struct bytes *b, const void *from, size_t n, size_t max);
/* Drops the bytes and keeps the memory. */
void bytes_clear(struct bytes *b);
/* The bytes as a C string; "" when empty. */
const char *bytes_text(const struct bytes *b);
/* Frees them and leaves `b` empty. */
void bytes_fini(struct bytes *b);

#endif
