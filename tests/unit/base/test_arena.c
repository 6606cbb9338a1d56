#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>

#include "base/arena.h"

enum { BLOCK_BYTES = 512 };

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct blocks blocks;
    struct arena a;
    unsigned char *parts[200];
    blocks_init(&blocks, NULL, BLOCK_BYTES, 4);
    arena_init(&a, &blocks);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t size = 1 + i * 5; /* some larger than a block */
        parts[i] = arena_alloc(&a, size);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % alignof(max_align_t), 0);
        memset(parts[i], (int)i, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (size_t k = 0; k < 1 + i * 5; k++)
            assert_int_equal(parts[i][k], i);
    }
    assert_false(a.failed);
    arena_fini(&a);
    assert_int_equal(blocks.kept, 4);
    blocks_fini(&blocks);
}

static void zeroed_memory_is_zero_in_a_used_block_too(void **state)
{
    (void)state;
    struct blocks blocks;
    struct arena a;
    blocks_init(&blocks, NULL, BLOCK_BYTES, 4);
    for (int round = 0; round < 2; round++) {
        arena_init(&a, &blocks);
        unsigned char *p = arena_zalloc(&a, 300);
        assert_non_null(p);
        for (size_t i = 0; i < 300; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, 300);
        arena_fini(&a);
    }
    blocks_fini(&blocks);
}

static void small_allocations_share_a_block(void **state)
{
    (void)state;
    struct blocks blocks;
    struct arena a;
    blocks_init(&blocks, NULL, BLOCK_BYTES, 4);
    arena_init(&a, &blocks);
    const char *first = arena_alloc(&a, 10), *second = arena_alloc(&a, 10);
    assert_int_equal(second - first, 16);
    assert_int_equal(a.held_bytes, BLOCK_BYTES);
    assert_ptr_equal(arena_text(&a, 3), second + 10);
    assert_ptr_equal(arena_text(&a, 1), second + 13);
    assert_ptr_equal(arena_alloc(&a, 1), second + 16);
    arena_fini(&a);
    assert_int_equal(blocks.kept, 1);
    blocks_fini(&blocks);
}

static void copies_do_not_depend_on_their_source(void **state)
{
    (void)state;
    struct arena a;
    char source[] = "text";
    arena_init(&a, NULL);
    struct span copy = arena_dup(&a, span_str(source));
    source[0] = 'x';
    assert_true(span_eq(copy, SPAN("text")));
    assert_true(span_eq(arena_dup(&a, (struct span){0}), SPAN("")));
    arena_fini(&a);
}

static void spans_are_joined_in_order(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    const struct span parts[] = {SPAN("a"), SPAN(""), {0}, SPAN("bc"), SPAN("\0d")};
    assert_true(span_eq(arena_join(&a, parts, ARRAY_LEN(parts)), SPAN("abc\0d")));
    assert_true(span_eq(arena_join(&a, NULL, 0), SPAN("")));
    arena_fini(&a);
}

static void formatted_text_may_be_longer_than_a_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    assert_true(span_eq(arena_printf(&a, "%d-%s", 12, "x"), SPAN("12-x")));
    struct span wide = arena_printf(&a, "%9000d", 7);
    assert_int_equal(wide.len, 9000);
    assert_int_equal(wide.ptr[8999], '7');
    arena_fini(&a);
}

static void a_failure_is_remembered(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_true(a.failed);
    assert_non_null(arena_alloc(&a, 1));
    assert_true(a.failed);
    arena_fini(&a);
    assert_false(a.failed);
}

static void an_arena_can_be_used_again_after_its_end(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_fini(&a);
    assert_non_null(arena_alloc(&a, 10));
    arena_fini(&a);
    arena_fini(&a);
}

static void the_cache_of_blocks_keeps_no_more_than_it_may(void **state)
{
    (void)state;
    struct blocks blocks;
    void *taken[5];
    blocks_init(&blocks, NULL, BLOCK_BYTES, 2);
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        taken[i] = blocks_take(&blocks);
        assert_non_null(taken[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        blocks_give(&blocks, taken[i]);
    blocks_give(&blocks, NULL);
    assert_int_equal(blocks.kept, 2);
    void *again = blocks_take(&blocks);
    assert_ptr_equal(again, taken[1]);
    assert_int_equal(blocks.kept, 1);
    blocks_give(&blocks, again);
    blocks_fini(&blocks);
    assert_int_equal(blocks.kept, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(zeroed_memory_is_zero_in_a_used_block_too),
        cmocka_unit_test(small_allocations_share_a_block),
        cmocka_unit_test(copies_do_not_depend_on_their_source),
        cmocka_unit_test(spans_are_joined_in_order),
        cmocka_unit_test(formatted_text_may_be_longer_than_a_block),
        cmocka_unit_test(a_failure_is_remembered),
        cmocka_unit_test(an_arena_can_be_used_again_after_its_end),
        cmocka_unit_test(the_cache_of_blocks_keeps_no_more_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
