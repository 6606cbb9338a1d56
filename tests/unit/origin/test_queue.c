#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "origin/queue.h"

struct waiter {
    char name;
    struct list node;
};

static char name_of(const struct list *node)
{
    return node ? CONTAINER_OF(node, struct waiter, node)->name : '-';
}

/* Everyone in `q`, in order. */
static const char *order(const struct queue *q)
{
    static char names[16];
    size_t n = 0;
    for (struct list *node = queue_first(q); node; node = queue_after(q, node))
        names[n++] = name_of(node);
    names[n] = '\0';
    return names;
}

static char take(struct queue *q)
{
    struct list *node = queue_first(q);
    if (node)
        queue_remove(q, node);
    return name_of(node);
}

static void empty_queue_has_no_first(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q);
    assert_null(queue_first(&q));
    assert_int_equal(take(&q), '-');
}

static void who_asks_for_much_waits_among_his_own(void **state)
{
    (void)state;
    struct queue q;
    struct waiter w[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'x'}, {.name = 'y'}};
    queue_init(&q);
    for (unsigned i = 0; i < 3; i++)
        queue_push(&q, &w[i].node, i);
    queue_push(&q, &w[3].node, 0);
    queue_push(&q, &w[4].node, 1);
    assert_string_equal(order(&q), "axbyc");
    assert_int_equal(q.len, 5);
}

static void nobody_is_passed_over_for_ever(void **state)
{
    (void)state;
    struct queue q;
    struct waiter heavy = {.name = 'h'};
    struct waiter first = {.name = 'l'};
    struct waiter light[QUEUE_ROUNDS];
    queue_init(&q);
    /* Somebody who has nothing under way waits, and another comes whenever one is served. */
    queue_push(&q, &heavy.node, 50);
    queue_push(&q, &first.node, 0);
    size_t served = 0;
    for (char taken = '-'; taken != 'h'; served++) {
        assert_true(served < ARRAY_LEN(light));
        light[served].name = 'l';
        queue_push(&q, &light[served].node, 0);
        taken = take(&q);
    }
    assert_in_range(served, 40, 110);
}

static void who_asks_for_more_than_there_are_rounds_is_in_the_last(void **state)
{
    (void)state;
    struct queue q;
    struct waiter w[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    queue_init(&q);
    queue_push(&q, &w[0].node, UINT32_MAX);
    queue_push(&q, &w[1].node, QUEUE_ROUNDS - 1);
    queue_push(&q, &w[2].node, QUEUE_ROUNDS - 3);
    assert_string_equal(order(&q), "cab");
}

static void front_is_before_all(void **state)
{
    (void)state;
    struct queue q;
    struct waiter w[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    queue_init(&q);
    queue_push(&q, &w[0].node, 0);
    queue_push(&q, &w[1].node, 1);
    queue_push_front(&q, &w[2].node);
    assert_string_equal(order(&q), "cab");
}

static void any_may_be_taken_out(void **state)
{
    (void)state;
    struct queue q;
    struct waiter w[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    queue_init(&q);
    for (unsigned i = 0; i < 4; i++)
        queue_push(&q, &w[i].node, i / 2);
    queue_remove(&q, &w[2].node);
    assert_string_equal(order(&q), "abd");
    queue_remove(&q, &w[0].node);
    queue_remove(&q, &w[1].node);
    assert_string_equal(order(&q), "d");
    assert_int_equal(take(&q), 'd');
    assert_int_equal(q.len, 0);
    assert_null(queue_first(&q));
}

static void ring_goes_round(void **state)
{
    (void)state;
    struct queue q;
    struct waiter w[] = {{.name = 'a'}, {.name = 'b'}};
    queue_init(&q);
    for (int i = 0; i < 5 * QUEUE_ROUNDS; i++) {
        queue_push(&q, &w[0].node, 3);
        queue_push(&q, &w[1].node, QUEUE_ROUNDS - 2);
        assert_string_equal(order(&q), "ab");
        assert_int_equal(take(&q), 'a');
        assert_int_equal(take(&q), 'b');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_queue_has_no_first),
        cmocka_unit_test(who_asks_for_much_waits_among_his_own),
        cmocka_unit_test(nobody_is_passed_over_for_ever),
        cmocka_unit_test(who_asks_for_more_than_there_are_rounds_is_in_the_last),
        cmocka_unit_test(front_is_before_all),
        cmocka_unit_test(any_may_be_taken_out),
        cmocka_unit_test(ring_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
