/* Giving memory back where the heap is the C library's: this program brings an allocator and a
 * malloc_trim() of one kind, as that library does. A sanitizer brings a heap of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/mem.h"

enum { THREADS = 4, TIMES = 2000 };

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_HEAP 1
void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    return __libc_malloc(size);
}
#endif

static atomic_uint inside, most, trims;
static atomic_uint asked; /* in the order of time */
static atomic_uint seen;  /* of these, when the last trim began */

int malloc_trim(size_t pad)
{
    (void)pad;
    atomic_store(&seen, atomic_load(&asked));
    unsigned now = atomic_fetch_add(&inside, 1) + 1;
    if (now > atomic_load(&most))
        atomic_store(&most, now);
    atomic_fetch_add(&trims, 1);
    sched_yield(); /* another may come in here, if it can */
    atomic_fetch_sub(&inside, 1);
    return 0;
}

static void *ask_often(void *user)
{
    (void)user;
    for (int i = 0; i < TIMES; i++) {
        atomic_fetch_add(&asked, 1);
        mem_trim();
    }
    return NULL;
}

static void one_thread_trims_for_all_who_ask(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
#ifdef OWN_HEAP
    assert_int_equal(atomic_load(&most), 1);
    assert_in_range(atomic_load(&trims), 1, THREADS * TIMES);
    /* Nobody asked in vain. */
    assert_int_equal(atomic_load(&seen), THREADS * TIMES);
#else
    assert_int_equal(atomic_load(&trims), 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_thread_trims_for_all_who_ask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
