#include "fixture.h"

static const char EVERYTHING[] =
    "workers = 3\ncoalesce = 1ms\nuser = www-data\n"
    "[listen main]\naddress = 127.0.0.1:8443\nforwarded = append\nunderscores = keep\n"
    "[listen sock]\naddress = unix:run/x.sock\n"
    "[certificate main]\nchain = cert.pem\nkey = /k#1;2.pem\n"
    "[certificate other]\nchain = other.pem\nkey = other.key\n"
    "[origin app]\nurl = https://app.example:8443/\nca = ca.pem\nverify = off\nhost = "
    "www.example.com:1\nvia = off\nstrict = on\nmax_connections = 7\n"
    "[origin unix]\nurl = http://unix:app.sock\n"
    "[route one]\nmatch = *.Example.com/a\norigin = unix\npush = off\n"
    "[route two]\norigin = app\n"
    "[tls]\nmin_version = 1.3\nsession_tickets = off\n"
    "[push]\nenabled = off\nmax_per_page = 1\nmax_per_connection = 2\nmax_open = 3\n"
    "request_headers = Cookie x-a\nretry_after = 0s\nmax_wait = 1500ms\n"
    "explain_from = 10.0.0.0/8 ::/0 fe80::1 ::ffff:0:0/96\n"
    "[limits]\nheader_list = 5000\norigin_header = 1m\nstreams = 5\n"
    "[timeouts]\nhandshake = 1ms\nheader = 2s\nidle = 3m\nstall = 4h\nconnect = 61s\n"
    "queue = 3600s\nresponse = 7s\norigin_stall = 8s\nexchange = 10m\norigin_idle = 9s\ndrain = 0s\n"
    "[log]\naccess = access.log\nformat = combined\nlevel = error\n";

static void dump_reads_back_to_the_same_dump(void **state)
{
    (void)state;
    static const char *const texts[] = {FIXTURE_SMALLEST, EVERYTHING};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct config *c = fixture_config(texts[i]);
        char *first = fixture_dump(c);
        config_free(c);
        c = fixture_config(first);
        char *second = fixture_dump(c);
        config_free(c);
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
}

static void dump_means_the_same_in_another_folder(void **state)
{
    (void)state;
    struct config_error error = {""};
    struct config *c = config_parse(span_str(EVERYTHING), "conf/proxy.conf", &error);
    char *first = fixture_dump(c);
    config_free(c);
    c = fixture_config(first);
    char *second = fixture_dump(c);
    config_free(c);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void dump_has_every_option_of_every_section(void **state)
{
    (void)state;
    struct config *c = fixture_config(FIXTURE_SMALLEST);
    char *dump = fixture_dump(c), *at = dump;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        for (size_t j = 0; j < options_sections[i].options_len; j++) {
            char start[64];
            snprintf(start, sizeof start, "%s = ", options_sections[i].options[j].name);
            at = strstr(at, start);
            if (!at)
                fail_msg("no \"%s\" in its place", start);
            at += strlen(start);
        }
    }
    free(dump);
    config_free(c);
}

static void made_up_certificate_is_a_comment(void **state)
{
    (void)state;
    struct config_error error = {""};
    struct config *c = config_quick("http://app", NULL, NULL, NULL, &error);
    char *dump = fixture_dump(c);
    assert_non_null(strstr(dump, "\n[certificate main]\n# self-signed"));
    assert_null(strstr(dump, "chain ="));
    free(dump);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_reads_back_to_the_same_dump),
        cmocka_unit_test(dump_means_the_same_in_another_folder),
        cmocka_unit_test(dump_has_every_option_of_every_section),
        cmocka_unit_test(made_up_certificate_is_a_comment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
