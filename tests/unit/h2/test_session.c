#include "fixture.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

#define REQUEST(path) ":method: GET\n:scheme: https\n:authority: a\n:path: " path "\n"
#define UPLOAD        ":method: POST\n:scheme: https\n:authority: a\n:path: /\n"

static void settings_tell_the_limits(void **state)
{
    (void)state;
    assert_int_equal(nghttp2_submit_settings(rig.client, 0, NULL, 0), 0);
    rig_run(&rig);
    expect_log(&rig.saw, "SETTINGS 3 = 10\nSETTINGS 4 = 65535\nSETTINGS 6 = 4096\nSETTINGS 9 = 1\n"
                         "WINDOW_UPDATE 0 by 983041\n");
    assert_false(streams_want_send(h2_session_of(rig.session)));
    assert_false(rig.session->over);
}

static void a_request_is_told_in_order(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    ask(&rig, "GET", "/x?y", "a", "b", false);
    rig_run(&rig);
    expect_log(&rig.server, REQUEST("/x?y") "a: b\nhead 1, all\nend 1 after 0\n");
    assert_int_equal(rig.streams[0].h2.id, 1);
    assert_false(rig.session->in_head);
}

static void a_response_without_a_body_ends_with_its_head(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    const struct response head = make_response(&rig, 204, "x-a: 1\nx-a: 2\n");
    assert_true(stream_respond(&rig.streams[0].h2.base, &head, false));
    assert_true(streams_want_send(h2_session_of(rig.session)));
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 204\nx-a: 1\nx-a: 2\nHEADERS 1, end\n");
    expect_log(&rig.server, REQUEST("/") "head 1, all\nend 1 after 0\nclosed 1\n");
}

static void bodies_go_out_as_they_come(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    struct side *s = &rig.streams[0];
    answer(&rig, s, SPAN(""), STREAM_LATER);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\n");
    s->out = SPAN("abc");
    rig_run(&rig);
    expect_log(&rig.saw, "");
    stream_resume(&s->h2.base);
    rig_run(&rig);
    expect_log(&rig.saw, "DATA 1 of 3\n");
    assert_int_equal(s->out.len, 0);
    s->out = SPAN("de");
    s->after = STREAM_ENDS;
    stream_resume(&s->h2.base);
    rig_run(&rig);
    expect_log(&rig.saw, "DATA 1 of 2, end\n");
    expect_log(&rig.server, REQUEST("/") "head 1, all\nend 1 after 0\nended 1\nclosed 1\n");
    assert_true(span_eq(body_of(&rig, 1), SPAN("abcde")));
}

static void an_end_alone_is_an_empty_frame(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    answer(&rig, &rig.streams[0], SPAN(""), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\nDATA 1 of 0, end\n");
}

static void the_clients_windows_hold_a_body_back(void **state)
{
    (void)state;
    const nghttp2_settings_entry small = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 20000};
    rig_greet(&rig, &small, 1);
    get(&rig, "/a");
    get(&rig, "/b");
    rig_run(&rig);
    struct span body = pattern(&rig, 70000);
    answer(&rig, &rig.streams[0], body, STREAM_ENDS);
    rig_run(&rig);
    assert_int_equal(body_of(&rig, 1).len, 20000);
    assert_int_equal(stream_window(&rig.streams[0].h2.base), 0);
    assert_int_equal(stream_window(&rig.streams[1].h2.base), 20000);
    nghttp2_submit_window_update(rig.client, 0, 1, 1);
    rig_run(&rig);
    assert_int_equal(body_of(&rig, 1).len, 20001);
    /* Now the connection's window is the shorter one. */
    nghttp2_submit_window_update(rig.client, 0, 1, 100000);
    rig_run(&rig);
    assert_int_equal(body_of(&rig, 1).len, 65535);
    assert_int_equal(stream_window(&rig.streams[1].h2.base), 0);
    nghttp2_submit_window_update(rig.client, 0, 0, 100000);
    rig_run(&rig);
    assert_true(span_eq(body_of(&rig, 1), body));
    assert_true(rig.streams[0].closed);
}

static void upload(size_t bytes)
{
    rig.upload = pattern(&rig, bytes);
    ask(&rig, "POST", "/", NULL, NULL, true);
    rig_run(&rig);
}

static void an_upload_goes_as_far_as_its_window(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    upload(WINDOW_BYTES + 1000);
    struct side *s = &rig.streams[0];
    assert_int_equal(s->received, WINDOW_BYTES);
    expect_log(&rig.server, UPLOAD "head 1\n");
    /* A few bytes are not worth a frame. */
    stream_consumed(&s->h2.base, 10);
    rig_run(&rig);
    assert_int_equal(s->received, WINDOW_BYTES);
    stream_consumed(&s->h2.base, WINDOW_BYTES - 10);
    rig_run(&rig);
    expect_log(&rig.server, "end 1 after 66535\n");
    assert_int_equal(rig.upload.len, 0);
}

/* Streams that are not consumed must not take the connection's window from the others. */
static void a_slow_upload_does_not_stop_the_others(void **state)
{
    (void)state;
    const nghttp2_settings_entry none = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    enum { UPLOADS = 9 };
    rig_greet(&rig, &none, 1);
    for (size_t i = 0; i < UPLOADS; i++) {
        upload(WINDOW_BYTES);
        assert_int_equal(rig.streams[i].received, WINDOW_BYTES);
        nghttp2_submit_rst_stream(rig.client, 0, (int32_t)(2 * i + 1), NGHTTP2_CANCEL);
        rig_run(&rig);
    }
    for (size_t i = UPLOADS; i < 2 * UPLOADS; i++) {
        upload(WINDOW_BYTES);
        assert_int_equal(rig.streams[i].received, WINDOW_BYTES);
    }
}

static void trailers_pass_both_ways(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    rig.upload_trailers = true;
    upload(5);
    expect_log(&rig.server, UPLOAD "head 1\ntrailer x-sum: 1\nend 1 after 5\n");
    const struct fields trailers = read_fields(&rig.arena, "x-end: yes\n");
    rig.streams[0].trailers = &trailers;
    answer(&rig, &rig.streams[0], SPAN("abc"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\nDATA 1 of 3\nx-end: yes\nHEADERS 1, end\n");
    expect_log(&rig.server, "ended 1\nclosed 1\n");
}

static void trailers_come_without_a_body_too(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    const struct fields trailers = read_fields(&rig.arena, "x-end: yes\n");
    rig.streams[0].trailers = &trailers;
    answer(&rig, &rig.streams[0], SPAN(""), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\nx-end: yes\nHEADERS 1, end\n");
}

static void informational_heads_go_at_once(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    const struct response hint = make_response(&rig, 103, "link: </a>\n");
    const struct response last = make_response(&rig, 200, "");
    assert_true(stream_inform(&rig.streams[0].h2.base, &hint));
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 103\nlink: </a>\nHEADERS 1\n");
    assert_true(stream_inform(&rig.streams[0].h2.base, &hint));
    assert_true(stream_respond(&rig.streams[0].h2.base, &last, false));
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 103\nlink: </a>\nHEADERS 1\n:status: 200\nHEADERS 1, end\n");
}

static void a_reset_reaches_both_sides(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/a");
    get(&rig, "/b");
    rig_run(&rig);
    log_clear(&rig.server);
    stream_reset(&rig.streams[0].h2.base, STREAM_CANCEL);
    rig_run(&rig);
    expect_log(&rig.saw, "RST_STREAM 1: 8\n");
    expect_log(&rig.server, "closed 1\n");
    nghttp2_submit_rst_stream(rig.client, 0, 3, NGHTTP2_CANCEL);
    rig_run(&rig);
    expect_log(&rig.server, "closed 3\n");
}

static void a_stream_that_nobody_wants_is_refused(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    rig.refuse = true;
    get(&rig, "/a");
    rig_run(&rig);
    rig.refuse = false;
    get(&rig, "/b");
    rig_run(&rig);
    expect_log(&rig.saw, "RST_STREAM 1: 7\n");
    expect_log(&rig.server, REQUEST("/b") "head 3, all\nend 3 after 0\n");
}

static void malformed_requests_are_stream_errors(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *name, *value;
    } cases[] = {
        {"GET", "/", "a b", "c"},
        {"GET", "/", "A", "c"},
        {"GET", "/", "a", "b\nc"},
        {"GET", "/", "a", "b\x01"},
        {"GET", "/", "", "c"},
        {"GET", "/", "connection", "close"},
        {"GET", "/", "te", "gzip"},
        {"GET", "/", "transfer-encoding", "chunked"},
        {"GET", "/", ":status", "200"},
        {"GET", "/", ":path", "/b"},
        {"GET", "/", ":other", "x"},
        {"GET", "", NULL, NULL},
        {"", "/", NULL, NULL},
        {"GET", "/", "content-length", "5"},
        {"GET", "/", "content-length", "x"},
    };
    GREET_PLAIN(&rig);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char expected[64];
        int32_t id =
            ask(&rig, cases[i].method, cases[i].path, cases[i].name, cases[i].value, false);
        rig_run(&rig);
        snprintf(expected, sizeof expected, "RST_STREAM %d: 1\n", id);
        expect_log(&rig.saw, expected);
        assert_non_null(strstr(rig.server.text, "closed "));
        assert_null(strstr(rig.server.text, "head "));
        log_clear(&rig.server);
    }
    get(&rig, "/");
    rig_run(&rig);
    assert_non_null(strstr(rig.server.text, "head "));
}

static void a_body_unlike_its_length_is_a_stream_error(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    rig.upload = SPAN("abc");
    ask(&rig, "POST", "/", "content-length", "4", true);
    rig_run(&rig);
    expect_log(&rig.saw, "RST_STREAM 1: 1\n");
    expect_log(&rig.server, UPLOAD "content-length: 4\nhead 1\nclosed 1\n");
}

static void a_session_says_that_it_will_end(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/a");
    rig_run(&rig);
    session_leave(rig.session, SESSION_LEAVE_SOON);
    session_leave(rig.session, SESSION_LEAVE_SOON);
    assert_false(rig.session->leave_read);
    server_to_client(&rig);
    expect_log(&rig.saw, "GOAWAY 2147483647: 0\n");
    assert_false(rig.session->leave_read);
    rig_run(&rig);
    assert_true(rig.session->leave_read);
    session_leave(rig.session, SESSION_LEAVE_LAST);
    rig_run(&rig);
    expect_log(&rig.saw, "GOAWAY 1: 0\n");
    assert_false(rig.session->over);
    answer(&rig, &rig.streams[0], SPAN("a"), STREAM_ENDS);
    rig_run(&rig);
    expect_log(&rig.saw, ":status: 200\nHEADERS 1\nDATA 1 of 1, end\n");
    assert_true(rig.session->over);
}

static void a_session_can_be_ended_at_once(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    get(&rig, "/a");
    rig_run(&rig);
    session_leave(rig.session, SESSION_LEAVE_CALM);
    assert_false(rig.session->over);
    rig_run(&rig);
    expect_log(&rig.saw, "GOAWAY 1: 11\n");
    assert_true(rig.session->over);
}

static void what_is_no_http2_ends_the_session(void **state)
{
    (void)state;
    bool failed = false;
    char out[ROOM_BYTES];
    assert_false(session_receive(rig.session, SPAN("GET / HTTP/1.1\r\nhost: a\r\n\r\n")));
    session_leave(rig.session, SESSION_LEAVE_FAULT);
    struct span bytes = session_send(rig.session, out, sizeof out, &failed);
    assert_true(bytes.len > 0 && !failed);
    session_taken(rig.session);
    bytes = session_send(rig.session, out, sizeof out, &failed);
    assert_true(bytes.len == 0 && !failed);
    session_taken(rig.session);
    assert_true(rig.session->over);
}

static void half_a_head_is_known(void **state)
{
    (void)state;
    const uint8_t *bytes;
    GREET_PLAIN(&rig);
    get(&rig, "/");
    ssize_t n = nghttp2_session_mem_send(rig.client, &bytes);
    assert_true(n > 12);
    assert_true(session_receive(rig.session, span_of(bytes, 12)));
    assert_true(rig.session->in_head);
    assert_true(session_receive(rig.session, span_of(bytes + 12, (size_t)n - 12)));
    assert_false(rig.session->in_head);
}

/* A body of the pattern, before which there is memory to spare, is the answer to a request. */
static struct side *answer_placed(size_t len, size_t spare)
{
    struct span memory = pattern(&rig, spare + len);
    memmove((char *)memory.ptr + spare, memory.ptr, len);
    memset((char *)memory.ptr, 's', spare);
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    struct side *s = &rig.streams[0];
    answer(&rig, s, span_from(memory, spare), STREAM_ENDS);
    s->spare = spare;
    log_clear(&rig.server);
    return s;
}

static void give_to_client(struct span bytes)
{
    assert_int_equal(nghttp2_session_mem_recv(rig.client, (const uint8_t *)bytes.ptr, bytes.len),
                     (ssize_t)bytes.len);
}

static void a_large_frame_lies_in_its_body_until_it_is_taken(void **state)
{
    enum { LEN = 20000, SPARE = 100, LATER = 10000 };
    (void)state;
    char out[ROOM_BYTES];
    bool failed = false;
    struct side *s = answer_placed(LEN, SPARE);
    const char *body = s->out.ptr;
    struct span bytes = session_send(rig.session, out, sizeof out, &failed);
    assert_int_equal(bytes.len, sizeof out);
    assert_in_range(bytes.ptr, body - SPARE, body - 9); /* the head comes before it */
    assert_int_equal(s->out.len, LEN);
    give_to_client(bytes);
    session_taken(rig.session);
    assert_ptr_equal(s->out.ptr, bytes.ptr + bytes.len);
    expect_log(&rig.server, "");

    /* The last frame has few bytes, and shares a record with whatever else there is. */
    bytes = session_send(rig.session, out, sizeof out, &failed);
    assert_ptr_equal(bytes.ptr, out);
    give_to_client(bytes);
    session_taken(rig.session);
    assert_true(!failed && span_eq(body_of(&rig, 1), pattern(&rig, LEN)));
    expect_log(&rig.server, "ended 1\nclosed 1\n");
}

static void a_stream_closes_when_its_last_frame_is_taken(void **state)
{
    enum { LEN = 10000 };
    (void)state;
    char out[ROOM_BYTES];
    bool failed = false;
    const struct fields trailers = read_fields(&rig.arena, "x-end: yes\n");
    struct side *s = answer_placed(LEN, 100);
    struct span bytes = session_send(rig.session, out, sizeof out, &failed);
    assert_true(!failed && bytes.ptr != out);
    expect_log(&rig.server, "ended 1\n");
    give_to_client(bytes);
    session_taken(rig.session);
    assert_int_equal(s->out.len, 0);
    expect_log(&rig.server, "closed 1\n");
    assert_true(span_eq(body_of(&rig, 1), pattern(&rig, LEN)));

    get(&rig, "/");
    rig_run(&rig);
    answer(&rig, &rig.streams[1], pattern(&rig, LEN), STREAM_ENDS);
    rig.streams[1].out = span_from(rig.streams[1].out, 251);
    rig.streams[1].spare = 251;
    rig.streams[1].trailers = &trailers;
    log_clear(&rig.saw);
    rig_run(&rig);
    assert_int_equal(rig.placed, 1);
    expect_log(&rig.saw, ":status: 200\nHEADERS 3\nDATA 3 of 9749\nx-end: yes\nHEADERS 3, end\n");
    assert_true(span_eq(body_of(&rig, 3), pattern(&rig, LEN - 251)));
}

static void a_frame_is_copied_where_little_is_to_spare_or_to_save(void **state)
{
    (void)state;
    static const struct {
        size_t len, spare;
        unsigned placed;
    } cases[] = {{8192, 0, 0}, {8192, 8, 0}, {8191, 100, 0}, {8192, 100, 1}, {16000, 10, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct side *s = answer_placed(cases[i].len, cases[i].spare);
        rig_run(&rig);
        assert_int_equal(rig.placed, cases[i].placed);
        assert_true(s->closed && span_eq(body_of(&rig, 1), pattern(&rig, cases[i].len)));
        rig_close(&rig);
        rig_open(&rig);
    }
}

/* Each frame of one lies in its body, and neither overwrites what is to be sent. */
static void frames_of_several_bodies_take_turns(void **state)
{
    enum { STREAMS_HERE = 3, LEN = 60000, SPARE = 60 };
    (void)state;
    const nghttp2_settings_entry wide = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    rig_greet(&rig, &wide, 1);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    for (int i = 0; i < STREAMS_HERE; i++)
        get(&rig, "/");
    rig_run(&rig);
    for (int i = 0; i < STREAMS_HERE; i++) {
        struct span memory = pattern(&rig, 251 + LEN);
        answer(&rig, &rig.streams[i], span_from(memory, 251), STREAM_ENDS);
        rig.streams[i].spare = SPARE;
    }
    rig_run(&rig);
    assert_true(rig.placed >= STREAMS_HERE * 2);
    for (int i = 0; i < STREAMS_HERE; i++)
        assert_true(span_eq(body_of(&rig, 2 * i + 1), pattern(&rig, LEN)));
}

/* Two pages with a push each; the heads fill more than the smallest room. */
static void send_through(size_t room)
{
    const nghttp2_settings_entry wide = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    const struct span bodies[] = {pattern(&rig, 100000), pattern(&rig, 3000)};
    const struct fields trailers = read_fields(&rig.arena, "x-end: yes\n");
    struct span value = pattern(&rig, 10000);
    memset((char *)value.ptr, 'v', value.len);
    rig.room = room;
    rig_greet(&rig, &wide, 1);
    nghttp2_submit_window_update(rig.client, 0, 0, 1 << 20);
    get(&rig, "/a");
    get(&rig, "/b");
    rig_run(&rig);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct side *page = &rig.streams[i], *push = promise(&rig, page, "/p");
        struct response head = make_response(&rig, 200, "");
        fields_add(&head.fields, SPAN("x-long"), value);
        page->out = bodies[i];
        page->trailers = &trailers;
        assert_true(stream_respond(&page->h2.base, &head, true));
        answer(&rig, push, bodies[i], STREAM_ENDS);
    }
    rig_run(&rig);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_true(span_eq(body_of(&rig, (int32_t)(2 * i + 1)), bodies[i]));
        assert_true(span_eq(body_of(&rig, (int32_t)(2 * i + 2)), bodies[i]));
    }
    for (size_t i = 0; i < rig.streams_len; i++)
        assert_true(rig.streams[i].closed);
}

/* The log of the client without the lines of DATA frames, whose size is up to the room. */
static void drop_data_lines(struct log *log)
{
    char *line = log->text;
    while (*line != '\0') {
        size_t len = strcspn(line, "\n") + 1;
        if (strncmp(line, "DATA ", 5) == 0)
            memmove(line, line + len, strlen(line + len) + 1);
        else
            line += len;
    }
}

static void small_rooms_change_nothing(void **state)
{
    (void)state;
    static const size_t rooms[] = {65536, 1024, 1025, 1033, 1034, 2000, 4096, 9999, 16383, 16384};
    char *first = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
        rig_close(&rig);
        rig_open(&rig);
        send_through(rooms[i]);
        drop_data_lines(&rig.saw);
        if (!first)
            first = strdup(rig.saw.text);
        assert_non_null(first);
        assert_string_equal(rig.saw.text, first);
    }
    free(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_tell_the_limits),
        TEST(a_request_is_told_in_order),
        TEST(a_response_without_a_body_ends_with_its_head),
        TEST(bodies_go_out_as_they_come),
        TEST(an_end_alone_is_an_empty_frame),
        TEST(the_clients_windows_hold_a_body_back),
        TEST(an_upload_goes_as_far_as_its_window),
        TEST(a_slow_upload_does_not_stop_the_others),
        TEST(trailers_pass_both_ways),
        TEST(trailers_come_without_a_body_too),
        TEST(informational_heads_go_at_once),
        TEST(a_reset_reaches_both_sides),
        TEST(a_stream_that_nobody_wants_is_refused),
        TEST(malformed_requests_are_stream_errors),
        TEST(a_body_unlike_its_length_is_a_stream_error),
        TEST(a_session_says_that_it_will_end),
        TEST(a_session_can_be_ended_at_once),
        TEST(what_is_no_http2_ends_the_session),
        TEST(half_a_head_is_known),
        TEST(small_rooms_change_nothing),
        TEST(a_large_frame_lies_in_its_body_until_it_is_taken),
        TEST(a_stream_closes_when_its_last_frame_is_taken),
        TEST(a_frame_is_copied_where_little_is_to_spare_or_to_save),
        TEST(frames_of_several_bodies_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
