#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

void *mem_alloc(size_t size)
{
    return malloc(size);
}

void *mem_zalloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
    return reallocarray(ptr, count, size);
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_trim(void)
{
    /* ThreadSanitizer brings a heap of its own, and the C library's is then never set up: two
     * threads that trim it would each set it up. */
#ifndef __SANITIZE_THREAD__
    malloc_trim(0);
#endif
}
