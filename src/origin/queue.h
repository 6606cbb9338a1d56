/* queue.h - who waits for a connection, in an order that is fair between callers.
 * Calls are served in rounds. One is put as many rounds behind as its caller has calls under way,
 * so that who asks for much waits among his own: who asks for little comes next, and nobody is
 * passed over for ever. Within a round the order is that of coming.
 * Borrows the nodes. Every function takes a time that does not depend on the number of calls. */
#ifndef ORIGIN_QUEUE_H
#define ORIGIN_QUEUE_H

#include "base/list.h"

enum { QUEUE_ROUNDS = 128 };

struct queue {
    struct list rounds[QUEUE_ROUNDS]; /* a ring */
    unsigned now;                     /* the round that is served */
    unsigned len;                     /* of all rounds */
};

/* An empty queue. */
void queue_init(struct queue *q);
/* Puts `node` into the round that comes `behind` rounds after the next one, or into the last: a
 * round that is being served takes no newcomers, so that it ends. */
void queue_push(struct queue *q, struct list *node, unsigned behind);
/* Puts `node` before all others. */
void queue_push_front(struct queue *q, struct list *node);
/* Takes `node` out; if it is the first, its round is served now. */
void queue_remove(struct queue *q, struct list *node);
/* The node that is next; NULL: nobody waits. */
struct list *queue_first(const struct queue *q);
/* The one after `node`; NULL: there is none. */
struct list *queue_after(const struct queue *q, const struct list *node);

#endif
