/* exchange.h - one request and its response.
 * It lives in the first block of its own arena. The client's protocol tells it what comes in
 * (exchange_on_...), which it only records; what is to be done is done at the end of the turn, in
 * one function that looks at the state. Freed at the end of the turn in which it was closed, unless
 * a push still needs its request. */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "origin/call.h"
#include "proxy/pace.h"
#include "proxy/stream.h"

enum exchange_state {
    EXCHANGE_RECEIVING,  /* the request's head */
    EXCHANGE_FORWARDING, /* a call is under way, no final head yet */
    EXCHANGE_ANSWERING,  /* the final head was sent, the body follows */
    EXCHANGE_RESET,      /* we ended the stream; its close is awaited */
    EXCHANGE_CLOSED,
    EXCHANGE_STATES,
};

/* What a page plans. */
struct exchange_plan {
    struct plan_page page;
    bool counted; /* the next two are of use */
    enum plan_off off;
    unsigned verdicts[PLAN_VERDICTS_END];
};

struct exchange {
    struct h2_stream stream; /* for stream.c only */
    struct client *client;
    struct list node; /* in the client's list */
    struct turn_task act, die;
    struct arena arena;
    enum exchange_state state;
    enum failure failure;

    /* the request */
    struct request request;
    struct fields request_trailers;
    size_t header_bytes;
    bool header_too_large, head_complete, request_ended, upload_ended, stream_closed;
    struct pace pace;
    struct timeout whole; /* of the exchange, since the head of its request */
    const struct config_route *route;
    uint64_t started_us;
    uint64_t diary_key;
    bool in_diary;

    /* the origin */
    struct call call;

    /* the answer */
    unsigned status;
    struct span own_body; /* of an answer that is not the origin's */
    struct fields response_trailers;
    bool has_own_body, answer_ended;
    uint64_t bytes; /* of the body, framed */

    /* push: what a page plans, and what a pushed exchange is to its page */
    struct exchange_plan *plan; /* NULL: nothing was to be planned; lives in the arena */
    bool is_push;
    struct exchange *page; /* of a push; pinned */
    unsigned pins;         /* pushes that need this one's request */
    bool is_private;       /* the promise carries copied fields that may be private */
};

/* An exchange of `client` that has received nothing yet; NULL when memory is out. */
struct exchange *exchange_new(struct client *client);
/* How its call stands among others. */
enum call_rank exchange_rank(const struct exchange *x);
/* What the protocol saw; all of these only record. A field of the head (pseudo-fields have names
 * with ":"), or of the trailers; both are copied. */
void exchange_on_field(struct exchange *x, struct span name, struct span value, bool trailer);
/* The head is complete; `end`: and the request with it. */
void exchange_on_head(struct exchange *x, bool end);
/* A piece of the body, which is copied. */
void exchange_on_body(struct exchange *x, struct span bytes);
/* The request is complete. */
void exchange_on_end(struct exchange *x);
/* The stream is closed; `why` is recorded if the answer was not complete. */
void exchange_on_closed(struct exchange *x, enum failure why);
/* The next bytes of the answer's body; as h2_events.pull. */
enum h2_body exchange_pull(struct exchange *x, struct h2_piece *piece,
                           const struct fields **trailers);
/* `n` bytes of it were framed. */
void exchange_on_sent(struct exchange *x, size_t n);
/* All of it was framed. */
void exchange_on_ended(struct exchange *x);

/* The one way in which an exchange fails: the client is answered, or the stream is reset. */
void exchange_fail(struct exchange *x, enum failure why);

/* Starts the push `x` whose request was promised: it goes to the origin as a client's would. */
void exchange_start_push(struct exchange *x);
/* Makes `x` not exist: it was never promised. */
void exchange_discard(struct exchange *x);
#endif
