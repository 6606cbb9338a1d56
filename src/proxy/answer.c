#include "proxy/answer.h"

#include <assert.h>

static void on_call_changed(struct call *call)
{
    struct answer *a = CONTAINER_OF(call, struct answer, call);
    a->changed(a);
}

void answer_init(struct answer *a, struct pools *pools, void (*changed)(struct answer *a))
{
    a->changed = changed;
    a->from = ANSWER_FROM_NOBODY;
    call_init(&a->call, pools, on_call_changed);
}

bool answer_start(struct answer *a, const struct answer_ask *ask)
{
    struct fields fields;
    assert(a->from == ANSWER_FROM_NOBODY);
    fields_init(&fields, ask->arena);
    forward_request(&fields, ask->request, &ask->rules);
    if (fields.failed || ask->arena->failed)
        return false;
    a->from = ANSWER_FROM_ORIGIN;
    return call_start(&a->call, pools_of(ask->pools, ask->origin), ask->caller, ask->arena,
                      ask->request, &fields, ask->rank);
}

void answer_give(struct answer *a, struct arena *arena, unsigned status, bool is_short,
                 struct span method, struct span date)
{
    struct response *head = &a->own_head;
    const char *more = status == 421 ? "There is no site of that name here.\n" : "";
    struct span text = SPAN("");
    if (!is_short)
        text = arena_printf(arena, "%u %s\n%s", status, status_reason(status), more);
    call_cancel(&a->call);
    a->from = ANSWER_FROM_US;
    *head = (struct response){.status = status};
    fields_init(&head->fields, arena);
    fields_add_known(&head->fields, FIELD_DATE, arena_dup(arena, date));
    fields_add_known(&head->fields, FIELD_CONTENT_TYPE, SPAN("text/plain; charset=utf-8"));
    fields_add_known(&head->fields, FIELD_CONTENT_LENGTH, arena_printf(arena, "%zu", text.len));
    a->own_body = span_eq(method, SPAN("HEAD")) ? SPAN("") : text;
    head->body = (struct body){a->own_body.len > 0 ? BODY_LENGTH : BODY_NONE, a->own_body.len};
}

struct response *answer_take_head(struct answer *a)
{
    if (a->from != ANSWER_FROM_US)
        return call_take_head(&a->call);
    if (a->own_head_taken)
        return NULL;
    a->own_head_taken = true;
    return &a->own_head;
}

enum answer_state answer_state(const struct answer *a)
{
    static const enum answer_state states[] = {
        [CALL_NEW] = ANSWER_PENDING,     [CALL_WAITING] = ANSWER_PENDING,
        [CALL_RUNNING] = ANSWER_RUNNING, [CALL_COMPLETE] = ANSWER_COMPLETE,
        [CALL_FAILED] = ANSWER_FAILED,
    };
    return a->from == ANSWER_FROM_US ? ANSWER_COMPLETE : states[a->call.state];
}

enum failure answer_failure(const struct answer *a)
{
    static const enum failure failures[] = {
        [CALL_FINE] = FAIL_NONE,
        [CALL_REFUSED] = FAIL_ORIGIN_REFUSED,
        [CALL_CONNECT_TIMEOUT] = FAIL_ORIGIN_CONNECT_TIMEOUT,
        [CALL_BUSY] = FAIL_ORIGIN_BUSY,
        [CALL_YIELDED] = FAIL_CLIENT_YIELDED,
        [CALL_TIMEOUT] = FAIL_ORIGIN_TIMEOUT,
        [CALL_CLOSED] = FAIL_ORIGIN_CLOSED,
        [CALL_MALFORMED] = FAIL_ORIGIN_MALFORMED,
        [CALL_BROKEN] = FAIL_ORIGIN_BROKEN,
        [CALL_STALLED] = FAIL_ORIGIN_STALLED,
        [CALL_NO_MEMORY] = FAIL_NO_MEMORY,
    };
    if (a->call.waiter.rank == CALL_OF_PUSH && a->call.fault == CALL_BUSY)
        return FAIL_PUSH_WAITED;
    return failures[a->call.fault];
}

enum stream_after answer_body(const struct answer *a, struct stream_piece *piece)
{
    if (a->from == ANSWER_FROM_US) {
        *piece = (struct stream_piece){.bytes = a->own_body};
        return STREAM_ENDS;
    }
    *piece = (struct stream_piece){call_body(&a->call), call_body_spare(&a->call)};
    return a->call.state == CALL_COMPLETE ? STREAM_ENDS : STREAM_LATER;
}

void answer_consume(struct answer *a, size_t n)
{
    if (a->from == ANSWER_FROM_US)
        a->own_body = span_from(a->own_body, n);
    else
        call_consume(&a->call, n);
}

const struct fields *answer_trailers(const struct answer *a)
{
    return a->from == ANSWER_FROM_US ? NULL : a->call.trailers;
}

bool answer_awaits_reader(const struct answer *a)
{
    return a->from == ANSWER_FROM_US || call_body(&a->call).len > 0 ||
           a->call.state != CALL_RUNNING;
}

bool answer_upload(struct answer *a, struct span bytes)
{
    return call_upload(&a->call, bytes);
}

void answer_upload_end(struct answer *a, const struct fields *trailers)
{
    call_upload_end(&a->call, trailers);
}

size_t answer_take_uploaded(struct answer *a)
{
    return call_take_sent(&a->call);
}

bool answer_awaits_upload(const struct answer *a)
{
    return buf_len(&a->call.upload) < POOL_UPLOAD_BYTES / 2;
}

bool answer_awaits_continue(const struct answer *a)
{
    return a->call.awaits_continue;
}

void answer_offer(struct answer *a)
{
    call_offer(&a->call);
}

void answer_keep(struct answer *a)
{
    call_keep(&a->call);
}

bool answer_is_offered(const struct answer *a)
{
    return call_is_offered(&a->call);
}

uint64_t answer_first_byte_us(const struct answer *a, bool *reused)
{
    *reused = a->call.on_reused;
    return a->call.first_byte_us;
}

size_t answer_head_bytes(const struct answer *a)
{
    return a->call.writing.held_bytes;
}

void answer_cancel(struct answer *a)
{
    call_cancel(&a->call);
}
