#include "fixture.h"

#define H2 "\x02h2"

enum { HOUR = TICKET_RENEW_MS };

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct ticket_key key_of(char letter)
{
    struct ticket_key key;
    memset(&key, letter, sizeof key);
    return key;
}

/* Which keys there are, as letters: the current one and the one before, '-' for none. */
static const char *letters(const struct ticket_keys *keys)
{
    static char text[3];
    text[0] = (char)keys->current.name[0];
    text[1] = keys->has_previous ? (char)keys->previous.name[0] : '-';
    return text;
}

static void keys_change_by_the_hour(void **state)
{
    (void)state;
    static const struct {
        uint64_t now_ms;
        const char *keys; /* after that */
        uint64_t since_ms;
    } steps[] = {
        {500, "A-", 500}, /* the first hour begins at 500 */
        {499, "A-", 500},
        {500 + HOUR - 1, "A-", 500},
        {500 + HOUR, "BA", 500 + HOUR},
        {500 + HOUR, "BA", 500 + HOUR},
        {500 + HOUR - 1, "BA", 500 + HOUR},
        {500 + 2 * HOUR + HOUR / 2, "CB", 500 + 2 * HOUR},
        {500 + 3 * HOUR, "DC", 500 + 3 * HOUR},
        {500 + 5 * HOUR, "E-", 500 + 5 * HOUR}, /* nobody came for two hours */
        {500 + 6 * HOUR, "FE", 500 + 6 * HOUR},
        {500 + 1000ull * HOUR + 7, "G-", 500 + 1000ull * HOUR},
    };
    struct ticket_keys keys = {.current = key_of('A'), .since_ms = 500};
    char next = 'B';
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct ticket_key fresh = key_of(next);
        bool due = ticket_keys_are_due(&keys, steps[i].now_ms);
        ticket_keys_renew(&keys, &fresh, steps[i].now_ms);
        bool taken = keys.current.name[0] == (unsigned char)next;
        next += taken;
        if (due != taken || strcmp(letters(&keys), steps[i].keys) != 0 ||
            keys.since_ms != steps[i].since_ms)
            fail_msg("step %zu: due %d, keys %s since %llu", i, due, letters(&keys),
                     (unsigned long long)keys.since_ms);
        assert_false(ticket_keys_are_due(&keys, steps[i].now_ms));
    }
}

static void a_key_is_found_by_its_name(void **state)
{
    (void)state;
    struct ticket_key a = key_of('A'), b = key_of('B'), none = key_of('\0');
    struct ticket_keys keys = {.current = a};
    assert_ptr_equal(ticket_keys_find(&keys, a.name), &keys.current);
    assert_null(ticket_keys_find(&keys, b.name));
    assert_null(ticket_keys_find(&keys, none.name)); /* what an empty place would be called */
    ticket_keys_renew(&keys, &b, HOUR);
    assert_ptr_equal(ticket_keys_find(&keys, b.name), &keys.current);
    assert_ptr_equal(ticket_keys_find(&keys, a.name), &keys.previous);
}

static void a_key_that_decrypts_no_more_is_overwritten(void **state)
{
    (void)state;
    struct ticket_key b = key_of('B');
    struct ticket_keys keys = {
        .current = key_of('A'), .previous = key_of('Z'), .has_previous = true};
    ticket_keys_renew(&keys, &b, 2 * HOUR);
    const char *bytes = (const char *)&keys;
    assert_null(memchr(bytes, 'A', sizeof keys));
    assert_null(memchr(bytes, 'Z', sizeof keys));
}

struct visit {
    bool resumed, renewed; /* with a ticket that is not the one it came with */
    SSL_SESSION *ticket;   /* for the next time. Free with SSL_SESSION_free() */
};

static bool are_same(SSL_SESSION *a, SSL_SESSION *b)
{
    const unsigned char *of_a, *of_b;
    size_t len_a, len_b;
    SSL_SESSION_get0_ticket(a, &of_a, &len_a);
    SSL_SESSION_get0_ticket(b, &of_b, &len_b);
    return len_a > 0 && len_a == len_b && memcmp(of_a, of_b, len_a) == 0;
}

static struct visit visit(struct tls_context *ctx, int version, SSL_SESSION *ticket)
{
    struct talk t;
    talk_init(&t, ctx,
              &(struct client_options){
                  .name = "localhost", .alpn = H2, .version = version, .session = ticket});
    assert_int_equal(talk_handshake(&t), TLS_OK);
    struct visit v = {.resumed = tls_conn_resumed(t.server), .ticket = SSL_get1_session(t.client)};
    v.renewed = ticket && !are_same(ticket, v.ticket);
    talk_fini(&t);
    return v;
}

static struct tls_context *make_context(struct config_certificate *section)
{
    struct config c = fixture_config(section, 1);
    return fixture_context(&c);
}

/* A ticket made when an hour began is taken for two; in the second of them, a new one comes. */
static void a_ticket_is_taken_until_the_next_hour_is_over(void **state)
{
    (void)state;
    static const struct {
        uint64_t after_ms;
        bool resumed;
    } cases[] = {
        {0, true},         {HOUR - 1, true},  {HOUR, true},       {2 * HOUR - 1, true},
        {2 * HOUR, false}, {3 * HOUR, false}, {24 * HOUR, false},
    };
    struct config_certificate section = {.name = "main"};
    struct tls_context *ctx = make_context(&section);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            fixture_now_ms = (fixture_now_ms / HOUR + 3) * HOUR + 1; /* an hour begins */
            struct visit first = visit(ctx, versions[v], NULL);
            fixture_now_ms += cases[i].after_ms;
            struct visit second = visit(ctx, versions[v], first.ticket);
            if (second.resumed != cases[i].resumed)
                fail_msg("case %zu, version %zu: %d", i, v, second.resumed);
            /* TLS 1.3 sends one each time */
            assert_int_equal(second.renewed,
                             versions[v] == TLS1_3_VERSION || cases[i].after_ms >= HOUR);
            SSL_SESSION_free(second.ticket);
            SSL_SESSION_free(first.ticket);
        }
    }
    tls_context_free(ctx);
}

/* With the tickets that it gets, a client goes on resuming. */
static void a_client_that_comes_back_in_time_resumes_for_ever(void **state)
{
    (void)state;
    struct config_certificate section = {.name = "main"};
    struct tls_context *ctx = make_context(&section);
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct visit last = visit(ctx, versions[v], NULL);
        for (int i = 0; i < 20; i++) {
            fixture_now_ms += HOUR / 2;
            struct visit next = visit(ctx, versions[v], last.ticket);
            assert_true(next.resumed);
            SSL_SESSION_free(last.ticket);
            last = next;
        }
        SSL_SESSION_free(last.ticket);
    }
    tls_context_free(ctx);
}

/* As a reload makes one; the certificate must be the same. */
static void a_ticket_is_taken_by_the_next_context(void **state)
{
    (void)state;
    struct fixture_folder folder;
    fixture_folder_init(&folder);
    struct fixture_pair pair = fixture_pair(&folder, "kept", "DNS:localhost", -1, 30);
    struct config_certificate kept = {"main", 1, pair.chain_path, pair.key_path},
                              other = {.name = "main"};
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct tls_context *ctx = make_context(&kept);
        struct visit first = visit(ctx, versions[v], NULL);
        tls_context_free(ctx);
        ctx = make_context(&kept);
        struct visit second = visit(ctx, versions[v], first.ticket);
        tls_context_free(ctx);
        ctx = make_context(&other);
        struct visit third = visit(ctx, versions[v], first.ticket);
        tls_context_free(ctx);
        SSL_SESSION_free(first.ticket);
        SSL_SESSION_free(second.ticket);
        SSL_SESSION_free(third.ticket);
        assert_true(second.resumed);
        assert_false(third.resumed);
    }
    fixture_pair_fini(&pair);
    fixture_folder_fini(&folder);
}

static void a_ticket_of_another_process_is_not_taken(void **state)
{
    (void)state;
    struct config_certificate section = {.name = "main"};
    struct tls_tickets *theirs = tls_tickets_new(fixture_clock);
    struct config c = fixture_config(&section, 1);
    struct tls_error error;
    struct tls_context *ctx = tls_context_new(&c, theirs, &error);
    assert_non_null(ctx);
    struct visit first = visit(ctx, TLS1_3_VERSION, NULL);
    tls_context_free(ctx);
    tls_tickets_free(theirs);
    ctx = make_context(&section);
    struct visit second = visit(ctx, TLS1_3_VERSION, first.ticket);
    tls_context_free(ctx);
    SSL_SESSION_free(first.ticket);
    SSL_SESSION_free(second.ticket);
    assert_false(second.resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_change_by_the_hour),
        cmocka_unit_test(a_key_is_found_by_its_name),
        cmocka_unit_test(a_key_that_decrypts_no_more_is_overwritten),
        cmocka_unit_test(a_ticket_is_taken_until_the_next_hour_is_over),
        cmocka_unit_test(a_client_that_comes_back_in_time_resumes_for_ever),
        cmocka_unit_test(a_ticket_is_taken_by_the_next_context),
        cmocka_unit_test(a_ticket_of_another_process_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
