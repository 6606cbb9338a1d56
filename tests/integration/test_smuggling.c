/* No byte of a client's request changes the framing of what the origin reads. Each case goes out as
 * raw frames, and is compared to the byte with what the origin read, or must not reach it at all.
 * After each, the next request on the same connection is answered, and the connection to the origin
 * is the same where nothing was left on it. */
#include <stdlib.h>
#include <string.h>

#include "frames.h"

enum outcome {
    PASSES,
    REFUSED, /* 400 or PROTOCOL_ERROR, and the origin reads nothing */
    UNKNOWN, /* 501, and the origin reads nothing */
    IS_CUT,  /* PROTOCOL_ERROR; the origin reads a beginning, and then the end of the connection */
};

struct text {
    const char *ptr;
    size_t len;
};

/* May hold any byte. */
#define T(literal)                                                                                 \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define NOT_SENT                                                                                   \
    {                                                                                              \
        "", SIZE_MAX                                                                               \
    }

struct attack {
    const char *name;
    enum outcome outcome;
    /* What the client sends; the text that is not given is POST, /x and example.com. */
    struct text method, path, authority;
    struct {
        struct text name, value;
    } fields[3];
    struct text data; /* NULL: the head ends the request */
    struct text late; /* more of it, when the origin has read so far */
    /* What the origin reads, beside what it reads of every request. */
    const char *line, *host, *seen, *framing;
    struct text body; /* as it is framed */
};

#define CHUNKED     "transfer-encoding: chunked\r\n"
#define LENGTH(n)   "content-length: " n "\r\n"
#define EVIL        "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
#define EVIL_BYTES  "31"
#define EVIL_HEX    "1f"
#define STREAM      1
#define NEXT_STREAM 3

static struct text text_or(struct text given, const char *otherwise)
{
    if (given.ptr)
        return given;
    return (struct text){otherwise, strlen(otherwise)};
}

/* A literal without indexing, with a new name, without Huffman's code (RFC 7541 §6.2.2). */
static void put_field(struct bytes *to, struct text name, struct text value)
{
    assert_true(name.len < 127 && value.len < 127);
    bytes_add(to, "\0", 1);
    bytes_add(to, &(char){(char)name.len}, 1);
    bytes_add(to, name.ptr, name.len);
    bytes_add(to, &(char){(char)value.len}, 1);
    bytes_add(to, value.ptr, value.len);
}

static void put_head(struct frames *f, const struct attack *a)
{
    struct bytes block = {0};
    put_field(&block, (struct text)T(":method"), text_or(a->method, "POST"));
    put_field(&block, (struct text)T(":scheme"), (struct text)T("https"));
    put_field(&block, (struct text)T(":path"), text_or(a->path, "/x"));
    if (a->authority.len != SIZE_MAX)
        put_field(&block, (struct text)T(":authority"), text_or(a->authority, "example.com"));
    for (size_t i = 0; i < CHECK_LEN(a->fields) && a->fields[i].name.ptr; i++)
        put_field(&block, a->fields[i].name, a->fields[i].value);
    frames_put(f, &(struct frame){.step = FRAME_SEND,
                                  .type = NGHTTP2_HEADERS,
                                  .flags = a->data.ptr ? END_HEADERS : END_BOTH,
                                  .stream = STREAM,
                                  .payload = block.ptr,
                                  .len = block.len});
    bytes_fini(&block);
}

static void put_data(struct frames *f, struct text data, bool end)
{
    frames_put(f, &(struct frame){.step = FRAME_SEND,
                                  .type = NGHTTP2_DATA,
                                  .flags = end ? END_STREAM : 0,
                                  .stream = STREAM,
                                  .payload = data.ptr,
                                  .len = data.len});
}

static bool has_verdict(const struct frames *f, uint32_t stream)
{
    return f->streams[stream].ended || f->streams[stream].reset;
}

static bool is_refused(const struct frames_stream *s)
{
    return s->status == 400 || (s->reset && s->reset_code == PROTOCOL_ERROR && s->status == 0);
}

static bool is_as_wanted(const struct frames_stream *s, enum outcome outcome)
{
    switch (outcome) {
    case PASSES:
        return s->status == 200 && s->ended && !s->reset;
    case REFUSED:
        return is_refused(s);
    case UNKNOWN:
        return s->status == 501;
    case IS_CUT:
        return s->reset && s->reset_code == PROTOCOL_ERROR && s->status == 0;
    }
    return false;
}

/* All that the origin is to have read of the request; of one that is cut, at least this. */
static void expect_bytes(const struct attack *a, struct bytes *out)
{
    const char *host = a->host ? a->host : "example.com";
    char *head = check_printf("%s HTTP/1.1\r\nhost: %s\r\n%s"
                              "x-forwarded-for: 127.0.0.1\r\nx-forwarded-host: %s\r\n"
                              "x-forwarded-proto: https\r\nvia: 2 headstart\r\n%s\r\n",
                              a->line ? a->line : "POST /x", host, a->seen ? a->seen : "", host,
                              a->framing ? a->framing : "");
    bytes_add(out, head, strlen(head));
    bytes_add(out, a->body.ptr ? a->body.ptr : "", a->body.len);
    free(head);
}

static bool origin_read(const struct stub_request *r, const struct attack *a)
{
    struct bytes expected = {0}, actual = {0};
    expect_bytes(a, &expected);
    bytes_add(&actual, r->head, strlen(r->head));
    bytes_add(&actual, bytes_text(&r->raw), r->raw.len);
    bool same = (actual.len == expected.len || a->outcome == IS_CUT) &&
                actual.len >= expected.len && memcmp(actual.ptr, expected.ptr, expected.len) == 0;
    if (!same)
        print_error("%s: the origin read\n%s\nand not\n%s\n", a->name, bytes_text(&actual),
                    bytes_text(&expected));
    bytes_fini(&expected);
    bytes_fini(&actual);
    return same;
}

/* GET of /next: answered, and read by the origin as nothing but that. */
static bool is_next_served(struct frames *f, struct stub *stub)
{
    static const struct attack next = {.name = "the next request", .line = "GET /next"};
    uint64_t before = stub_counted(stub, STUB_REQUESTS);
    FRAMES_PUT(f, HEADERS(NEXT_STREAM, END_BOTH, HEAD_OF("GET", "/next")));
    if (!frames_until(f, has_verdict, NEXT_STREAM) || f->streams[NEXT_STREAM].status != 200 ||
        f->streams[NEXT_STREAM].data != 3 || stub_counted(stub, STUB_REQUESTS) != before + 1)
        return false;
    return origin_read(stub_request(stub, before), &next);
}

static void send_attack(struct frames *f, struct stub *stub, const struct attack *a)
{
    uint64_t requests = stub_counted(stub, STUB_REQUESTS), bytes = stub_counted(stub, STUB_READ);
    put_head(f, a);
    if (a->data.ptr)
        put_data(f, a->data, !a->late.ptr);
    if (a->late.ptr) {
        frames_settle(f);
        stub_wait(stub, STUB_REQUESTS, requests + 1);
        stub_wait(stub, STUB_READ, bytes + a->data.len);
        put_data(f, a->late, true);
    }
    frames_until(f, has_verdict, STREAM);
}

static bool is_harmless(struct rig *rig, struct stub *stub, const struct attack *a)
{
    static const uint64_t heads[] = {[PASSES] = 1, [REFUSED] = 0, [UNKNOWN] = 0, [IS_CUT] = 1};
    uint64_t requests = stub_counted(stub, STUB_REQUESTS);
    uint64_t whole = stub_counted(stub, STUB_BODIES);
    uint64_t connections = stub_counted(stub, STUB_CONNECTIONS);
    uint64_t cancelled = stub_counted(stub, STUB_CANCELLED);
    struct frames *f = frames_greet(rig);
    send_attack(f, stub, a);
    if (a->outcome == IS_CUT)
        stub_wait(stub, STUB_CANCELLED, cancelled + 1);
    const struct frames_stream *s = &f->streams[STREAM];
    bool fine = is_as_wanted(s, a->outcome);
    if (!fine)
        print_error("%s: status %u%s, %s %u\n", a->name, s->status, s->ended ? ", complete" : "",
                    s->reset ? "reset" : "no reset", s->reset_code);
    uint64_t seen = stub_counted(stub, STUB_REQUESTS) - requests;
    if (seen != heads[a->outcome] ||
        stub_counted(stub, STUB_BODIES) - whole != (a->outcome == PASSES)) {
        print_error("%s: the origin read %llu requests\n", a->name, (unsigned long long)seen);
        fine = false;
    }
    fine = fine && (seen == 0 || origin_read(stub_request(stub, requests), a));
    fine = is_next_served(f, stub) && fine;
    uint64_t opened = stub_counted(stub, STUB_CONNECTIONS) - connections;
    if (opened != (a->outcome == IS_CUT)) {
        print_error("%s: %llu connections were opened\n", a->name, (unsigned long long)opened);
        fine = false;
    }
    frames_close(f);
    return fine;
}

#define check_attacks(rig, attacks) check_all(rig, attacks, CHECK_LEN(attacks))
static void check_all(struct rig *rig, const struct attack *attacks, size_t len)
{
    struct stub *stub = rig_start_alone(rig, "");
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/first")->status, 200);
    rig_close_peer(rig, rig->peers[0]);
    size_t wrong = 0;
    for (size_t i = 0; i < len; i++)
        wrong += !is_harmless(rig, stub, &attacks[i]);
    if (wrong > 0)
        fail_msg("%zu of %zu cases end otherwise", wrong, len);
    assert_int_equal(stub_times(stub, "/evil"), 0);
}

#define NAME(literal)  .outcome = REFUSED, .fields = {{T(literal), T("v")}}
#define VALUE(literal) .outcome = REFUSED, .fields = {{T("x-a"), T(literal)}}
#define VALUE_PASSES(literal)                                                                      \
    .fields = {{T("x-a"), T(literal)}}, .seen = "x-a: " literal "\r\n", .framing = LENGTH("0")

static void separators_in_names_and_values_reach_nobody(void **state)
{
    static const struct attack attacks[] = {
        {"CR in a name", NAME("x\ra")},
        {"LF in a name", NAME("x\na")},
        {"NUL in a name", NAME("x\0a")},
        {"NUL at the end of a name", NAME("x-a\0")},
        {"space in a name", NAME("x a")},
        {"space at the end of a name", NAME("x-a ")},
        {"space before a name", NAME(" x-a")},
        {"tab in a name", NAME("x\ta")},
        {"colon in a name", NAME("x:a")},
        {"colon at the end of a name", NAME("x-a:")},
        {"field in a name", NAME("x-a: b\r\ntransfer-encoding")},
        {"empty name", NAME("")},
        {"( in a name", NAME("x(a")},
        {") in a name", NAME("x)a")},
        {", in a name", NAME("x,a")},
        {"/ in a name", NAME("x/a")},
        {"; in a name", NAME("x;a")},
        {"< in a name", NAME("x<a")},
        {"= in a name", NAME("x=a")},
        {"> in a name", NAME("x>a")},
        {"? in a name", NAME("x?a")},
        {"@ in a name", NAME("x@a")},
        {"[ in a name", NAME("x[a")},
        {"\\ in a name", NAME("x\\a")},
        {"{ in a name", NAME("x{a")},
        {"quote in a name", NAME("x\"a")},
        {"DEL in a name", NAME("x\177a")},
        {"non-ASCII in a name", NAME("x\351a")},
        {"upper case in a name", NAME("Transfer-Encoding")},
        {"CR in a value", VALUE("a\rb")},
        {"LF in a value", VALUE("a\nb")},
        {"NUL in a value", VALUE("a\0b")},
        {"field in a value", VALUE("a\r\ntransfer-encoding: chunked")},
        {"request in a value", VALUE("a\r\n\r\n" EVIL)},
        {"LF at the end of a value", VALUE("a\n")},
        {"CR at the end of a value", VALUE("a\r")},
        {"control in a value", VALUE("a\1b")},
        {"DEL in a value", VALUE("a\177b")},
        {"space before a value", VALUE(" a")},
        {"space after a value", VALUE("a ")},
        {"tab after a value", VALUE("a\t")},
        {"separators in a value", VALUE_PASSES("a: b, c; d=\"e\" (f) \\ \t{g}")},
        {"empty value", VALUE_PASSES("")},
        {"non-ASCII in a value", VALUE_PASSES("\351\200\377")},
    };
    check_attacks(*state, attacks);
}

#define PATH(literal)        .outcome = REFUSED, .method = T("GET"), .path = T(literal)
#define PATH_PASSES(literal) .method = T("GET"), .path = T(literal), .line = "GET " literal

static void separators_in_paths_reach_nobody(void **state)
{
    static const struct attack attacks[] = {
        {"CR", PATH("/a\rb")},
        {"LF", PATH("/a\nb")},
        {"NUL", PATH("/a\0b")},
        {"space", PATH("/a b")},
        {"space at the end", PATH("/a ")},
        {"tab", PATH("/a\tb")},
        {"DEL", PATH("/a\177b")},
        {"fragment", PATH("/a#b")},
        {"version", PATH("/a HTTP/1.1")},
        {"request", PATH("/a HTTP/1.1\r\nHost: a\r\n\r\n" EVIL)},
        {"absolute form", PATH("http://other.example/a")},
        {"absolute form of this scheme", PATH("https://example.com/a")},
        {"authority form", PATH("example.com:443")},
        {"asterisk form", PATH("*")},
        {"asterisk and more", PATH("*/a")},
        {"empty", PATH("")},
        {"without a slash", PATH("a")},
        {"query alone", PATH("?a")},
        {"asterisk form of OPTIONS", .method = T("OPTIONS"), .path = T("*"), .line = "OPTIONS *"},
        {"more after the asterisk", .outcome = REFUSED, .method = T("OPTIONS"), .path = T("* /")},
        {"separators that may be there", PATH_PASSES("/a:b;c=d,e?f=/:@!$&'()*+|\\^`{}\"<>[]")},
        {"what is encoded stays so", PATH_PASSES("/%0d%0a%20%00%23?%0a")},
        {"an authority's look", PATH_PASSES("//other.example/a")},
        {"dots", PATH_PASSES("/../../a/./..")},
        {"a URL in a query", PATH_PASSES("/a?http://b/c?d")},
    };
    check_attacks(*state, attacks);
}

#define METHOD(literal) .outcome = REFUSED, .method = T(literal)

static void separators_in_methods_reach_nobody(void **state)
{
    static const struct attack attacks[] = {
        {"CR", METHOD("GE\rT")},
        {"LF", METHOD("GE\nT")},
        {"NUL", METHOD("GE\0T")},
        {"space", METHOD("GE T")},
        {"space at the end", METHOD("GET ")},
        {"space before it", METHOD(" GET")},
        {"tab", METHOD("GET\t")},
        {"colon", METHOD("GE:T")},
        {"slash", METHOD("GET/")},
        {"empty", METHOD("")},
        {"non-ASCII", METHOD("G\351T")},
        {"request line", METHOD("GET /evil HTTP/1.1\r\nHost: a\r\n\r\nGET")},
        {"preface", .outcome = REFUSED, .method = T("PRI"), .path = T("*")},
        {"CONNECT is not spoken", .outcome = REFUSED, .method = T("CONNECT")},
        {"another case is another method", .method = T("get"), .line = "get /x"},
        {"any token", .method = T("X!#$%&'*+-.^_`|~9"), .line = "X!#$%&'*+-.^_`|~9 /x"},
    };
    check_attacks(*state, attacks);
}

#define GET_X .method = T("GET"), .line = "GET /x"
#define HOST_FIELD(literal)                                                                        \
    {                                                                                              \
        T("host"), T(literal)                                                                      \
    }
#define AUTHORITY(literal)        .outcome = REFUSED, .authority = T(literal)
#define AUTHORITY_PASSES(literal) GET_X, .authority = T(literal), .host = literal

static void authority_and_host_are_one(void **state)
{
    static const struct attack attacks[] = {
        {"CR", AUTHORITY("a\rb")},
        {"LF", AUTHORITY("a\nb")},
        {"NUL", AUTHORITY("a\0b")},
        {"space", AUTHORITY("a b")},
        {"space at the end", AUTHORITY("example.com ")},
        {"field", AUTHORITY("a\r\nx-evil: 1")},
        {"user", AUTHORITY("user@example.com")},
        {"path", AUTHORITY("example.com/a")},
        {"query", AUTHORITY("example.com?a")},
        {"fragment", AUTHORITY("example.com#a")},
        {"backslash", AUTHORITY("example.com\\a")},
        {"port that is none", AUTHORITY("example.com:a")},
        {"two ports", AUTHORITY("example.com:80:90")},
        {"port alone", AUTHORITY(":443")},
        {"open bracket", AUTHORITY("[::1")},
        {"empty, without host", AUTHORITY("")},
        {"neither of them", .outcome = REFUSED, .authority = NOT_SENT},
        {"with a port", AUTHORITY_PASSES("example.com:8443")},
        {"an address", AUTHORITY_PASSES("[::1]:8443")},
        {"host alone", GET_X, .authority = NOT_SENT, .fields = {HOST_FIELD("example.com")}},
        {"equal", GET_X, .fields = {HOST_FIELD("example.com")}},
        {"equal but for case", GET_X, .fields = {HOST_FIELD("EXAMPLE.com")}},
        {"another host", .outcome = REFUSED, .fields = {HOST_FIELD("other.example")}},
        {"equal but for the port by default", GET_X, .fields = {HOST_FIELD("example.com:443")}},
        {"equal but for the zeros of a port", GET_X, .fields = {HOST_FIELD("example.com:00443")}},
        {"equal but for an empty port", GET_X, .fields = {HOST_FIELD("example.com:")}},
        {"equal, and the port by default is in the authority", AUTHORITY_PASSES("example.com:443"),
         .fields = {HOST_FIELD("example.com")}},
        {"equal, and an empty port is in the authority", AUTHORITY_PASSES("example.com:"),
         .fields = {HOST_FIELD("EXAMPLE.com:0443")}},
        {"equal but for encoding", GET_X, .fields = {HOST_FIELD("ex%61mple%2Ecom")}},
        {"equal but for the form of an address", AUTHORITY_PASSES("[::1]"),
         .fields = {HOST_FIELD("[0:0:0:0:0:0:0:1]:443")}},
        {"another port", .outcome = REFUSED, .fields = {HOST_FIELD("example.com:80")}},
        {"a port in the authority alone", .outcome = REFUSED, .authority = T("example.com:8443"),
         .fields = {HOST_FIELD("example.com")}},
        {"the root's dot", .outcome = REFUSED, .fields = {HOST_FIELD("example.com.")}},
        {"a user in the host", .outcome = REFUSED, .fields = {HOST_FIELD("u@example.com")}},
        {"the port by default twice", .outcome = REFUSED,
         .fields = {HOST_FIELD("example.com"), HOST_FIELD("example.com:443")}},
        {"an empty host", .outcome = REFUSED, .fields = {HOST_FIELD("")}},
        {"two hosts", .outcome = REFUSED,
         .fields = {HOST_FIELD("example.com"), HOST_FIELD("other.example")}},
        {"the same host twice", .outcome = REFUSED,
         .fields = {HOST_FIELD("example.com"), HOST_FIELD("example.com")}},
        {"two hosts alone", .outcome = REFUSED, .authority = NOT_SENT,
         .fields = {HOST_FIELD("example.com"), HOST_FIELD("example.com")}},
        {"host with a list", .outcome = REFUSED, .fields = {HOST_FIELD("example.com, a")}},
        {"host with a space", .outcome = REFUSED, .fields = {HOST_FIELD("example.com a")}},
        {"a list alone", .outcome = REFUSED, .authority = NOT_SENT,
         .fields = {HOST_FIELD("example.com, a")}},
        {"another name for host", GET_X,
         .fields = {{T("x-host"), T("a")}, {T("x-forwarded-host"), T("a")}},
         .seen = "x-host: a\r\n"},
    };
    check_attacks(*state, attacks);
}

#define CONTENT_LENGTH(literal)                                                                    \
    {                                                                                              \
        T("content-length"), T(literal)                                                            \
    }
#define TRANSFER_ENCODING(literal)                                                                 \
    {                                                                                              \
        T("transfer-encoding"), T(literal)                                                         \
    }
#define BAD_LENGTH(literal)                                                                        \
    .outcome = REFUSED, .fields = {CONTENT_LENGTH(literal)}, .data = T("hello")
#define BAD_CODING(literal)                                                                        \
    .outcome = REFUSED, .fields = {TRANSFER_ENCODING(literal)}, .data = T("0\r\n\r\n" EVIL)

static void framing_is_that_of_http2(void **state)
{
    static const struct attack attacks[] = {
        {"no body", .framing = LENGTH("0")},
        {"no body of a GET", GET_X},
        {"the length of no body", .fields = {CONTENT_LENGTH("0")}, .framing = LENGTH("0")},
        {"the length of no body of a GET", GET_X, .fields = {CONTENT_LENGTH("0")}},
        {"an empty body", .data = T(""), .framing = LENGTH("0")},
        {"the length of an empty body", .fields = {CONTENT_LENGTH("0")}, .data = T(""),
         .framing = LENGTH("0")},
        {"a body", .data = T("hello"), .framing = LENGTH("5"), .body = T("hello")},
        {"a body with its length", .fields = {CONTENT_LENGTH("5")}, .data = T("hello"),
         .framing = LENGTH("5"), .body = T("hello")},
        {"a length is written anew", .fields = {CONTENT_LENGTH("0005")}, .data = T("hello"),
         .framing = LENGTH("5"), .body = T("hello")},
        {"the body of a GET", GET_X, .data = T(EVIL), .framing = LENGTH(EVIL_BYTES),
         .body = T(EVIL)},
        {"a body that looks like chunks", .data = T("0\r\n\r\n" EVIL), .framing = LENGTH("36"),
         .body = T("0\r\n\r\n" EVIL)},
        {"a request with its length in a body", .fields = {CONTENT_LENGTH(EVIL_BYTES)},
         .data = T(EVIL), .framing = LENGTH(EVIL_BYTES), .body = T(EVIL)},
        {"a body in pieces", .data = T("hello"), .late = T("world!"), .framing = CHUNKED,
         .body = T("5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n")},
        {"pieces that look like chunks", GET_X, .data = T("0\r\n\r\n" EVIL), .late = T(EVIL),
         .framing = CHUNKED,
         .body = T("24\r\n0\r\n\r\n" EVIL "\r\n" EVIL_HEX "\r\n" EVIL "\r\n0\r\n\r\n")},
        {"a body that ends in an empty piece", .data = T("hello"), .late = T(""),
         .framing = CHUNKED, .body = T("5\r\nhello\r\n0\r\n\r\n")},
        {"a body with NUL", .data = T("a\0b"), .framing = LENGTH("3"), .body = T("a\0b")},
        {"an empty length", BAD_LENGTH("")},
        {"plus", BAD_LENGTH("+5")},
        {"minus", BAD_LENGTH("-5")},
        {"hexadecimal", BAD_LENGTH("0x5")},
        {"a fraction", BAD_LENGTH("5.0")},
        {"an exponent", BAD_LENGTH("5e0")},
        {"space before the length", BAD_LENGTH(" 5")},
        {"space after the length", BAD_LENGTH("5 ")},
        {"space within the length", BAD_LENGTH("5 5")},
        {"a list of equals", BAD_LENGTH("5,5")},
        {"a list of equals, spaced", BAD_LENGTH("5, 5")},
        {"a list", BAD_LENGTH("5, 0")},
        {"an empty member", BAD_LENGTH(",5")},
        {"more than 63 bits", BAD_LENGTH("9223372036854775808")},
        {"more than 64 bits", BAD_LENGTH("18446744073709551621")},
        {"two equal lengths", .outcome = REFUSED,
         .fields = {CONTENT_LENGTH("5"), CONTENT_LENGTH("5")}, .data = T("hello")},
        {"two lengths", .outcome = REFUSED, .fields = {CONTENT_LENGTH("5"), CONTENT_LENGTH("0")},
         .data = T("hello")},
        {"a length without a body", .outcome = REFUSED, .fields = {CONTENT_LENGTH("5")}},
        {"a length of a GET without a body", .outcome = REFUSED, .method = T("GET"),
         .fields = {CONTENT_LENGTH(EVIL_BYTES)}},
        {"chunked", BAD_CODING("chunked")},
        {"chunked in another case", BAD_CODING("Chunked")},
        {"identity", BAD_CODING("identity")},
        {"a list that ends with chunked", BAD_CODING("gzip, chunked")},
        {"an unknown coding", BAD_CODING("xchunked")},
        {"an empty coding", BAD_CODING("")},
        {"chunked without a body", .outcome = REFUSED, .fields = {TRANSFER_ENCODING("chunked")}},
        {"chunked and a length", .outcome = REFUSED,
         .fields = {CONTENT_LENGTH("5"), TRANSFER_ENCODING("chunked")}, .data = T("hello")},
        {"a length and chunked", .outcome = REFUSED,
         .fields = {TRANSFER_ENCODING("chunked"), CONTENT_LENGTH("5")}, .data = T("hello")},
        {"names that only look like them",
         .fields = {{T("content_length"), T("9")}, {T("transfer_encoding"), T("chunked")}},
         .data = T("hello"), .framing = LENGTH("5"), .body = T("hello")},
    };
    check_attacks(*state, attacks);
}

/* What comes later may differ from what was said before: the origin must not take the beginning for
 * the whole, nor the next request for the rest. */
static void body_unlike_its_length_is_cut(void **state)
{
    static const struct attack attacks[] = {
        {"as long as was said", .fields = {CONTENT_LENGTH("10")}, .data = T("hello"),
         .late = T("world"), .framing = LENGTH("10"), .body = T("helloworld")},
        {"shorter", .outcome = IS_CUT, .fields = {CONTENT_LENGTH("40")}, .data = T("hello"),
         .late = T("world"), .framing = LENGTH("40"), .body = T("hello")},
        {"shorter, with an empty end", .outcome = IS_CUT, .fields = {CONTENT_LENGTH("40")},
         .data = T("hello"), .late = T(""), .framing = LENGTH("40"), .body = T("hello")},
        {"longer", .outcome = IS_CUT, .fields = {CONTENT_LENGTH("6")}, .data = T("hello"),
         .late = T("w" EVIL), .framing = LENGTH("6"), .body = T("hello")},
    };
    check_attacks(*state, attacks);
}

#define EXPECT(literal)                                                                            \
    {                                                                                              \
        T("expect"), T(literal)                                                                    \
    }

static void expectations_change_no_framing(void **state)
{
    static const struct attack attacks[] = {
        {"100-continue with a body", .fields = {EXPECT("100-continue")}, .data = T("hello"),
         .seen = "expect: 100-continue\r\n", .framing = LENGTH("5"), .body = T("hello")},
        {"100-continue with a length", .fields = {EXPECT("100-continue"), CONTENT_LENGTH("5")},
         .data = T("hello"), .seen = "expect: 100-continue\r\n", .framing = LENGTH("5"),
         .body = T("hello")},
        {"100-continue without a body", .fields = {EXPECT("100-continue")}, .framing = LENGTH("0")},
        {"100-continue with the length of no body",
         .fields = {EXPECT("100-continue"), CONTENT_LENGTH("0")}, .data = T(""),
         .framing = LENGTH("0")},
        {"100-continue of a GET", GET_X, .fields = {EXPECT("100-Continue")}},
        {"an unknown one", .fields = {EXPECT("evil")}, .data = T("hello"),
         .seen = "expect: evil\r\n", .framing = LENGTH("5"), .body = T("hello")},
    };
    check_attacks(*state, attacks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(separators_in_names_and_values_reach_nobody),
        RIG_TEST(separators_in_paths_reach_nobody),
        RIG_TEST(separators_in_methods_reach_nobody),
        RIG_TEST(authority_and_host_are_one),
        RIG_TEST(framing_is_that_of_http2),
        RIG_TEST(body_unlike_its_length_is_cut),
        RIG_TEST(expectations_change_no_framing),
    };
    return rig_run(tests);
}
