#include "frames.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 9, FOLLOW_STREAM = FRAMES_STREAMS - 1, HELD_GATE = 63 };

struct stub *frames_start(struct rig *rig)
{
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/held", AWAIT(HELD_GATE), SEND("HTTP/1.1 204 No Content\r\n\r\n"));
    STUB_ON(stub, "/early", BODY(1), SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"));
    return stub;
}

/* Sending. */

static void put_length(struct bytes *to, size_t len)
{
    assert_true(len < 127);
    bytes_add(to, &(char){(char)len}, 1);
}

/* Literals without indexing, with new names, without Huffman's code (RFC 7541 §6.2.2). */
void frames_add_fields(struct bytes *to, const char *lines)
{
    while (*lines) {
        const char *end = strchr(lines, '\n');
        const char *value = strstr(lines + 1, ": ");
        assert_true(end && value && value < end);
        bytes_add(to, "\0", 1);
        put_length(to, (size_t)(value - lines));
        bytes_add(to, lines, (size_t)(value - lines));
        value += 2;
        put_length(to, (size_t)(end - value));
        bytes_add(to, value, (size_t)(end - value));
        lines = end + 1;
    }
}

void frames_put(struct frames *f, const struct frame *frame)
{
    struct bytes payload = {0};
    bytes_add(&payload, frame->payload, frame->len);
    if (frame->fields)
        frames_add_fields(&payload, frame->fields);
    while (payload.len < frame->fill)
        bytes_add(&payload, "\0", 1);
    if (frame->step == FRAME_SEND) {
        const char head[HEAD_BYTES] = {
            (char)(payload.len >> 16),   (char)(payload.len >> 8),   (char)payload.len,
            (char)frame->type,           (char)frame->flags,         (char)(frame->stream >> 24),
            (char)(frame->stream >> 16), (char)(frame->stream >> 8), (char)frame->stream};
        bytes_add(&f->out, head, sizeof(head));
    }
    bytes_add(&f->out, payload.ptr, payload.len);
    bytes_fini(&payload);
}

/* A daemon that ends the connection need not take all that is sent. */
void frames_send(struct frames *f)
{
    if (f->out.len > 0)
        (void)!wire_write(f->wire, f->out.ptr, f->out.len);
    bytes_clear(&f->out);
}

/* Reading. */

static uint32_t number(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void note_head(struct frames *f, struct frames_stream *stream, const uint8_t *p, size_t len)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(f->inflater, &nv, &flags, p, len, 1);
        assert_true(n >= 0);
        p += n;
        len -= (size_t)n;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && nv.namelen == 7 &&
            memcmp(nv.name, ":status", 7) == 0)
            stream->status = (unsigned)strtoul((const char *)nv.value, NULL, 10);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(f->inflater);
}

static void note_frame(struct frames *f, uint8_t type, uint8_t flags, uint32_t id, const uint8_t *p,
                       size_t len)
{
    static struct frames_stream other;
    struct frames_stream *stream = id < FRAMES_STREAMS ? &f->streams[id] : &other;
    switch (type) {
    case NGHTTP2_DATA:
        stream->data += len;
        stream->ended |= flags & END_STREAM;
        break;
    case NGHTTP2_HEADERS:
        assert_true(flags & END_HEADERS);
        note_head(f, stream, p, len);
        stream->ended |= flags & END_STREAM;
        break;
    case NGHTTP2_RST_STREAM:
        stream->reset = true;
        stream->reset_code = number(p);
        f->resets++;
        break;
    case NGHTTP2_SETTINGS:
        if (flags & ACK)
            f->settings_acks++;
        else
            f->settings++;
        break;
    case NGHTTP2_PING:
        if (flags & ACK)
            f->pings++;
        break;
    case NGHTTP2_GOAWAY:
        f->goaway = true;
        f->goaway_code = number(p + 4);
        break;
    default:
        break;
    }
}

static void take_frames(struct frames *f)
{
    const uint8_t *p = (const uint8_t *)f->in.ptr;
    size_t left = f->in.len;
    while (left >= HEAD_BYTES) {
        size_t len = number(p) >> 8;
        if (left < HEAD_BYTES + len)
            break;
        note_frame(f, p[3], p[4], number(p + 5) & 0x7fffffff, p + HEAD_BYTES, len);
        p += HEAD_BYTES + len;
        left -= HEAD_BYTES + len;
    }
    struct bytes rest = {0};
    bytes_add(&rest, p, left);
    bytes_fini(&f->in);
    f->in = rest;
}

bool frames_until(struct frames *f, bool (*condition)(const struct frames *, uint32_t),
                  uint32_t arg)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    char buf[16384];
    frames_send(f);
    while (!condition(f, arg)) {
        int left = check_left(deadline);
        if (f->over || left == 0)
            return false;
        ssize_t n = wire_read(f->wire, buf, sizeof(buf), (unsigned)left);
        if (n > 0) {
            bytes_add(&f->in, buf, (size_t)n);
            take_frames(f);
        } else if (n != CHANNEL_AGAIN) {
            f->over = true;
        }
    }
    return true;
}

bool frames_has_end(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].ended;
}

bool frames_has_pings(const struct frames *f, uint32_t n)
{
    return f->pings >= n;
}

bool frames_has_acks(const struct frames *f, uint32_t n)
{
    return f->settings > 0 && f->settings_acks >= n;
}

bool frames_is_over(const struct frames *f, uint32_t unused)
{
    (void)unused;
    return f->over;
}

static bool frames_has_reset(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].reset;
}

bool frames_settle(struct frames *f)
{
    FRAMES_PUT(f, PING(0, 0, "settling"));
    return frames_until(f, frames_has_pings, f->pings + 1);
}

struct frames *frames_open(struct rig *rig)
{
    struct frames *f = check_alloc(sizeof(*f));
    f->wire = wire_connect(
        &(struct wire_options){.port = daemon_port(rig->daemon, 0), .sni = "example.com"});
    assert_true(wire_handshake(f->wire));
    assert_int_equal(nghttp2_hd_inflate_new(&f->inflater), 0);
    return f;
}

struct frames *frames_greet(struct rig *rig)
{
    struct frames *f = frames_open(rig);
    FRAMES_PUT(f, RAW_BYTES(NGHTTP2_CLIENT_MAGIC));
    FRAMES_PUT(f, SETTINGS(""));
    assert_true(frames_until(f, frames_has_acks, 1));
    FRAMES_PUT(f, FRAME(NGHTTP2_SETTINGS, ACK, 0, ""));
    return f;
}

void frames_close(struct frames *f)
{
    wire_free(f->wire);
    nghttp2_hd_inflate_del(f->inflater);
    bytes_fini(&f->out);
    bytes_fini(&f->in);
    free(f);
}

/* Cases. */

static void play(struct frames *f, const struct frame *frame)
{
    for (; frame->step != FRAME_STOP; frame++) {
        switch (frame->step) {
        case FRAME_AWAIT_END:
            frames_until(f, frames_has_end, frame->stream);
            break;
        case FRAME_AWAIT_RESET:
            frames_until(f, frames_has_reset, frame->stream);
            break;
        case FRAME_AWAIT_PING:
            frames_settle(f);
            break;
        default:
            frames_put(f, frame);
            break;
        }
    }
}

static bool ends_with(struct frames *f, const struct frames_case *c)
{
    frames_until(f, frames_is_over, 0);
    return f->over && (c->verdict == VERDICT_CLOSED || (f->goaway && f->goaway_code == c->code));
}

static bool is_served(struct frames *f)
{
    FRAMES_PUT(f, GET(FOLLOW_STREAM));
    return frames_settle(f) && frames_until(f, frames_has_end, FOLLOW_STREAM) && !f->goaway &&
           f->streams[FOLLOW_STREAM].status == 200;
}

static bool resets(struct frames *f, const struct frames_case *c)
{
    const struct frames_stream *stream = &f->streams[c->stream];
    return frames_until(f, frames_has_reset, c->stream) && stream->reset_code == c->code &&
           is_served(f) && f->resets == 1;
}

static bool is_judged(struct frames *f, const struct frames_case *c)
{
    switch (c->verdict) {
    case VERDICT_CONNECTION:
    case VERDICT_CLOSED:
        return ends_with(f, c);
    case VERDICT_STREAM:
        return resets(f, c);
    case VERDICT_ANY:
        return resets(f, c) || (f->goaway && ends_with(f, c));
    case VERDICT_ANSWERED:
        return frames_until(f, frames_has_end, c->stream) && f->streams[c->stream].status == 200 &&
               is_served(f) && f->resets == 0;
    case VERDICT_UNREMARKABLE:
        return is_served(f) && f->resets == 0;
    }
    return false;
}

static void print_outcome(const struct frames *f, const struct frames_case *c)
{
    print_error("%s:", c->name);
    if (f->goaway)
        print_error(" GOAWAY %u", f->goaway_code);
    for (uint32_t id = 0; id < FRAMES_STREAMS; id++) {
        const struct frames_stream *s = &f->streams[id];
        if (s->status)
            print_error(" stream %u: %u%s", id, s->status, s->ended ? " complete" : "");
        if (s->reset)
            print_error(" stream %u: RST_STREAM %u", id, s->reset_code);
    }
    print_error(f->over ? " end\n" : " no end\n");
}

void frames_check_all(struct rig *rig, const struct frames_case *cases, size_t len)
{
    size_t wrong = 0;
    for (size_t i = 0; i < len; i++) {
        struct frames *f = frames_greet(rig);
        play(f, cases[i].frames);
        if (!is_judged(f, &cases[i])) {
            print_outcome(f, &cases[i]);
            wrong++;
        }
        frames_close(f);
    }
    if (wrong > 0)
        fail_msg("%zu of %zu cases end otherwise", wrong, len);
}
