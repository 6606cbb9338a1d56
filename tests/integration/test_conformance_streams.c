/* RFC 9113 §5.1 (the states of a stream) and §6 (frames on a stream). Where the RFC wants a stream
 * error it allows to end the connection in its place (§5.4.1): ENDS_ANY. */
#include "frames.h"

/* A request that is refused as malformed while the client could still send on it. */
#define REFUSED(stream)     HEADERS(stream, END_HEADERS, POST_FIELDS "Upper: case\n")
#define RESET_BY_US(stream) REFUSED(stream), AWAIT_RESET(stream)
#define COMPLETE(stream)    GET(stream), AWAIT_END(stream)
#define TRAILERS(stream)    HEADERS(stream, END_BOTH, "x-sum: 1\n")

static void an_idle_stream_takes_only_headers_and_priority(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA", {DATA(1, END_STREAM, "test")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"RST_STREAM", {CANCEL(1)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"WINDOW_UPDATE", {WINDOW_UPDATE(1, "\0\0\0\144")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION",
         {CONTINUATION(1, END_HEADERS, GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"PRIORITY", {PRIORITY(1, "\0\0\0\0\377")}, IS_UNREMARKABLE},
        {"PRIORITY, then a request on it", {PRIORITY(1, "\0\0\0\0\0"), GET(1)}, IS_ANSWERED(1)},
        {"PRIORITY, then a request below it",
         {PRIORITY(3, "\0\0\0\0\377"), GET(1)},
         IS_ANSWERED(1)},
        {"DATA on one of ours", {DATA(2, END_STREAM, "test")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"RST_STREAM on one of ours", {CANCEL(2)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"WINDOW_UPDATE on one of ours",
         {WINDOW_UPDATE(2, "\0\0\0\1")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"DATA above those in use",
         {GET(3), DATA(5, END_STREAM, "test")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_request_that_has_ended_takes_no_more_of_it(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA", {GET_HELD(1), DATA(1, END_STREAM, "test")}, ENDS_ANY(1, STREAM_CLOSED)},
        {"HEADERS", {GET_HELD(1), TRAILERS(1)}, ENDS_ANY(1, STREAM_CLOSED)},
        {"a second request", {GET_HELD(5), GET(5)}, ENDS_ANY(5, STREAM_CLOSED)},
        {"CONTINUATION",
         {GET_HELD(1), CONTINUATION(1, END_HEADERS, "x-sum: 1\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"DATA after DATA that ended it",
         {POST_HELD(1), DATA(1, END_STREAM, "test"), DATA(1, 0, "test")},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"DATA after trailers",
         {POST_HELD(1), DATA(1, 0, "test"), TRAILERS(1), DATA(1, 0, "test")},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"trailers after trailers",
         {POST_HELD(1), TRAILERS(1), TRAILERS(1)},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"WINDOW_UPDATE", {GET_HELD(1), WINDOW_UPDATE(1, "\0\0\0\1")}, IS_UNREMARKABLE},
        {"PRIORITY", {GET_HELD(1), PRIORITY(1, "\0\0\0\0\377")}, IS_UNREMARKABLE},
        {"RST_STREAM", {GET_HELD(1), CANCEL(1)}, IS_UNREMARKABLE},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_stream_that_the_client_reset_is_closed(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA",
         {POST_HELD(1), CANCEL(1), DATA(1, END_STREAM, "test")},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"HEADERS", {POST_HELD(1), CANCEL(1), TRAILERS(1)}, ENDS_ANY(1, STREAM_CLOSED)},
        {"CONTINUATION",
         {POST_HELD(1), CANCEL(1), CONTINUATION(1, END_HEADERS, "x-sum: 1\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"DATA, a while later",
         {POST_HELD(1), CANCEL(1), AWAIT_PING, DATA(1, END_STREAM, "test")},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"DATA, after more requests",
         {POST_HELD(1), CANCEL(1), COMPLETE(3), COMPLETE(5), DATA(1, END_STREAM, "test")},
         ENDS_ANY(1, STREAM_CLOSED)},
        {"WINDOW_UPDATE", {POST_HELD(1), CANCEL(1), WINDOW_UPDATE(1, "\0\0\0\1")}, IS_UNREMARKABLE},
        {"PRIORITY", {POST_HELD(1), CANCEL(1), PRIORITY(1, "\0\0\0\0\377")}, IS_UNREMARKABLE},
        {"RST_STREAM", {POST_HELD(1), CANCEL(1), CANCEL(1)}, IS_UNREMARKABLE},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_stream_that_both_have_ended_is_closed(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA", {COMPLETE(1), DATA(1, END_STREAM, "test")}, ENDS_CONNECTION(STREAM_CLOSED)},
        {"HEADERS", {COMPLETE(1), GET(1)}, ENDS_CONNECTION(STREAM_CLOSED)},
        {"HEADERS with padding and priority",
         {COMPLETE(1), WITH_FIELDS(NGHTTP2_HEADERS, END_BOTH | PADDED | PRIORITIZED, 1,
                                   "\0\0\0\0\0\0", GET_FIELDS)},
         ENDS_CONNECTION(STREAM_CLOSED)},
        {"CONTINUATION",
         {COMPLETE(1), CONTINUATION(1, END_HEADERS, "x-sum: 1\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"DATA, while others are open",
         {COMPLETE(1), GET_HELD(3), POST_HELD(5), DATA(1, END_STREAM, "test")},
         ENDS_CONNECTION(STREAM_CLOSED)},
        {"empty DATA", {COMPLETE(1), DATA(1, 0, "")}, ENDS_CONNECTION(STREAM_CLOSED)},
        {"WINDOW_UPDATE", {COMPLETE(1), WINDOW_UPDATE(1, "\0\0\0\1")}, IS_UNREMARKABLE},
        {"PRIORITY", {COMPLETE(1), PRIORITY(1, "\0\0\0\0\377")}, IS_UNREMARKABLE},
        {"RST_STREAM", {COMPLETE(1), CANCEL(1)}, IS_UNREMARKABLE},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

/* The client may have sent before it read the RST_STREAM. */
static void what_comes_on_a_stream_that_we_reset_is_ignored(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA",
         {RESET_BY_US(1), DATA(1, 0, "test"), DATA(1, END_STREAM, "test")},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"DATA and trailers",
         {RESET_BY_US(1), DATA(1, 0, "test"), TRAILERS(1)},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"DATA and RST_STREAM",
         {RESET_BY_US(1), DATA(1, 0, "test"), CANCEL(1)},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"WINDOW_UPDATE and PRIORITY",
         {RESET_BY_US(1), WINDOW_UPDATE(1, "\0\0\0\1"), PRIORITY(1, "\0\0\0\0\377")},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"DATA after later requests",
         {RESET_BY_US(1), COMPLETE(3), DATA(1, 0, "test"), COMPLETE(5), DATA(1, 0, "test")},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"DATA before the client can know",
         {REFUSED(1), DATA(1, 0, "test"), TRAILERS(1)},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"an upload that is answered before its end",
         {HEADERS(1, END_HEADERS, HEAD_OF("POST", "/early")), DATA(1, 0, "t"), AWAIT_RESET(1),
          DATA(1, 0, "test"), DATA(1, END_STREAM, "test")},
         ENDS_STREAM(1, NGHTTP2_NO_ERROR)},
        {"but not beyond what the client says is its end",
         {RESET_BY_US(1), DATA(1, END_STREAM, "test"), DATA(1, 0, "test")},
         ENDS_CONNECTION(STREAM_CLOSED)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void ids_of_streams_are_odd_and_rise(void **state)
{
    static const struct frames_case cases[] = {
        {"0", {GET(0)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"even", {GET(2)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"smaller, the greater one held", {GET_HELD(5), GET(3)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"smaller, the greater one complete",
         {COMPLETE(5), GET(3)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"smaller, between two others",
         {GET_HELD(1), GET_HELD(7), GET(5)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"smaller than one that was refused",
         {REFUSED(5), GET(3)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"DATA on one that was passed over",
         {GET_HELD(5), DATA(3, END_STREAM, "test")},
         ENDS_CONNECTION(STREAM_CLOSED)},
        {"with gaps", {GET_HELD(1), GET_HELD(9), GET(77)}, IS_ANSWERED(77)},
        {"with the reserved bit", {GET(0x80000001)}, IS_ANSWERED(1)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_dependency_on_itself_is_an_error(void **state)
{
    static const struct frames_case cases[] = {
        {"HEADERS",
         {WITH_FIELDS(NGHTTP2_HEADERS, END_BOTH | PRIORITIZED, 1, "\0\0\0\1\377", GET_FIELDS)},
         ENDS_ANY(1, PROTOCOL_ERROR)},
        {"PRIORITY", {PRIORITY(1, "\0\0\0\1\377")}, ENDS_ANY(1, PROTOCOL_ERROR)},
        {"PRIORITY of an open stream",
         {GET_HELD(1), PRIORITY(1, "\0\0\0\1\377")},
         ENDS_ANY(1, PROTOCOL_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void data_is_padded_and_on_a_stream(void **state)
{
    static const struct frames_case cases[] = {
        {"one frame",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, END_STREAM, "test")},
         IS_ANSWERED(1)},
        {"several frames",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, 0, "test"), DATA(1, 0, ""),
          DATA(1, END_STREAM, "test")},
         IS_ANSWERED(1)},
        {"padding",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, END_STREAM | PADDED, "\6test\0\0\0\0\0\0")},
         IS_ANSWERED(1)},
        {"nothing but padding",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, END_STREAM | PADDED, "\3\0\0\0")},
         IS_ANSWERED(1)},
        {"undefined flags",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, 0xf6, "test"), DATA(1, 0x01, "")},
         IS_ANSWERED(1)},
        {"stream 0", {DATA(0, END_STREAM, "test")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"padding as long as the payload",
         {POST_HELD(1), DATA(1, END_STREAM | PADDED, "\5test")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"padding far over the payload",
         {POST_HELD(1), DATA(1, END_STREAM | PADDED, "\377test")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"no room for the length of the padding",
         {POST_HELD(1), DATA(1, END_STREAM | PADDED, "")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void headers_are_padded_and_prioritized(void **state)
{
    static const struct frames_case cases[] = {
        {"padding",
         {FRAME(NGHTTP2_HEADERS, END_BOTH | PADDED, 1,
                "\3\x82\x87\x84\x01\x0b"
                "example.com\0\0\0")},
         IS_ANSWERED(1)},
        {"priority",
         {WITH_FIELDS(NGHTTP2_HEADERS, END_BOTH | PRIORITIZED, 1, "\0\0\0\0\17", GET_FIELDS)},
         IS_ANSWERED(1)},
        {"both, exclusive",
         {WITH_FIELDS(NGHTTP2_HEADERS, END_BOTH | PADDED | PRIORITIZED, 1, "\0\x80\0\0\0\17",
                      GET_FIELDS)},
         IS_ANSWERED(1)},
        {"undefined flags", {HEADERS(1, END_BOTH | 0xd2, GET_FIELDS)}, IS_ANSWERED(1)},
        {"padding over the payload",
         {WITH_FIELDS(NGHTTP2_HEADERS, END_BOTH | PADDED, 1, "\377", GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"padding over what priority leaves",
         {FRAME(NGHTTP2_HEADERS, END_BOTH | PADDED | PRIORITIZED, 1, "\4\0\0\0\0\17\x82\x87\x84")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"no room for priority",
         {FRAME(NGHTTP2_HEADERS, END_BOTH | PRIORITIZED, 1, "\0\0\0\0")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"over the largest frame",
         {FILLED(NGHTTP2_HEADERS, END_BOTH, 1, 16385)},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_header_block_is_not_interrupted(void **state)
{
    static const struct frames_case cases[] = {
        {"one CONTINUATION",
         {HEADERS(1, END_STREAM, GET_FIELDS), CONTINUATION(1, END_HEADERS, "a: b\n")},
         IS_ANSWERED(1)},
        {"several, some of them empty",
         {HEADERS(1, END_STREAM, ""), CONTINUATION(1, 0, GET_FIELDS), CONTINUATION(1, 0, ""),
          CONTINUATION(1, 0, "a: b\n"), CONTINUATION(1, END_HEADERS, "")},
         IS_ANSWERED(1)},
        {"in trailers",
         {HEADERS(1, END_HEADERS, POST_FIELDS), DATA(1, 0, "test"), HEADERS(1, END_STREAM, ""),
          CONTINUATION(1, END_HEADERS, "x-sum: 1\n")},
         IS_ANSWERED(1)},
        {"by PRIORITY",
         {HEADERS(1, END_STREAM, GET_FIELDS), PRIORITY(1, "\0\0\0\0\377"),
          CONTINUATION(1, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by HEADERS of another stream",
         {HEADERS(1, END_STREAM, GET_FIELDS), GET(3)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by HEADERS of the same stream",
         {HEADERS(1, END_STREAM, GET_FIELDS), GET(1)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by DATA",
         {HEADERS(1, 0, POST_FIELDS), DATA(1, END_STREAM, "test")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by PING",
         {HEADERS(1, END_STREAM, GET_FIELDS), PING(0, 0, "12345678")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by SETTINGS",
         {HEADERS(1, END_STREAM, GET_FIELDS), SETTINGS("")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by a frame of an unknown type",
         {HEADERS(1, END_STREAM, GET_FIELDS), FRAME(0xfa, 0, 0, "unknown"),
          CONTINUATION(1, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by CONTINUATION of another stream",
         {HEADERS(1, END_STREAM, GET_FIELDS), CONTINUATION(3, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"by CONTINUATION of stream 0",
         {HEADERS(1, END_STREAM, GET_FIELDS), CONTINUATION(0, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION without HEADERS on stream 0",
         {CONTINUATION(0, END_HEADERS, GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION after its end",
         {HEADERS(1, END_HEADERS, POST_FIELDS), CONTINUATION(1, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION after CONTINUATION that ended it",
         {HEADERS(1, 0, POST_FIELDS), CONTINUATION(1, END_HEADERS, "a: b\n"),
          CONTINUATION(1, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION after DATA",
         {POST_HELD(1), DATA(1, 0, "test"), CONTINUATION(1, END_HEADERS, "a: b\n")},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"CONTINUATION over the largest frame",
         {HEADERS(1, END_STREAM, GET_FIELDS), FILLED(NGHTTP2_CONTINUATION, END_HEADERS, 1, 16385)},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void priority_has_5_bytes_and_a_stream(void **state)
{
    static const struct frames_case cases[] = {
        {"weight 1", {PRIORITY(1, "\0\0\0\0\0"), GET(1)}, IS_ANSWERED(1)},
        {"weight 256", {PRIORITY(1, "\0\0\0\0\377"), GET(1)}, IS_ANSWERED(1)},
        {"dependency",
         {PRIORITY(1, "\0\0\0\0\377"), PRIORITY(3, "\0\0\0\1\377"), GET(1)},
         IS_ANSWERED(1)},
        {"exclusive dependency", {PRIORITY(3, "\x80\0\0\1\377"), GET(3)}, IS_ANSWERED(3)},
        {"stream 0", {PRIORITY(0, "\0\0\0\0\377")}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"too short", {GET_HELD(1), PRIORITY(1, "\0\0\0\0")}, ENDS_ANY(1, FRAME_SIZE_ERROR)},
        {"too long", {GET_HELD(1), PRIORITY(1, "\0\0\0\0\0\0")}, ENDS_ANY(1, FRAME_SIZE_ERROR)},
        {"too short, on an idle stream", {PRIORITY(1, "\0\0\0\0")}, ENDS_ANY(1, FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void rst_stream_has_4_bytes_and_a_stream(void **state)
{
    static const struct frames_case cases[] = {
        {"of a request", {GET_HELD(1), CANCEL(1)}, IS_UNREMARKABLE},
        {"of an upload", {POST_HELD(1), DATA(1, 0, "test"), CANCEL(1)}, IS_UNREMARKABLE},
        {"an unknown code", {GET_HELD(1), RST_STREAM(1, "\0\0\0\377")}, IS_UNREMARKABLE},
        {"stream 0", {CANCEL(0)}, ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"too short", {GET_HELD(1), RST_STREAM(1, "\0\0\10")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"too long",
         {GET_HELD(1), RST_STREAM(1, "\0\0\0\10\0")},
         ENDS_CONNECTION(FRAME_SIZE_ERROR)},
        {"empty", {GET_HELD(1), RST_STREAM(1, "")}, ENDS_CONNECTION(FRAME_SIZE_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_client_promises_nothing(void **state)
{
    static const struct frames_case cases[] = {
        {"on an open stream",
         {POST_HELD(1), WITH_FIELDS(NGHTTP2_PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2", GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"on stream 0",
         {WITH_FIELDS(NGHTTP2_PUSH_PROMISE, END_HEADERS, 0, "\0\0\0\2", GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"on an idle stream",
         {WITH_FIELDS(NGHTTP2_PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\3", GET_FIELDS)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_promised_stream_takes_no_request(void **state)
{
    static const struct frames_case cases[] = {
        {"DATA",
         {HEADERS(1, END_BOTH, HEAD_OF("GET", "/page")), AWAIT_END(1), DATA(2, 0, "test")},
         ENDS_ANY(2, STREAM_CLOSED)},
        {"HEADERS",
         {HEADERS(1, END_BOTH, HEAD_OF("GET", "/page")), AWAIT_END(1), GET(2)},
         ENDS_CONNECTION(PROTOCOL_ERROR)},
        {"RST_STREAM",
         {HEADERS(1, END_BOTH, HEAD_OF("GET", "/page")), AWAIT_END(1), CANCEL(2)},
         IS_UNREMARKABLE},
        {"WINDOW_UPDATE",
         {HEADERS(1, END_BOTH, HEAD_OF("GET", "/page")), AWAIT_END(1),
          WINDOW_UPDATE(2, "\0\0\0\1")},
         IS_UNREMARKABLE},
    };
    struct stub *stub = frames_start(*state);
    STUB_ON(stub, "/page",
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                 "Link: </held>; rel=preload\r\n\r\nok\n"));
    frames_check(*state, cases);
}

/* RFC 9113 §5.1.2 */
static void a_stream_more_than_allowed_is_refused(void **state)
{
    static const struct frames_case cases[] = {
        {"as many as allowed", {GET_HELD(1), GET_HELD(3), GET(5), AWAIT_END(5)}, IS_ANSWERED(5)},
        {"one more",
         {GET_HELD(1), GET_HELD(3), GET_HELD(5), GET_HELD(7)},
         ENDS_ANY(7, PROTOCOL_ERROR)},
        {"closed ones do not count",
         {COMPLETE(1), COMPLETE(3), GET_HELD(5), CANCEL(5), GET_HELD(7), GET_HELD(9)},
         IS_UNREMARKABLE},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "[limits]\nstreams = 3\n");
    STUB_ON(stub, "/held", AWAIT(0));
    frames_check(*state, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_idle_stream_takes_only_headers_and_priority),
        RIG_TEST(a_request_that_has_ended_takes_no_more_of_it),
        RIG_TEST(a_stream_that_the_client_reset_is_closed),
        RIG_TEST(a_stream_that_both_have_ended_is_closed),
        RIG_TEST(what_comes_on_a_stream_that_we_reset_is_ignored),
        RIG_TEST(ids_of_streams_are_odd_and_rise),
        RIG_TEST(a_dependency_on_itself_is_an_error),
        RIG_TEST(data_is_padded_and_on_a_stream),
        RIG_TEST(headers_are_padded_and_prioritized),
        RIG_TEST(a_header_block_is_not_interrupted),
        RIG_TEST(priority_has_5_bytes_and_a_stream),
        RIG_TEST(rst_stream_has_4_bytes_and_a_stream),
        RIG_TEST(a_client_promises_nothing),
        RIG_TEST(a_promised_stream_takes_no_request),
        RIG_TEST(a_stream_more_than_allowed_is_refused),
    };
    return rig_run(tests);
}
