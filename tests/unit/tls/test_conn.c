#include "fixture.h"

#include <poll.h>
#include <sys/ioctl.h>

#include "forge.h"

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

static void a_connection_that_is_cut_is_told_from_one_that_is_closed(void **state)
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
        assert_int_equal(read_nothing(&t), TLS_CUT);
        assert_int_equal(tls_conn_write(t.server, "x", 1, &n), TLS_OK);
        assert_int_equal(tls_conn_flush(t.server), TLS_CUT);
        tls_conn_shutdown(t.server);
        assert_int_equal(ERR_peek_error(), 0);
        talk_fini(&t);
    }
}

static void a_client_that_leaves_during_the_handshake_cuts_it(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 3, 100};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct talk t;
        talk_init(&t, context, &(struct client_options){.alpn = H2});
        SSL_do_handshake(t.client);
        talk_send(&t, cuts[i]);
        shutdown(t.fds[0], SHUT_WR);
        assert_int_equal(tls_conn_handshake(t.server), TLS_CUT);
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
        assert_true(r == TLS_FAILED || r == TLS_CUT);
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

/* A talk whose client's records the test makes itself. */
static void connect_forged(struct talk *t, struct forge *f)
{
    talk_init(t, context, &(struct client_options){.alpn = H2, .version = TLS1_3_VERSION});
    forge_watch(t->client);
    assert_int_equal(talk_handshake(t), TLS_OK);
    forge_init(f);
}

static void forged_sends(struct talk *t, struct forge *f, int type, const void *bytes, size_t len,
                         size_t padding)
{
    unsigned char record[FORGE_RECORD_BYTES];
    size_t n = forge_record(f, type, bytes, len, padding, record);
    assert_int_equal(send(t->fds[0], record, n, MSG_NOSIGNAL), n);
}

static int unread_bytes(const struct talk *t)
{
    int n = 0;
    assert_int_equal(ioctl(t->fds[1], FIONREAD, &n), 0);
    return n;
}

/* The client sends `n` KeyUpdates, and then a word. */
static void client_updates_keys(struct talk *t, int n, int kind)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(SSL_key_update(t->client, kind), 1);
        assert_int_equal(SSL_do_handshake(t->client), 1);
    }
    client_writes(t, "at last");
    talk_send(t, SIZE_MAX);
}

/* The client takes what the server has sent; returns how many bytes of data that were. */
static size_t client_reads(struct talk *t, char *to, size_t room)
{
    size_t read = 0;
    int n;
    assert_true(talk_receive(t) > 0);
    while ((n = SSL_read(t->client, to, (int)room)) > 0)
        read += (size_t)n;
    assert_int_equal(SSL_get_error(t->client, n), SSL_ERROR_WANT_READ);
    ERR_clear_error();
    return read;
}

/* OpenSSL itself would read as long as they come. */
static void key_updates_are_read_in_portions(void **state)
{
    enum { UPDATES = 3000 };
    (void)state;
    struct talk t;
    char bytes[64];
    size_t n;
    unsigned idle = 0, calls = 0;
    connect_talk(&t, TLS1_3_VERSION);
    assert_int_equal(tls_conn_take_idle_records(t.server), 0);
    client_updates_keys(&t, UPDATES, SSL_KEY_UPDATE_NOT_REQUESTED);
    int left = unread_bytes(&t);
    assert_true(left > 4 * TLS_IN_BYTES);
    while (tls_conn_read(t.server, bytes, sizeof bytes, &n) == TLS_WANT_READ) {
        int now = unread_bytes(&t);
        assert_in_range(left - now, 1, TLS_IN_BYTES);
        assert_false(tls_conn_has_pending(t.server));
        left = now;
        calls++;
        idle += tls_conn_take_idle_records(t.server);
    }
    idle += tls_conn_take_idle_records(t.server);
    assert_memory_equal(bytes, "at last", n);
    assert_in_range(calls, 4, UPDATES);
    assert_int_equal(idle, UPDATES);
    talk_fini(&t);
}

/* Each is answered, and the answers fill the socket. */
static void key_updates_that_ask_for_others_wait_for_the_socket(void **state)
{
    enum { UPDATES = 12000, STEP = 1000 };
    (void)state;
    struct talk t;
    char bytes[64];
    size_t n;
    int sndbuf = 4096;
    unsigned stops = 0;
    connect_talk(&t, TLS1_3_VERSION);
    setsockopt(t.fds[1], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
    for (int i = 0; i < UPDATES; i += STEP) {
        client_updates_keys(&t, STEP, SSL_KEY_UPDATE_REQUESTED);
        enum tls_result r;
        while ((r = tls_conn_read(t.server, bytes, sizeof bytes, &n)) != TLS_OK) {
            if (r == TLS_WANT_WRITE) {
                stops++;
                uint64_t sent = tls_conn_sent_bytes(t.server);
                int left = unread_bytes(&t);
                assert_int_equal(tls_conn_read(t.server, bytes, sizeof bytes, &n), TLS_WANT_WRITE);
                assert_int_equal(tls_conn_sent_bytes(t.server), sent);
                assert_int_equal(unread_bytes(&t), left);
                talk_receive(&t);
            }
            assert_true(r == TLS_WANT_WRITE || r == TLS_WANT_READ);
        }
        assert_memory_equal(bytes, "at last", n);
    }
    assert_true(stops > 0);
    talk_fini(&t);
}

/* The answer to a KeyUpdate must not come between the two halves of a record. */
static void a_key_update_during_a_write_that_waits_is_answered_after_it(void **state)
{
    (void)state;
    static char bytes[16384], got[16384];
    struct talk t;
    char word[64];
    size_t n, written = 0, read = 0;
    enum tls_result of_write, of_read;
    connect_talk(&t, TLS1_3_VERSION);
    while ((of_write = tls_conn_write(t.server, bytes, sizeof bytes, &n)) == TLS_OK)
        written += n;
    assert_int_equal(of_write, TLS_WANT_WRITE);
    client_updates_keys(&t, 3, SSL_KEY_UPDATE_REQUESTED);
    while ((of_read = tls_conn_read(t.server, word, sizeof word, &n)) != TLS_OK) {
        if (of_read != TLS_WANT_WRITE)
            fail_msg("the read came to %d, %s", of_read, tls_conn_why(t.server));
        read += client_reads(&t, got, sizeof got);
    }
    assert_memory_equal(word, "at last", n);
    while (of_write != TLS_OK) {
        read += client_reads(&t, got, sizeof got);
        of_write = tls_conn_write(t.server, bytes, sizeof bytes, &n);
    }
    written += n;
    while (tls_conn_flush(t.server) != TLS_OK || read < written)
        read += client_reads(&t, got, sizeof got);
    assert_int_equal(read, written);
    talk_fini(&t);
}

/* Until the rest of it is there nothing can be written, however ready the socket is. */
static void half_a_key_update_makes_the_writer_wait_for_the_reader(void **state)
{
    (void)state;
    struct talk t;
    struct forge f;
    size_t n;
    char bytes[64];
    connect_forged(&t, &f);
    forged_sends(&t, &f, SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE, 4, 0);
    assert_int_equal(read_nothing(&t), TLS_WANT_READ);
    assert_int_equal(tls_conn_write(t.server, "x", 1, &n), TLS_WANT_READ);
    forged_sends(&t, &f, SSL3_RT_HANDSHAKE, &FORGE_KEY_UPDATE[4], 1, 0);
    forge_update(&f);
    forged_sends(&t, &f, SSL3_RT_APPLICATION_DATA, "on", 2, 0);
    assert_int_equal(tls_conn_write(t.server, "x", 1, &n), TLS_OK);
    assert_reads(&t, "on");
    assert_int_equal(tls_conn_flush(t.server), TLS_OK);
    talk_receive(&t);
    assert_int_equal(SSL_read(t.client, bytes, sizeof bytes), 1);
    talk_fini(&t);
}

static void records_without_data_are_counted(void **state)
{
    enum { ROUNDS = 20 };
    static const struct {
        const char *what;
        int type;
        const char *bytes;
        size_t len, padding;
        unsigned idle;
    } cases[] = {
        {"data", SSL3_RT_APPLICATION_DATA, "x", 1, 0, 0},
        {"padded data", SSL3_RT_APPLICATION_DATA, "x", 1, 1000, 0},
        {"empty", SSL3_RT_APPLICATION_DATA, "", 0, 0, ROUNDS},
        {"padding", SSL3_RT_APPLICATION_DATA, "", 0, 16000, ROUNDS},
        {"key updates", SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE, 5, 0, ROUNDS},
        {"padded key updates", SSL3_RT_HANDSHAKE, FORGE_KEY_UPDATE, 5, 100, ROUNDS},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct talk t;
        struct forge f;
        char bytes[64];
        size_t n;
        connect_forged(&t, &f);
        for (unsigned round = 0; round < ROUNDS; round++) {
            forged_sends(&t, &f, cases[i].type, cases[i].bytes, cases[i].len, cases[i].padding);
            if (cases[i].type == SSL3_RT_HANDSHAKE)
                forge_update(&f);
            enum tls_result r;
            while ((r = tls_conn_read(t.server, bytes, sizeof bytes, &n)) == TLS_OK)
                continue;
            assert_int_equal(r, TLS_WANT_READ);
        }
        forged_sends(&t, &f, SSL3_RT_APPLICATION_DATA, "end", 3, 0);
        assert_reads(&t, "end");
        unsigned idle = tls_conn_take_idle_records(t.server);
        if (idle != cases[i].idle)
            fail_msg("%s: %u records, not %u", cases[i].what, idle, cases[i].idle);
        talk_fini(&t);
    }
}

/* A record in two pieces, read after each. */
static void records_that_come_in_pieces_are_not_idle(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct talk t;
        char byte;
        size_t n;
        connect_talk(&t, versions[v]);
        for (int i = 0; i < 50; i++) {
            client_writes(&t, "ab");
            talk_send(&t, 7);
            assert_int_equal(read_nothing(&t), TLS_WANT_READ);
            talk_send(&t, SIZE_MAX);
            assert_int_equal(tls_conn_read(t.server, &byte, 1, &n), TLS_OK);
            assert_int_equal(tls_conn_read(t.server, &byte, 1, &n), TLS_OK);
        }
        assert_int_equal(tls_conn_take_idle_records(t.server), 0);
        talk_fini(&t);
    }
}

/* A thousand of them in a record. */
static void each_renegotiation_is_counted(void **state)
{
    enum { HELLOS = 1000 };
    (void)state;
    struct talk t;
    struct forge f;
    char hellos[HELLOS * 4];
    for (size_t i = 0; i < HELLOS; i++)
        memcpy(hellos + 4 * i, FORGE_HELLO, 4);
    connect_talk(&t, TLS1_2_VERSION);
    forge_init_old(&f, t.client);
    forged_sends(&t, &f, SSL3_RT_HANDSHAKE, hellos, sizeof hellos, 0);
    forged_sends(&t, &f, SSL3_RT_APPLICATION_DATA, "end", 3, 0);
    assert_reads(&t, "end");
    assert_int_equal(tls_conn_take_idle_records(t.server), HELLOS);
    talk_fini(&t);
}

/* A hello of 131,000 bytes, the most that OpenSSL takes, in records of a byte each. */
static void a_handshake_is_read_in_portions(void **state)
{
    enum { RECORD = 6, RECORDS = 16000 };
    (void)state;
    static unsigned char hello[RECORD * RECORDS];
    static const unsigned char head[] = {1, 1, 0xff, 0xff, 3, 3};
    for (size_t i = 0; i < RECORDS; i++) {
        const unsigned char record[RECORD] = {22, 3, 1, 0, 1, i < sizeof head ? head[i] : 0};
        memcpy(hello + i * RECORD, record, RECORD);
    }
    struct talk t;
    talk_init(&t, context, &(struct client_options){0});
    assert_int_equal(send(t.fds[0], hello, sizeof hello, 0), sizeof hello);
    for (int left = unread_bytes(&t); left > 0;) {
        assert_int_equal(tls_conn_handshake(t.server), TLS_WANT_READ);
        int now = unread_bytes(&t);
        assert_in_range(left - now, 1, TLS_IN_BYTES);
        left = now;
    }
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
        cmocka_unit_test(a_connection_that_is_cut_is_told_from_one_that_is_closed),
        cmocka_unit_test(a_client_that_leaves_during_the_handshake_cuts_it),
        cmocka_unit_test(garbage_fails_the_handshake_with_a_reason),
        cmocka_unit_test(no_broken_client_hello_gets_through),
        cmocka_unit_test(a_forged_record_fails_the_connection_with_a_reason),
        cmocka_unit_test(an_alert_of_the_client_is_the_reason),
        cmocka_unit_test(errors_of_others_do_not_count),
        cmocka_unit_test(shutdown_says_goodbye),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(key_updates_are_read_in_portions),
        cmocka_unit_test(key_updates_that_ask_for_others_wait_for_the_socket),
        cmocka_unit_test(a_key_update_during_a_write_that_waits_is_answered_after_it),
        cmocka_unit_test(half_a_key_update_makes_the_writer_wait_for_the_reader),
        cmocka_unit_test(records_without_data_are_counted),
        cmocka_unit_test(records_that_come_in_pieces_are_not_idle),
        cmocka_unit_test(each_renegotiation_is_counted),
        cmocka_unit_test(a_handshake_is_read_in_portions),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
