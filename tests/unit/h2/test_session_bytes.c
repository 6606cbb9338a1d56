#include "fixture.h"

/* What no client of nghttp2's would say. The session may refuse it as it likes, but it stays within
 * its contract: the fixture sees that no stream is closed twice, the sanitizers see the rest. */

enum { ROUNDS = 1500, FLIGHT_BYTES = 16384 };

static struct rig rig;
static uint64_t seed;

/* xorshift64: the same numbers in every run. */
static size_t below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % n);
}

/* A client's whole flight: requests with and without bodies and trailers, priorities, resets. */
static size_t record_flight(char out[FLIGHT_BYTES])
{
    static const uint8_t urgent[] = "u=1";
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    const uint8_t *bytes;
    size_t len = 0;
    ssize_t n;
    rig_open(&rig);
    nghttp2_submit_settings(rig.client, 0, &entry, 1);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    get(&rig, "/a");
    ask(&rig, "GET", "/b", "accept", "text/html", false);
    rig.upload = pattern(&rig, 1000);
    rig.upload_trailers = true;
    ask(&rig, "POST", "/c", "content-type", "text/plain", true);
    nghttp2_submit_priority_update(rig.client, 0, 1, urgent, 3);
    nghttp2_submit_ping(rig.client, 0, NULL);
    while ((n = nghttp2_session_mem_send(rig.client, &bytes)) > 0) {
        assert_true(len + (size_t)n <= FLIGHT_BYTES);
        memcpy(out + len, bytes, (size_t)n);
        len += (size_t)n;
    }
    nghttp2_submit_rst_stream(rig.client, 0, 3, NGHTTP2_CANCEL);
    nghttp2_submit_goaway(rig.client, 0, 0, NGHTTP2_NO_ERROR, NULL, 0);
    while ((n = nghttp2_session_mem_send(rig.client, &bytes)) > 0) {
        assert_true(len + (size_t)n <= FLIGHT_BYTES);
        memcpy(out + len, bytes, (size_t)n);
        len += (size_t)n;
    }
    rig_close(&rig);
    return len;
}

/* Does to a stream what a proxy might do to it. */
static void do_something(struct side *s)
{
    if (s->closed || s->h2.id == 0)
        return;
    switch (below(6)) {
    case 0:
        if (rig.streams_len < STREAMS && s->h2.id % 2 == 1)
            promise(&rig, s, "/p")->head = true;
        break;
    case 1:
        stream_reset(&s->h2.base, STREAM_CANCEL);
        break;
    case 2:
        stream_consumed(&s->h2.base, s->received);
        s->received = 0;
        break;
    case 3:
        stream_resume(&s->h2.base);
        break;
    default:
        if (s->out.len == 0) {
            const struct response head = make_response(&rig, 200, "a: b\n");
            s->out = SPAN("body");
            (void)!stream_respond(&s->h2.base, &head, true);
        }
        break;
    }
}

static void drain(void)
{
    bool failed = false;
    char out[2048];
    size_t n, turns = 0;
    do {
        n = session_send(rig.session, out, 1024 + below(1025), &failed).len;
        session_taken(rig.session);
        assert_true(turns++ < 1000);
    } while (n > 0 && !failed);
}

/* Feeds `len` bytes in pieces, as a socket might, and answers in between. */
static void feed(const char *bytes, size_t len)
{
    bool alive = true;
    drain();
    while (len > 0 && alive) {
        size_t n = 1 + below(len < 600 ? len : 600);
        /* A piece of its own, so that reading past it shows. */
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes, n);
        alive = session_receive(rig.session, span_of(piece, n));
        free(piece);
        bytes += n;
        len -= n;
        /* The streams are as many now; promises make more. */
        for (size_t i = rig.streams_len; i > 0 && alive; i--) {
            if (rig.streams[i - 1].head)
                do_something(&rig.streams[i - 1]);
        }
        log_clear(&rig.server);
        drain();
    }
    if (!alive)
        session_leave(rig.session, SESSION_LEAVE_FAULT);
    drain();
    if (!alive)
        assert_true(rig.session->over);
}

static void a_flight_with_flipped_bits_does_no_harm(void **state)
{
    (void)state;
    static char flight[FLIGHT_BYTES], changed[FLIGHT_BYTES];
    const size_t len = record_flight(flight);
    seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(changed, flight, len);
        for (size_t flips = below(4); flips > 0; flips--) {
            /* The preface is 24 bytes; what is no preface ends all at once. */
            size_t at = 24 + below(len - 24);
            changed[at] = (char)(changed[at] ^ (1 << below(8)));
        }
        rig_open(&rig);
        feed(changed, len);
        rig_close(&rig);
    }
}

static void a_flight_cut_anywhere_does_no_harm(void **state)
{
    (void)state;
    static char flight[FLIGHT_BYTES];
    const size_t len = record_flight(flight);
    seed = 2;
    for (size_t cut = 0; cut < len; cut += 1 + cut / 100) {
        rig_open(&rig);
        feed(flight, cut);
        rig_close(&rig);
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char preface[] = NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0";
    char bytes[1024];
    seed = 3;
    for (int round = 0; round < ROUNDS; round++) {
        size_t start = below(3) > 0 ? sizeof preface : 0;
        memcpy(bytes, preface, start);
        for (size_t i = start; i < sizeof bytes; i++)
            bytes[i] = (char)below(256);
        rig_open(&rig);
        feed(bytes, sizeof bytes);
        rig_close(&rig);
    }
}

/* Frames of every type with random flags, streams and contents, but right lengths. */
static void random_frames_do_no_harm(void **state)
{
    (void)state;
    static const char preface[] = NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0";
    char bytes[2048];
    seed = 4;
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = sizeof preface;
        memcpy(bytes, preface, len);
        while (len + 9 + 40 < sizeof bytes) {
            size_t payload = below(40);
            const char head[9] = {
                0, 0, (char)payload, (char)below(18), (char)(below(2) ? 5 : below(256)), 0,
                0, 0, (char)below(8)};
            memcpy(bytes + len, head, sizeof head);
            len += sizeof head;
            for (; payload > 0; payload--)
                bytes[len++] = (char)(below(2) ? 0x82 + below(8) : below(256));
        }
        rig_open(&rig);
        feed(bytes, len);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flight_with_flipped_bits_does_no_harm),
        cmocka_unit_test(a_flight_cut_anywhere_does_no_harm),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(random_frames_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
