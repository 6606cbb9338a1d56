/* pushes.h - what the Link fields of a page's response lead to (docs/push.md): the plan, the
 * promises, and what becomes of a pushed answer. */
#ifndef PROXY_PUSHES_H
#define PROXY_PUSHES_H

#include "proxy/exchange.h"

/* Plans the pushes of `head`, which is the origin's as it goes to the client, promises what is to
 * be pushed and changes the head: Link, cf-h2-pushed, cf-h2-push-explain. An informational one
 * other than 103 loses the links that no client is to see. False when memory is out. */
NODISCARD bool pushes_plan(struct exchange *x, struct response *head);
/* Adds to a final head of our own what was pushed for an earlier one, and the explanation. */
void pushes_tell(struct exchange *x, struct response *head);
/* The origin answered a push with `from`. FAIL_NONE: it may be delivered; otherwise the reason for
 * not doing so, remembered so that it is not tried again too soon. */
enum failure pushes_judge(struct exchange *x, const struct response *from);
/* Makes `to` the head of a pushed answer. */
void pushes_mark(struct exchange *x, struct response *to);
/* We end the push `x`: the connection has not carried it, and others may be spared it. */
void pushes_failed(struct exchange *x, enum failure why);

#endif
