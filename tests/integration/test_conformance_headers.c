/* RFC 9113 §8: a request that is malformed is a stream error of type PROTOCOL_ERROR. */
#include "frames.h"

#define REQUEST(stream, lines) HEADERS(stream, END_BOTH, lines)
#define WITH(lines)            REQUEST(1, GET_FIELDS lines)
#define UPLOAD(lines)          HEADERS(1, END_HEADERS, POST_FIELDS lines)
#define MALFORMED              ENDS_STREAM(1, PROTOCOL_ERROR)

static void well_formed_requests_are_answered(void **state)
{
    static const struct frames_case cases[] = {
        {"GET", {GET(1)}, IS_ANSWERED(1)},
        {"HEAD", {REQUEST(1, HEAD_OF("HEAD", "/"))}, IS_ANSWERED(1)},
        {"POST", {UPLOAD(""), DATA(1, END_STREAM, "test")}, IS_ANSWERED(1)},
        {"POST with trailers",
         {UPLOAD(""), DATA(1, 0, "test"), REQUEST(1, "x-sum: 1\n")},
         IS_ANSWERED(1)},
        {"GET with a body",
         {HEADERS(1, END_HEADERS, GET_FIELDS), DATA(1, END_STREAM, "test")},
         IS_ANSWERED(1)},
        {"pseudo-fields in another order",
         {REQUEST(1, ":path: /\n:authority: example.com\n:scheme: https\n:method: GET\n")},
         IS_ANSWERED(1)},
        {"host in place of :authority",
         {REQUEST(1, ":method: GET\n:scheme: https\n:path: /\nhost: example.com\n")},
         IS_ANSWERED(1)},
        {"te: trailers", {WITH("te: trailers\n")}, IS_ANSWERED(1)},
        {"cookie in crumbs", {WITH("cookie: a=b\ncookie: c=d\n")}, IS_ANSWERED(1)},
        {"the length of no body", {WITH("content-length: 0\n")}, IS_ANSWERED(1)},
        {"the length of one frame",
         {UPLOAD("content-length: 4\n"), DATA(1, END_STREAM, "test")},
         IS_ANSWERED(1)},
        {"the length of two frames, one padded",
         {UPLOAD("content-length: 8\n"), DATA(1, PADDED, "\2test\0\0"),
          DATA(1, END_STREAM, "test")},
         IS_ANSWERED(1)},
        {"the length of a body that trailers end",
         {UPLOAD("content-length: 4\n"), DATA(1, 0, "test"), REQUEST(1, "x-sum: 1\n")},
         IS_ANSWERED(1)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_malformed_name_or_value_is_an_error(void **state)
{
    static const struct frames_case cases[] = {
        {"upper case", {WITH("X-Test: ok\n")}, MALFORMED},
        {"one letter in upper case", {WITH("x-tesT: ok\n")}, MALFORMED},
        {"upper case in trailers",
         {UPLOAD(""), DATA(1, 0, "test"), REQUEST(1, "X-Sum: 1\n")},
         MALFORMED},
        {"space in a name", {WITH("x test: ok\n")}, MALFORMED},
        {"control in a name", {WITH("x\1test: ok\n")}, MALFORMED},
        {"DEL in a name", {WITH("x\177test: ok\n")}, MALFORMED},
        {"non-ASCII in a name", {WITH("x\351test: ok\n")}, MALFORMED},
        {"colon in a name", {WITH("x:test: ok\n")}, MALFORMED},
        {"an empty name", {BLOCK(1, END_BOTH, "\x82\x87\x84\x01\1a\x00\x00\x01z")}, MALFORMED},
        {"CR in a value", {WITH("x-test: a\rb\n")}, MALFORMED},
        {"LF in a value",
         {BLOCK(1, END_BOTH,
                "\x82\x87\x84\x01\1a\x00\x01x\x03"
                "a\nb")},
         MALFORMED},
        {"NUL in a value",
         {BLOCK(1, END_BOTH,
                "\x82\x87\x84\x01\1a\x00\x01x\x03"
                "a\0b")},
         MALFORMED},
        {"space before a value", {WITH("x-test:  ok\n")}, MALFORMED},
        {"space after a value", {WITH("x-test: ok \n")}, MALFORMED},
        {"tab after a value", {WITH("x-test: ok\t\n")}, MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void pseudo_fields_are_those_of_a_request_and_first(void **state)
{
    static const struct frames_case cases[] = {
        {"an unknown one", {REQUEST(1, ":test: ok\n" GET_FIELDS)}, MALFORMED},
        {"an unknown one, last", {WITH(":test: ok\n")}, MALFORMED},
        {"that of responses", {WITH(":status: 200\n")}, MALFORMED},
        {"that of extended CONNECT", {WITH(":protocol: websocket\n")}, MALFORMED},
        {"after a field", {REQUEST(1, "x-test: ok\n" GET_FIELDS)}, MALFORMED},
        {"one of them after a field",
         {REQUEST(1, ":method: GET\n:scheme: https\n:authority: a\nx-test: ok\n:path: /\n")},
         MALFORMED},
        {"in trailers", {UPLOAD(""), DATA(1, 0, "test"), REQUEST(1, ":method: POST\n")}, MALFORMED},
        {"in trailers, after a field",
         {UPLOAD(""), DATA(1, 0, "test"), REQUEST(1, "x-sum: 1\n:path: /\n")},
         MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void each_pseudo_field_is_there_once(void **state)
{
    static const struct frames_case cases[] = {
        {"no :method", {REQUEST(1, ":scheme: https\n:authority: a\n:path: /\n")}, MALFORMED},
        {"no :scheme", {REQUEST(1, ":method: GET\n:authority: a\n:path: /\n")}, MALFORMED},
        {"no :path", {REQUEST(1, ":method: GET\n:scheme: https\n:authority: a\n")}, MALFORMED},
        {"none", {REQUEST(1, "x-test: ok\n")}, MALFORMED},
        {"an empty block", {REQUEST(1, "")}, MALFORMED},
        {"two :method", {WITH(":method: GET\n")}, MALFORMED},
        {"two :scheme", {WITH(":scheme: https\n")}, MALFORMED},
        {"two :path", {WITH(":path: /\n")}, MALFORMED},
        {"two :authority", {WITH(":authority: example.com\n")}, MALFORMED},
        {"an empty :path", {REQUEST(1, HEAD_OF("GET", ""))}, MALFORMED},
        {"an empty :method", {REQUEST(1, HEAD_OF("", "/"))}, MALFORMED},
        {"a :path without a slash", {REQUEST(1, HEAD_OF("GET", "a"))}, MALFORMED},
        {"* with another method than OPTIONS", {REQUEST(1, HEAD_OF("GET", "*"))}, MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void fields_of_the_connection_are_an_error(void **state)
{
    static const struct frames_case cases[] = {
        {"connection", {WITH("connection: keep-alive\n")}, MALFORMED},
        {"proxy-connection", {WITH("proxy-connection: keep-alive\n")}, MALFORMED},
        {"keep-alive", {WITH("keep-alive: timeout=5\n")}, MALFORMED},
        {"upgrade", {WITH("upgrade: websocket\n")}, MALFORMED},
        {"transfer-encoding", {WITH("transfer-encoding: chunked\n")}, MALFORMED},
        {"transfer-encoding with a body",
         {UPLOAD("transfer-encoding: chunked\n"), DATA(1, END_STREAM, "0\r\n\r\n")},
         MALFORMED},
        {"te other than trailers", {WITH("te: gzip\n")}, MALFORMED},
        {"te with more than trailers", {WITH("te: trailers, deflate\n")}, MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void content_length_is_the_sum_of_the_data(void **state)
{
    static const struct frames_case cases[] = {
        {"more in one frame",
         {UPLOAD("content-length: 1\n"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"more in several frames",
         {UPLOAD("content-length: 1\n"), DATA(1, 0, "test"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"less in one frame",
         {UPLOAD("content-length: 5\n"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"less in several frames",
         {UPLOAD("content-length: 9\n"), DATA(1, 0, "test"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"less before trailers",
         {UPLOAD("content-length: 5\n"), DATA(1, 0, "test"), REQUEST(1, "x-sum: 1\n")},
         MALFORMED},
        {"a length without a body", {WITH("content-length: 1\n")}, MALFORMED},
        {"padding does not count",
         {UPLOAD("content-length: 7\n"), DATA(1, END_STREAM | PADDED, "\3test\0\0\0")},
         MALFORMED},
        {"two of them",
         {UPLOAD("content-length: 4\ncontent-length: 4\n"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"two in one", {UPLOAD("content-length: 4, 4\n"), DATA(1, END_STREAM, "test")}, MALFORMED},
        {"no number", {UPLOAD("content-length: four\n"), DATA(1, END_STREAM, "test")}, MALFORMED},
        {"a negative one",
         {UPLOAD("content-length: -4\n"), DATA(1, END_STREAM, "test")},
         MALFORMED},
        {"a signed one", {UPLOAD("content-length: +4\n"), DATA(1, END_STREAM, "test")}, MALFORMED},
        {"an empty one", {UPLOAD("content-length: \n"), DATA(1, END_STREAM, "test")}, MALFORMED},
        {"one beyond all numbers",
         {UPLOAD("content-length: 18446744073709551620\n"), DATA(1, END_STREAM, "test")},
         MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void trailers_end_the_request(void **state)
{
    static const struct frames_case cases[] = {
        {"they do not say so",
         {UPLOAD(""), DATA(1, 0, "test"), HEADERS(1, END_HEADERS, "x-sum: 1\n")},
         MALFORMED},
        {"a second head in their place",
         {UPLOAD(""), HEADERS(1, END_HEADERS, POST_FIELDS)},
         MALFORMED},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(well_formed_requests_are_answered),
        RIG_TEST(a_malformed_name_or_value_is_an_error),
        RIG_TEST(pseudo_fields_are_those_of_a_request_and_first),
        RIG_TEST(each_pseudo_field_is_there_once),
        RIG_TEST(fields_of_the_connection_are_an_error),
        RIG_TEST(content_length_is_the_sum_of_the_data),
        RIG_TEST(trailers_end_the_request),
    };
    return rig_run(tests);
}
