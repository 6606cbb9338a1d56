#include "peer_state.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pattern.h"

enum { RECORD_KEPT_BYTES = 65536 };

struct peer_stream *record_stream(struct peer *p, int32_t id)
{
    for (size_t i = p->streams_len; i-- > 0;)
        if (p->streams[i]->id == id)
            return p->streams[i];
    struct peer_stream *stream = check_alloc(sizeof(*stream));
    stream->id = id;
    stream->body_is_pattern = true;
    p->streams = check_resize(p->streams, (p->streams_len + 1) * sizeof(struct peer_stream *));
    p->streams[p->streams_len++] = stream;
    return stream;
}

static void record_event(struct peer *p, struct peer_event event)
{
    /* A body of a GiB is one event for each window, not one for each frame. */
    struct peer_event *last = p->events_len ? &p->events[p->events_len - 1] : NULL;
    if (event.type == PEER_DATA && last && last->type == PEER_DATA &&
        last->stream == event.stream) {
        last->value += event.value;
        return;
    }
    p->events = check_resize(p->events, (p->events_len + 1) * sizeof(event));
    p->events[p->events_len++] = event;
}

static int record_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *arg)
{
    (void)session, (void)frame, (void)flags;
    struct peer *p = arg;
    fieldset_add(&p->pending, (const char *)name, name_len, (const char *)value, value_len);
    return 0;
}

static void record_move(struct fieldset *to, struct fieldset *from)
{
    fieldset_fini(to);
    *to = *from;
    *from = (struct fieldset){0};
}

static void record_head(struct peer *p, int32_t id)
{
    struct peer_stream *stream = record_stream(p, id);
    const char *text = fieldset_get(&p->pending, ":status");
    unsigned status = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    if (!text) {
        record_event(p, (struct peer_event){PEER_TRAILERS, id, 0, 0});
        record_move(&stream->trailers, &p->pending);
    } else if (status < 200) {
        record_event(p, (struct peer_event){PEER_INFO, id, 0, status});
        if (stream->infos_len < CHECK_LEN(stream->infos))
            record_move(&stream->infos[stream->infos_len++], &p->pending);
    } else {
        record_event(p, (struct peer_event){PEER_HEAD, id, 0, status});
        stream->status = status;
        record_move(&stream->head, &p->pending);
        const char *from = fieldset_get(&stream->head, "x-body-from");
        stream->body_from = from ? strtoull(from, NULL, 10) : 0;
    }
    fieldset_fini(&p->pending);
}

static void record_promise(struct peer *p, const nghttp2_push_promise *promise)
{
    struct peer_stream *stream = record_stream(p, promise->promised_stream_id);
    stream->parent = promise->hd.stream_id;
    record_move(&stream->promise, &p->pending);
    record_event(p, (struct peer_event){PEER_PROMISE, promise->hd.stream_id,
                                        promise->promised_stream_id, 0});
}

static void record_settings(struct peer *p, const nghttp2_settings *settings)
{
    record_event(p, (struct peer_event){PEER_SETTINGS, 0, 0, 0});
    for (size_t i = 0; i < settings->niv && p->settings_len < CHECK_LEN(p->settings); i++) {
        p->settings[p->settings_len].id = settings->iv[i].settings_id;
        p->settings[p->settings_len++].value = settings->iv[i].value;
    }
}

static int record_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session;
    struct peer *p = arg;
    int32_t id = frame->hd.stream_id;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        record_head(p, id);
        break;
    case NGHTTP2_PUSH_PROMISE:
        record_promise(p, &frame->push_promise);
        break;
    case NGHTTP2_RST_STREAM:
        record_stream(p, id)->reset = true;
        record_event(p, (struct peer_event){PEER_RESET, id, 0, frame->rst_stream.error_code});
        break;
    case NGHTTP2_GOAWAY:
        record_event(p, (struct peer_event){PEER_GOAWAY, frame->goaway.last_stream_id, 0,
                                            frame->goaway.error_code});
        break;
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
            record_settings(p, &frame->settings);
        break;
    case NGHTTP2_PING:
        p->pongs += (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
        break;
    default:
        break;
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        record_stream(p, id)->ended = true;
    return 0;
}

static int record_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                       size_t n, void *arg)
{
    (void)session, (void)flags;
    struct peer *p = arg;
    struct peer_stream *stream = record_stream(p, id);
    stream->body_is_pattern = stream->body_is_pattern &&
                              pattern_matches(stream->body_from + stream->body_bytes, bytes, n);
    stream->body_bytes += n;
    bytes_add_up_to(&stream->body, bytes, n, RECORD_KEPT_BYTES);
    record_event(p, (struct peer_event){PEER_DATA, id, 0, (uint32_t)n});
    return 0;
}

static int record_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
    (void)session;
    struct peer_stream *stream = record_stream(arg, id);
    stream->closed = true;
    stream->error = error;
    return 0;
}

static int record_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error,
                          void *arg)
{
    (void)session, (void)arg;
    print_error("the daemon sent an invalid frame, type %u, stream %d: %s\n", frame->hd.type,
                frame->hd.stream_id, nghttp2_strerror(error));
    return 0;
}

void record_install(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_header_callback(callbacks, record_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, record_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, record_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, record_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, record_invalid);
}

void record_fini(struct peer *p)
{
    for (size_t i = 0; i < p->streams_len; i++) {
        struct peer_stream *stream = p->streams[i];
        fieldset_fini(&stream->promise);
        for (size_t k = 0; k < stream->infos_len; k++)
            fieldset_fini(&stream->infos[k]);
        fieldset_fini(&stream->head);
        fieldset_fini(&stream->trailers);
        bytes_fini(&stream->body);
        free(stream);
    }
    free(p->streams);
    free(p->events);
    fieldset_fini(&p->pending);
}
