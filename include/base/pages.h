/* pages.h - memory in whole pages of its own, for what is large and seldom used to its end: a page
 * takes memory only once it is touched. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

#include "base/attr.h"

/* `size` bytes, all zero, or NULL. Give back with pages_give(). */
NODISCARD void *pages_take(size_t size);
/* Takes the memory behind `size` bytes at `at`, where a page begins, off them for now: they are
 * zero and stay taken. */
void pages_empty(void *at, size_t size);
/* Gives `size` bytes of pages_take() back to the system. */
void pages_give(void *pages, size_t size);

#endif
