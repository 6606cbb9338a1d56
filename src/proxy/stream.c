#include "proxy/stream.h"

#include "proxy/exchange.h"

static struct exchange *exchange_of(struct h2_stream *stream)
{
    return CONTAINER_OF(stream, struct exchange, stream);
}

static struct h2_stream *on_opened(void *user)
{
    struct exchange *x = exchange_new(user);
    return x ? &x->stream : NULL;
}

static void on_field(struct h2_stream *stream, struct span name, struct span value, bool trailer)
{
    exchange_on_field(exchange_of(stream), name, value, trailer);
}

static void on_head(struct h2_stream *stream, bool end)
{
    exchange_on_head(exchange_of(stream), end);
}

static void on_body(struct h2_stream *stream, struct span bytes)
{
    exchange_on_body(exchange_of(stream), bytes);
}

static void on_end(struct h2_stream *stream)
{
    exchange_on_end(exchange_of(stream));
}

static void on_closed(struct h2_stream *stream, uint32_t code)
{
    (void)code;
    exchange_on_closed(exchange_of(stream), FAIL_CLIENT_RESET);
}

static enum h2_body on_pull(struct h2_stream *stream, struct h2_piece *piece,
                            const struct fields **trailers)
{
    return exchange_pull(exchange_of(stream), piece, trailers);
}

static void on_sent(struct h2_stream *stream, size_t n)
{
    exchange_on_sent(exchange_of(stream), n);
}

static void on_ended(struct h2_stream *stream)
{
    exchange_on_ended(exchange_of(stream));
}

const struct h2_events stream_h2_events = {
    .opened = on_opened,
    .field = on_field,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .closed = on_closed,
    .pull = on_pull,
    .sent = on_sent,
    .ended = on_ended,
};

/* What is to be sent of an answer. */
static void write_answer(const struct exchange *x)
{
    if (x->call.state == CALL_COMPLETE)
        client_write_answer(x->client, exchange_rank(x));
    else
        client_write_soon(x->client);
}

bool stream_inform(struct exchange *x, const struct response *head)
{
    struct client *c = x->client;
    if (c->state != CLIENT_OPEN)
        return true;
    client_write_soon(c);
    return h2_session_inform(c->h2, &x->stream, head);
}

bool stream_respond(struct exchange *x, const struct response *head, bool has_body)
{
    struct client *c = x->client;
    if (c->state != CLIENT_OPEN)
        return true;
    write_answer(x);
    return h2_session_respond(c->h2, &x->stream, head, has_body);
}

bool stream_promise(struct exchange *page, struct exchange *push)
{
    struct client *c = page->client;
    if (c->state != CLIENT_OPEN ||
        !h2_session_promise(c->h2, &page->stream, &push->request, &push->stream))
        return false;
    client_write_soon(c);
    return true;
}

void stream_reset(struct exchange *x, enum h2_code code)
{
    struct client *c = x->client;
    if (c->state != CLIENT_OPEN)
        return;
    h2_session_reset(c->h2, &x->stream, code);
    client_write_soon(c);
}

void stream_resume(struct exchange *x)
{
    struct client *c = x->client;
    if (c->state != CLIENT_OPEN)
        return;
    h2_session_resume(c->h2, &x->stream);
    write_answer(x);
}

void stream_consumed(struct exchange *x, size_t n)
{
    struct client *c = x->client;
    if (c->state != CLIENT_OPEN)
        return;
    h2_session_consumed(c->h2, &x->stream, n);
    client_write_soon(c);
}

bool stream_has_window(const struct exchange *x)
{
    const struct client *c = x->client;
    return c->state == CLIENT_OPEN && h2_session_window(c->h2, &x->stream) > 0;
}
