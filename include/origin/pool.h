/* pool.h - the connections of one worker to its origins.
 * There is a pool for each origin: idle connections, busy ones, and the calls that wait in order.
 * The newest idle connection is used first, so that the others can grow old and be closed. */
#ifndef ORIGIN_POOL_H
#define ORIGIN_POOL_H

#include <event2/event.h>

#include "base/blocks.h"
#include "base/turn.h"
#include "config/config.h"
#include "origin/notes.h"

enum {
    POOL_BODY_BYTES = 32768,   /* of a response's body, held for a client */
    POOL_FLOW_BYTES = 65536,   /* the same, of a body that comes fast: fewer turns and reads */
    POOL_FRONT_BYTES = 4 * 9,  /* free before it, for the heads of frames of HTTP/2: a large block
                                * holds four whole ones */
    POOL_UPLOAD_BYTES = 65536, /* of a request's body, held for an origin */
};

struct pool;
struct pools;
struct tls_trust;

/* The pools of all origins of `config`, empty; `trust` was made of it, for those that are spoken to
 * in TLS, and so were `notes`. Their buffers are charged to `account`. Borrows everything for its
 * life. NULL when memory is out. */
NODISCARD struct pools *pools_new(struct event_base *base, struct turn *turn,
                                  const struct config *config, struct tls_trust *trust,
                                  struct notes *notes, struct account *account);
/* Closes every connection and frees the pools; NULL is fine. No call may be under way. */
void pools_free(struct pools *p);
/* The pool of an origin of the configuration. */
struct pool *pools_of(struct pools *p, const struct config_origin *origin);
/* Ends what has lasted too long. Returns the milliseconds until it is to be called again, or
 * UINT64_MAX. */
uint64_t pools_expire(struct pools *p, uint64_t now_ms);
/* Gives back the buffers that are kept for the next calls. */
void pools_trim(struct pools *p);
/* Closes the idle connections; those that become idle from now on are closed too. */
void pools_drain(struct pools *p);

#endif
