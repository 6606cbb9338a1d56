#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/lru.h"

static void assert_value(const struct lru *l, uint64_t key, uint64_t value)
{
    const uint64_t *got = lru_peek(l, key);
    assert_non_null(got);
    assert_int_equal(*got, value);
}

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct lru l;
    lru_init(&l, 4);
    assert_null(lru_peek(&l, 0));
    lru_remove(&l, 0);
    lru_fini(&l);
}

static void the_least_recently_used_goes_first(void **state)
{
    (void)state;
    struct lru l;
    lru_init(&l, 3);
    assert_true(lru_put(&l, 1, 10));
    assert_true(lru_put(&l, 2, 20));
    assert_true(lru_put(&l, 3, 30));
    assert_true(lru_put(&l, 1, 11)); /* a use */
    assert_value(&l, 2, 20);         /* not a use */
    assert_true(lru_put(&l, 4, 40));
    assert_null(lru_peek(&l, 2));
    assert_value(&l, 1, 11);
    assert_value(&l, 3, 30);
    assert_value(&l, 4, 40);
    lru_fini(&l);
}

static void a_map_of_one_holds_the_last(void **state)
{
    (void)state;
    struct lru l;
    lru_init(&l, 1);
    for (uint64_t key = 0; key < 5; key++) {
        assert_true(lru_put(&l, key, key));
        assert_value(&l, key, key);
        assert_int_equal(l.size, 1);
    }
    lru_remove(&l, 4);
    assert_int_equal(l.size, 0);
    assert_true(lru_put(&l, 7, 7));
    assert_value(&l, 7, 7);
    lru_fini(&l);
}

static void it_grows_with_its_entries_up_to_its_limit(void **state)
{
    (void)state;
    enum { MAX = 1000 };
    struct lru l;
    lru_init(&l, MAX);
    assert_null(l.entries);
    assert_true(lru_put(&l, 0, 0));
    assert_true(l.capacity < MAX);
    for (uint64_t key = 1; key < 2 * MAX; key++)
        assert_true(lru_put(&l, key, key));
    assert_int_equal(l.capacity, MAX);
    assert_int_equal(l.size, MAX);
    for (uint64_t key = 0; key < MAX; key++)
        assert_null(lru_peek(&l, key));
    for (uint64_t key = MAX; key < 2 * MAX; key++)
        assert_value(&l, key, key);
    lru_fini(&l);
}

static void the_largest_map_can_be_filled(void **state)
{
    (void)state;
    enum { MAX = 32768 };
    struct lru l;
    lru_init(&l, MAX);
    for (uint64_t key = 1; key <= MAX + 1; key++)
        assert_true(lru_put(&l, key * UINT64_C(0x9e3779b97f4a7c15), key));
    assert_int_equal(l.size, MAX);
    assert_null(lru_peek(&l, UINT64_C(0x9e3779b97f4a7c15)));
    for (uint64_t key = 2; key <= MAX + 1; key++)
        assert_value(&l, key * UINT64_C(0x9e3779b97f4a7c15), key);
    lru_fini(&l);
}

/* The model: an array of entries, the most recently used last. */
enum { MODEL_MAX = 40, MODEL_KEYS = 64 };

struct model {
    uint64_t keys[MODEL_MAX], values[MODEL_MAX];
    size_t len, max;
};

static size_t model_find(const struct model *m, uint64_t key)
{
    size_t i = 0;
    while (i < m->len && m->keys[i] != key)
        i++;
    return i;
}

static void model_take(struct model *m, size_t i)
{
    if (i >= m->len)
        return;
    memmove(m->keys + i, m->keys + i + 1, (m->len - i - 1) * sizeof m->keys[0]);
    memmove(m->values + i, m->values + i + 1, (m->len - i - 1) * sizeof m->values[0]);
    m->len--;
}

static void model_put(struct model *m, uint64_t key, uint64_t value)
{
    model_take(m, model_find(m, key));
    if (m->len == m->max)
        model_take(m, 0);
    m->keys[m->len] = key;
    m->values[m->len++] = value;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Keys that share buckets (multiples of 8) and keys far apart. */
static uint64_t model_key(uint64_t n)
{
    return n % 2 ? n * 8 : n << 40 | n;
}

static void assert_like_model(const struct lru *l, const struct model *m)
{
    assert_int_equal(l->size, m->len);
    for (uint64_t n = 0; n < MODEL_KEYS; n++) {
        size_t i = model_find(m, model_key(n));
        if (i < m->len)
            assert_value(l, model_key(n), m->values[i]);
        else
            assert_null(lru_peek(l, model_key(n)));
    }
}

static void random_operations_match_a_simple_model(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {1, 2, 16, 17, MODEL_MAX};
    uint64_t seed = 88172645463325252u;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct model m = {.max = sizes[s]};
        struct lru l;
        lru_init(&l, sizes[s]);
        for (uint64_t step = 0; step < 3000; step++) {
            uint64_t key = model_key(next_random(&seed) % MODEL_KEYS);
            if (next_random(&seed) % 4 == 0) {
                lru_remove(&l, key);
                model_take(&m, model_find(&m, key));
            } else {
                assert_true(lru_put(&l, key, step));
                model_put(&m, key, step);
            }
            assert_like_model(&l, &m);
        }
        lru_fini(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(a_map_of_one_holds_the_last),
        cmocka_unit_test(it_grows_with_its_entries_up_to_its_limit),
        cmocka_unit_test(the_largest_map_can_be_filled),
        cmocka_unit_test(random_operations_match_a_simple_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
