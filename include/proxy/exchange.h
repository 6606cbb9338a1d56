/* exchange.h - one request and its response: its data, its life, and the events of its stream.
 * It lives in the first block of its own arena. Its stream reports what comes in, which is only
 * recorded here; what is to be done is done at the end of the turn, by the one function that looks
 * at the state (proxy/steps.h). Freed at the end of the turn in which it was closed, unless a push
 * still needs its request. */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "proxy/answer.h"
#include "proxy/client.h"
#include "proxy/pace.h"

enum exchange_state {
    EXCHANGE_RECEIVING, /* the request's head */
    EXCHANGE_ASKING,    /* an answer was asked for, no final head yet */
    EXCHANGE_ANSWERING, /* the final head was sent, the body follows */
    EXCHANGE_ANSWERED,  /* all of the answer was framed */
    EXCHANGE_RESET,     /* we ended the stream; its close is awaited */
    EXCHANGE_CLOSED,
    EXCHANGE_STATES,
};

/* How much of the request has come. */
enum exchange_upload {
    UPLOAD_HEAD,   /* its head is not complete */
    UPLOAD_OPEN,   /* its body or trailers are still to come */
    UPLOAD_ENDED,  /* all of it is here */
    UPLOAD_PASSED, /* and the answer was told so */
};

/* What a page plans. */
struct exchange_plan {
    struct plan_page page;
    bool counted; /* the next two are of use */
    enum plan_off off;
    unsigned verdicts[PLAN_VERDICTS_END];
};

/* What a pushed exchange is to its page. */
struct exchange_push {
    struct exchange *page; /* pinned until the push is closed */
    uint64_t key;          /* of the asset (push/diary.h) */
    bool is_private;       /* the promise carries copied fields that may be private */
};

struct exchange {
    struct stream *stream; /* in the arena; linked in client.streams */
    struct client *client;
    struct turn_task act, die;
    struct arena arena;
    size_t heads_bytes; /* of its memory, as its client counts it */
    enum exchange_state state;
    enum failure failure; /* the first one */
    enum failure failing; /* one that is to be acted on */

    /* the request */
    struct request request;
    struct fields request_trailers;
    enum exchange_upload upload;
    struct pace pace;
    struct timeout whole; /* of the exchange, since the head of its request */
    const struct config_route *route;
    uint64_t started_us;
    uint64_t diary_key; /* of a page that is in the diary; 0: it is not */

    /* the answer */
    struct answer answer;
    unsigned status;
    struct fields response_trailers;
    uint64_t bytes; /* of the body, framed */

    struct exchange_plan *plan; /* NULL: nothing was to be planned; lives in the arena */
    struct exchange_push *push; /* NULL: the client asked; lives in the arena */
    unsigned pins;              /* pushes that need this one's request */
};

/* What sessions report to; their user is a client. */
extern const struct stream_events exchange_events;

/* Makes an exchange of `client` that has received nothing yet, with a stream of `stream_bytes`.
 * NULL when memory is out. */
struct exchange *exchange_new(struct client *client, size_t stream_bytes);
/* Makes `x` a push of `page`, which it pins. False when memory is out. */
NODISCARD bool exchange_make_push(struct exchange *x, struct exchange *page);
/* How its call stands among others. */
enum call_rank exchange_rank(const struct exchange *x);
/* Moves the exchange to another state; which moves are allowed stands in a table. */
void exchange_set_state(struct exchange *x, enum exchange_state to);
/* Queues what there is to do. */
void exchange_act_soon(struct exchange *x);
/* The one way in which an exchange fails: records why, and queues; the client is answered, or the
 * stream is reset, at the end of the turn. */
void exchange_fail(struct exchange *x, enum failure why);
/* Memory for the request was out. */
bool exchange_is_out_of_memory(const struct exchange *x);
/* The head of the answer was sent, and the exchange is not over. */
bool exchange_is_answering(const struct exchange *x);
/* All of the answer was framed. */
bool exchange_is_answered(const struct exchange *x);
/* Tells the client how much memory the heads of the exchange take now, beyond the block that any
 * exchange has. */
void exchange_count_heads(struct exchange *x);
/* Takes a page that brought nothing, by its status so far, out of its client's diary. */
void exchange_leave_diary(struct exchange *x);
/* Starts or stops the time-outs of its client, whose turn it may be. */
void exchange_watch_pace(struct exchange *x);
/* Of the exchanges of `e` whose clients have been awaited for `ms` or more, returns the one that
 * began to wait first of those that fare as badly as `step`, or worse; `*silent_ms` says for how
 * long nothing has come. NULL: there is none. */
struct exchange *exchange_longest(struct env *e, enum pace_step step, uint64_t ms,
                                  uint64_t *silent_ms);
/* Ends `x`, whose stream is closed, or was never promised: stops everything, and leaves its client
 * and its page. It is freed at the end of the turn. */
void exchange_close(struct exchange *x);

#endif
