/* arena_fixture.h - an arena for each test: cmocka_unit_test_setup_teardown(t, set_up, tear_down).
 */
#ifndef UNIT_ARENA_FIXTURE_H
#define UNIT_ARENA_FIXTURE_H

#include "base/arena.h"

static struct arena arena;

static inline int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

#endif
