/* reply.h - the way from the answer to the stream: heads are rewritten, their links planned and
 * promised, bodies announced. */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "proxy/exchange.h"

/* Passes on what the answer has: heads, the announcement of a body, the end. Records a failure
 * where the answer has failed or memory is out. */
void reply_go_on(struct exchange *x);
/* Ends the stream where the answer is complete and the client still sends: what comes is not wanted
 * (RFC 9113 §8.1). */
void reply_end_if_answered(struct exchange *x);
/* Acts on x->failing: answers for ourselves where no head was sent and the failure has a status,
 * otherwise ends the stream. */
void reply_fail(struct exchange *x);

#endif
