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
    (void)s;
    return 0;
}

static const struct session_verbs fake_verbs = {
    .name = "FAKE/1",
    .version = "1.9",
    .via = {"1.9", 3},
    .stream_bytes = sizeof(struct fake_stream),
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
