/* Giving memory back where malloc_trim() is another library's than malloc(): it would trim a heap
 * that nobody has set up. Here it is this program's, and malloc() is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/mem.h"

static atomic_uint trims;

int malloc_trim(size_t pad)
{
    (void)pad;
    atomic_fetch_add(&trims, 1);
    return 0;
}

static void heap_of_another_library_is_left_alone(void **state)
{
    (void)state;
    mem_trim();
    mem_trim();
    assert_int_equal(atomic_load(&trims), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heap_of_another_library_is_left_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
