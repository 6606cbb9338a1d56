/* RFC 9113 §3 (the preface), §4 (frames), §6 (frames of the connection) and §5.2 (flow control). */
#include "frames.h"

#define SET(number, value) "\0" number value /* one setting */
#define ENABLE_PUSH        "\2"
#define MAX_STREAMS        "\3"
#define INITIAL_WINDOW     "\4"
#define MAX_FRAME          "\5"
#define MAX_HEADER_LIST    "\6"

/* Sends `bytes` in place of a preface; the daemon must end the connection. */
static void check_preface(struct rig *rig, const struct frame *bytes, bool goaway)
{
    struct frames *f = frames_open(rig);
    frames_put(f, bytes);
    assert_true(frames_until(f, frames_is_over, 0));
    if (goaway) {
        assert_true(f->goaway);
        assert_int_equal(f->goaway_code, PROTOCOL_ERROR);
    }
    frames_close(f);
}

static void a_connection_without_the_preface_ends(void **state)
{
    static const struct frame wrong[] = {
        RAW_BYTES("INVALID CONNECTION PREFACE\r\n\r\n"),
        RAW_BYTES("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        RAW_BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\r\r\n\0\0\0\4\0\0\0\0\0"),
        RAW_BYTES("pri * http/2.0\r\n\r\nsm\r\n\r\n\0\0\0\4\0\0\0\0\0"),
        RAW_BYTES("\0\0\0\4\0\0\0\0\0"),
    };
    frames_start(*state);
    for (size_t i = 0; i < CHECK_LEN(wrong); i++)
        check_preface(*state, &wrong[i], false);
}

static void the_first_frame_is_settings(void **state)
{
    static const struct frame wrong[] = {
        RAW_BYTES(NGHTTP2_CLIENT_MAGIC "\0\0\10\6\0\0\0\0\0"
                                       "12345678"),
        RAW_BYTES(NGHTTP2_CLIENT_MAGIC "\0\0\0\4\1\0\0\0\0"),
        RAW_BYTES(NGHTTP2_CLIENT_MAGIC "\0\0\4\1\5\0\0\0\1\x82\x87\x84\x86"),
    };
    frames_start(*state);
    for (size_t i = 0; i < CHECK_LEN(wrong); i++)
        check_preface(*state, &wrong[i], true);
}

static void the_daemon_greets_first_with_settings(void **state)
{
    frames_start(*state);
    struct frames *f = frames_open(*state);
    assert_true(frames_until(f, frames_has_acks, 0));
    assert_int_equal(f->settings, 1);
    FRAMES_PUT(f, RAW_BYTES(NGHTTP2_CLIENT_MAGIC));
    FRAMES_PUT(f, SETTINGS(""));
    FRAMES_PUT(f, GET(1)); /* the client need not wait */
    assert_true(frames_until(f, frames_has_end, 1));
    assert_int_equal(f->streams[1].status, 200);
    assert_int_equal(f->settings_acks, 1);
    frames_close(f);
}

static void what_is_not_known_is_ignored(void **state)
{
    static const struct frames_case cases[] = {
        {"a frame of an unknown type", {FRAME(0xfa, 0, 0, "unknown")}, IS_UNREMARKABLE},
        {"one with flags, on an idle stream", {FRAME(0xfa, 0xff, 1, "unknown")}, IS_UNREMARKABLE},
        {"an empty one", {FRAME(0xfa, 0, 0, ""), GET(1)}, IS_ANSWERED(1)},
        {"one on an open stream", {GET_HELD(1), FRAME(0xfa, 1, 1, "unknown")}, IS_UNREMARKABLE},
        {"one of the largest size", {FILLED(0xfa, 0, 0, 16384)}, IS_UNREMARKABLE},
        {"undefined flags of PING", {PING(0xfe, 0, "12345678")}, IS_UNREMARKABLE},
        {"undefined flags of SETTINGS", {FRAME(NGHTTP2_SETTINGS, 0xfe, 0, "")}, IS_UNREMARKABLE},
        {"the reserved bit of an id", {PING(0, 0x80000000, "12345678")}, IS_UNREMARKABLE},
        {"the reserved bit of an increment", {WINDOW_UPDATE(0, "\x80\0\0\1")}, IS_UNREMARKABLE},
        {"an unknown setting", {SETTINGS("\0\377\0\0\0\1")}, IS_UNREMARKABLE},
        {"two unknown settings",
         {SETTINGS("\377\377\377\377\377\377\0\0\0\0\0\0")},
         IS_UNREMARKABLE},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_frame_has_at_most_16384_bytes(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA of that size",
         {HEADERS(1, END_HEADERS, POST_FIELDS), FILLED(NGHTTP2_DATA, END_STREAM, 1, 16384)},
         IS_ANSWERED(1)},
        {"DATA over it",
         {POST_HELD(1), FILLED(NGHTTP2_DATA, END_STREAM, 1, 16385)},
         ENDS_ANY(1, FRAME_SIZE_ERROR)},
        {"HEADERS over it",
         {FILLED(NGHTTP2_HEADERS, END_BOTH, 1, 16385)},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"SETTINGS over it",
         {FILLED(NGHTTP2_SETTINGS, 0, 0, 16386)},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"GOAWAY over it",
         {FILLED(NGHTTP2_GOAWAY, 0, 0, 16385)},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"an unknown one over it", {FILLED(0xfa, 0, 0, 16385)}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void settings_are_checked(void **state)
{
    static const struct frames_case cases[] = {
        {"ACK with a payload",
         {FRAME(NGHTTP2_SETTINGS, ACK, 0, SET(ENABLE_PUSH, "\0\0\0\0"))},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"ACK with a byte",
         {FRAME(NGHTTP2_SETTINGS, ACK, 0, "\0")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"on a stream",
         {FRAME(NGHTTP2_SETTINGS, 0, 1, SET(MAX_STREAMS, "\0\0\0\144"))},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"on an open stream",
         {GET_HELD(1), FRAME(NGHTTP2_SETTINGS, 0, 1, "")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"no multiple of 6 bytes", {SETTINGS("\0\3\0")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"a byte more",
         {SETTINGS(SET(MAX_STREAMS, "\0\0\0\1") "\0")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"ENABLE_PUSH 2",
         {SETTINGS(SET(ENABLE_PUSH, "\0\0\0\2"))},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"INITIAL_WINDOW_SIZE over 2^31-1",
         {SETTINGS(SET(INITIAL_WINDOW, "\x80\0\0\0"))},
         ENDS_CONNECTION(FLOW_CONTROL_ERROR)},
        {"MAX_FRAME_SIZE below 16384",
         {SETTINGS(SET(MAX_FRAME, "\0\0\x3f\377"))},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"MAX_FRAME_SIZE over 2^24-1",
         {SETTINGS(SET(MAX_FRAME, "\1\0\0\0"))},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"the edges of what is allowed",
         {SETTINGS(SET(ENABLE_PUSH, "\0\0\0\1") SET(INITIAL_WINDOW, "\x7f\377\377\377")
                       SET(MAX_FRAME, "\0\377\377\377") SET(MAX_STREAMS, "\377\377\377\377")
                           SET(MAX_HEADER_LIST, "\377\377\377\377"))},
         IS_UNREMARKABLE},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void settings_are_acknowledged_one_by_one(void **state)
{
    frames_start(*state);
    struct frames *f = frames_greet(*state);
    for (uint32_t i = 0; i < 3; i++)
        FRAMES_PUT(f, SETTINGS(SET(ENABLE_PUSH, "\0\0\0\0")));
    assert_true(frames_until(f, frames_has_acks, 4));
    assert_true(frames_settle(f));
    assert_int_equal(f->settings_acks, 4);
    frames_close(f);
}

static void ping_and_goaway_are_checked(void **state)
{
    static const struct frames_case cases[] = {
        {"PING on a stream", {PING(0, 1, "12345678")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"PING ACK on a stream", {PING(ACK, 1, "12345678")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"PING too short", {PING(0, 0, "123456")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"PING too long", {PING(0, 0, "123456789")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"PING empty", {PING(0, 0, "")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"GOAWAY on a stream",
         {FRAME(NGHTTP2_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"GOAWAY too short",
         {FRAME(NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void an_answer_to_a_ping_is_not_answered(void **state)
{
    frames_start(*state);
    struct frames *f = frames_greet(*state);
    FRAMES_PUT(f, PING(ACK, 0, "12345678"));
    FRAMES_PUT(f, PING(ACK, 0, "12345678"));
    assert_true(frames_settle(f));
    assert_int_equal(f->pings, 1);
    frames_close(f);
}

/* Streams that are open when the client says goodbye go on to their end. */
static void a_goaway_of_the_client_ends_nothing_that_goes_on(void **state)
{
    static const struct frame goaways[] = {
        FRAME(NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0"),
        FRAME(NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\377"),
        FRAME(NGHTTP2_GOAWAY, 0, 0,
              "\0\0\0\0\0\0\0\0"
              "so long"),
    };
    frames_start(*state);
    for (size_t i = 0; i < CHECK_LEN(goaways); i++) {
        struct frames *f = frames_greet(*state);
        FRAMES_PUT(f, GET(1));
        frames_put(f, &goaways[i]);
        assert_true(frames_until(f, frames_has_end, 1));
        assert_int_equal(f->streams[1].status, 200);
        frames_close(f);
    }
}

static void a_window_is_opened_by_1_to_its_most(void **state)
{
    static const struct frames_case cases[] = {
        {"of the connection", {WINDOW_UPDATE(0, "\0\0\0\1")}, IS_UNREMARKABLE},
        {"of a stream", {GET_HELD(1), WINDOW_UPDATE(1, "\0\0\0\1")}, IS_UNREMARKABLE},
        {"of the connection, by 0",
         {WINDOW_UPDATE(0, "\0\0\0\0")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"of a stream, by 0",
         {GET_HELD(1), WINDOW_UPDATE(1, "\0\0\0\0")},
         ENDS_ANY(1, PROTOCOL_ERROR)},
        {"of the connection, too far",
         {WINDOW_UPDATE(0, "\x7f\377\377\377")},
         ENDS_CONNECTION(FLOW_CONTROL_ERROR)},
        {"of the connection, too far in two steps",
         {WINDOW_UPDATE(0, "\x7f\377\0\0"), WINDOW_UPDATE(0, "\0\1\0\0")},
         ENDS_CONNECTION(FLOW_CONTROL_ERROR)},
        {"of a stream, too far",
         {GET_HELD(1), WINDOW_UPDATE(1, "\x7f\377\377\377")},
         ENDS_ANY(1, FLOW_CONTROL_ERROR)},
        {"of all streams, too far",
         {GET_HELD(1), WINDOW_UPDATE(1, "\x7f\377\0\0"),
          SETTINGS(SET(INITIAL_WINDOW, "\x7f\377\377\377"))},
         ENDS_CONNECTION(FLOW_CONTROL_ERROR)},
        {"too short", {WINDOW_UPDATE(0, "\0\0\1")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"too long", {WINDOW_UPDATE(0, "\0\0\0\0\1")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"too short, of a stream",
         {GET_HELD(1), WINDOW_UPDATE(1, "\0\0\1")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

/* An upload that waits for a connection to the origin, so that nobody opens its window again. */
static void what_does_not_fit_the_window_is_an_error(void **state)
{
    static const struct frames_case cases[] = {
        {"of a stream",
         {GET_HELD(1), POST_HELD(3), FILLED(NGHTTP2_DATA, 0, 3, 16384),
          FILLED(NGHTTP2_DATA, 0, 3, 16384), FILLED(NGHTTP2_DATA, 0, 3, 16384),
          FILLED(NGHTTP2_DATA, 0, 3, 16384), FILLED(NGHTTP2_DATA, 0, 3, 16384)},
         ENDS_ANY(3, FLOW_CONTROL_ERROR)},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    STUB_ON(stub, "/held", AWAIT(0));
    rig_daemon(rig,
               &(struct daemon_setup){.conf = rig_text(rig, "[origin app]\n%smax_connections = 1\n",
                                                       rig_url(rig, stub))});
    frames_check(rig, cases);
}

static bool has_data(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].data > 0;
}

/* A request whose answer may have as many bytes as `settings` says; how many came. */
static size_t bytes_in_window(struct frames *f, const struct frame *settings, unsigned acks)
{
    frames_put(f, settings);
    assert_true(frames_until(f, frames_has_acks, acks));
    FRAMES_PUT(f, GET(1));
    assert_true(frames_until(f, has_data, 1));
    assert_true(frames_settle(f));
    assert_false(f->streams[1].ended);
    return f->streams[1].data;
}

static void no_more_is_sent_than_the_window_holds(void **state)
{
    static const struct frame one = SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\1"));
    static const struct frame last_counts =
        SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\144") SET(INITIAL_WINDOW, "\0\0\0\1"));
    const struct frame *all[] = {&one, &last_counts};
    frames_start(*state);
    for (size_t i = 0; i < CHECK_LEN(all); i++) {
        struct frames *f = frames_greet(*state);
        assert_int_equal(bytes_in_window(f, all[i], 2), 1);
        FRAMES_PUT(f, WINDOW_UPDATE(1, "\0\0\0\1"));
        assert_true(frames_settle(f));
        assert_int_equal(f->streams[1].data, 2);
        FRAMES_PUT(f, WINDOW_UPDATE(1, "\0\0\0\12"));
        assert_true(frames_until(f, frames_has_end, 1));
        assert_int_equal(f->streams[1].data, 3);
        frames_close(f);
    }
}

static void a_new_initial_window_changes_open_streams(void **state)
{
    frames_start(*state);
    struct frames *f = frames_greet(*state);
    FRAMES_PUT(f, SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\0")));
    FRAMES_PUT(f, GET(1));
    assert_true(frames_settle(f));
    assert_int_equal(f->streams[1].data, 0);
    FRAMES_PUT(f, SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\1")));
    assert_true(frames_until(f, has_data, 1));
    assert_true(frames_settle(f));
    assert_int_equal(f->streams[1].data, 1);
    frames_close(f);
}

static void a_window_can_become_negative(void **state)
{
    static const struct frame two = SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\2"));
    frames_start(*state);
    struct frames *f = frames_greet(*state);
    assert_int_equal(bytes_in_window(f, &two, 2), 2);
    FRAMES_PUT(f, SETTINGS(SET(INITIAL_WINDOW, "\0\0\0\0"))); /* the window is -2 */
    FRAMES_PUT(f, WINDOW_UPDATE(1, "\0\0\0\2"));
    assert_true(frames_settle(f));
    assert_int_equal(f->streams[1].data, 2);
    FRAMES_PUT(f, WINDOW_UPDATE(1, "\0\0\0\1"));
    assert_true(frames_until(f, frames_has_end, 1));
    assert_int_equal(f->streams[1].data, 3);
    frames_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_connection_without_the_preface_ends),
        RIG_TEST(the_first_frame_is_settings),
        RIG_TEST(the_daemon_greets_first_with_settings),
        RIG_TEST(what_is_not_known_is_ignored),
        RIG_TEST(a_frame_has_at_most_16384_bytes),
        RIG_TEST(settings_are_checked),
        RIG_TEST(settings_are_acknowledged_one_by_one),
        RIG_TEST(ping_and_goaway_are_checked),
        RIG_TEST(an_answer_to_a_ping_is_not_answered),
        RIG_TEST(a_goaway_of_the_client_ends_nothing_that_goes_on),
        RIG_TEST(a_window_is_opened_by_1_to_its_most),
        RIG_TEST(what_does_not_fit_the_window_is_an_error),
        RIG_TEST(no_more_is_sent_than_the_window_holds),
        RIG_TEST(a_new_initial_window_changes_open_streams),
        RIG_TEST(a_window_can_become_negative),
    };
    return rig_run(tests);
}
