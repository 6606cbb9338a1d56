/* promise.h - the request that a push stands for, and whether its answer may be pushed
 * (docs/push.md). Pure. */
#ifndef PUSH_PROMISE_H
#define PUSH_PROMISE_H

#include "http/message.h"

struct promise_rules {
    const struct span *copied; /* lower-case names to copy besides the usual ones */
    size_t copied_len;
    bool underscores;   /* names with "_" may be copied, since the origin gets them */
    bool referer;       /* the page and the asset go to the same origin */
    struct span policy; /* the link's own referrerpolicy; empty: none */
};

/* Makes in `out` the request for the asset `target`, whose destination is `as`. `page` is the
 * request of the page, `answer` the fields of its response, whose Referrer-Policy has a say. New
 * text lives in `arena`. Sets
 * `*is_private` if a field beyond the usual ones was copied. Look at out->fields.failed. */
void promise_request(struct request *out, struct arena *arena, const struct request *page,
                     const struct fields *answer, struct span target, struct span as,
                     const struct promise_rules *rules, bool *is_private);

/* The answer's Vary tells that the client might have got another one: it is `*`, or names a field
 * (but for accept) that the page's request had and the promise has not, or has with another
 * value. */
bool promise_vary_forbids(const struct fields *answer, const struct request *page,
                          const struct request *promise);

#endif
