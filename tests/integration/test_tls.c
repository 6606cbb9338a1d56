/* The handshake: who is let in, with which certificate. */
#include <string.h>
#include <sys/socket.h>

#include "rig.h"

enum { ALERT_NO_APPLICATION_PROTOCOL = 120 };

/* A connection that is closed again, after its handshake; what came of it is in `*wire` meanwhile.
 */
static struct wire *shake(struct rig *rig, struct wire_options options, bool wanted)
{
    options.port = daemon_port(rig->daemon, 0);
    struct wire *w = wire_connect(&options);
    bool done = wire_handshake(w);
    /* A refusal in TLS 1.3 may come after the client's part is done. */
    if (done && !wanted) {
        char byte;
        done = wire_read(w, &byte, 1, CHECK_SOON_MS) > 0;
    }
    if (done != wanted) {
        print_error("alert %d\n", w->alert);
        wire_free(w);
        fail_msg("the handshake %s", done ? "was done" : "failed");
    }
    return w;
}

static void client_without_h2_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    static const struct wire_options cases[] = {
        {.alpn = WIRE_ALPN_HTTP11},
        {.alpn = WIRE_ALPN_NONE},
        {.alpn = WIRE_ALPN_HTTP11, .version = TLS1_2_VERSION},
        {.alpn = WIRE_ALPN_NONE, .version = TLS1_2_VERSION},
        {.alpn = WIRE_ALPN_NONE, .sni = "example.com"},
    };
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct wire *w = shake(rig, cases[i], false);
        int alert = w->alert;
        wire_free(w);
        assert_int_equal(alert, ALERT_NO_APPLICATION_PROTOCOL);
    }
}

static void h2_is_chosen_among_others(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct wire *w = shake(rig, (struct wire_options){.alpn = WIRE_ALPN_BOTH}, true);
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(w->channel.ssl, &name, &len);
    bool is_h2 = len == 2 && memcmp(name, "h2", 2) == 0;
    wire_free(w);
    assert_true(is_h2);
}

static void both_versions_work(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    static const struct {
        int version;
        const char *name;
    } cases[] = {{TLS1_2_VERSION, "TLSv1.2"}, {0, "TLSv1.3"}};
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct peer_options options = {.wire.version = cases[i].version};
        struct peer *p = rig_peer(rig, &options);
        check_text(SSL_get_version(peer_wire(p)->channel.ssl), cases[i].name);
        assert_int_equal(peer_fetch(p, "/")->status, 200);
    }
    json_t *line = daemon_log(rig->daemon, 0);
    check_holds(json_string_value(json_object_get(line, "tls")), "1.2");
    json_decref(line);
}

static void name_chooses_the_certificate(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    rig_daemon(rig, &(struct daemon_setup){
                        .conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub)),
                        .certificates = "[certificate main]\nchain = main.pem\nkey = main.key\n"
                                        "[certificate other]\nchain = other.pem\nkey = other.key\n",
                    });
    static const struct {
        const char *sni, *certificate;
    } cases[] = {
        {"example.com", "main"},  {"other.example", "other"},   {"OTHER.example", "other"},
        {NULL, "main"},           {"a.wild.example", "other"},  {"unknown.example", "main"},
        {"wild.example", "main"}, {"a.b.wild.example", "main"},
    };
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct wire *w = shake(rig, (struct wire_options){.sni = cases[i].sni}, true);
        const char *name = wire_certificate(w);
        wire_free(w);
        if (strcmp(name, cases[i].certificate) != 0)
            fail_msg("%s got the certificate %s", cases[i].sni, name);
    }
}

static void session_is_resumed(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    static const int versions[] = {TLS1_2_VERSION, 0};
    for (size_t i = 0; i < CHECK_LEN(versions); i++) {
        struct peer_options options = {.wire.version = versions[i]};
        struct peer *p = rig_peer(rig, &options);
        assert_int_equal(peer_fetch(p, "/")->status, 200);
        assert_false(SSL_session_reused(peer_wire(p)->channel.ssl));
        options.wire.session = peer_wire(p)->session;
        assert_non_null(options.wire.session);
        struct peer *again = rig_peer(rig, &options);
        assert_true(SSL_session_reused(peer_wire(again)->channel.ssl));
        assert_int_equal(peer_fetch(again, "/")->status, 200);
    }
}

static void bytes_that_are_no_tls_end_the_connection(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    struct wire *w = wire_connect(&options);
    static const char plain[] = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    bool sent = send(w->channel.fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL) > 0;
    bool ended = wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
    assert_true(sent);
    assert_true(ended);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
}

static void bytes_that_are_no_http2_end_the_connection(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "");
    struct wire *w = shake(rig, (struct wire_options){0}, true);
    bool sent = wire_write(w, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 37);
    bool ended = wire_ends(w, CHECK_SOON_MS);
    wire_free(w);
    assert_true(sent);
    assert_true(ended);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
}

static void settings_say_what_the_server_allows(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, "[limits]\nstreams = 7\n");
    struct peer *p = rig_peer(rig, NULL);
    peer_until_events(p, PEER_SETTINGS, 1);
    assert_int_equal(peer_setting(p, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0), 7);
    assert_int_equal(peer_setting(p, 9 /* NO_RFC7540_PRIORITIES */, 0), 1);
}

/* The sizes of the records that came, in order. */
struct records {
    size_t sizes[256], len;
};

static void note_record(int is_write, int version, int type, const void *bytes, size_t n, SSL *ssl,
                        void *user)
{
    struct records *r = user;
    const unsigned char *head = bytes;
    (void)version, (void)ssl;
    if (!is_write && type == SSL3_RT_HEADER && n == 5 && r->len < CHECK_LEN(r->sizes))
        r->sizes[r->len++] = (size_t)head[3] << 8 | head[4];
}

static void records_are_small_until_a_connection_has_got_going(void **state)
{
    enum { BODY_BYTES = 200000, SMALL = 4096 + 64, RAMP = 8 };
    struct rig *rig = *state;
    struct stub *stub = rig_start(rig, "");
    STUB_ON(stub, "/", SEND("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"),
            PATTERN(BODY_BYTES));
    struct peer *p = rig_peer(rig, NULL);
    struct records r = {.len = 0};
    SSL_set_msg_callback(peer_wire(p)->channel.ssl, note_record);
    SSL_set_msg_callback_arg(peer_wire(p)->channel.ssl, &r);
    assert_int_equal(peer_fetch(p, "/")->body_bytes, BODY_BYTES);
    assert_true(r.len > RAMP);
    for (size_t i = 0; i < RAMP; i++)
        assert_in_range(r.sizes[i], 1, SMALL);
    size_t largest = 0;
    for (size_t i = RAMP; i < r.len; i++)
        largest = r.sizes[i] > largest ? r.sizes[i] : largest;
    assert_true(largest > 2 * SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(client_without_h2_is_refused),
        RIG_TEST(h2_is_chosen_among_others),
        RIG_TEST(both_versions_work),
        RIG_TEST(name_chooses_the_certificate),
        RIG_TEST(session_is_resumed),
        RIG_TEST(bytes_that_are_no_tls_end_the_connection),
        RIG_TEST(bytes_that_are_no_http2_end_the_connection),
        RIG_TEST(settings_say_what_the_server_allows),
        RIG_TEST(records_are_small_until_a_connection_has_got_going),
    };
    return rig_run(tests);
}
