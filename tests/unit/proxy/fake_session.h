/* fake_session.h - a session that writes down what it is told, so that an exchange can be tested
 * without a protocol. */
#ifndef UNIT_PROXY_FAKE_SESSION_H
#define UNIT_PROXY_FAKE_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "http/session.h"

enum { FAKE_LOG_BYTES = 16384 };

struct fake_stream {
    struct stream base;
    unsigned id;
    size_t window;
};

struct fake_session {
    struct session base;
    char log[FAKE_LOG_BYTES];
    size_t len;
    unsigned opened, promised;
    size_t queued;         /* frames that wait to be sent */
    struct span out;       /* what it has to send */
    bool out_lies_in_body; /* it is not copied into the room of who sends it */
    bool send_fails;       /* with nothing more to send, it is beyond repair */
    unsigned taken;        /* how often what was sent was said to be on its way */
    size_t received;       /* bytes of the client */
    bool receive_fails;
    bool fails;           /* inform and respond say that memory is out */
    bool refuses_promise; /* promise says no */
};

static inline void fake_say(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void fake_say(struct session *base, const char *fmt, ...)
{
    struct fake_session *s = CONTAINER_OF(base, struct fake_session, base);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(s->log + s->len, sizeof s->log - s->len, fmt, args);
    va_end(args);
    assert_in_range(n, 0, sizeof s->log - s->len - 1);
    s->len += (size_t)n;
}

static inline unsigned fake_id(const struct stream *stream)
{
    return CONTAINER_OF(stream, const struct fake_stream, base)->id;
}

static inline void fake_say_head(struct stream *stream, const char *what,
                                 const struct response *head)
{
    fake_say(stream->session, "%u %s %u", fake_id(stream), what, head->status);
    for (size_t i = 0; i < head->fields.len; i++) {
        const struct field *f = &head->fields.at[i];
        if (f->id != FIELD_DATE && f->id != FIELD_VIA)
            fake_say(stream->session, " | %.*s: %.*s", SPAN_ARG(f->name), SPAN_ARG(f->value));
    }
}

static inline bool fake_inform(struct stream *stream, const struct response *head)
{
    struct fake_session *s = CONTAINER_OF(stream->session, struct fake_session, base);
    fake_say_head(stream, "inform", head);
    fake_say(stream->session, "\n");
    return !s->fails;
}

static inline bool fake_respond(struct stream *stream, const struct response *head, bool has_body)
{
    struct fake_session *s = CONTAINER_OF(stream->session, struct fake_session, base);
    fake_say_head(stream, "respond", head);
    fake_say(stream->session, "%s\n", has_body ? " + body" : "");
    stream->responded = !s->fails;
    return !s->fails;
}

static inline bool fake_promise(struct stream *page, struct stream *push)
{
    struct fake_session *s = CONTAINER_OF(page->session, struct fake_session, base);
    fake_say(page->session, "%u promise %.*s\n", fake_id(page), SPAN_ARG(push->request->path));
    if (s->refuses_promise)
        return false;
    CONTAINER_OF(push, struct fake_stream, base)->id = 2 * ++s->promised;
    push->session = page->session;
    return true;
}

static inline void fake_reset(struct stream *stream, enum stream_end why)
{
    static const char *const words[] = {"done", "cancel", "broken", "calm"};
    fake_say(stream->session, "%u reset: %s\n", fake_id(stream), words[why]);
}

static inline void fake_resume(struct stream *stream)
{
    fake_say(stream->session, "%u resume\n", fake_id(stream));
}

static inline void fake_consumed(struct stream *stream, size_t n)
{
    fake_say(stream->session, "%u consumed %zu\n", fake_id(stream), n);
}

static inline size_t fake_window(const struct stream *stream)
{
    return CONTAINER_OF(stream, const struct fake_stream, base)->window;
}

static inline void fake_leave(struct session *s, enum session_leave how)
{
    static const char *const words[] = {"soon", "last", "now", "calm", "fault"};
    fake_say(s, "leave %s\n", words[how]);
}

static inline size_t fake_queued(const struct session *s)
{
    return CONTAINER_OF(s, const struct fake_session, base)->queued;
}

static inline bool fake_receive(struct session *base, struct span bytes)
{
    struct fake_session *s = CONTAINER_OF(base, struct fake_session, base);
    s->received += bytes.len;
    return !s->receive_fails;
}

static inline struct span fake_send(struct session *base, char *to, size_t room, bool *failed)
{
    struct fake_session *s = CONTAINER_OF(base, struct fake_session, base);
    size_t n = s->out.len < room ? s->out.len : room;
    struct span bytes = span_of(s->out_lies_in_body ? s->out.ptr : to, n);
    if (n > 0 && !s->out_lies_in_body)
        memcpy(to, s->out.ptr, n);
    s->out = n > 0 ? span_from(s->out, n) : s->out;
    *failed = n == 0 && s->send_fails;
    return n > 0 ? bytes : span_of(to, 0);
}

static inline void fake_taken(struct session *base)
{
    CONTAINER_OF(base, struct fake_session, base)->taken++;
}

static inline void fake_doze(struct session *s)
{
    fake_say(s, "doze\n");
}

static inline void fake_free(struct session *s)
{
    fake_say(s, "free\n");
}

static const struct session_verbs fake_verbs = {
    .name = "FAKE/1",
    .version = "1.9",
    .via = {"1.9", 3},
    .stream_bytes = sizeof(struct fake_stream),
    .receive = fake_receive,
    .send = fake_send,
    .taken = fake_taken,
    .doze = fake_doze,
    .free = fake_free,
    .leave = fake_leave,
    .queued = fake_queued,
    .inform = fake_inform,
    .respond = fake_respond,
    .promise = fake_promise,
    .reset = fake_reset,
    .resume = fake_resume,
    .consumed = fake_consumed,
    .window = fake_window,
};

#endif
