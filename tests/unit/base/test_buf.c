#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

enum { BLOCK_BYTES = 64 };

static struct blocks blocks;

static int make(void **state)
{
    (void)state;
    blocks_init(&blocks, NULL, BLOCK_BYTES, 1);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    blocks_fini(&blocks);
    return 0;
}

static void an_empty_queue_has_no_block(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, &blocks);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(buf_bytes(&b).len, 0);
    assert_int_equal(buf_room(&b), BLOCK_BYTES);
    assert_null(b.block);
    buf_consume(&b, 0);
    buf_fini(&b);
}

static void the_block_goes_back_with_the_last_byte(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, &blocks);
    assert_true(buf_append(&b, SPAN("abc")));
    assert_non_null(b.block);
    buf_consume(&b, 2);
    assert_non_null(b.block);
    buf_consume(&b, 1);
    assert_null(b.block);
    assert_int_equal(blocks.kept, 1);
    buf_fini(&b);
}

static void space_that_was_not_used_goes_back_with_an_empty_consume(void **state)
{
    (void)state;
    struct buf b;
    size_t room;
    buf_init(&b, &blocks);
    assert_non_null(buf_space(&b, &room));
    assert_int_equal(room, BLOCK_BYTES);
    buf_consume(&b, 0);
    assert_null(b.block);
}

static void bytes_may_begin_behind_others(void **state)
{
    (void)state;
    struct buf b;
    size_t room;
    buf_init(&b, &blocks);
    char *at = buf_space(&b, &room);
    assert_non_null(at);
    buf_skip(&b, 10);
    assert_int_equal(buf_len(&b), 0);
    buf_commit(&b, room - 10);
    assert_ptr_equal(buf_bytes(&b).ptr, at + 10);
    assert_int_equal(buf_room(&b), 10);
    memset(at + 10, 'x', room - 10);
    assert_ptr_equal(buf_space(&b, &room), at + BLOCK_BYTES - 10);
    assert_int_equal(room, 10);
    assert_int_equal(*at, 'x');
    buf_fini(&b);
}

static void bytes_may_be_kept_free_in_front(void **state)
{
    (void)state;
    struct buf b;
    size_t room;
    buf_init_behind(&b, &blocks, 8);
    assert_int_equal(buf_room(&b), BLOCK_BYTES - 8);
    char *at = buf_space(&b, &room);
    assert_non_null(at);
    assert_int_equal(room, BLOCK_BYTES - 8);
    memset(at, 'x', room);
    buf_commit(&b, room);
    assert_int_equal(buf_spare(&b), 8);
    assert_null(buf_space(&b, &room));
    buf_consume(&b, BLOCK_BYTES - 8 - 10);
    assert_int_equal(buf_spare(&b), BLOCK_BYTES - 10);
    assert_ptr_equal(buf_space(&b, &room), at + 10); /* the bytes have moved */
    assert_int_equal(buf_spare(&b), 8);
    assert_true(buf_append(&b, SPAN("y")));
    assert_memory_equal(buf_bytes(&b).ptr, "xxxxxxxxxxy", 11);
    buf_consume(&b, 11);
    assert_null(b.block);
    assert_int_equal(buf_spare(&b), 8);
    buf_fini(&b);
}

static void what_does_not_fit_is_not_appended_in_part(void **state)
{
    (void)state;
    struct buf b;
    char bytes[BLOCK_BYTES + 1] = "";
    buf_init(&b, &blocks);
    assert_false(buf_append(&b, span_of(bytes, BLOCK_BYTES + 1)));
    assert_true(buf_append(&b, span_of(bytes, BLOCK_BYTES - 1)));
    assert_false(buf_append(&b, SPAN("ab")));
    assert_int_equal(buf_len(&b), BLOCK_BYTES - 1);
    assert_true(buf_append(&b, SPAN("a")));
    size_t room;
    assert_null(buf_space(&b, &room));
    assert_true(buf_append(&b, (struct span){0}));
    buf_fini(&b);
}

static unsigned next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* The bytes that go in are numbered, so the model of the queue is the numbers of its first byte and
 * of the next one. */
static void bytes_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct buf b;
    uint32_t seed = 1;
    uint8_t bytes[BLOCK_BYTES];
    size_t first = 0, next = 0;
    buf_init(&b, &blocks);
    for (int step = 0; step < 20000; step++) {
        size_t len = next - first, n = next_random(&seed) % (BLOCK_BYTES + 1);
        switch (next_random(&seed) % 3) {
        case 0:
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)(next + i);
            bool fits = n <= BLOCK_BYTES - len;
            assert_int_equal(buf_append(&b, span_of(bytes, n)), fits);
            next += fits ? n : 0;
            break;
        case 1: {
            size_t room = 0;
            char *at = buf_space(&b, &room);
            assert_int_equal(at != NULL, len < BLOCK_BYTES);
            if (at) {
                assert_in_range(room, 1, BLOCK_BYTES - len);
                n = n < room ? n : room;
                for (size_t i = 0; i < n; i++)
                    at[i] = (char)(next + i);
                buf_commit(&b, n);
                next += n;
            }
            break;
        }
        default:
            n = n < len ? n : len;
            buf_consume(&b, n);
            first += n;
            assert_true(first < next || !b.block);
        }
        struct span got = buf_bytes(&b);
        assert_int_equal(got.len, next - first);
        assert_int_equal(buf_room(&b), BLOCK_BYTES - got.len);
        for (size_t i = 0; i < got.len; i++)
            assert_int_equal((uint8_t)got.ptr[i], (uint8_t)(first + i));
    }
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_no_block),
        cmocka_unit_test(the_block_goes_back_with_the_last_byte),
        cmocka_unit_test(space_that_was_not_used_goes_back_with_an_empty_consume),
        cmocka_unit_test(bytes_may_begin_behind_others),
        cmocka_unit_test(bytes_may_be_kept_free_in_front),
        cmocka_unit_test(what_does_not_fit_is_not_appended_in_part),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
