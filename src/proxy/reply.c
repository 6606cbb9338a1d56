#include "proxy/reply.h"

#include "proxy/pushes.h"

/* We end the stream; its close will come back to us. */
static void reset(struct exchange *x, enum stream_end why)
{
    stream_reset(x->stream, why);
    client_write_soon(x->client);
    exchange_set_state(x, EXCHANGE_RESET);
}

/* A reset before the head is on its way would take its place. */
void reply_end_if_answered(struct exchange *x)
{
    if (x->state == EXCHANGE_ANSWERED && x->stream->responded && x->upload < UPLOAD_ENDED)
        reset(x, STREAM_DONE);
}

/* There is something to send of an answer. */
static void write_answer(struct exchange *x)
{
    if (answer_state(&x->answer) == ANSWER_COMPLETE)
        client_write_answer(x->client, exchange_rank(x));
    else
        client_write_soon(x->client);
}

static bool has_body(const struct response *head)
{
    return head->body.framing == BODY_UNKNOWN ||
           (head->body.framing == BODY_LENGTH && head->body.length > 0);
}

static void send_final(struct exchange *x, const struct response *head)
{
    bool body = has_body(head);
    x->status = head->status;
    exchange_leave_diary(x);
    exchange_set_state(x, EXCHANGE_ANSWERING);
    write_answer(x);
    if (!stream_respond(x->stream, head, body)) {
        exchange_fail(x, FAIL_NO_MEMORY);
        return;
    }
    if (!body)
        exchange_set_state(x, EXCHANGE_ANSWERED);
}

/* Makes the origin's head the one for the client. */
static void rewrite_head(struct exchange *x, struct response *head)
{
    const struct response from = *head;
    struct span date = SPAN("");
    if (from.status >= 200 && !fields_get(&from.fields, FIELD_DATE))
        date = arena_dup(&x->arena, env_date(x->client->env));
    head->fields.len = 0;
    forward_response(&head->fields, &from, SPAN("1.1"), date);
}

/* RFC 9110 §15.2: 100 is for those who asked. */
static void on_informational(struct exchange *x, struct response *head)
{
    if (x->push)
        return;
    if (head->status == 100 && !request_awaits_continue(&x->request))
        return;
    rewrite_head(x, head);
    bool planned = pushes_plan(x, head) && !head->fields.failed;
    bool is_empty = head->status == 103 && head->fields.len == 0;
    if (!planned || (!is_empty && !stream_inform(x->stream, head)))
        exchange_fail(x, FAIL_NO_MEMORY);
    client_write_soon(x->client);
}

static void on_final(struct exchange *x, struct response *head)
{
    enum failure why = x->push ? pushes_judge(x, head) : FAIL_NONE;
    if (why != FAIL_NONE) {
        exchange_fail(x, why);
        return;
    }
    rewrite_head(x, head);
    if (x->push)
        pushes_mark(x, head);
    if (!pushes_plan(x, head) || head->fields.failed || x->arena.failed)
        exchange_fail(x, FAIL_NO_MEMORY);
    else
        send_final(x, head);
}

static void take_heads(struct exchange *x)
{
    struct response *head;
    while (x->state == EXCHANGE_ASKING && x->failing == FAIL_NONE &&
           (head = answer_take_head(&x->answer))) {
        if (head->status < 200)
            on_informational(x, head);
        else
            on_final(x, head);
    }
}

static void take_trailers(struct exchange *x)
{
    const struct fields *trailers = answer_trailers(&x->answer);
    if (!trailers || x->response_trailers.arena)
        return;
    fields_init(&x->response_trailers, &x->arena);
    forward_trailers(&x->response_trailers, trailers);
    plan_hide(&x->response_trailers);
    if (x->response_trailers.failed)
        exchange_fail(x, FAIL_NO_MEMORY);
}

void reply_go_on(struct exchange *x)
{
    take_heads(x);
    enum answer_state state = answer_state(&x->answer);
    if (state == ANSWER_FAILED && x->state != EXCHANGE_RECEIVING)
        exchange_fail(x, answer_failure(&x->answer));
    if (x->state != EXCHANGE_ANSWERING || x->failing != FAIL_NONE)
        return;
    if (state == ANSWER_COMPLETE)
        take_trailers(x);
    if (x->failing == FAIL_NONE && x->answer.from == ANSWER_FROM_ORIGIN &&
        answer_awaits_reader(&x->answer)) {
        stream_resume(x->stream);
        write_answer(x);
    }
}

static bool is_of_memory(enum failure why)
{
    return why == FAIL_MEMORY_REFUSED || why == FAIL_MEMORY_YIELDED;
}

/* An answer of our own goes out as it is, with what was pushed before it. */
static void answer(struct exchange *x, enum failure why)
{
    answer_give(&x->answer, &x->arena, failure_status(why), is_of_memory(why), x->request.method,
                env_date(x->client->env));
    struct response *head = answer_take_head(&x->answer);
    pushes_tell(x, head);
    send_final(x, head);
}

static enum stream_end end_of(const struct exchange *x, enum failure why)
{
    if (why == FAIL_CLIENT_YIELDED || why == FAIL_MEMORY_YIELDED)
        return STREAM_CALM;
    return exchange_is_answering(x) ? STREAM_BROKEN : STREAM_CANCEL;
}

void reply_fail(struct exchange *x)
{
    enum failure why = x->failing;
    enum stream_end end = end_of(x, why);
    bool answers = !exchange_is_answering(x) && !x->push && failure_status(why) != 0;
    x->failing = FAIL_NONE;
    answer_cancel(&x->answer);
    if (x->push)
        pushes_failed(x, why);
    if (answers)
        answer(x, why);
    if (answers && x->failing == FAIL_NONE)
        return;
    x->failing = FAIL_NONE;
    reset(x, answers ? STREAM_BROKEN : end);
}
