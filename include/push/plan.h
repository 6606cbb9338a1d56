/* plan.h - gives every link of a response its verdict (docs/push.md).
 * Pure: reads the page, the Link lines, the rules and the memory of what was carried; promises
 * nothing. The caller promises what is `pushed`, then has the plan applied to the response.
 * What a plan holds lives in the arena that push_plan() was given. */
#ifndef PUSH_PLAN_H
#define PUSH_PLAN_H

#include "http/message.h"
#include "push/diary.h"

#define PLAN_VERDICTS(X)                                                                           \
    X(NOT_PRELOAD, "not-preload")                                                                  \
    X(NOPUSH, "nopush")                                                                            \
    X(ANCHOR, "anchor")                                                                            \
    X(CONDITIONAL, "conditional")                                                                  \
    X(INVALID_URL, "invalid-url")                                                                  \
    X(CROSS_ORIGIN, "cross-origin")                                                                \
    X(SELF, "self")                                                                                \
    X(DUPLICATE, "duplicate")                                                                      \
    X(SEEN, "seen")                                                                                \
    X(REFUSED_BEFORE, "refused-before")                                                            \
    X(PAGE_LIMIT, "page-limit")                                                                    \
    X(CONNECTION_LIMIT, "connection-limit")                                                        \
    X(CLIENT_LIMIT, "client-limit")                                                                \
    X(PUSHED, "pushed")                                                                            \
    X(WOULD_PUSH, "would-push")

enum plan_verdict {
#define X(id, text) PLAN_##id,
    PLAN_VERDICTS(X)
#undef X
        PLAN_VERDICTS_END
};

/* Why nothing new is pushed for a response. */
#define PLAN_OFF_REASONS(X)                                                                        \
    X(METHOD, "method")                                                                            \
    X(STATUS, "status")                                                                            \
    X(CONFIG, "config")                                                                            \
    X(CLIENT, "client")                                                                            \
    X(DRAINING, "draining")                                                                        \
    X(PARENT, "parent")

enum plan_off {
    PLAN_ON,
#define X(id, text) PLAN_OFF_##id,
    PLAN_OFF_REASONS(X)
#undef X
        PLAN_OFF_END
};

/* One asset that was pushed for a page. */
struct plan_asset {
    struct span written; /* the target as the origin wrote it */
    struct span target;  /* "/path?query" */
    uint64_t key;        /* of the diary */
};

/* A page: the same through all of its response heads. What was pushed for it is remembered here. */
struct plan_page {
    struct url url;
    struct span target; /* the page's own "/path?query" */
    uint64_t site;      /* diary_site() */
    struct siphash_key key;
    struct plan_asset *pushed; /* lives in the page's arena */
    size_t pushed_len, pushed_capacity;
};

struct plan_rules {
    enum plan_off off; /* PLAN_ON, or why nothing new may be pushed */
    unsigned max_per_page;
    uint64_t connection_left; /* pushes that this connection may still make */
    uint64_t client_left;     /* pushes that may still be open at once */
    const struct diary *diary;
    const struct refusals *refusals;
    uint64_t now_ms;
};

struct plan_link {
    struct span line;    /* the whole field value it stands in: same ptr, same line */
    struct span element; /* its own bytes */
    struct span written; /* between < and > */
    struct span target;  /* resolved, "/path?query"; of `pushed` and `would-push` links */
    struct span as;      /* without escapes; of `pushed` and `would-push` links */
    struct span policy;  /* referrerpolicy, the same */
    uint64_t key;        /* of the diary; set when it came past `self` */
    enum plan_verdict verdict;
    bool push_only; /* a candidate with x-http2-push-only */
    bool removed;   /* leaves the response's Link: pushed, or the twin of one, or push-only */
};

struct plan {
    struct plan_link *links;
    size_t len, capacity;
};

/* Makes the page of a request (borrowed; its authority is settled). False where the authority is
 * malformed: such a page can be planned, but all its links are cross-origin. */
bool plan_page_init(struct plan_page *page, const struct request *request,
                    const struct siphash_key *key);
/* Gives every link in the Link lines of `fields` its verdict. False when memory is out. */
NODISCARD bool push_plan(struct plan *out, struct arena *arena, const struct plan_page *page,
                         const struct fields *fields, const struct plan_rules *rules);
/* Changes the verdict of a link that was to be pushed and could not be; it and its twins stay in
 * Link. */
void plan_deny(struct plan *plan, size_t link, enum plan_verdict verdict);
/* Remembers, in copies, what was pushed. False when memory is out; `page` is then as before. */
NODISCARD bool plan_remember(struct plan_page *page, struct arena *arena, const struct plan *plan);
/* Takes the removed links out of the Link lines of `fields`: those that were planned, in their
 * order, with the same bytes at the same place; some may be gone. A line from which nothing was
 * taken is not touched, a line with nothing left is dropped. Look at fields->failed. */
void plan_apply(const struct plan *plan, struct fields *fields);
/* Takes the links that no client is to see, x-http2-push-only, out of the Link lines of a head or
 * of trailers that are not planned, as plan_apply() would. Look at fields->failed. */
void plan_hide(struct fields *fields);
/* The value of cf-h2-pushed, of all that page's heads; empty if nothing was pushed. An empty span
 * and arena->failed when memory is out, as with the next. */
struct span plan_pushed_value(const struct plan_page *page, struct arena *arena);
/* The value of cf-h2-push-explain; empty if there is no link and `off` is PLAN_ON. */
struct span plan_explain_value(const struct plan *plan, enum plan_off off, struct arena *arena);
/* The reason's word; "" for PLAN_ON. */
const char *plan_off_text(enum plan_off off);
/* The verdict's word. */
const char *plan_verdict_text(enum plan_verdict verdict);

#endif
