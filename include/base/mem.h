/* mem.h - the one door to the heap.
 * Every allocation of ours may fail and every caller says what it does then; a test can make one
 * fail on purpose because they all come through here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/* `size` bytes, not initialized, or NULL. Free with mem_free(). */
NODISCARD void *mem_alloc(size_t size);
/* `count` times `size` bytes, all zero, or NULL. Free with mem_free(). */
NODISCARD void *mem_zalloc(size_t count, size_t size);
/* `ptr` with room for `count` times `size` bytes, or NULL (also when the product overflows), in
 * which case `ptr` is still valid. */
NODISCARD void *mem_resize(void *ptr, size_t count, size_t size);
/* Gives back what the functions above returned; NULL is fine. */
void mem_free(void *ptr);
/* Gives free memory back to the system. Walks the whole heap: for quiet moments only. One thread at
 * a time does it, on behalf of all who ask meanwhile, and nobody waits. Does nothing where the heap
 * is not the C library's. */
void mem_trim(void);

#endif
