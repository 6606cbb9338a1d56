#include "../tls/target_fixture.h"

#include "origin/wire.h"

enum { RECORD_HEAD_BYTES = 5, RECORD_BYTES = 16384, UPDATES = 1800 };

static struct fixture_folder folder;
static struct fixture_pair pair;

static int make(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    fixture_folder_init(&folder);
    pair = fixture_pair(&folder, "origin", "DNS:a.example", -1, 1);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    fixture_pair_fini(&pair);
    fixture_folder_fini(&folder);
    return 0;
}

/* A wire under TLS whose handshake is done, and the origin at its other end. */
static struct wire connect_wire(struct visit *v)
{
    visit_init(v, &(struct visit_options)ORIGIN(&pair, pair.chain_path, "a.example", ));
    visit_open(v);
    tls_conn_free(v->conn);
    v->conn = NULL;
    struct wire w = {.fd = v->fds[1]};
    v->fds[1] = -1;
    assert_true(wire_secure(&w, v->target, &v->blocks));
    enum wire_result result = WIRE_WANTS_READ;
    while (result == WIRE_WANTS_READ) {
        result = wire_handshake(&w);
        ERR_clear_error();
        SSL_do_handshake(v->server);
    }
    assert_int_equal(result, WIRE_OK);
    assert_int_equal(wire_flush(&w), WIRE_OK);
    ERR_clear_error();
    assert_int_equal(SSL_do_handshake(v->server), 1);
    return w;
}

static void end_wire(struct wire *w, struct visit *v)
{
    wire_close(w);
    visit_fini(v);
}

/* How many records lie there as a whole, and nothing else. */
static size_t count_records(const unsigned char *bytes, size_t len)
{
    size_t n = 0;
    while (len > 0) {
        assert_true(len >= RECORD_HEAD_BYTES);
        size_t record = RECORD_HEAD_BYTES + (size_t)(bytes[3] << 8 | bytes[4]);
        assert_true(len >= record);
        bytes += record;
        len -= record;
        n++;
    }
    return n;
}

static void pieces_become_few_records_that_leave_together(void **state)
{
    (void)state;
    static char head[100], body[40000];
    static unsigned char taken[80000];
    static const struct {
        size_t lens[3], records;
    } cases[] = {
        {{100, 40000, 0}, 3}, {{100, 16284, 0}, 1}, {{100, 16285, 0}, 2}, {{100, 0, 0}, 1},
        {{0, 40000, 0}, 3},   {{100, 0, 50}, 1},    {{10, 20000, 10}, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct visit v;
        struct wire w = connect_wire(&v);
        const size_t *lens = cases[i].lens;
        const struct iovec pieces[] = {{head, lens[0]}, {body, lens[1]}, {head, lens[2]}};
        size_t n, all = lens[0] + lens[1] + lens[2];
        assert_int_equal(wire_write(&w, pieces, 3, &n), WIRE_OK);
        assert_int_equal(n, all);
        assert_int_equal(recv(v.fds[0], taken, sizeof taken, 0), -1);
        assert_int_equal(wire_flush(&w), WIRE_OK);
        ssize_t got = recv(v.fds[0], taken, sizeof taken, 0);
        assert_true(got > (ssize_t)all);
        assert_int_equal(count_records(taken, (size_t)got), cases[i].records);
        end_wire(&w, &v);
    }
}

static char expected(size_t at)
{
    return (char)(at * 7 + at / 251);
}

/* The origin reads a little at a time: everything arrives once and in order. */
static void full_socket_stops_the_writer_and_no_byte_is_lost(void **state)
{
    (void)state;
    enum { ALL = 1000000 };
    static char bytes[ALL], got[5000];
    struct visit v;
    struct wire w = connect_wire(&v);
    size_t sent = 0, seen = 0, stops = 0;
    for (size_t i = 0; i < ALL; i++)
        bytes[i] = expected(i);
    while (seen < ALL) {
        size_t n, first = ALL - sent < 3000 ? ALL - sent : 3000;
        const struct iovec pieces[] = {{bytes + sent, first},
                                       {bytes + sent + first, ALL - sent - first}};
        enum wire_result result = WIRE_OK;
        if (sent < ALL && (result = wire_write(&w, pieces, 2, &n)) == WIRE_OK)
            sent += n;
        if (result == WIRE_OK)
            result = wire_flush(&w);
        assert_true(result == WIRE_OK || result == WIRE_WANTS_WRITE);
        stops += result == WIRE_WANTS_WRITE;
        ERR_clear_error();
        int read = SSL_read(v.server, got, sizeof got);
        for (int i = 0; i < read; i++)
            assert_int_equal(got[i], expected(seen++));
    }
    assert_true(stops > 0);
    end_wire(&w, &v);
}

static enum wire_result read_byte(struct wire *w)
{
    char byte;
    size_t n;
    return wire_read(w, &byte, 1, &n);
}

static void end_is_told_from_a_cut(void **state)
{
    (void)state;
    struct visit v;
    struct wire w = connect_wire(&v);
    SSL_shutdown(v.server);
    assert_int_equal(read_byte(&w), WIRE_CLOSED);
    end_wire(&w, &v);

    w = connect_wire(&v);
    shutdown(v.fds[0], SHUT_WR);
    assert_int_equal(read_byte(&w), WIRE_CUT);
    end_wire(&w, &v);

    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w = (struct wire){.fd = fds[1]};
    assert_int_equal(read_byte(&w), WIRE_WANTS_READ);
    shutdown(fds[0], SHUT_WR);
    assert_int_equal(read_byte(&w), WIRE_CLOSED);
    wire_close(&w);
    close(fds[0]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w = (struct wire){.fd = fds[1]};
    const struct iovec piece = {(char[]){'x'}, 1};
    size_t n;
    assert_int_equal(wire_write(&w, &piece, 1, &n), WIRE_OK);
    close(fds[0]); /* with a byte unread, which resets it */
    assert_int_equal(read_byte(&w), WIRE_CUT);
    wire_close(&w);
}

static void close_says_so(void **state)
{
    (void)state;
    struct visit v;
    char byte;
    struct wire w = connect_wire(&v);
    wire_close(&w);
    assert_int_equal(w.fd, -1);
    ERR_clear_error();
    assert_int_equal(SSL_get_error(v.server, SSL_read(v.server, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    wire_close(&w);
    visit_fini(&v);
}

/* Sends new keys until the wire gives up; how often. A byte of data follows each `every`-th. */
static unsigned send_keys(struct wire *w, struct visit *v, unsigned every)
{
    for (unsigned n = 1; n <= UPDATES; n++) {
        ERR_clear_error();
        assert_int_equal(SSL_key_update(v->server, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(v->server), 1);
        if (n % every == 0)
            assert_int_equal(SSL_write(v->server, "x", 1), 1);
        enum wire_result result = read_byte(w);
        if (result == WIRE_FAILED)
            return n;
        assert_int_equal(result, n % every == 0 ? WIRE_OK : WIRE_WANTS_READ);
    }
    return 0;
}

static void records_without_data_have_a_limit(void **state)
{
    (void)state;
    struct visit v;
    struct wire w = connect_wire(&v);
    assert_int_equal(send_keys(&w, &v, 900), 0);
    assert_int_equal(send_keys(&w, &v, UPDATES + 1), 1001);
    assert_string_equal(wire_why(&w), "it sends TLS records without data");
    end_wire(&w, &v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_become_few_records_that_leave_together),
        cmocka_unit_test(full_socket_stops_the_writer_and_no_byte_is_lost),
        cmocka_unit_test(end_is_told_from_a_cut),
        cmocka_unit_test(close_says_so),
        cmocka_unit_test(records_without_data_have_a_limit),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
