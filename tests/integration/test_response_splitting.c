/* No byte of an origin becomes part of another exchange: what it sends beside a response, or in
 * place of one, ends with that response. After each case the next request on the client's
 * connection is answered rightly, and the connection to the origin is the same only where it was
 * clean to the byte. What has one meaning all the same is read, and with origin.strict it is not.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum outcome {
    IS_BAD,    /* 502 */
    IS_WHOLE,  /* 200 with the body "hi", or none */
    IS_BROKEN, /* ends with RST_STREAM, with which a head that still waits may go under */
};

struct response_case {
    const char *name;
    enum outcome outcome;
    bool kept; /* the connection to the origin */
    const char *bytes;
    size_t len;
    const char *method; /* NULL: GET */
    bool is_quirk;      /* read, and then the connection is closed, unless origin.strict is on: */
    enum outcome strictly; /* with is_quirk */
};

#define CASE(name, outcome, kept, literal)                                                         \
    {                                                                                              \
        name, outcome, kept, literal, sizeof(literal) - 1, NULL, false, outcome                    \
    }
#define CASE_OF(method, name, outcome, kept, literal)                                              \
    {                                                                                              \
        name, outcome, kept, literal, sizeof(literal) - 1, method, false, outcome                  \
    }
#define QUIRK_OF(method, name, strictly, literal)                                                  \
    {                                                                                              \
        name, IS_WHOLE, false, literal, sizeof(literal) - 1, method, true, strictly                \
    }
#define QUIRK(name, literal)       QUIRK_OF(NULL, name, IS_BAD, literal)
#define CHUNK_QUIRK(name, literal) QUIRK_OF(NULL, name, IS_BROKEN, literal)
#define BAD(name, literal)         CASE(name, IS_BAD, false, literal)
#define BROKEN(name, literal)      CASE(name, IS_BROKEN, false, literal)
#define OK                         "HTTP/1.1 200 OK\r\n"
#define HI                         "Content-Length: 2\r\n\r\nhi"
#define CHUNKED                    OK "Transfer-Encoding: chunked\r\n\r\n"
#define EVIL                       OK "Content-Length: 4\r\n\r\nevil"

static bool is_answered(const struct response_case *c, const struct peer_stream *s,
                        enum outcome outcome)
{
    bool is_head = c->method && strcmp(c->method, "HEAD") == 0;
    bool has_body = !is_head && s->status != 204 && s->status != 304;
    switch (outcome) {
    case IS_BAD:
        return s->status == 502 && s->error == 0 && s->ended;
    case IS_WHOLE:
        return s->status != 502 && s->error == 0 && s->ended &&
               strcmp(bytes_text(&s->body), has_body ? "hi" : "") == 0;
    case IS_BROKEN:
        return (s->status == 200 || s->status == 0) && !s->ended &&
               s->error == NGHTTP2_INTERNAL_ERROR;
    }
    return false;
}

/* The next request is answered by the origin, and not by what is left of the last response. */
static bool is_next_right(struct peer *p)
{
    const struct peer_stream *s = peer_fetch(p, "/next");
    return s->status == 200 && s->error == 0 && strcmp(bytes_text(&s->body), "ok\n") == 0;
}

struct scene {
    struct rig *rig;
    struct stub *stub;
    struct peer *peer;
    bool strict;
    size_t cases, wrong;
};

static bool is_contained(struct scene *scene, const struct response_case *c)
{
    struct stub *stub = scene->stub;
    struct peer *p = scene->peer;
    const char *target = rig_text(scene->rig, "/%zu", scene->cases);
    uint64_t connections = stub_counted(stub, STUB_CONNECTIONS);
    stub_on(stub, target,
            (const struct stub_step[]){{STUB_SEND, c->bytes, c->len}, {STUB_END, NULL, 0}});
    int32_t id = peer_send(p, &(struct peer_request){.method = c->method, .path = target});
    const struct peer_stream *s = peer_until_closed(p, id);
    bool fine = is_answered(c, s, scene->strict ? c->strictly : c->outcome);
    if (!fine)
        print_error("%s: status %u, error %u, body \"%s\"\n", c->name, s->status, s->error,
                    bytes_text(&s->body));
    if (!is_next_right(p)) {
        print_error("%s: the next request got another answer\n", c->name);
        fine = false;
    }
    uint64_t opened = stub_counted(stub, STUB_CONNECTIONS) - connections;
    if (opened != !c->kept) {
        print_error("%s: %llu connections were opened\n", c->name, (unsigned long long)opened);
        fine = false;
    }
    return fine;
}

static struct scene set_scene(struct rig *rig, bool strict)
{
    struct scene scene = {.rig = rig, .strict = strict};
    scene.stub = rig_start_alone(rig, strict ? "strict = on\n" : "");
    scene.peer = rig_peer(rig, NULL);
    assert_true(is_next_right(scene.peer));
    return scene;
}

#define try_cases(scene, cases) try_all(scene, cases, CHECK_LEN(cases))
static void try_all(struct scene *scene, const struct response_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        scene->wrong += !is_contained(scene, &cases[i]);
        scene->cases++;
    }
}

static void check_scene(const struct scene *scene)
{
    if (scene->wrong > 0)
        fail_msg("%zu of %zu cases end otherwise", scene->wrong, scene->cases);
    assert_int_equal(peer_count(scene->peer, PEER_GOAWAY), 0);
}

#define check_cases(rig, cases)                                                                    \
    do {                                                                                           \
        struct scene scene = set_scene(rig, false);                                                \
        try_cases(&scene, cases);                                                                  \
        check_scene(&scene);                                                                       \
    } while (0)

static const struct response_case heads[] = {
    BAD("a folded line", OK "X-A: b\r\n c\r\n" HI),
    BAD("a line folded with a tab", OK "X-A: b\r\n\tc\r\n" HI),
    BAD("a folded first line", OK " X-A: b\r\n" HI),
    BAD("a folded framing field", OK "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    BAD("a folded length", OK "Content-Length:\r\n 2\r\n\r\nhi"),
    QUIRK("LF after the status line", "HTTP/1.1 200 OK\n" HI),
    QUIRK("LF after a field", OK "X-A: b\n" HI),
    QUIRK("LF in place of the empty line", OK "Content-Length: 2\r\n\nhi"),
    QUIRK("LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"),
    BAD("CR in a value", OK "X-A: b\rc\r\n" HI),
    BAD("CR before CRLF", OK "X-A: b\r\r\n" HI),
    BAD("CR in the reason", "HTTP/1.1 200 O\rK\r\n" HI),
    BAD("NUL in a value", OK "X-A: b\0c\r\n" HI),
    BAD("NUL in a name", OK "X\0A: b\r\n" HI),
    BAD("NUL in the reason", "HTTP/1.1 200 O\0K\r\n" HI),
    QUIRK("space before a colon", OK "Content-Length : 2\r\n\r\nhi"),
    BAD("no colon", OK "Content-Length\r\n" HI),
    BAD("no name", OK ": b\r\n" HI),
    BAD("a name with a separator", OK "X(A): b\r\n" HI),
    QUIRK("an empty line before", "\r\n" OK HI),
    BAD("another version", "HTTP/2.0 200 OK\r\n" HI),
    BAD("another protocol", "ICY 200 OK\r\n" HI),
    BAD("no version", "200 OK\r\n" HI),
    QUIRK("two spaces before the status", "HTTP/1.1  200 OK\r\n" HI),
    BAD("a status of four digits", "HTTP/1.1 2000 OK\r\n" HI),
    BAD("a status of two digits", "HTTP/1.1 20 OK\r\n" HI),
    BAD("a signed status", "HTTP/1.1 +20 OK\r\n" HI),
    BAD("101 that nobody asked for",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" EVIL),
    BAD("101 with nothing to switch to", "HTTP/1.1 101 Switching Protocols\r\n\r\n" OK HI),
    QUIRK("tabs in the status line", "HTTP/1.1\t200\tOK\r\n" HI),
    QUIRK("a minor version above ours", "HTTP/1.2 200 OK\r\n" HI),
    QUIRK("a status of 600", "HTTP/1.1 600 X\r\n" HI),
    QUIRK("a status of 999", "HTTP/1.1 999 X\r\n" HI),
    QUIRK("several empty lines before", "\r\n\n\r\n" OK HI),
    QUIRK("LF and CRLF by turns", "\nHTTP/1.1 200 OK\nX-A: b\r\nContent-Length: 2\n\r\nhi"),
    BAD("a status of 99", "HTTP/1.1 099 X\r\n" HI),
    BAD("a status with letters", "HTTP/1.1 2OO OK\r\n" HI),
    BAD("a minor version of two digits", "HTTP/1.10 200 OK\r\n" HI),
    BAD("the version in another case", "http/1.1 200 OK\r\n" HI),
    BAD("space before the version", " " OK HI),
    BAD("CR before the version", "\r" OK HI),
    BAD("NUL after an empty line", "\r\n\0" OK HI),
    BAD("LF, then a folded line", "HTTP/1.1 200 OK\nX-A: b\n c\n" HI),
    BAD("CR CR LF among LF", "HTTP/1.1 200 OK\nX-A: b\r\r\n" HI),
    CASE("no reason and no space before it", IS_WHOLE, true, "HTTP/1.1 200\r\n" HI),
    CASE("bytes over 0x7f in a value", IS_WHOLE, true, OK "X-A: \xff\x80\r\n" HI),
    CASE("no reason", IS_WHOLE, true, "HTTP/1.1 200 \r\n" HI),
    CASE("clean", IS_WHOLE, true, OK HI),
};

static void heads_that_are_not_clean_are_refused(void **state)
{
    check_cases(*state, heads);
}

static const struct response_case framing[] = {
    BAD("two lengths", OK "Content-Length: 2\r\nContent-Length: 9\r\n\r\nhi"),
    QUIRK("two equal lengths", OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
    BAD("a list of lengths", OK "Content-Length: 2, 9\r\n\r\nhi"),
    QUIRK("a list of equal lengths", OK "Content-Length: 2, 2\r\n\r\nhi"),
    BAD("an empty length", OK "Content-Length:\r\n\r\nhi"),
    BAD("plus", OK "Content-Length: +2\r\n\r\nhi"),
    BAD("minus", OK "Content-Length: -2\r\n\r\nhi"),
    BAD("hexadecimal", OK "Content-Length: 0x2\r\n\r\nhi"),
    BAD("a fraction", OK "Content-Length: 2.0\r\n\r\nhi"),
    BAD("space within", OK "Content-Length: 2 0\r\n\r\nhi"),
    BAD("more than 64 bits", OK "Content-Length: 18446744073709551618\r\n\r\nhi"),
    QUIRK("length, then chunked",
          OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("chunked, then length",
          OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "2\r\nhi\r\n0\r\n\r\n"),
    BAD("chunked in a list twice", OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    BAD("chunked, then identity", OK "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    BAD("identity, then chunked", OK "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    BAD("identity", OK "Transfer-Encoding: identity\r\n\r\nhi"),
    BAD("an unknown coding", OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    BAD("an empty coding", OK "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    BAD("a vertical tab before chunked", OK "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
    QUIRK("chunked in HTTP/1.0",
          "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("a tab before a length", OK "Content-Length:\t2\r\n\r\nhi"),
    QUIRK("a tab after chunked", OK "Transfer-Encoding: chunked\t\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("chunked beside nothing", OK "Transfer-Encoding: ,chunked,\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("a list in two lines", OK "Content-Length: 2,2\r\nContent-Length: 2\r\n\r\nhi"),
    QUIRK_OF("HEAD", "chunked and a length for HEAD", IS_BAD,
             OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"),
    QUIRK_OF("HEAD", "two equal lengths for HEAD", IS_BAD,
             OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n"),
    QUIRK("chunked and a length of 304",
          "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"),
    QUIRK("chunked and a length of 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n"
                                         "Content-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    QUIRK("chunked and a length of 103",
          "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" OK
              HI),
    QUIRK("HTTP/1.0 that would go on", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    BAD("unequal lengths and chunked", OK "Content-Length: 2\r\nContent-Length: 9\r\n"
                                          "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    BAD("an empty member", OK "Content-Length: 2,\r\n\r\nhi"),
    BAD("a parameter of chunked", OK "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    BAD("gzip, then chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    BAD("identity and a length", OK "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi"),
    CASE("chunked in another case", IS_WHOLE, true,
         OK "transfer-encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    CASE("a length with zeros before it", IS_WHOLE, true, OK "Content-Length: 002\r\n\r\nhi"),
};

static void framing_that_is_not_one_is_refused(void **state)
{
    check_cases(*state, framing);
}

static const struct response_case chunks[] = {
    BROKEN("a size that is none", CHUNKED "x\r\nhi\r\n0\r\n\r\n"),
    BROKEN("an empty size", CHUNKED "\r\nhi\r\n0\r\n\r\n"),
    BROKEN("plus", CHUNKED "+2\r\nhi\r\n0\r\n\r\n"),
    BROKEN("minus", CHUNKED "-2\r\nhi\r\n0\r\n\r\n"),
    BROKEN("a prefix", CHUNKED "0x2\r\nhi\r\n0\r\n\r\n"),
    BROKEN("space before a size", CHUNKED " 2\r\nhi\r\n0\r\n\r\n"),
    BROKEN("more than 64 bits", CHUNKED "10000000000000002\r\nhi\r\n0\r\n\r\n"),
    CHUNK_QUIRK("LF after a size", CHUNKED "2\nhi\r\n0\r\n\r\n"),
    BROKEN("CR alone after a size", CHUNKED "2\rhi\r\n0\r\n\r\n"),
    CHUNK_QUIRK("LF after the data", CHUNKED "2\r\nhi\n0\r\n\r\n"),
    BROKEN("nothing after the data", CHUNKED "2\r\nhi0\r\n\r\n"),
    BROKEN("data longer than its size", CHUNKED "1\r\nhi\r\n0\r\n\r\n"),
    BROKEN("data shorter than its size", CHUNKED "3\r\nhi\r\n0\r\n\r\n"),
    CHUNK_QUIRK("LF at the end", CHUNKED "2\r\nhi\r\n0\r\n\n"),
    CHUNK_QUIRK("LF after the last size", CHUNKED "2\r\nhi\r\n0\n\r\n"),
    BROKEN("a folded trailer", CHUNKED "2\r\nhi\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    CHUNK_QUIRK("LF after a trailer", CHUNKED "2\r\nhi\r\n0\r\nX-A: b\n\r\n"),
    BROKEN("a trailer without a colon", CHUNKED "2\r\nhi\r\n0\r\nX-A\r\n\r\n"),
    BROKEN("NUL in a trailer", CHUNKED "2\r\nhi\r\n0\r\nX-A: b\0c\r\n\r\n"),
    CHUNK_QUIRK("LF everywhere", CHUNKED "2\nhi\n0\n\n"),
    CHUNK_QUIRK("white space after a size", CHUNKED "2  \r\nhi\r\n0\t\r\n\r\n"),
    CHUNK_QUIRK("white space after an extension", CHUNKED "2;a=b \r\nhi\r\n0\r\n\r\n"),
    CHUNK_QUIRK("white space before a colon", CHUNKED "2\r\nhi\r\n0\r\nX-A : b\r\n\r\n"),
    BROKEN("LF after data that ends in CR", CHUNKED "3\r\nhi\r\n0\r\n\r\n"),
    BROKEN("CR CR LF after a size", CHUNKED "2\r\r\nhi\r\n0\r\n\r\n"),
    BROKEN("LF in a quoted string", CHUNKED "2;a=\"\n\"\r\nhi\r\n0\r\n\r\n"),
    CASE("white space before an extension", IS_WHOLE, true, CHUNKED "2 ;a\r\nhi\r\n0\r\n\r\n"),
    CASE("a size with zeros before it", IS_WHOLE, true, CHUNKED "002\r\nhi\r\n000\r\n\r\n"),
    CASE("clean", IS_WHOLE, true, CHUNKED "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"),
    CASE("an extension", IS_WHOLE, true, CHUNKED "2;a=b\r\nhi\r\n0\r\n\r\n"),
    CASE("a trailer that frames", IS_WHOLE, true,
         CHUNKED "2\r\nhi\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n"),
};

static void chunks_that_are_not_clean_break_the_body(void **state)
{
    check_cases(*state, chunks);
}

static void strictly_all_of_that_is_refused(void **state)
{
    struct scene scene = set_scene(*state, true);
    try_cases(&scene, heads);
    try_cases(&scene, framing);
    try_cases(&scene, chunks);
    check_scene(&scene);
}

/* A field that says how its message was framed is not passed on where something else framed it, and
 * only once where it did. */
static void lengths_reach_the_client_once_or_not_at_all(void **state)
{
    static const struct {
        const char *answer, *length;
    } cases[] = {
        {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "2"},
        {OK "Content-Length: 2, 2\r\n\r\nhi", "2"},
        {OK "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", NULL},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n", NULL},
        {OK "Content-Length : 2\r\nX-A\t: b\r\n\r\nhi", "2"},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        STUB_ON(stub, target, SEND_TEXT(cases[i].answer));
        const struct peer_stream *s = peer_fetch(p, target);
        assert_int_equal(s->status, 200);
        check_text(bytes_text(&s->body), "hi");
        check_text(fieldset_get(&s->head, "content-length"), cases[i].length);
        assert_int_equal(fieldset_count(&s->head, "content-length"), cases[i].length ? 1 : 0);
        assert_int_equal(fieldset_count(&s->head, "transfer-encoding"), 0);
    }
}

static size_t count_texts(const char *all, const char *text)
{
    size_t n = 0;
    for (const char *at = all; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

/* Who runs the origin is told, and told once. */
static void what_is_read_all_the_same_is_logged_once(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/lf", SEND("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"));
    STUB_ON(stub, "/both",
            SEND(OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2 \r\nhi\r\n0\r\n\r\n"));
    for (int i = 0; i < 8; i++) {
        struct peer *p = rig_peer(rig, NULL);
        check_text(bytes_text(&peer_fetch(p, i % 2 ? "/lf" : "/both")->body), "hi");
        rig_close_peer(rig, p);
    }
    assert_true(daemon_says(rig->daemon, "ends in LF alone", CHECK_SOON_MS));
    char *said = daemon_messages(rig->daemon);
    assert_int_equal(count_texts(said, "does not keep to HTTP/1.1"), 3);
    assert_int_equal(count_texts(said, "origin app (http://127.0.0.1:"), 3);
    assert_int_equal(count_texts(said, "ends in LF alone"), 1);
    assert_int_equal(count_texts(said, "both transfer-encoding and content-length"), 1);
    assert_int_equal(count_texts(said, "white space stands at the end of a chunk's line"), 1);
    free(said);
}

static void bytes_after_the_end_end_the_connection(void **state)
{
    static const struct response_case cases[] = {
        CASE("a response after a length", IS_WHOLE, false, OK HI EVIL),
        CASE("a byte after a length", IS_WHOLE, false, OK HI "!"),
        CASE("CRLF after a length", IS_WHOLE, false, OK HI "\r\n"),
        CASE("a response after the last chunk", IS_WHOLE, false,
             CHUNKED "2\r\nhi\r\n0\r\n\r\n" EVIL),
        CASE("CRLF after the last chunk", IS_WHOLE, false, CHUNKED "2\r\nhi\r\n0\r\n\r\n\r\n"),
        CASE("a body of 204", IS_WHOLE, false, "HTTP/1.1 204 No Content\r\n\r\n" EVIL),
        CASE("a body of 304", IS_WHOLE, false, "HTTP/1.1 304 Not Modified\r\n\r\nhi"),
        CASE("a body of 304 with its length", IS_WHOLE, false,
             "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi"),
        CASE_OF("HEAD", "a body for HEAD", IS_WHOLE, false, OK HI),
        CASE_OF("HEAD", "chunks for HEAD", IS_WHOLE, false, CHUNKED "2\r\nhi\r\n0\r\n\r\n"),
        CASE_OF("HEAD", "none for HEAD", IS_WHOLE, true, OK "Content-Length: 2\r\n\r\n"),
        CASE("none of 304", IS_WHOLE, true,
             "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
        CASE("a response after one that closes", IS_WHOLE, false,
             OK "Connection: close\r\n" HI EVIL),
    };
    check_cases(*state, cases);
}

/* What comes when the response is long over, and nobody has asked. */
static void bytes_on_an_idle_connection_end_it(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    STUB_ON(stub, "/later", SEND(OK HI), AWAIT(0), SEND(EVIL));
    struct peer *p = rig_peer(rig, NULL);
    check_text(bytes_text(&peer_fetch(p, "/later")->body), "hi");
    stub_open(stub, 0);
    stub_wait(stub, STUB_GONE, 1);
    assert_true(is_next_right(p));
    assert_int_equal(stub_counted(stub, STUB_CONNECTIONS), 2);
}

/* Heads without an end, of every kind: the origin is not read for ever. */
static void endless_heads_are_refused(void **state)
{
    enum { LINES = 20000, ROOM = 128 };
    static const struct {
        const char *name, *start, *line;
        enum outcome outcome;
    } cases[] = {
        {"fields", OK, "X-A: b\r\n", IS_BAD},
        {"one value", OK "X-A: ", "aaaaaaaa", IS_BAD},
        {"one name", OK, "aaaaaaaa", IS_BAD},
        {"the reason", "HTTP/1.1 200 ", "aaaaaaaa", IS_BAD},
        {"informational heads", "", "HTTP/1.1 102 Processing\r\n\r\n", IS_BAD},
        {"hints", "", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n", IS_BAD},
        {"the extension of a chunk", CHUNKED "2;", "aaaaaaaa", IS_BROKEN},
        {"the size of a chunk", CHUNKED, "00000000", IS_BROKEN},
        {"trailers", CHUNKED "2\r\nhi\r\n0\r\n", "X-A: b\r\n", IS_BROKEN},
        {"one trailer", CHUNKED "2\r\nhi\r\n0\r\nX-A: ", "aaaaaaaa", IS_BROKEN},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "[limits]\norigin_header = 16k\n");
    struct peer *p = rig_peer(rig, NULL);
    size_t wrong = 0;
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        size_t start = strlen(cases[i].start), line = strlen(cases[i].line);
        char *text = check_alloc(start + LINES * line);
        memcpy(text, cases[i].start, start);
        for (size_t n = 0; n < LINES; n++)
            memcpy(text + start + n * line, cases[i].line, line);
        const char *target = rig_text(rig, "/%zu", i);
        STUB_ON(stub, target, {STUB_SEND, text, start + LINES * line}, AWAIT(0));
        const struct peer_stream *s = peer_fetch(p, target);
        stub_wait(stub, STUB_CANCELLED, i + 1);
        free(text);
        const struct response_case wanted = {.outcome = cases[i].outcome};
        if (!is_answered(&wanted, s, wanted.outcome) || !is_next_right(p)) {
            print_error("%s: status %u, error %u\n", cases[i].name, s->status, s->error);
            wrong++;
        }
    }
    if (wrong > 0)
        fail_msg("%zu of %zu cases end otherwise", wrong, CHECK_LEN(cases));
}

/* The rest of an upload whose answer came early is not what the next request begins with. */
static void answer_before_the_upload_ends_costs_the_connection(void **state)
{
    static const struct {
        const char *length, *answer;
        bool closes;
    } cases[] = {
        {NULL, OK HI, false},
        {"1000", OK HI, false},
        {NULL, CHUNKED "2\r\nhi\r\n0\r\n\r\n", false},
        {"1000", OK "Connection: close\r\n" HI, true},
        {"1000", OK HI EVIL, false},
    };
    struct rig *rig = *state;
    struct stub *stub = rig_start_alone(rig, "");
    struct peer *p = rig_peer(rig, NULL);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        const char *target = rig_text(rig, "/%zu", i);
        uint64_t gone = stub_counted(stub, STUB_GONE);
        uint64_t connections = stub_counted(stub, STUB_CONNECTIONS);
        STUB_ON(stub, target, BODY(10), SEND_TEXT(cases[i].answer));
        int32_t id = peer_send(
            p, &(struct peer_request){
                   .method = "POST",
                   .path = target,
                   .fields = cases[i].length ? FIELDS("content-length", cases[i].length) : NULL,
                   .body = true,
                   .body_bytes = 1000,
                   .body_hold_at = 10});
        const struct peer_stream *s = peer_until_closed(p, id);
        if (s->status != 200 || !s->ended || strcmp(bytes_text(&s->body), "hi") != 0)
            fail_msg("case %zu: status %u, error %u", i, s->status, s->error);
        stub_wait(stub, STUB_GONE, gone + 1);
        assert_true(is_next_right(p));
        /* The first case takes a new connection; each takes another for the next request. */
        assert_int_equal(stub_counted(stub, STUB_CONNECTIONS) - connections, i == 0 ? 2 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(heads_that_are_not_clean_are_refused),
        RIG_TEST(framing_that_is_not_one_is_refused),
        RIG_TEST(chunks_that_are_not_clean_break_the_body),
        RIG_TEST(strictly_all_of_that_is_refused),
        RIG_TEST(lengths_reach_the_client_once_or_not_at_all),
        RIG_TEST(what_is_read_all_the_same_is_logged_once),
        RIG_TEST(bytes_after_the_end_end_the_connection),
        RIG_TEST(bytes_on_an_idle_connection_end_it),
        RIG_TEST(endless_heads_are_refused),
        RIG_TEST(answer_before_the_upload_ends_costs_the_connection),
    };
    return rig_run(tests);
}
