#include "base/mem.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
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

static pthread_once_t looked = PTHREAD_ONCE_INIT;
static bool heap_is_of_trim;

/* malloc may be another library's (a sanitizer's, a preloaded one's): then the C library's heap is
 * nobody's, and malloc_trim() is not fit for what nobody has set up. */
static void look(void)
{
    Dl_info heap, trim;
    void *of_heap = dlsym(RTLD_DEFAULT, "malloc"), *of_trim = dlsym(RTLD_DEFAULT, "malloc_trim");
    heap_is_of_trim = of_heap && of_trim && dladdr(of_heap, &heap) && dladdr(of_trim, &trim) &&
                      heap.dli_fbase == trim.dli_fbase;
}

/* How many have asked since the one who trims began: it trims once more for all of them. */
static atomic_uint asked;

void mem_trim(void)
{
    pthread_once(&looked, look);
    if (!heap_is_of_trim || atomic_fetch_add(&asked, 1) > 0)
        return;
    unsigned done;
    do {
        done = atomic_load(&asked);
        malloc_trim(0);
    } while (atomic_fetch_sub(&asked, done) != done);
}
