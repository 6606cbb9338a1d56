#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "http/forward.h"
#include "http/request.h"

#include "../field_lines.h"

#include "../arena_fixture.h"

struct field_case {
    const char *in, *out;
};

static struct request get_request(const char *lines)
{
    return (struct request){
        .method = SPAN("GET"),
        .scheme = SPAN("https"),
        .authority = SPAN("example.com"),
        .path = SPAN("/"),
        .fields = read_fields(&arena, lines),
    };
}

static const struct forward_rules replacing = {
    .peer = {"192.0.2.1", 9},
    .via_protocol = {"2", 1},
};

#define FOR      "x-forwarded-for: 192.0.2.1\n"
#define TO_HOST  "x-forwarded-host: example.com\n"
#define BY_HTTPS "x-forwarded-proto: https\n"
#define VIA      "via: 2 headstart\n"
/* What stands at the end of every request. */
#define TAIL FOR TO_HOST BY_HTTPS VIA
#define HOST "host: example.com\n"

static void check_requests(const struct field_case *cases, size_t len,
                           const struct forward_rules *rules)
{
    for (size_t i = 0; i < len; i++) {
        struct request in = get_request(cases[i].in);
        struct fields out;
        fields_init(&out, &arena);
        forward_request(&out, &in, rules);
        assert_fields(&arena, &out, cases[i].out);
    }
}

static void requests_lose_what_belongs_to_the_connection(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"", HOST TAIL},
        {"accept: */*\nx-a: 1\nx-a: 2\n", HOST "accept: */*\nx-a: 1\nx-a: 2\n" TAIL},
        {"host: Example.COM\n", HOST TAIL},
        {"connection: keep-alive\nkeep-alive: timeout=5\nproxy-connection: close\n"
         "transfer-encoding: chunked\nupgrade: h2c\nhttp2-settings: AAA\nx-a: 1\n",
         HOST "x-a: 1\n" TAIL},
        {"x-a: 1\nconnection: X-A , x-b\nx-b: 2\nx-c: 3\nconnection: x-d\nx-d: 4\nx-ab: 5\n",
         HOST "x-c: 3\nx-ab: 5\n" TAIL},
        {"connection: cookie, via\ncookie: a\nvia: 1.1 x\n", HOST TAIL},
        {"connection: host, x-forwarded-for\nhost: example.com\n", HOST TAIL},
        {"content-length: 5\n", HOST TAIL},
        {"trailer: x-sum\n", HOST "trailer: x-sum\n" TAIL},
        {"cf-h2-push-explain: 1\nx-http2-push: 1\n", HOST TAIL},
    };
    check_requests(cases, ARRAY_LEN(cases), &replacing);
}

static void an_expectation_passes_with_content_only(void **state)
{
    (void)state;
    static const struct {
        struct body body;
        const char *in, *out;
    } cases[] = {
        {{BODY_NONE, 0}, "expect: 100-continue\n", ""},
        {{BODY_NONE, 0}, "expect: 100-Continue,\nexpect: 100-continue , 100-continue\n", ""},
        {{BODY_NONE, 0}, "expect: other\n", "expect: other\n"},
        {{BODY_NONE, 0}, "expect: 100-continue, other\n", "expect: 100-continue, other\n"},
        {{BODY_LENGTH, 0}, "expect: 100-continue\n", ""},
        {{BODY_LENGTH, 1}, "expect: 100-Continue\n", "expect: 100-Continue\n"},
        {{BODY_UNKNOWN, 0}, "expect: 100-continue\n", "expect: 100-continue\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request in = get_request(cases[i].in);
        const struct span parts[] = {SPAN(HOST), span_str(cases[i].out), SPAN(TAIL), SPAN("\0")};
        struct fields out;
        in.body = cases[i].body;
        fields_init(&out, &arena);
        forward_request(&out, &in, &replacing);
        assert_fields(&arena, &out, arena_join(&arena, parts, ARRAY_LEN(parts)).ptr);
    }
}

static void te_is_passed_on_for_trailers_only(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"te: trailers\n", HOST "te: trailers\nconnection: TE\n" TAIL},
        {"te: gzip;q=0.5, Trailers\n", HOST "te: trailers\nconnection: TE\n" TAIL},
        {"te: gzip\nte: trailers\nconnection: te\n", HOST "te: trailers\nconnection: TE\n" TAIL},
        {"te: gzip\n", HOST TAIL},
        {"te: trailersx\n", HOST TAIL},
    };
    check_requests(cases, ARRAY_LEN(cases), &replacing);
}

static void cookie_crumbs_are_joined(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"cookie: a=1\n", HOST "cookie: a=1\n" TAIL},
        {"cookie: a=1\nx-a: 1\ncookie: b=2\ncookie: c=3; d=4\n",
         HOST "x-a: 1\ncookie: a=1; b=2; c=3; d=4\n" TAIL},
        {"cookie:\ncookie: b=2\ncookie:\n", HOST "cookie: b=2\n" TAIL},
    };
    check_requests(cases, ARRAY_LEN(cases), &replacing);
}

static void via_is_appended_to_what_the_client_sent(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"via: 1.1 a\n", HOST FOR TO_HOST BY_HTTPS "via: 1.1 a, 2 headstart\n"},
        {"via: 1.1 a\nvia: 2 b, 1.0 c\n",
         HOST FOR TO_HOST BY_HTTPS "via: 1.1 a, 2 b, 1.0 c, 2 headstart\n"},
    };
    check_requests(cases, ARRAY_LEN(cases), &replacing);
    struct forward_rules appending = replacing;
    appending.append = true;
    check_requests(cases, ARRAY_LEN(cases), &appending);
}

static void via_of_ours_can_be_left_out(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"", HOST FOR TO_HOST BY_HTTPS},
        {"via: 1.1 a\nvia: 2 b\n", HOST FOR TO_HOST BY_HTTPS "via: 1.1 a, 2 b\n"},
        {"connection: via\nvia: 1.1 a\n", HOST FOR TO_HOST BY_HTTPS},
    };
    struct forward_rules rules = replacing;
    rules.via_protocol = SPAN("");
    check_requests(cases, ARRAY_LEN(cases), &rules);
}

static void replacing_tells_our_truth_only(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"x-forwarded-for: 10.0.0.1\nx-forwarded-for: 10.0.0.2\nx-forwarded-host: evil\n"
         "x-forwarded-proto: http\n",
         HOST TAIL},
        {"forwarded: for=10.0.0.1\nforwarded: for=10.0.0.2\n",
         HOST FOR TO_HOST BY_HTTPS "forwarded: for=192.0.2.1;host=example.com;proto=https\n" VIA},
        {"x-real-ip: 10.0.0.1\n", HOST FOR TO_HOST BY_HTTPS "x-real-ip: 192.0.2.1\n" VIA},
        {"connection: forwarded\nforwarded: for=10.0.0.1\n", HOST TAIL},
    };
    check_requests(cases, ARRAY_LEN(cases), &replacing);
}

static void appending_keeps_what_the_client_sent(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"", HOST TAIL},
        {"x-forwarded-for: 10.0.0.1\n",
         HOST "x-forwarded-for: 10.0.0.1, 192.0.2.1\n" TO_HOST BY_HTTPS VIA},
        {"x-forwarded-for: 10.0.0.1\nx-forwarded-for: 10.0.0.2, 10.0.0.3\n",
         HOST "x-forwarded-for: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.1\n" TO_HOST BY_HTTPS VIA},
        {"x-forwarded-for:\n", HOST TAIL},
        {"x-forwarded-proto: http\nx-forwarded-host: a\nx-forwarded-host: b\n",
         HOST FOR "x-forwarded-host: a, b, example.com\nx-forwarded-proto: http, https\n" VIA},
        {"forwarded: for=10.0.0.1\nforwarded: for=10.0.0.2;by=x\n",
         HOST FOR TO_HOST BY_HTTPS "forwarded: for=10.0.0.1, for=10.0.0.2;by=x, "
                                   "for=192.0.2.1;host=example.com;proto=https\n" VIA},
        {"x-real-ip: 10.0.0.1\n", HOST FOR TO_HOST BY_HTTPS "x-real-ip: 10.0.0.1\n" VIA},
        {"connection: x-forwarded-for\nx-forwarded-for: 10.0.0.1\n", HOST TAIL},
    };
    struct forward_rules rules = replacing;
    rules.append = true;
    check_requests(cases, ARRAY_LEN(cases), &rules);
}

static void claims_pass_where_they_are_believed_only(void **state)
{
    (void)state;
    static const char lines[] = "x-forwarded-user: a\nx-forwarded-port: 1\ntrue-client-ip: b\n"
                                "x-own: c\nx-original-url: /d\nproxy: http://e\nclient-cert: f\n"
                                "x-forwarded: g\nx.forwarded.user: h\n";
    static const struct field_case replaced[] = {{lines, HOST "x-own: c\n" TAIL}};
    static const struct field_case appended[] = {
        {lines, HOST "x-forwarded-user: a\nx-forwarded-port: 1\ntrue-client-ip: b\nx-own: c\n"
                     "x-original-url: /d\nclient-cert: f\nx-forwarded: g\n" TAIL},
    };
    struct forward_rules rules = replacing;
    check_requests(replaced, ARRAY_LEN(replaced), &rules);
    rules.append = true;
    check_requests(appended, ARRAY_LEN(appended), &rules);
}

/* Whoever reads variables of CGI cannot tell them from those with "-". */
static void names_with_underscores_pass_on_request_and_never_for_ours(void **state)
{
    (void)state;
    static const char lines[] =
        "x_own: a\n_: b\nx_forwarded_for: 10.0.0.1\nx-forwarded_user: c\nx_real_ip: d\n"
        "content_length: 9\nTransfer_Encoding: chunked\nx_http2_push: 1\ncf_h2_push_explain: 1\n"
        "x_http2-push: 1\nuser_agent: e\nhttp2_settings: f\nx-own: g\n";
    static const struct field_case dropped[] = {{lines, HOST "x-own: g\n" TAIL}};
    static const struct field_case kept[] = {
        {lines, HOST "x_own: a\n_: b\nuser_agent: e\nx-own: g\n" TAIL},
    };
    struct forward_rules rules = replacing;
    check_requests(dropped, ARRAY_LEN(dropped), &rules);
    rules.append = true;
    check_requests(dropped, ARRAY_LEN(dropped), &rules);
    rules.underscores = true;
    check_requests(kept, ARRAY_LEN(kept), &rules);
    rules.append = false;
    check_requests(kept, ARRAY_LEN(kept), &rules);
}

/* The promise has no claims of its own. */
static void a_push_goes_with_the_claims_of_its_page(void **state)
{
    (void)state;
    static const struct field_case replaced[] = {
        {"accept: a\n", HOST "accept: a\n" FOR TO_HOST BY_HTTPS
                             "forwarded: for=192.0.2.1;host=example.com;proto=https\n"
                             "x-real-ip: 192.0.2.1\n" VIA "x-http2-push: 1\n"},
    };
    static const struct field_case appended[] = {
        {"accept: a\n", HOST
         "accept: a\nx-forwarded-user: u\nx-forwarded-for: 10.0.0.1, 192.0.2.1\n" TO_HOST BY_HTTPS
         "forwarded: for=10.0.0.1, for=192.0.2.1;host=example.com;proto=https\n"
         "x-real-ip: 10.0.0.1\n" VIA "x-http2-push: 1\n"},
    };
    const struct fields page =
        read_fields(&arena, "x-forwarded-for: 10.0.0.1\nx-forwarded-user: u\nproxy: p\n"
                            "forwarded: for=10.0.0.1\nx-real-ip: 10.0.0.1\ncookie: c\nx_ssl: s\n");
    struct forward_rules rules = replacing;
    rules.pushed = true;
    rules.claims = &page;
    check_requests(replaced, ARRAY_LEN(replaced), &rules);
    rules.append = true;
    check_requests(appended, ARRAY_LEN(appended), &rules);
}

static void a_client_without_an_address_is_unknown(void **state)
{
    (void)state;
    static const struct field_case replaced[] = {
        {"x-forwarded-for: 10.0.0.1\nx-real-ip: 10.0.0.1\n", HOST TO_HOST BY_HTTPS VIA},
        {"forwarded: for=10.0.0.1\n",
         HOST TO_HOST BY_HTTPS "forwarded: for=unknown;host=example.com;proto=https\n" VIA},
    };
    static const struct field_case appended[] = {
        {"x-forwarded-for: 10.0.0.1\nx-real-ip: 10.0.0.1\n",
         HOST "x-forwarded-for: 10.0.0.1\n" TO_HOST BY_HTTPS "x-real-ip: 10.0.0.1\n" VIA},
    };
    struct forward_rules rules = {.via_protocol = SPAN("2")};
    check_requests(replaced, ARRAY_LEN(replaced), &rules);
    rules.append = true;
    check_requests(appended, ARRAY_LEN(appended), &rules);
}

static void forwarded_quotes_what_is_no_token(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *authority, *value;
    } cases[] = {
        {"192.0.2.1", "h", "for=192.0.2.1;host=h;proto=https"},
        {"192.0.2.1", "h:8443", "for=192.0.2.1;host=\"h:8443\";proto=https"},
        {"2001:db8::1", "h", "for=\"[2001:db8::1]\";host=h;proto=https"},
        {"::1", "[::1]:8443", "for=\"[::1]\";host=\"[::1]:8443\";proto=https"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct forward_rules rules = replacing;
        struct request in = get_request("forwarded: x\n");
        struct fields out;
        rules.peer = span_str(cases[i].peer);
        in.authority = span_str(cases[i].authority);
        fields_init(&out, &arena);
        forward_request(&out, &in, &rules);
        assert_true(span_eq(fields_value(&out, FIELD_FORWARDED), span_str(cases[i].value)));
        assert_true(span_eq(fields_value(&out, FIELD_X_FORWARDED_FOR), rules.peer));
        assert_true(span_eq(fields_value(&out, FIELD_X_FORWARDED_HOST), in.authority));
    }
}

static void host_can_be_set_and_a_push_is_marked(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"host: example.com\nx-http2-push: 0\n",
         "host: app.internal:81\nx-forwarded-for: 192.0.2.1\n" TO_HOST BY_HTTPS
         "via: 1.1 headstart\nx-http2-push: 1\n"},
    };
    static const struct forward_rules rules = {
        .peer = {"192.0.2.1", 9},
        .host = {"app.internal:81", 15},
        .via_protocol = {"1.1", 3},
        .pushed = true,
    };
    check_requests(cases, ARRAY_LEN(cases), &rules);
}

static const struct span date = {"Sun, 06 Nov 1994 08:49:37 GMT", 29};
#define DATE         "date: Sun, 06 Nov 1994 08:49:37 GMT\n"
#define RESPONSE_VIA "via: 1.1 headstart\n"

static void check_response(unsigned status, const char *in, const char *expected)
{
    struct response response = {.status = status, .fields = read_fields(&arena, in)};
    struct fields out;
    fields_init(&out, &arena);
    forward_response(&out, &response, SPAN("1.1"), date);
    assert_fields(&arena, &out, expected);
}

static void responses_lose_what_belongs_to_the_connection(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"", DATE RESPONSE_VIA},
        {"server: x\ndate: then\nset-cookie: a\nset-cookie: b\ntrailer: x-sum\n",
         "server: x\ndate: then\nset-cookie: a\nset-cookie: b\ntrailer: x-sum\n" RESPONSE_VIA},
        {"connection: close, x-a\nx-a: 1\nkeep-alive: x\ntransfer-encoding: chunked\nx-b: 2\n"
         "upgrade: h2c\nproxy-connection: close\n",
         "x-b: 2\n" DATE RESPONSE_VIA},
        {"cf-h2-pushed: </a>\ncf-h2-push-explain: 1\nx-http2-push: pushed\nlink: </a>\n",
         "link: </a>\n" DATE RESPONSE_VIA},
        {"via: 1.0 a\nx-a: 1\nvia: 1.1 b\n", "x-a: 1\n" DATE "via: 1.0 a, 1.1 b, 1.1 headstart\n"},
        {"connection: date\ndate: then\n", RESPONSE_VIA},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_response(200, cases[i].in, cases[i].out);
}

static void content_length_stays_where_the_status_may_have_one(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        bool stays;
    } cases[] = {{100, false}, {103, false}, {199, false}, {200, true}, {203, true},
                 {204, false}, {205, true},  {304, true},  {404, true}, {599, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response response = {.status = cases[i].status,
                                    .fields = read_fields(&arena, "content-length: 5\n")};
        struct fields out;
        fields_init(&out, &arena);
        forward_response(&out, &response, SPAN("1.1"), date);
        assert_int_equal(fields_get(&out, FIELD_CONTENT_LENGTH) != NULL, cases[i].stays);
    }
}

static void a_response_may_be_rewritten_in_its_own_array(void **state)
{
    (void)state;
    struct response response = {
        .status = 200,
        .fields = read_fields(&arena, "connection: close\nvia: 1.0 a\nte: x\nserver: b\n"
                                      "etag: c\nvia: 1.1 d\nlink: e\n")};
    struct fields out = response.fields;
    out.len = 0;
    forward_response(&out, &response, SPAN("1.1"), date);
    assert_ptr_equal(out.at, response.fields.at);
    assert_fields(&arena, &out,
                  "server: b\netag: c\nlink: e\n" DATE "via: 1.0 a, 1.1 d, 1.1 headstart\n");
}

static void informational_responses_get_nothing_added(void **state)
{
    (void)state;
    check_response(103, "", "");
    check_response(103, "link: </a>\nconnection: close\nvia: 1.1 a\n", "link: </a>\nvia: 1.1 a\n");
}

static void trailers_lose_what_a_header_must_say(void **state)
{
    (void)state;
    static const char in[] = "x-sum: 1\ncontent-length: 1\ntransfer-encoding: chunked\nhost: x\n"
                             "connection: x\ntrailer: x\nte: x\nset-cookie: x\ncookie: x\n"
                             "x-forwarded-for: x\nforwarded: x\nx-real-ip: x\nvia: x\n"
                             "x-http2-push: x\ncf-h2-pushed: x\ncf-h2-push-explain: x\n"
                             "content-type: x\nexpect: x\nserver-timing: y\n";
    struct fields fields = read_fields(&arena, in), out;
    fields_init(&out, &arena);
    forward_trailers(&out, &fields);
    assert_fields(&arena, &out, "x-sum: 1\nserver-timing: y\n");
    fields_init(&out, &arena);
    forward_request_trailers(&out, &fields, false);
    assert_fields(&arena, &out, "x-sum: 1\nserver-timing: y\n");
}

static void trailers_of_a_request_make_no_claims(void **state)
{
    (void)state;
    static const char in[] = "x-sum: 1\nx-forwarded-user: x\nx_forwarded_for: x\nproxy: x\n"
                             "true-client-ip: x\nx_own: 2\ncontent_length: 3\n";
    struct fields fields = read_fields(&arena, in), out;
    fields_init(&out, &arena);
    forward_request_trailers(&out, &fields, false);
    assert_fields(&arena, &out, "x-sum: 1\n");
    fields_init(&out, &arena);
    forward_request_trailers(&out, &fields, true);
    assert_fields(&arena, &out, "x-sum: 1\nx_own: 2\n");
}

struct check_case {
    const char *method, *scheme, *authority, *path, *fields;
    enum request_fault fault;
    const char *settled;
};

static void check_faults(const struct check_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct check_case *c = &cases[i];
        struct request in = {
            .method = span_str(c->method),
            .scheme = span_str(c->scheme),
            .authority = span_str(c->authority),
            .path = span_str(c->path),
            .fields = read_fields(&arena, c->fields),
        };
        enum request_fault fault = request_check(&in, SPAN("https"));
        if (fault != c->fault)
            fail_msg("case %zu (%s): fault %d", i, c->authority, (int)fault);
        if (c->settled) {
            assert_true(span_eq(in.authority, span_str(c->settled)));
            assert_true(span_eq(in.scheme, SPAN("https")));
        }
    }
}

static void an_authority_is_settled_or_refused(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"GET", "https", "h", "/", "", REQUEST_FINE, "h"},
        {"GET", "HTTPS", "h:8443", "/", "", REQUEST_FINE, "h:8443"},
        {"GET", "https", "[::1]:8443", "/", "", REQUEST_FINE, "[::1]:8443"},
        {"GET", "https", "h", "/", "host: H\n", REQUEST_FINE, "h"},
        {"GET", "https", "", "/", "host: h:1\n", REQUEST_FINE, "h:1"},
        {"GET", "https", "h", "/", "host: g\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h:443\n", REQUEST_FINE, "h"},
        {"GET", "https", "h:443", "/", "host: h\n", REQUEST_FINE, "h:443"},
        {"GET", "https", "H:0443", "/", "host: h:\n", REQUEST_FINE, "H:0443"},
        {"GET", "https", "h:", "/", "", REQUEST_FINE, "h:"},
        {"GET", "https", "h:8443", "/", "host: H:08443\n", REQUEST_FINE, "h:8443"},
        {"GET", "https", "h.x", "/", "host: %68%2ex\n", REQUEST_FINE, "h.x"},
        {"GET", "https", "[::1]", "/", "host: [0:0::1]:443\n", REQUEST_FINE, "[::1]"},
        {"GET", "https", "h", "/", "host: h:80\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h:8443", "/", "host: h\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h.\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: u@h\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h:x\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h:0\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h:443, h\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "[::1]", "/", "host: [::2]\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host:\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "/", "host: h\nx-a: 1\nhost: h\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "", "/", "host:\n", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", ":443", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "u@h", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "@h", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h:0", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h:65536", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h/x", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h x", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h\"", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h\xc3\xa9", "/", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h,g", "/", "", REQUEST_FINE, "h,g"},
    };
    check_faults(cases, ARRAY_LEN(cases));
}

static void bad_request_targets_are_refused(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"GET", "https", "h", "/a?b=c", "", REQUEST_FINE, NULL},
        {"GET", "https", "h", "/\xc3\xa9\"<>[]{}|\\^`", "", REQUEST_FINE, NULL},
        {"OPTIONS", "https", "h", "*", "", REQUEST_FINE, NULL},
        {"OPTIONS", "https", "h", "/", "", REQUEST_FINE, NULL},
        {"GET", "https", "h", "*", "", REQUEST_BAD_PATH, NULL},
        {"OPTIONS", "https", "h", "*x", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "a", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "https://h/", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "/a b", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "/a#b", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "/a\tb", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "/a\r\nb", "", REQUEST_BAD_PATH, NULL},
        {"GET", "https", "h", "/a\x7f", "", REQUEST_BAD_PATH, NULL},
    };
    check_faults(cases, ARRAY_LEN(cases));
}

static void faults_are_looked_for_in_their_order(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"CONNECT", "", "", "", "", REQUEST_IS_CONNECT, NULL},
        {"connect", "https", "h", "/", "", REQUEST_FINE, NULL},
        {"X-OWN!", "https", "h", "/", "", REQUEST_FINE, NULL},
        {"G T", "http", "", "", "", REQUEST_BAD_METHOD, NULL},
        {"", "https", "h", "/", "", REQUEST_BAD_METHOD, NULL},
        {"GET", "http", "", "", "", REQUEST_BAD_SCHEME, NULL},
        {"GET", "", "h", "/", "", REQUEST_BAD_SCHEME, NULL},
        {"GET", "https", "", "", "", REQUEST_BAD_AUTHORITY, NULL},
        {"GET", "https", "h", "", "", REQUEST_BAD_PATH, NULL},
    };
    check_faults(cases, ARRAY_LEN(cases));
}

/* Comparing every field with every name in turn would take minutes. */
static void many_connection_names_take_little_time(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct response response = {.status = 200};
    struct fields out;
    char *list = arena_alloc(&arena, MANY * 8), *names = arena_alloc(&arena, MANY * 8);
    fields_init(&response.fields, &arena);
    for (size_t i = 0; i < MANY; i++) {
        char text[9];
        snprintf(text, sizeof text, "a%06zu,", i);
        memcpy(list + i * 8, text, 8);
        text[0] = i == 7 ? 'a' : 'b';
        memcpy(names + i * 8, text, 8);
        fields_add(&response.fields, span_of(names + i * 8, 7), SPAN(""));
    }
    fields_add(&response.fields, SPAN("connection"), span_of(list, MANY * 8));
    fields_init(&out, &arena);
    uint64_t start = clock_monotonic_us();
    forward_response(&out, &response, SPAN("1.1"), date);
    assert_true(clock_monotonic_us() - start < 10000000);
    assert_int_equal(out.len, MANY - 1 + 2);
}

static void failed_memory_is_told(void **state)
{
    (void)state;
    struct request in = get_request("cookie: a\ncookie: b\n");
    struct response response = {.status = 200, .fields = read_fields(&arena, "")};
    struct fields out;
    arena.failed = true;
    fields_init(&out, &arena);
    forward_request(&out, &in, &replacing);
    assert_true(out.failed);
    fields_init(&out, &arena);
    forward_response(&out, &response, SPAN("1.1"), date);
    assert_true(out.failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_lose_what_belongs_to_the_connection),
        TEST(an_expectation_passes_with_content_only),
        TEST(te_is_passed_on_for_trailers_only),
        TEST(cookie_crumbs_are_joined),
        TEST(via_is_appended_to_what_the_client_sent),
        TEST(via_of_ours_can_be_left_out),
        TEST(replacing_tells_our_truth_only),
        TEST(appending_keeps_what_the_client_sent),
        TEST(claims_pass_where_they_are_believed_only),
        TEST(names_with_underscores_pass_on_request_and_never_for_ours),
        TEST(a_push_goes_with_the_claims_of_its_page),
        TEST(a_client_without_an_address_is_unknown),
        TEST(forwarded_quotes_what_is_no_token),
        TEST(host_can_be_set_and_a_push_is_marked),
        TEST(responses_lose_what_belongs_to_the_connection),
        TEST(content_length_stays_where_the_status_may_have_one),
        TEST(a_response_may_be_rewritten_in_its_own_array),
        TEST(informational_responses_get_nothing_added),
        TEST(trailers_lose_what_a_header_must_say),
        TEST(trailers_of_a_request_make_no_claims),
        TEST(an_authority_is_settled_or_refused),
        TEST(bad_request_targets_are_refused),
        TEST(faults_are_looked_for_in_their_order),
        TEST(many_connection_names_take_little_time),
        TEST(failed_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
