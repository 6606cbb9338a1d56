#include "fixture.h"

#include <poll.h>

#define H2 "\x02h2"

static struct config_certificate section = {.name = "main"};
static struct tls_context *context;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int make(void **state)
{
    (void)state;
    struct config c = fixture_config(&section, 1);
    context = fixture_context(&c);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    tls_context_free(context);
    return 0;
}

static void connect_talk(struct talk *t, int version)
{
    talk_init(t, context, &(struct client_options){.alpn = H2, .version = version});
    assert_int_equal(talk_handshake(t), TLS_OK);
}

static void client_writes(struct talk *t, const char *text)
{
    assert_int_equal(SSL_write(t->client, text, (int)strlen(text)), strlen(text));
}

static void assert_reads(struct talk *t, const char *text)
{
    char bytes[64];
    size_t n = 0;
    assert_int_equal(tls_conn_read(t->server, bytes, sizeof bytes, &n), TLS_OK);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(bytes, text, n);
}

static enum tls_result read_nothing(struct talk *t)
{
    char byte;
    size_t n;
    return tls_conn_read(t->server, &byte, 1, &n);
}

static bool socket_is_readable(const struct talk *t)
{
    struct pollfd p = {.fd = t->fds[1], .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void bytes_pass_both_ways(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        size_t n;
        char bytes[64];
        connect_talk(&t, versions[v]);
        client_writes(&t, "to the server");
        talk_send(&t, SIZE_MAX);
        assert_reads(&t, "to the server");
        assert_int_equal(tls_conn_write(t.server, "to the client", 13, &n), TLS_OK);
        assert_int_equal(n, 13);
        assert_int_equal(talk_receive(&t), 0);
        assert_int_equal(tls_conn_flush(t.server), TLS_OK);
        talk_receive(&t);
        assert_int_equal(SSL_read(t.client, bytes, sizeof bytes), 13);
        assert_memory_equal(bytes, "to the client", 13);
        talk_fini(&t);
    }
}

static void a_small_room_takes_a_record_in_pieces(void **state)
{
    (void)state;
    struct talk t;
    char bytes[4];
    size_t n;
    connect_talk(&t, TLS1_3_VERSION);
    client_writes(&t, "abcdef");
    talk_send(&t, SIZE_MAX);
    assert_int_equal(tls_conn_read(t.server, bytes, sizeof bytes, &n), TLS_OK);
    assert_int_equal(n, 4);
    assert_true(tls_conn_has_pending(t.server));
    assert_reads(&t, "ef");
    assert_int_equal(read_nothing(&t), TLS_WANT_READ);
    talk_fini(&t);
}

static void records_read_ahead_are_pending(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        connect_talk(&t, versions[v]);
        client_writes(&t, "one");
        client_writes(&t, "two");
        client_writes(&t, "three");
        talk_send(&t, SIZE_MAX);
        assert_reads(&t, "one");
        assert_false(socket_is_readable(&t));
        assert_true(tls_conn_has_pending(t.server));
        assert_reads(&t, "two");
        assert_true(tls_conn_has_pending(t.server));
        assert_reads(&t, "three");
        assert_int_equal(read_nothing(&t), TLS_WANT_READ);
        assert_false(tls_conn_has_pending(t.server));
        talk_fini(&t);
    }
}

static void part_of_a_record_is_not_pending_once_it_was_tried(void **state)
{
    (void)state;
    struct talk t;
    connect_talk(&t, TLS1_3_VERSION);
    client_writes(&t, "whole");
    talk_send(&t, SIZE_MAX);
    client_writes(&t, "in two parts");
    talk_send(&t, 10);
    assert_reads(&t, "whole");
    assert_int_equal(read_nothing(&t), TLS_WANT_READ);
    assert_false(tls_conn_has_pending(t.server));
    talk_send(&t, SIZE_MAX);
    assert_reads(&t, "in two parts");
    talk_fini(&t);
}

static void data_behind_the_handshake_is_pending(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t, context, &(struct client_options){.alpn = H2, .version = TLS1_3_VERSION});
    SSL_do_handshake(t.client);
    talk_send(&t, SIZE_MAX);
    assert_int_equal(tls_conn_handshake(t.server), TLS_WANT_READ);
    talk_receive(&t);
    assert_int_equal(SSL_do_handshake(t.client), 1);
    client_writes(&t, "preface");
    talk_send(&t, SIZE_MAX);
    assert_int_equal(tls_conn_handshake(t.server), TLS_OK);
    assert_false(socket_is_readable(&t));
    assert_true(tls_conn_has_pending(t.server));
    assert_reads(&t, "preface");
    talk_fini(&t);
}

static void a_write_is_one_record_of_16_kib_at_most(void **state)
{
    (void)state;
    static char bytes[40000];
    struct talk t;
    size_t n;
    connect_talk(&t, TLS1_3_VERSION);
    assert_int_equal(tls_conn_write(t.server, bytes, sizeof bytes, &n), TLS_OK);
    assert_int_equal(n, 16384);
    assert_int_equal(tls_conn_flush(t.server), TLS_OK);
    assert_in_range(talk_receive(&t), 16384, 16384 + 64);
    talk_fini(&t);
}

static void records_leave_together(void **state)
{
    (void)state;
    static char bytes[16384], taken[TLS_OUT_BYTES];
    struct talk t;
    size_t n;
    connect_talk(&t, TLS1_3_VERSION);
    uint64_t before = tls_conn_sent_bytes(t.server);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tls_conn_write(t.server, bytes, sizeof bytes, &n), TLS_OK);
    assert_int_equal(tls_conn_sent_bytes(t.server), before);
    assert_int_equal(tls_conn_flush(t.server), TLS_OK);
    assert_in_range(tls_conn_sent_bytes(t.server) - before, 3 * 16384, 3 * (16384 + 64));
    assert_in_range(recv(t.fds[0], taken, sizeof taken, 0), 3 * 16384, 3 * (16384 + 64));
    assert_int_equal(tls_conn_flush(t.server), TLS_OK);
    talk_fini(&t);
}

static void a_full_socket_stops_the_writer_and_no_byte_is_lost(void **state)
{
    (void)state;
    enum { TOTAL = 4 << 20, PIECE = 20000 };
    static char bytes[TOTAL], moved[PIECE], got[65536];
    for (size_t i = 0; i < TOTAL; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    struct talk t;
    connect_talk(&t, TLS1_3_VERSION);
    size_t written = 0, read = 0, stops = 0;
    while (read < TOTAL) {
        enum tls_result r = TLS_OK;
        while (r == TLS_OK && written < TOTAL) {
            size_t n, len = TOTAL - written < PIECE ? TOTAL - written : PIECE;
            memcpy(moved, bytes + written, len);
            /* every other time from another place, as a buffer that moved its bytes does */
            r = tls_conn_write(t.server, stops % 2 ? moved : bytes + written, len, &n);
            if (r == TLS_OK)
                written += n;
        }
        if (r == TLS_OK)
            r = tls_conn_flush(t.server);
        if (r != TLS_OK) {
            assert_int_equal(r, TLS_WANT_WRITE);
            stops++;
        }
        assert_true(talk_receive(&t) > 0);
        int n;
        while ((n = SSL_read(t.client, got, sizeof got)) > 0) {
            assert_memory_equal(got, bytes + read, (size_t)n);
            read += (size_t)n;
        }
        ERR_clear_error();
    }
    assert_true(stops > 0);
    talk_fini(&t);
}

static void a_close_in_order_is_closed(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        connect_talk(&t, versions[v]);
        client_writes(&t, "bye");
        SSL_shutdown(t.client);
        talk_send(&t, SIZE_MAX);
        assert_reads(&t, "bye");
        assert_int_equal(read_nothing(&t), TLS_CLOSED);
        talk_fini(&t);
    }
}

static void a_connection_that_is_cut_is_closed(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        size_t n;
        connect_talk(&t, versions[v]);
        client_writes(&t, "whole");
        client_writes(&t, "cut off");
        talk_send(&t, 40);
        shutdown(t.fds[0], SHUT_RDWR);
        assert_reads(&t, "whole");
        assert_int_equal(read_nothing(&t), TLS_CLOSED);
        assert_int_equal(tls_conn_write(t.server, "x", 1, &n), TLS_OK);
        assert_int_equal(tls_conn_flush(t.server), TLS_CLOSED);
        tls_conn_shutdown(t.server);
        assert_int_equal(ERR_peek_error(), 0);
        talk_fini(&t);
    }
}

static void a_client_that_leaves_during_the_handshake_is_closed(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 3, 100};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct talk t;
        talk_init(&t, context, &(struct client_options){.alpn = H2});
        SSL_do_handshake(t.client);
        talk_send(&t, cuts[i]);
        shutdown(t.fds[0], SHUT_WR);
        assert_int_equal(tls_conn_handshake(t.server), TLS_CLOSED);
        tls_conn_shutdown(t.server);
        talk_fini(&t);
    }
}

static void garbage_fails_the_handshake_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http request"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "wrong version number"},
        {"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4", "wrong version number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        size_t len = strlen(cases[i].text);
        talk_init(&t, context, &(struct client_options){0});
        assert_int_equal(send(t.fds[0], cases[i].text, len, 0), len);
        assert_int_equal(tls_conn_handshake(t.server), TLS_FAILED);
        assert_string_equal(tls_conn_why(t.server), cases[i].why);
        assert_int_equal(ERR_peek_error(), 0);
        tls_conn_shutdown(t.server);
        talk_fini(&t);
    }
}

static void no_broken_client_hello_gets_through(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    unsigned char hello[2048];
    struct talk t;
    talk_init(&t, context, &(struct client_options){.name = "localhost", .alpn = H2});
    SSL_do_handshake(t.client);
    int len = BIO_read(t.out, hello, sizeof hello);
    assert_in_range(len, 100, sizeof hello - 1);
    talk_fini(&t);
    for (int i = 0; i < len * (int)ARRAY_LEN(flips); i++) {
        unsigned char *at = &hello[i / (int)ARRAY_LEN(flips)], was = *at;
        *at ^= flips[i % (int)ARRAY_LEN(flips)];
        talk_init(&t, context, &(struct client_options){0});
        assert_int_equal(send(t.fds[0], hello, (size_t)len, 0), len);
        shutdown(t.fds[0], SHUT_WR);
        enum tls_result r = tls_conn_handshake(t.server);
        assert_true(r == TLS_FAILED || r == TLS_CLOSED);
        assert_int_equal(ERR_peek_error(), 0);
        talk_fini(&t);
        *at = was;
    }
}

static void a_forged_record_fails_the_connection_with_a_reason(void **state)
{
    (void)state;
    struct talk t;
    connect_talk(&t, TLS1_3_VERSION);
    static const char forged[] = "\x17\x03\x03\x00\x20"
                                 "0123456789abcdef0123456789abcdef";
    assert_int_equal(send(t.fds[0], forged, sizeof forged - 1, 0), sizeof forged - 1);
    assert_int_equal(read_nothing(&t), TLS_FAILED);
    assert_string_equal(tls_conn_why(t.server), "decryption failed or bad record mac");
    tls_conn_shutdown(t.server);
    talk_fini(&t);
}

static void an_alert_of_the_client_is_the_reason(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t, context, &(struct client_options){.alpn = H2, .version = TLS1_3_VERSION});
    SSL_set_verify(t.client, SSL_VERIFY_PEER, NULL);
    assert_int_equal(talk_handshake(&t), TLS_FAILED);
    assert_string_equal(tls_conn_why(t.server), "tlsv1 alert unknown ca");
    talk_fini(&t);
}

static void errors_of_others_do_not_count(void **state)
{
    (void)state;
    struct talk t;
    connect_talk(&t, TLS1_3_VERSION);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(read_nothing(&t), TLS_WANT_READ);
    client_writes(&t, "fine");
    talk_send(&t, SIZE_MAX);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_reads(&t, "fine");
    assert_int_equal(ERR_peek_error(), 0);
    talk_fini(&t);
}

static void shutdown_says_goodbye(void **state)
{
    (void)state;
    struct talk t;
    char byte;
    connect_talk(&t, TLS1_3_VERSION);
    tls_conn_shutdown(t.server);
    talk_receive(&t);
    assert_int_equal(SSL_get_error(t.client, SSL_read(t.client, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    talk_fini(&t);
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    struct talk t;
    connect_talk(&t, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(t.client), 1);
    SSL_do_handshake(t.client);
    talk_send(&t, SIZE_MAX);
    read_nothing(&t);
    assert_int_equal(tls_conn_flush(t.server), TLS_OK);
    talk_receive(&t);
    ERR_clear_error();
    assert_int_equal(SSL_do_handshake(t.client), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    talk_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways),
        cmocka_unit_test(a_small_room_takes_a_record_in_pieces),
        cmocka_unit_test(records_read_ahead_are_pending),
        cmocka_unit_test(part_of_a_record_is_not_pending_once_it_was_tried),
        cmocka_unit_test(data_behind_the_handshake_is_pending),
        cmocka_unit_test(a_write_is_one_record_of_16_kib_at_most),
        cmocka_unit_test(records_leave_together),
        cmocka_unit_test(a_full_socket_stops_the_writer_and_no_byte_is_lost),
        cmocka_unit_test(a_close_in_order_is_closed),
        cmocka_unit_test(a_connection_that_is_cut_is_closed),
        cmocka_unit_test(a_client_that_leaves_during_the_handshake_is_closed),
        cmocka_unit_test(garbage_fails_the_handshake_with_a_reason),
        cmocka_unit_test(no_broken_client_hello_gets_through),
        cmocka_unit_test(a_forged_record_fails_the_connection_with_a_reason),
        cmocka_unit_test(an_alert_of_the_client_is_the_reason),
        cmocka_unit_test(errors_of_others_do_not_count),
        cmocka_unit_test(shutdown_says_goodbye),
        cmocka_unit_test(renegotiation_is_refused),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
