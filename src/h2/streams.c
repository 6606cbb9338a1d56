#include "streams.h"

#include <stdio.h>

enum {
    CREDIT_BYTES = 1024, /* clients update windows, and probe with PING, by bytes read */
    MOST_CREDIT = 100000,
};

/* nghttp2 mostly goes on with the stream that it spoke of before. */
struct h2_stream *streams_find(struct h2_session *s, int32_t id)
{
    if (!s->recent || s->recent->id != id)
        s->recent = nghttp2_session_get_stream_user_data(s->nghttp2, id);
    return s->recent;
}

void streams_add(struct h2_session *s, struct h2_stream *stream, int32_t id)
{
    stream->base.session = &s->base;
    stream->id = id;
    list_init(&stream->pushes);
    list_init(&stream->sibling);
    list_init(&stream->held_node);
}

static void leave_page(struct h2_stream *stream)
{
    stream->page = NULL;
    list_remove(&stream->sibling);
}

void streams_remove(struct h2_session *s, struct h2_stream *stream)
{
    LIST_FOR_EACH_SAFE (push, &stream->pushes, struct h2_stream, sibling)
        leave_page(push);
    leave_page(stream);
    list_remove(&stream->held_node);
    stream->sending = false;
    stream->base.session = NULL;
    s->recent = NULL;
    s->base.events->closed(&stream->base, STREAM_CLOSED_ENDED);
}

void streams_pair(struct h2_stream *page, struct h2_stream *push)
{
    push->page = page;
    list_push(&page->pushes, &push->sibling);
}

size_t streams_window(const struct h2_session *s, const struct h2_stream *stream)
{
    if (s->memory.failed)
        return 0;
    int32_t of_stream = nghttp2_session_get_stream_remote_window_size(s->nghttp2, stream->id);
    int32_t of_all = nghttp2_session_get_remote_window_size(s->nghttp2);
    int32_t least = of_stream < of_all ? of_stream : of_all;
    return least > 0 ? (size_t)least : 0;
}

void streams_earn(struct h2_session *s, uint64_t frames, size_t bytes)
{
    s->credit += frames + bytes / CREDIT_BYTES;
    if (s->credit > MOST_CREDIT)
        s->credit = MOST_CREDIT;
}

void streams_note_why(struct h2_session *s, uint32_t code, struct span words)
{
    if (words.len == 0 && code == NGHTTP2_COMPRESSION_ERROR)
        words = SPAN("a header block is no HPACK, or has a name or a value of over 64 KiB");
    if (s->why[0] != '\0')
        return;
    snprintf(s->why, sizeof s->why, words.len > 0 ? "%s: %.*s" : "%s", nghttp2_http2_strerror(code),
             SPAN_ARG(words));
    s->base.why = s->why;
}

void streams_end_all(struct h2_session *s, enum h2_code code)
{
    if (s->memory.failed || s->terminated)
        return;
    s->terminated = true;
    nghttp2_session_terminate_session2(
        s->nghttp2, nghttp2_session_get_last_proc_stream_id(s->nghttp2), (uint32_t)code);
}

bool streams_want_send(const struct h2_session *s)
{
    return s->rest.len > 0 || s->memory.failed || nghttp2_session_want_write(s->nghttp2) != 0;
}
