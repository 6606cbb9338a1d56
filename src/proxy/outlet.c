#include "proxy/outlet.h"

enum {
    SMALL_RECORD_BYTES = 4096,
    RAMP_BYTES = 32768, /* in small records, until a connection has got going */
    QUIET_MS = 1000,
};

void outlet_init(struct outlet *o, struct blocks *blocks)
{
    *o = (struct outlet){0};
    buf_init(&o->waiting, blocks);
}

void outlet_fini(struct outlet *o)
{
    buf_fini(&o->waiting);
}

/* What fits into the next TLS record. A client can read a record only when all of it has come, and
 * on a connection that is new, or was quiet, a whole one takes more than a round trip. */
static size_t record_room(const struct outlet *o, size_t room)
{
    return o->ramp_bytes < RAMP_BYTES && room > SMALL_RECORD_BYTES ? SMALL_RECORD_BYTES : room;
}

/* Returns how many of the bytes were taken. */
static size_t write_record(struct tls_conn *tls, struct span bytes, enum tls_result *result)
{
    size_t n = 0;
    *result = tls_conn_write(tls, bytes.ptr, bytes.len, &n);
    return *result == TLS_OK ? n : 0;
}

enum filled {
    FILLED,
    FILLED_NOTHING,
    FILLED_OVER, /* nothing more will come */
};

/* Takes from the session what comes next. What lies in a body is written at once; what is not taken
 * of it waits as other bytes do, since the body may move, or be gone, before it is. */
static enum filled fill(struct outlet *o, struct session *session, struct tls_conn *tls,
                        enum tls_result *result)
{
    size_t room, n = 0;
    bool failed = false;
    char *space = buf_space(&o->waiting, &room);
    if (!space)
        return FILLED_OVER;
    struct span bytes = session_send(session, space, record_room(o, room), &failed);
    if (bytes.ptr != space) {
        n = write_record(tls, bytes, result);
        memcpy(space, bytes.ptr + n, bytes.len - n);
    }
    session_taken(session);
    buf_commit(&o->waiting, bytes.len - n);
    buf_consume(&o->waiting, 0);
    o->ramp_bytes += bytes.len;
    if (bytes.len > 0)
        return FILLED;
    return failed || session->over ? FILLED_OVER : FILLED_NOTHING;
}

static void note_progress(struct outlet *o, const struct tls_conn *tls, uint64_t now_ms)
{
    uint64_t sent = tls_conn_sent_bytes(tls);
    if (sent != o->sent_bytes)
        o->progress_ms = now_ms;
    o->sent_bytes = sent;
}

static enum outlet_result stopped(enum tls_result result)
{
    switch (result) {
    case TLS_WANT_WRITE:
        return OUTLET_BLOCKED;
    case TLS_WANT_READ:
        return OUTLET_CROSSED;
    case TLS_OK:
        return OUTLET_EMPTY;
    case TLS_CLOSED:
    case TLS_CUT:
    case TLS_FAILED:
        break;
    }
    return OUTLET_GONE;
}

enum outlet_result outlet_write(struct outlet *o, struct session *session, struct tls_conn *tls,
                                uint64_t now_ms)
{
    enum filled filled = FILLED;
    enum tls_result result = TLS_OK;
    if (now_ms - o->progress_ms > QUIET_MS)
        o->ramp_bytes = 0;
    while (result == TLS_OK) {
        if (buf_len(&o->waiting) == 0 && (filled = fill(o, session, tls, &result)) != FILLED)
            break;
        if (result == TLS_OK && buf_len(&o->waiting) > 0)
            buf_consume(&o->waiting, write_record(tls, buf_bytes(&o->waiting), &result));
        note_progress(o, tls, now_ms);
    }
    if (result == TLS_OK || result == TLS_WANT_READ) {
        enum tls_result flushed = tls_conn_flush(tls);
        result = flushed == TLS_OK ? result : flushed;
    }
    note_progress(o, tls, now_ms);
    if (result != TLS_OK)
        return stopped(result);
    return filled == FILLED_OVER ? OUTLET_OVER : OUTLET_EMPTY;
}
