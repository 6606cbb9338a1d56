#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/notes.h"

static void a_note_is_new_once_for_each_origin(void **state)
{
    (void)state;
    const struct config config = {.origins_len = 2};
    struct notes *n = notes_new(&config);
    assert_non_null(n);
    assert_int_equal(notes_add(n, 0, 5), 5);
    assert_int_equal(notes_add(n, 0, 5), 0);
    assert_int_equal(notes_add(n, 0, 6), 2);
    assert_int_equal(notes_add(n, 1, 4), 4);
    assert_int_equal(notes_add(n, 1, 0), 0);
    assert_int_equal(notes_add(n, 0, UINT32_MAX), UINT32_MAX - 7);
    notes_free(n);
    notes_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_new_once_for_each_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
