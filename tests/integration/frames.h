/* frames.h - a client that sends any frames at all, and what the daemon must say to them
 * (RFC 9113).
 * A case is a list of frames to be sent after the preface and both sides' SETTINGS, and a verdict.
 * Frames go out together, so that the daemon sees them before it can answer; only an await step
 * lets it answer in between. Owns its wire. */
#ifndef FRAMES_H
#define FRAMES_H

#include <nghttp2/nghttp2.h>

#include "bytes.h"
#include "rig.h"

enum {
    END_STREAM = 0x1,
    ACK = 0x1,
    END_HEADERS = 0x4,
    PADDED = 0x8,
    PRIORITIZED = 0x20,
    END_BOTH = END_STREAM | END_HEADERS,

    PROTOCOL_ERROR = NGHTTP2_PROTOCOL_ERROR,
    FLOW_CONTROL_ERROR = NGHTTP2_FLOW_CONTROL_ERROR,
    STREAM_CLOSED = NGHTTP2_STREAM_CLOSED,
    FRAME_SIZE_ERROR = NGHTTP2_FRAME_SIZE_ERROR,
    REFUSED_STREAM = NGHTTP2_REFUSED_STREAM,
    COMPRESSION_ERROR = NGHTTP2_COMPRESSION_ERROR,

    FRAMES_STREAMS = 128, /* a client uses the ids below that */
};

enum frame_step {
    FRAME_STOP,
    FRAME_SEND,
    FRAME_BYTES,       /* the payload alone, without a head */
    FRAME_AWAIT_END,   /* until the answer on `stream` is complete */
    FRAME_AWAIT_RESET, /* until the daemon has reset `stream` */
    FRAME_AWAIT_PING,  /* until the daemon has read all so far */
};

struct frame {
    enum frame_step step;
    uint8_t type, flags;
    uint32_t stream; /* with the reserved bit, where it has one */
    const char *payload;
    size_t len;
    const char *fields; /* after the payload, as literals: "name: value\n" each; NULL: none */
    size_t fill;        /* zeros after that, up to this length */
};

#define FRAME(type, flags, stream, text)                                                           \
    {                                                                                              \
        FRAME_SEND, type, flags, stream, text, sizeof(text) - 1, NULL, 0                           \
    }
#define FILLED(type, flags, stream, length)                                                        \
    {                                                                                              \
        FRAME_SEND, type, flags, stream, "", 0, NULL, length                                       \
    }
#define WITH_FIELDS(type, flags, stream, before, lines)                                            \
    {                                                                                              \
        FRAME_SEND, type, flags, stream, before, sizeof(before) - 1, lines, 0                      \
    }
#define RAW_BYTES(text)                                                                            \
    {                                                                                              \
        FRAME_BYTES, 0, 0, 0, text, sizeof(text) - 1, NULL, 0                                      \
    }
#define AWAIT_STEP(what, stream)                                                                   \
    {                                                                                              \
        what, 0, 0, stream, "", 0, NULL, 0                                                         \
    }
#define AWAIT_END(stream)   AWAIT_STEP(FRAME_AWAIT_END, stream)
#define AWAIT_RESET(stream) AWAIT_STEP(FRAME_AWAIT_RESET, stream)
#define AWAIT_PING          AWAIT_STEP(FRAME_AWAIT_PING, 0)

#define DATA(stream, flags, text)     FRAME(NGHTTP2_DATA, flags, stream, text)
#define HEADERS(stream, flags, lines) WITH_FIELDS(NGHTTP2_HEADERS, flags, stream, "", lines)
#define BLOCK(stream, flags, bytes)   FRAME(NGHTTP2_HEADERS, flags, stream, bytes)
#define CONTINUATION(stream, flags, lines)                                                         \
    WITH_FIELDS(NGHTTP2_CONTINUATION, flags, stream, "", lines)
#define PRIORITY(stream, text)      FRAME(NGHTTP2_PRIORITY, 0, stream, text)
#define RST_STREAM(stream, text)    FRAME(NGHTTP2_RST_STREAM, 0, stream, text)
#define CANCEL(stream)              RST_STREAM(stream, "\0\0\0\10")
#define SETTINGS(text)              FRAME(NGHTTP2_SETTINGS, 0, 0, text)
#define PING(flags, stream, text)   FRAME(NGHTTP2_PING, flags, stream, text)
#define WINDOW_UPDATE(stream, text) FRAME(NGHTTP2_WINDOW_UPDATE, 0, stream, text)

#define HEAD_OF(method, path)                                                                      \
    ":method: " method "\n:scheme: https\n:authority: example.com\n:path: " path "\n"
#define GET_FIELDS  HEAD_OF("GET", "/")
#define POST_FIELDS HEAD_OF("POST", "/")
#define GET(stream) HEADERS(stream, END_BOTH, GET_FIELDS)
/* Requests that the origin does not answer before the end of the test. */
#define GET_HELD(stream)  HEADERS(stream, END_BOTH, HEAD_OF("GET", "/held"))
#define POST_HELD(stream) HEADERS(stream, END_HEADERS, HEAD_OF("POST", "/held"))

enum verdict {
    VERDICT_CONNECTION,   /* GOAWAY with the code, then the end */
    VERDICT_CLOSED,       /* the end, whatever is said before */
    VERDICT_STREAM,       /* RST_STREAM with the code; all else goes on */
    VERDICT_ANY,          /* the one or the other, with the code (RFC 9113 §5.4.1 allows both) */
    VERDICT_ANSWERED,     /* the stream gets a complete 200 */
    VERDICT_UNREMARKABLE, /* no error; a PING and a request are answered afterwards */
};

struct frames_case {
    const char *name;
    struct frame frames[10];
    enum verdict verdict;
    uint32_t stream, code;
};

#define ENDS_CONNECTION(code)     VERDICT_CONNECTION, 0, code
#define CLOSES_CONNECTION         VERDICT_CLOSED, 0, 0
#define ENDS_STREAM(stream, code) VERDICT_STREAM, stream, code
#define ENDS_ANY(stream, code)    VERDICT_ANY, stream, code
#define IS_ANSWERED(stream)       VERDICT_ANSWERED, stream, 0
#define IS_UNREMARKABLE           VERDICT_UNREMARKABLE, 0, 0

/* Starts the daemon before an origin that does not answer /held, answers /early before it has the
 * body, and anything else after it. */
struct stub *frames_start(struct rig *rig);
/* Runs the cases on a connection each; fails the test, naming them, if some end otherwise. */
#define frames_check(rig, cases) frames_check_all(rig, cases, CHECK_LEN(cases))
void frames_check_all(struct rig *rig, const struct frames_case *cases, size_t len);

/* For tests that are no case of a table. */
struct frames {
    struct wire *wire;
    nghttp2_hd_inflater *inflater;
    struct bytes out, in;
    bool over;
    bool goaway;
    uint32_t goaway_code;
    unsigned settings, settings_acks, pings; /* frames that came; pings with ACK */
    struct frames_stream {
        unsigned status; /* of the last head; 0: none yet */
        bool ended, reset;
        uint32_t reset_code;
        size_t data; /* bytes */
    } streams[FRAMES_STREAMS];
    unsigned resets; /* on any stream */
};

/* Connects without a word, then greets: preface, SETTINGS, and acknowledges the daemon's. */
struct frames *frames_open(struct rig *rig);
struct frames *frames_greet(struct rig *rig);
void frames_close(struct frames *f);
/* Adds "name: value\n" lines to a header block, as literals. */
void frames_add_fields(struct bytes *to, const char *lines);
/* Puts a frame, or bytes, into what goes out with the next wait. */
void frames_put(struct frames *f, const struct frame *frame);
#define FRAMES_PUT(f, ...) frames_put(f, &(struct frame)__VA_ARGS__)
/* Sends what waits, and reads until `condition` holds; false at the deadline, or at the end. */
bool frames_until(struct frames *f, bool (*condition)(const struct frames *, uint32_t),
                  uint32_t arg);
/* Sends what waits, and reads nothing. */
void frames_send(struct frames *f);
/* Conditions. */
bool frames_has_end(const struct frames *f, uint32_t stream);
bool frames_has_pings(const struct frames *f, uint32_t n);
bool frames_has_acks(const struct frames *f, uint32_t n);
bool frames_is_over(const struct frames *f, uint32_t unused);
/* Waits until the daemon has read, and answered, what went before; false if it does not. */
bool frames_settle(struct frames *f);

#endif
