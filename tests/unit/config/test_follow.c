/* Which configuration may take the place of a running one. */
#include "fixture.h"

#define MORE_LISTEN "[listen more]\naddress = unix:/run/h.sock\n"

static void what_a_reload_can_change_may_follow(void **state)
{
    (void)state;
    static const char *const cases[] = {
        FIXTURE_SMALLEST,
        FIXTURE_SMALLEST "[limits]\nstreams = 7\n[timeouts]\nidle = 9s\n[push]\nenabled = off\n",
        FIXTURE_LISTEN "forwarded = append\n" FIXTURE_CERTIFICATE FIXTURE_ORIGIN,
        FIXTURE_LISTEN "[certificate other]\nchain = o.pem\nkey = o.key\n" FIXTURE_CERTIFICATE
                       "[origin new]\nurl = http://127.0.0.1:9\n",
        "workers = 0\n" FIXTURE_SMALLEST "[log]\naccess = off\n",
    };
    struct config *running = fixture_config(FIXTURE_SMALLEST);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_error error = {""};
        struct config *next = fixture_config(cases[i]);
        if (!config_may_follow(running, next, &error))
            fail_msg("case %zu: %s", i, error.text);
        config_free(next);
    }
    config_free(running);
}

static void listeners_may_change_their_order(void **state)
{
    (void)state;
    struct config_error error = {""};
    struct config *running = fixture_config(FIXTURE_SMALLEST MORE_LISTEN);
    struct config *next = fixture_config(MORE_LISTEN FIXTURE_SMALLEST);
    assert_true(config_may_follow(running, next, &error));
    assert_ptr_equal(config_listen_named(running, "more"), &running->listens[1]);
    assert_ptr_equal(config_listen_named(next, "more"), &next->listens[0]);
    assert_null(config_listen_named(next, "none"));
    config_free(running);
    config_free(next);
}

static void what_needs_a_restart_is_refused_and_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"workers = 3\n" FIXTURE_SMALLEST,
         FIXTURE_FILE ": workers = 3: a reload cannot change it from \"0\"; restart to do so"},
        {"user = root\n" FIXTURE_SMALLEST,
         FIXTURE_FILE ": user = root: a reload cannot change it from \"\"; restart to do so"},
        {"[listen main]\naddress = 127.0.0.1:8444\n" FIXTURE_CERTIFICATE FIXTURE_ORIGIN,
         FIXTURE_FILE ":1: [listen main] address = 127.0.0.1:8444: a reload cannot change it from "
                      "\"127.0.0.1:8443\"; restart to do so"},
        {FIXTURE_SMALLEST MORE_LISTEN,
         FIXTURE_FILE ":8: [listen more] is new: a reload cannot add it; restart to do so"},
        {MORE_LISTEN FIXTURE_CERTIFICATE FIXTURE_ORIGIN,
         FIXTURE_FILE ": [listen main] is missing: a reload cannot take it away; restart to do so"},
        {FIXTURE_SMALLEST "[admin]\naddress = 127.0.0.1:9\n",
         FIXTURE_FILE ": [admin] address = 127.0.0.1:9: a reload cannot change it from \"\"; "
                      "restart to do so"},
    };
    struct config *running = fixture_config(FIXTURE_SMALLEST);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_error error = {""};
        struct config *next = fixture_config(cases[i].text);
        assert_false(config_may_follow(running, next, &error));
        assert_string_equal(error.text, cases[i].says);
        config_free(next);
    }
    config_free(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_reload_can_change_may_follow),
        cmocka_unit_test(listeners_may_change_their_order),
        cmocka_unit_test(what_needs_a_restart_is_refused_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
