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
    malloc_trim(0);
}
