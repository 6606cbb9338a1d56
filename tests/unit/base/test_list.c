#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct item {
    char name;
    struct list node;
};

static struct item items[4];
static struct list head;

static int make(void **state)
{
    (void)state;
    list_init(&head);
    for (int i = 0; i < 4; i++) {
        items[i].name = (char)('a' + i);
        list_init(&items[i].node);
    }
    return 0;
}

static void assert_list(const char *names)
{
    char got[16] = "";
    size_t n = 0;
    LIST_FOR_EACH (item, &head, struct item, node)
        got[n++] = item->name;
    assert_string_equal(got, names);
    for (struct list *at = head.prev; at != &head; at = at->prev)
        assert_int_equal(CONTAINER_OF(at, struct item, node)->name, got[--n]);
    assert_int_equal(n, 0);
    assert_int_equal(list_empty(&head), names[0] == '\0');
}

static void push_all(void)
{
    for (int i = 0; i < 4; i++)
        list_push(&head, &items[i].node);
}

static void nodes_stay_in_the_order_of_their_pushes(void **state)
{
    (void)state;
    assert_list("");
    push_all();
    assert_list("abcd");
    list_remove(&items[3].node);
    list_push_front(&head, &items[3].node);
    assert_list("dabc");
}

static void taking_a_node_out_twice_does_no_harm(void **state)
{
    (void)state;
    push_all();
    list_remove(&items[1].node);
    assert_true(list_empty(&items[1].node));
    list_remove(&items[1].node);
    assert_list("acd");
    list_push(&head, &items[1].node);
    assert_list("acdb");
}

static void the_oldest_is_popped_first(void **state)
{
    (void)state;
    push_all();
    for (int i = 0; i < 4; i++) {
        struct list *node = list_pop(&head);
        assert_ptr_equal(node, &items[i].node);
        assert_true(list_empty(node));
    }
    assert_null(list_pop(&head));
    assert_list("");
}

static void a_safe_walk_may_take_out_and_free_each_node(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct item *item = calloc(1, sizeof *item);
        assert_non_null(item);
        list_init(&item->node);
        list_push(&head, &item->node);
    }
    LIST_FOR_EACH_SAFE (item, &head, struct item, node) {
        list_remove(&item->node);
        free(item);
    }
    assert_list("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nodes_stay_in_the_order_of_their_pushes, make),
        cmocka_unit_test_setup(taking_a_node_out_twice_does_no_harm, make),
        cmocka_unit_test_setup(the_oldest_is_popped_first, make),
        cmocka_unit_test_setup(a_safe_walk_may_take_out_and_free_each_node, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
