/* pattern.h - bodies of any size whose every byte is known from its offset.
 * The pattern repeats after a prime number of bytes, so that a lost, doubled or swapped block of
 * any usual size shows. Both sides of a test make it and compare it, nobody stores it. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN_PIECE = 65536 };

/* The bytes of the pattern from `offset` on, of which PATTERN_PIECE can be read. */
const char *pattern_at(uint64_t offset);
/* `n` bytes are those of the pattern from `offset` on. */
bool pattern_matches(uint64_t offset, const void *bytes, size_t n);

#endif
