/* list.h - intrusive doubly linked lists.
 * The list owns nothing. A node is in one list at most; a node that is in none points at itself, so
 * that taking it out twice does no harm. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

#include "base/attr.h"

struct list {
    struct list *next, *prev;
};

/* Every object of type `type` (linked through `member`) in `head`, oldest first. */
#define LIST_FOR_EACH(var, head, type, member)                                                     \
    for (type *var = CONTAINER_OF((head)->next, type, member); &var->member != (head);             \
         var = CONTAINER_OF(var->member.next, type, member))

/* The same, where the body may take `var` (and no other) out of the list or free it. */
#define LIST_FOR_EACH_SAFE(var, head, type, member)                                                \
    for (type *var = CONTAINER_OF((head)->next, type, member),                                     \
              *var##_next = CONTAINER_OF(var->member.next, type, member);                          \
         &var->member != (head);                                                                   \
         var = var##_next, var##_next = CONTAINER_OF(var->member.next, type, member))

/* Makes `node` an empty list, or a node that is in no list. */
static inline void list_init(struct list *node)
{
    node->next = node->prev = node;
}

/* The list is empty; or, asked of a node, it is in no list. */
static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

/* Puts `node`, which is in no list, at the end of `head`. */
static inline void list_push(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Puts `node`, which is in no list, at the front of `head`. */
static inline void list_push_front(struct list *head, struct list *node)
{
    list_push(head->next, node);
}

/* Takes `node` out of the list that it is in, if any. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Takes the oldest node off `head`; NULL when it is empty. */
static inline struct list *list_pop(struct list *head)
{
    struct list *node = head->next;
    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

#endif
