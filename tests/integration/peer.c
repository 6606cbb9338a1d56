#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pattern.h"
#include "peer_state.h"

enum {
    PEER_WINDOW = 16 << 20,
    PEER_STILL_MS = 300,
    PEER_MAX_FIELDS = 1024,
};

static nghttp2_session *peer_make_session(struct peer *p, const struct peer_options *o)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *session;
    if (nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option))
        abort();
    record_install(callbacks);
    nghttp2_option_set_no_auto_window_update(option, o->manual);
    nghttp2_option_set_no_http_messaging(option, o->no_validation);
    nghttp2_option_set_peer_max_concurrent_streams(option, 100);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    if (nghttp2_session_client_new2(&session, callbacks, p, option))
        abort();
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return session;
}

static void peer_say_settings(struct peer *p, const struct peer_options *o)
{
    nghttp2_settings_entry entries[3];
    size_t n = 0;
    if (o->push != PEER_PUSH_UNSAID)
        entries[n++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, o->push == PEER_PUSH_ON ? 1 : 0};
    if (o->limit_streams)
        entries[n++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->max_streams};
    entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                            o->stream_window ? o->stream_window : PEER_WINDOW};
    nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, entries, n);
    nghttp2_session_set_local_window_size(p->session, NGHTTP2_FLAG_NONE, 0,
                                          (int32_t)(o->window ? o->window : PEER_WINDOW));
}

struct peer *peer_open(const struct peer_options *o)
{
    struct peer *p = check_alloc(sizeof(*p));
    p->wire = wire_connect(&o->wire);
    p->over = !wire_handshake(p->wire);
    if (p->over && !o->may_be_refused)
        fail_msg("the TLS handshake failed (alert %d)", p->wire->alert);
    p->session = peer_make_session(p, o);
    peer_say_settings(p, o);
    return p;
}

void peer_close(struct peer *p)
{
    if (!p)
        return;
    nghttp2_session_del(p->session);
    wire_free(p->wire);
    record_fini(p);
    free(p);
}

struct wire *peer_wire(struct peer *p)
{
    return p->wire;
}

static nghttp2_nv peer_nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static size_t peer_add_fields(nghttp2_nv *nva, size_t n, const char *const *fields)
{
    for (; fields && fields[0]; fields += 2) {
        assert_true(n < PEER_MAX_FIELDS);
        nva[n++] = peer_nv(fields[0], fields[1]);
    }
    return n;
}

static void peer_end_upload(struct peer *p, struct peer_stream *stream, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream->upload.trailers)
        return;
    nghttp2_nv nva[16];
    size_t n = peer_add_fields(nva, 0, stream->upload.trailers);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(p->session, stream->id, nva, n);
}

static ssize_t peer_read_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
                                uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)session, (void)source;
    struct peer *p = arg;
    struct peer_stream *stream = record_stream(p, id);
    struct peer_upload *u = &stream->upload;
    uint64_t until = u->hold_at ? u->hold_at : u->bytes;
    uint64_t left = until - u->sent;
    if (left == 0 && u->hold_at)
        return NGHTTP2_ERR_DEFERRED;
    size_t n = left < room ? (size_t)left : room;
    if (n > PATTERN_PIECE)
        n = PATTERN_PIECE;
    memcpy(buf, u->text ? u->text + u->sent : pattern_at(u->from + u->sent), n);
    u->sent += n;
    if (u->sent == u->bytes)
        peer_end_upload(p, stream, flags);
    return (ssize_t)n;
}

int32_t peer_send(struct peer *p, const struct peer_request *r)
{
    nghttp2_nv nva[PEER_MAX_FIELDS + 4];
    size_t n = 0;
    nva[n++] = peer_nv(":method", r->method ? r->method : "GET");
    if (!r->scheme || *r->scheme)
        nva[n++] = peer_nv(":scheme", r->scheme ? r->scheme : "https");
    if (!r->authority || *r->authority)
        nva[n++] = peer_nv(":authority", r->authority ? r->authority : "example.com");
    if (r->path && *r->path)
        nva[n++] = peer_nv(":path", r->path);
    n = peer_add_fields(nva, n, r->fields);
    nghttp2_data_provider provider = {.read_callback = peer_read_upload};
    int32_t id = nghttp2_submit_request(p->session, NULL, nva, n, r->body ? &provider : NULL, NULL);
    if (id < 0)
        fail_msg("cannot submit a request: %s", nghttp2_strerror(id));
    struct peer_stream *stream = record_stream(p, id);
    stream->upload = (struct peer_upload){
        .wanted = r->body,
        .text = r->body_text,
        .bytes = r->body_text ? strlen(r->body_text) : r->body_bytes,
        .from = r->body_from,
        .hold_at = r->body_hold_at,
        .trailers = r->trailers,
    };
    return id;
}

int32_t peer_get(struct peer *p, const char *path, const char *const *fields)
{
    return peer_send(p, &(struct peer_request){.path = path, .fields = fields});
}

void peer_release(struct peer *p, int32_t stream)
{
    record_stream(p, stream)->upload.hold_at = 0;
    nghttp2_session_resume_data(p->session, stream);
}

void peer_reset(struct peer *p, int32_t stream, uint32_t error)
{
    nghttp2_submit_rst_stream(p->session, NGHTTP2_FLAG_NONE, stream, error);
}

void peer_goaway(struct peer *p)
{
    nghttp2_submit_goaway(p->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
}

void peer_widen(struct peer *p, int32_t stream, int32_t bytes)
{
    nghttp2_submit_window_update(p->session, NGHTTP2_FLAG_NONE, stream, bytes);
}

void peer_set(struct peer *p, int32_t id, uint32_t value)
{
    nghttp2_settings_entry entry = {id, value};
    nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, &entry, 1);
}

/* Writes what the library has; false when the connection is over. */
static bool peer_flush(struct peer *p)
{
    for (;;) {
        if (p->out_len == 0) {
            const uint8_t *out;
            ssize_t n = nghttp2_session_mem_send(p->session, &out);
            if (n <= 0)
                return n == 0;
            p->out = (const char *)out;
            p->out_len = (size_t)n;
        }
        ssize_t taken = channel_write(&p->wire->channel, p->out, p->out_len);
        if (taken == CHANNEL_AGAIN)
            return true;
        if (taken <= 0)
            return false;
        p->out += taken;
        p->out_len -= (size_t)taken;
        p->moved += (size_t)taken;
    }
}

void peer_raw(struct peer *p, const void *bytes, size_t n)
{
    if (!peer_flush(p) || p->out_len > 0 || !wire_write(p->wire, bytes, n))
        fail_msg("cannot send raw bytes");
}

void peer_ping(struct peer *p)
{
    static const char ping[] = "\0\0\x08\x06\0\0\0\0\0headstar";
    peer_raw(p, ping, sizeof ping - 1);
}

/* Reads once and hands it to the library; false when the connection is over. */
static bool peer_fill(struct peer *p, bool *again)
{
    uint8_t in[65536];
    ssize_t n = channel_read(&p->wire->channel, in, sizeof(in));
    *again = n == CHANNEL_AGAIN;
    if (*again)
        return true;
    if (n <= 0)
        return false;
    p->moved += (size_t)n;
    ssize_t used = nghttp2_session_mem_recv(p->session, in, (size_t)n);
    if (used < 0)
        print_error("the daemon broke the protocol: %s\n", nghttp2_strerror((int)used));
    return used >= 0;
}

bool peer_runs(struct peer *p, bool (*condition)(const struct peer *, const void *),
               const void *arg, unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    while (!p->over) {
        if (!peer_flush(p))
            p->over = true;
        if (condition(p, arg))
            return true;
        bool again;
        if (!peer_fill(p, &again)) {
            p->over = true;
            continue;
        }
        if (!again)
            continue;
        struct pollfd polled = {p->wire->channel.fd, POLLIN, 0};
        if (p->out_len > 0)
            polled.events |= POLLOUT;
        int left = check_left(deadline);
        if (poll(&polled, 1, left) == 0)
            return condition(p, arg);
    }
    return condition(p, arg);
}

/* Every wait that fails its test comes through here. */
static void peer_must(struct peer *p, bool (*condition)(const struct peer *, const void *),
                      const void *arg, const char *what, const char *file, int line)
{
    if (peer_runs(p, condition, arg, CHECK_SOON_MS))
        return;
    print_error("waited for %s%s\n", what, p->over ? ", but the connection has ended" : "");
    peer_print(p);
    _fail(file, line);
}

static bool peer_has_closed(const struct peer *p, const void *arg)
{
    const struct peer_stream *stream = peer_stream(p, *(const int32_t *)arg);
    return stream && stream->closed;
}

static bool peer_has_head(const struct peer *p, const void *arg)
{
    const struct peer_stream *stream = peer_stream(p, *(const int32_t *)arg);
    return stream && stream->status != 0;
}

const struct peer_stream *peer_until_closed_at(struct peer *p, int32_t stream, const char *file,
                                               int line)
{
    peer_must(p, peer_has_closed, &stream, "a stream's end", file, line);
    return peer_stream(p, stream);
}

const struct peer_stream *peer_until_head_at(struct peer *p, int32_t stream, const char *file,
                                             int line)
{
    peer_must(p, peer_has_head, &stream, "a stream's head", file, line);
    return peer_stream(p, stream);
}

const struct peer_stream *peer_fetch_at(struct peer *p, const char *path, const char *file,
                                        int line)
{
    return peer_until_closed_at(p, peer_get(p, path, NULL), file, line);
}

struct peer_tally {
    enum peer_event_type type;
    size_t n;
};

static bool peer_has_events(const struct peer *p, const void *arg)
{
    const struct peer_tally *tally = arg;
    return peer_count(p, tally->type) >= tally->n;
}

void peer_until_events_at(struct peer *p, enum peer_event_type type, size_t n, const char *name,
                          const char *file, int line)
{
    struct peer_tally tally = {type, n};
    peer_must(p, peer_has_events, &tally, name, file, line);
}

struct peer_amount {
    int32_t stream;
    uint64_t bytes;
};

static bool peer_has_bytes(const struct peer *p, const void *arg)
{
    const struct peer_amount *amount = arg;
    const struct peer_stream *stream = peer_stream(p, amount->stream);
    return stream && stream->body_bytes >= amount->bytes;
}

void peer_until_bytes_at(struct peer *p, int32_t stream, uint64_t n, const char *file, int line)
{
    struct peer_amount amount = {stream, n};
    peer_must(p, peer_has_bytes, &amount, "bytes of a body", file, line);
}

static bool peer_is_quiet(const struct peer *p, const void *arg)
{
    (void)arg;
    for (size_t i = 0; i < p->streams_len; i++)
        if (!p->streams[i]->closed)
            return false;
    return true;
}

void peer_until_quiet_at(struct peer *p, const char *file, int line)
{
    peer_must(p, peer_is_quiet, NULL, "the end of all streams", file, line);
}

static bool peer_has_pongs(const struct peer *p, const void *arg)
{
    return p->pongs >= *(const unsigned *)arg;
}

void peer_settle_at(struct peer *p, const char *file, int line)
{
    unsigned wanted = p->pongs + 1;
    nghttp2_submit_ping(p->session, NGHTTP2_FLAG_NONE, NULL);
    peer_must(p, peer_has_pongs, &wanted, "the answer to a PING", file, line);
}

static bool peer_never(const struct peer *p, const void *arg)
{
    (void)p, (void)arg;
    return false;
}

bool peer_ends(struct peer *p, unsigned ms)
{
    peer_runs(p, peer_never, NULL, ms);
    return p->over;
}

void peer_until_still(struct peer *p)
{
    uint64_t before;
    do {
        before = p->moved;
        peer_runs(p, peer_never, NULL, PEER_STILL_MS);
    } while (p->moved != before && !p->over);
}

const struct peer_stream *peer_stream(const struct peer *p, int32_t id)
{
    for (size_t i = p->streams_len; i-- > 0;)
        if (p->streams[i]->id == id)
            return p->streams[i];
    return NULL;
}

const struct peer_stream *peer_push(const struct peer *p, size_t n)
{
    for (size_t i = 0; i < p->streams_len; i++)
        if (p->streams[i]->parent && n-- == 0)
            return p->streams[i];
    return NULL;
}

size_t peer_pushes(const struct peer *p)
{
    size_t n = 0;
    while (peer_push(p, n))
        n++;
    return n;
}

const struct peer_stream *peer_pushed(const struct peer *p, const char *path)
{
    const struct peer_stream *stream;
    for (size_t n = 0; (stream = peer_push(p, n)); n++)
        if (strcmp(fieldset_get(&stream->promise, ":path"), path) == 0)
            return stream;
    return NULL;
}

size_t peer_events(const struct peer *p)
{
    return p->events_len;
}

struct peer_event peer_event(const struct peer *p, size_t n)
{
    return p->events[n];
}

size_t peer_first(const struct peer *p, enum peer_event_type type, int32_t stream)
{
    for (size_t i = 0; i < p->events_len; i++)
        if (p->events[i].type == type && p->events[i].stream == stream)
            return i;
    return SIZE_MAX;
}

size_t peer_count(const struct peer *p, enum peer_event_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < p->events_len; i++)
        n += p->events[i].type == type;
    return n;
}

uint32_t peer_setting(const struct peer *p, int32_t id, uint32_t otherwise)
{
    for (size_t i = p->settings_len; i-- > 0;)
        if (p->settings[i].id == id)
            return p->settings[i].value;
    return otherwise;
}

bool peer_is_over(const struct peer *p)
{
    return p->over;
}

void peer_print(const struct peer *p)
{
    static const char *const names[] = {"PUSH_PROMISE", "1xx",        "HEADERS", "DATA",
                                        "trailers",     "RST_STREAM", "GOAWAY",  "SETTINGS"};
    for (size_t i = 0; i < p->events_len; i++)
        print_error("  %-12s stream %d, %d, %u\n", names[p->events[i].type], p->events[i].stream,
                    p->events[i].promised, p->events[i].value);
    for (size_t i = 0; i < p->streams_len; i++)
        print_error("  stream %d: status %u, %llu bytes, %s, error %u\n", p->streams[i]->id,
                    p->streams[i]->status, (unsigned long long)p->streams[i]->body_bytes,
                    p->streams[i]->closed ? "closed" : "open", p->streams[i]->error);
}
