/* One connection's life, with a fake TLS and a fake session. A pair of unix sockets stands for the
 * client's, so that there is something to wait for. */
#include "fake_calls.h"
#include "fake_session.h"

#include "fake_tls.h"

#include <sys/socket.h>
#include <unistd.h>

#include "h2/session.h"
#include "proxy/client.h"
#include "proxy/steps.h"

enum { START_MS = 1000000 };

static struct {
    struct env env;
    struct budget budget;
    struct account account;
    struct config *config;
    struct crowd crowd;
    struct fake_session session;
    struct client *client; /* the one that was accepted last */
    int theirs;            /* its other end */
    bool session_fails;
    unsigned closed; /* streams that were reported to be lost */
} t;

/* What the greeting makes. */
struct session *h2_session_new(const struct stream_events *events, void *user,
                               const struct h2_limits *limits, struct h2_cache *cache)
{
    (void)limits, (void)cache;
    if (t.session_fails)
        return NULL;
    t.session.base = (struct session){
        .verbs = &fake_verbs, .events = events, .user = user, .in_head = true, .max_pushes = 7};
    return &t.session.base;
}

static void on_closed(struct stream *s, enum stream_closed how)
{
    assert_int_equal(how, STREAM_CLOSED_LOST);
    assert_null(s->session);
    t.closed++;
}

static const struct stream_events events = {.closed = on_closed};

static void open_env(const char *more)
{
    char text[2048];
    struct config_error error;
    int n = snprintf(text, sizeof text,
                     "[listen main]\naddress = 127.0.0.1:1\n"
                     "[certificate main]\nchain = /c\nkey = /k\n"
                     "[origin app]\nurl = http://127.0.0.1:2\n%s",
                     more);
    memset(&t, 0, sizeof t);
    fake_tls_reset();
    t.theirs = -1;
    t.config = config_parse(span_of(text, (size_t)n), "proxy.conf", &error);
    if (!t.config)
        fail_msg("%s", error.text);
    struct event_base *base = event_base_new();
    budget_init(&t.budget, NULL, NULL);
    account_init(&t.account, &t.budget);
    const struct env_rules rules = {
        .config = t.config, .crowd = &t.crowd, .account = &t.account, .key = {1, 2}};
    assert_true(base && env_init(&t.env, base, &rules));
    t.env.events = &events;
    t.env.turn.now_ms = START_MS;
}

static void turn(void)
{
    uint64_t now = t.env.turn.now_ms;
    event_base_loop(t.env.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    turn_run(&t.env.turn);
    turn_begin(&t.env.turn);
    turn_run(&t.env.turn);
    t.env.turn.now_ms = now;
}

static void later(uint64_t ms)
{
    t.env.turn.now_ms += ms;
    env_expire(&t.env);
    turn();
}

static void close_env(void)
{
    clients_close(&t.env);
    struct event_base *base = t.env.base;
    assert_int_equal(t.env.clients_len, 0);
    env_fini(&t.env);
    event_base_free(base);
    if (t.theirs >= 0)
        close(t.theirs);
    config_free(t.config);
}

static int set_up(void **state)
{
    (void)state;
    open_env("");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_env();
    return 0;
}

static bool accept_client(void)
{
    static const struct config_listen listen = {.name = "main"};
    struct sockaddr_storage from;
    struct address address;
    int pair[2];
    assert_true(address_parse(&address, SPAN("192.0.2.1:1")));
    address_to_sockaddr(&address, &from);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    if (t.theirs >= 0)
        close(t.theirs);
    t.theirs = pair[1];
    bool accepted = client_accept(&t.env, &listen, pair[0], (const struct sockaddr *)&from);
    t.client =
        list_empty(&t.env.clients) ? NULL : CONTAINER_OF(t.env.clients.prev, struct client, node);
    return accepted;
}

/* The socket becomes readable, until it is read. */
static void client_sends(size_t n)
{
    fake_tls.in += n;
    assert_int_equal(send(t.theirs, "x", 1, 0), 1);
    turn();
}

static void said(const char *expected)
{
    if (strcmp(t.session.log, expected) != 0)
        fail_msg("the session was told\n%s\nnot\n%s", t.session.log, expected);
    t.session.len = 0;
    t.session.log[0] = '\0';
}

/* A client that has been greeted and has said its first. */
static void open_client(void)
{
    assert_true(accept_client());
    client_sends(10);
    assert_int_equal(t.client->state, CLIENT_OPEN);
    t.session.base.in_head = false;
    client_sends(1);
}

static struct stream *add_stream(void)
{
    static struct stream stream;
    stream = (struct stream){.session = &t.session.base};
    list_init(&stream.node);
    client_add_stream(t.client, &stream);
    return &stream;
}

static bool waits_for(const struct event *event, short what)
{
    return event_pending(event, what, NULL) != 0;
}

static void every_answer_of_a_handshake_has_its_wait(void **state)
{
    (void)state;
    assert_true(accept_client());
    fake_tls.handshake = TLS_WANT_READ;
    client_sends(0);
    assert_int_equal(t.client->state, CLIENT_GREETING);
    assert_true(waits_for(t.client->read_event, EV_READ));
    assert_false(waits_for(t.client->write_event, EV_WRITE));
    /* While it waits to write, bytes that are there to be read do not wake the loop. */
    fake_tls.handshake = TLS_WANT_WRITE;
    turn();
    assert_false(waits_for(t.client->read_event, EV_READ));
    fake_tls.handshake = TLS_OK;
    fake_tls.in = 5;
    turn();
    assert_int_equal(t.client->state, CLIENT_OPEN);
    assert_true(waits_for(t.client->read_event, EV_READ));
    assert_int_equal(t.session.received, 5);
}

static void a_handshake_that_fails_ends_the_connection_and_is_counted(void **state)
{
    (void)state;
    static const enum tls_result answers[] = {TLS_CLOSED, TLS_FAILED};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        assert_true(accept_client());
        fake_tls.handshake = answers[i];
        client_sends(0);
        assert_int_equal(t.env.clients_len, 0);
        assert_int_equal(fake_tls.frees, i + 1);
    }
    assert_int_equal(t.env.clients_total, 2);
}

static void a_session_that_cannot_be_made_ends_the_connection(void **state)
{
    (void)state;
    t.session_fails = true;
    assert_true(accept_client());
    client_sends(1);
    assert_int_equal(t.env.clients_len, 0);
}

static void no_memory_for_tls_is_said(void **state)
{
    (void)state;
    fake_tls.new_fails = true;
    assert_false(accept_client());
    assert_int_equal(t.env.clients_len, 0);
}

static void a_crowd_from_one_address_is_refused(void **state)
{
    (void)state;
    close_env();
    open_env("[limits]\nconnections_per_address = 1\n");
    assert_true(accept_client());
    assert_true(accept_client()); /* closed, and no lack of memory */
    assert_int_equal(t.env.clients_len, 1);
    assert_int_equal(t.env.clients_refused, 1);
    client_close(t.client, FAIL_CLIENT_GONE);
    turn();
    assert_true(accept_client());
    assert_int_equal(t.env.clients_len, 1);
}

static void each_wait_has_its_timeout(void **state)
{
    (void)state;
    /* The handshake. */
    assert_true(accept_client());
    later(9999);
    assert_int_equal(t.env.clients_len, 1);
    later(1);
    assert_int_equal(t.env.clients_len, 0);
    /* The first head. */
    assert_true(accept_client());
    fake_tls.in = 1;
    client_sends(0);
    later(9999);
    said("");
    later(1);
    said("leave calm\n");
    later(2000);
    assert_int_equal(t.env.clients_len, 0);
}

static void an_idle_client_falls_asleep_and_is_closed_in_the_end(void **state)
{
    (void)state;
    open_client();
    later(499);
    said("");
    later(1);
    said("doze\n");
    later(179499);
    said("");
    later(1);
    said("leave now\n");
}

static void a_client_with_a_stream_is_not_idle(void **state)
{
    (void)state;
    open_client();
    struct stream *s = add_stream();
    client_sends(1);
    assert_int_equal(t.client->wait, CLIENT_WAIT_NONE);
    later(3600000);
    said("");
    client_remove_stream(t.client, s);
    assert_int_equal(t.client->wait, CLIENT_WAIT_REQUEST);
    turn();
}

static void bytes_go_to_the_session_until_it_fails(void **state)
{
    (void)state;
    open_client();
    t.session.received = 0;
    client_sends(100000);
    turn();
    turn();
    assert_int_equal(t.session.received, 100000);
    t.session.receive_fails = true;
    client_sends(1);
    said("leave fault\n");
    assert_int_equal(t.client->wait, CLIENT_WAIT_CLOSE);
}

static void what_ends_a_read_ends_the_connection(void **state)
{
    (void)state;
    static const enum tls_result answers[] = {TLS_CLOSED, TLS_FAILED};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        fake_tls.read = TLS_WANT_READ;
        open_client();
        add_stream();
        fake_tls.read = answers[i];
        client_sends(0);
        assert_int_equal(t.closed, i + 1);
        assert_int_equal(t.env.clients_len, 0);
    }
}

static void a_client_that_does_not_read_is_not_read(void **state)
{
    (void)state;
    static char bytes[100];
    open_client();
    t.session.out = span_of(bytes, sizeof bytes);
    fake_tls.room = 0;
    client_write_soon(t.client);
    turn_run(&t.env.turn);
    assert_true(t.client->write_blocked);
    assert_true(waits_for(t.client->read_event, EV_READ));
    t.session.queued = 1001;
    fake_tls.in = 1;
    client_sends(0);
    assert_true(t.client->read_blocked || !t.client->write_blocked);
    fake_tls.room = FAKE_WIRE_BYTES;
    turn();
    turn();
    assert_false(t.client->read_blocked);
    assert_false(t.client->write_blocked);
    assert_int_equal(fake_tls.out_len, sizeof bytes);
}

static void a_socket_that_takes_nothing_is_closed_after_stall(void **state)
{
    (void)state;
    static char bytes[100];
    open_client();
    add_stream();
    t.session.out = span_of(bytes, sizeof bytes);
    fake_tls.room = 0;
    client_write_soon(t.client);
    turn_run(&t.env.turn);
    event_del(t.client->write_event); /* the socket takes nothing */
    later(59999);
    assert_int_equal(t.env.clients_len, 1);
    later(1);
    assert_int_equal(t.env.clients_len, 0);
    assert_int_equal(t.closed, 1);
}

static void a_connection_that_is_over_is_closed_when_the_client_has_read(void **state)
{
    (void)state;
    open_client();
    t.session.base.over = true;
    client_write_soon(t.client);
    turn_run(&t.env.turn);
    assert_int_equal(t.client->state, CLIENT_LEAVING);
    assert_int_equal(fake_tls.shutdowns, 1);
    char byte;
    assert_int_equal(recv(t.theirs, &byte, 1, 0), 0); /* our half is closed */
    turn();
    assert_int_equal(t.env.clients_len, 1);
    close(t.theirs);
    t.theirs = -1;
    turn();
    turn();
    assert_int_equal(t.env.clients_len, 0);
}

static void a_client_that_stays_on_is_closed_after_a_while(void **state)
{
    (void)state;
    open_client();
    t.session.base.over = true;
    client_write_soon(t.client);
    turn_run(&t.env.turn);
    later(1999);
    assert_int_equal(t.env.clients_len, 1);
    later(1);
    assert_int_equal(t.env.clients_len, 0);
}

static void too_many_idle_frames_end_the_connection(void **state)
{
    (void)state;
    open_client();
    t.session.base.idle_frames = 1999;
    fake_tls.idle_records = 1;
    client_sends(1);
    said("");
    fake_tls.idle_records = 1;
    client_sends(1);
    said("leave calm\n");
}

static void too_many_resets_end_the_connection(void **state)
{
    (void)state;
    open_client();
    for (int i = 0; i < 500; i++)
        client_charge_reset(t.client);
    said("");
    client_charge_reset(t.client);
    said("leave calm\n");
}

static void retiring_clients_are_told_twice(void **state)
{
    (void)state;
    open_client();
    clients_retire(&t.env);
    clients_retire(&t.env);
    said("leave soon\n");
    t.session.base.leave_read = true;
    client_sends(1);
    said("leave last\n");
}

static void a_client_that_does_not_say_that_it_has_read_is_told_all_the_same(void **state)
{
    (void)state;
    open_client();
    clients_retire(&t.env);
    said("leave soon\n");
    later(2000);
    said("leave last\n");
}

static void a_client_that_is_greeted_is_told_when_it_has_been(void **state)
{
    (void)state;
    assert_true(accept_client());
    clients_retire(&t.env);
    said("");
    client_sends(1);
    said("leave soon\n");
}

static void draining_does_not_wait_for_greetings(void **state)
{
    (void)state;
    assert_true(accept_client());
    clients_drain(&t.env);
    turn();
    assert_int_equal(t.env.clients_len, 0);
}

static void a_complete_answer_waits_for_others_only_if_some_are_awaited(void **state)
{
    (void)state;
    open_client();
    turn();
    t.client->unanswered[CALL_OF_PUSH] = 1;
    client_write_answer(t.client, CALL_OF_CLIENT); /* a page does not wait for its pushes */
    assert_false(turn_is_put_off(&t.client->write));
    turn();
    client_write_answer(t.client, CALL_OF_PUSH);
    assert_true(turn_is_put_off(&t.client->write));
    client_write_soon(t.client);
    assert_false(turn_is_put_off(&t.client->write));
    t.client->unanswered[CALL_OF_PUSH] = 0;
    turn();
}

static void pushes_left_are_bounded_by_both_sides(void **state)
{
    (void)state;
    open_client();
    t.session.base.takes_pushes = true;
    assert_true(client_takes_pushes(t.client));
    assert_int_equal(client_pushes_left(t.client), 7);
    t.client->pushes_open = 3;
    assert_int_equal(client_pushes_left(t.client), 4);
    t.session.base.max_pushes = 1000;
    assert_int_equal(client_pushes_left(t.client), 97);
    t.client->pushes_open = 200;
    assert_int_equal(client_pushes_left(t.client), 0);
    t.client->pushes_open = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_answer_of_a_handshake_has_its_wait),
        TEST(a_handshake_that_fails_ends_the_connection_and_is_counted),
        TEST(a_session_that_cannot_be_made_ends_the_connection),
        TEST(no_memory_for_tls_is_said),
        TEST(a_crowd_from_one_address_is_refused),
        TEST(each_wait_has_its_timeout),
        TEST(an_idle_client_falls_asleep_and_is_closed_in_the_end),
        TEST(a_client_with_a_stream_is_not_idle),
        TEST(bytes_go_to_the_session_until_it_fails),
        TEST(what_ends_a_read_ends_the_connection),
        TEST(a_client_that_does_not_read_is_not_read),
        TEST(a_socket_that_takes_nothing_is_closed_after_stall),
        TEST(a_connection_that_is_over_is_closed_when_the_client_has_read),
        TEST(a_client_that_stays_on_is_closed_after_a_while),
        TEST(too_many_idle_frames_end_the_connection),
        TEST(too_many_resets_end_the_connection),
        TEST(retiring_clients_are_told_twice),
        TEST(a_client_that_does_not_say_that_it_has_read_is_told_all_the_same),
        TEST(a_client_that_is_greeted_is_told_when_it_has_been),
        TEST(draining_does_not_wait_for_greetings),
        TEST(a_complete_answer_waits_for_others_only_if_some_are_awaited),
        TEST(pushes_left_are_bounded_by_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
