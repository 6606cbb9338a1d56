/* answer.h - the seam to what answers a request: an origin, or ourselves.
 * An answer lives inside its exchange. It is asked for once, takes the body of the request, and
 * gives heads, a body and trailers; it only records, and `changed` says that there is something to
 * look at. Nobody else looks at the call behind it.
 * Borrows: the arena, the request and the caller, until answer_cancel(). */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "http/forward.h"
#include "http/session.h"
#include "origin/call.h"
#include "origin/pool.h"
#include "proxy/failure.h"

enum answer_from {
    ANSWER_FROM_NOBODY, /* it was not asked for yet */
    ANSWER_FROM_ORIGIN,
    ANSWER_FROM_US,
};

enum answer_state {
    ANSWER_PENDING,  /* not asked for, or it waits for a connection to the origin */
    ANSWER_RUNNING,  /* it holds a connection to the origin */
    ANSWER_COMPLETE, /* all of it is here; its bytes may still have to be taken */
    ANSWER_FAILED,   /* see answer_failure() */
};

struct answer {
    void (*changed)(struct answer *a);
    enum answer_from from;
    struct call call;
    struct response own_head; /* of an answer of ours */
    struct span own_body;     /* what is left of it */
    bool own_head_taken;
};

/* What is asked for. */
struct answer_ask {
    struct pools *pools;
    const struct config_origin *origin;
    struct caller *caller;
    enum call_rank rank;
    struct arena *arena;
    const struct request *request;
    struct forward_rules rules;
};

/* Makes an answer that nobody was asked for; its buffers will come from `pools`. It takes an upload
 * already. `changed` must only queue. */
void answer_init(struct answer *a, struct pools *pools, void (*changed)(struct answer *a));
/* Asks the origin. False when memory is out. */
NODISCARD bool answer_start(struct answer *a, const struct answer_ask *ask);
/* Answers for ourselves: a status and its phrase as plain text, with a sentence where they say too
 * little (421), silent about the inside (RFC 9110 §15); only the head where that `is_short`, so
 * that no window of the client keeps it. What was asked for is cancelled. Its head and text live in
 * `arena`; look at arena->failed. `date` is borrowed. */
void answer_give(struct answer *a, struct arena *arena, unsigned status, bool is_short,
                 struct span method, struct span date);
/* Returns the next head that came, informational ones too; NULL: none. An informational one, and
 * what was put into its arena, may be gone with the next call. */
struct response *answer_take_head(struct answer *a);
/* How far it is. */
enum answer_state answer_state(const struct answer *a);
/* Why it failed: of an origin's, FAIL_NONE for what did not fail. */
enum failure answer_failure(const struct answer *a);
/* Returns the bytes of the body that are here, and what comes after them. */
enum stream_after answer_body(const struct answer *a, struct stream_piece *piece);
/* `n` bytes of the body are not needed any more. */
void answer_consume(struct answer *a, size_t n);
/* The trailers of a complete answer; NULL: none. */
const struct fields *answer_trailers(const struct answer *a);
/* Something waits for the client to take it: bytes, or the end. */
bool answer_awaits_reader(const struct answer *a);

/* Appends to the body of the request. False if there is no room (the sender did not wait for
 * answer_take_uploaded()) or no memory. */
NODISCARD bool answer_upload(struct answer *a, struct span bytes);
/* The body of the request has ended; `trailers` (NULL: none) are sent if the framing can carry them
 * (origin/call.h). */
void answer_upload_end(struct answer *a, const struct fields *trailers);
/* Returns the bytes of the upload that were passed on since this was last asked. */
size_t answer_take_uploaded(struct answer *a);
/* More of the upload is wanted before anything else can happen: less than half a window of it is on
 * its way. */
bool answer_awaits_upload(const struct answer *a);
/* Nothing of the upload has come, and the origin has not said 100, for which the client asked. */
bool answer_awaits_continue(const struct answer *a);

/* Puts the connection to the origin on offer, as long as the client neither takes nor sends
 * anything (origin/call.h). Legal while ANSWER_RUNNING. */
void answer_offer(struct answer *a);
/* Takes it back, if it was on offer. */
void answer_keep(struct answer *a);
/* The connection is on offer. */
bool answer_is_offered(const struct answer *a);
/* When the first byte came from the origin, in microseconds of clock_monotonic_us(); 0: none did.
 * `*reused`: on a connection that had served before. */
uint64_t answer_first_byte_us(const struct answer *a, bool *reused);
/* How much memory the head of the request takes that is still to be written to the origin. */
size_t answer_head_bytes(const struct answer *a);
/* Ends it at any stage and frees what it holds; twice is fine. */
void answer_cancel(struct answer *a);

#endif
