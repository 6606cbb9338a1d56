#include "fixture.h"

#define F FIXTURE_FILE ":"

#define BEHIND "a comment has its own line; no word of a value begins with \"#\" or \";\""

struct refusal {
    const char *text, *error;
};

static const struct refusal REFUSALS[] = {
    /* sections */
    {"\n[limit]\n", F "2: unknown section [limit]; did you mean [limits]?"},
    {"[lisen main]\n", F "1: unknown section [lisen main]; did you mean [listen NAME]?"},
    {"[Listen main]\n", F "1: unknown section [Listen main]; did you mean [listen NAME]?"},
    {"[LOG]\n", F "1: unknown section [LOG]; did you mean [log]?"},
    {"[nonsense]\n", F
     "1: unknown section [nonsense]; allowed are [listen NAME], [certificate NAME], [origin NAME], "
     "[route NAME], [tls], [push], [limits], [timeouts], [log], [admin]"},
    {"[listen]\n", F "1: section [listen] needs a name; write [listen NAME]"},
    {"[ listen ]\n", F "1: section [listen] needs a name; write [listen NAME]"},
    {"[push x]\n", F "1: section [push] has no name; write [push]"},
    {"[listen a b]\n", F "1: \"a b\" cannot be the name of a section; allowed are letters, digits, "
                         "\"-\", \"_\" and \".\", at most 64"},
    {"[listen a/b]\n", F "1: \"a/b\" cannot be the name of a section; allowed are letters, digits, "
                         "\"-\", \"_\" and \".\", at most 64"},
    {"[listen 1234567890123456789012345678901234567890123456789012345678901234x]\n", F
     "1: \"1234567890123456789012345678901234567890123456789012345678901234x\" cannot be the name "
     "of a section; allowed are letters, digits, \"-\", \"_\" and \".\", at most 64"},
    {"[]\n", F "1: a section needs a name between \"[\" and \"]\""},
    {"[  ]\n", F "1: a section needs a name between \"[\" and \"]\""},
    {"[push\n", F "1: \"]\" is missing at the end of the section \"[push\""},
    {"[push] # x\n", F "1: nothing may follow the section in its line; a comment has its own line"},
    {"[listen a]\naddress = :1\n\n[listen a]\naddress = :2\n",
     F "4: [listen a] is given twice, first in line 1"},
    {"[push]\n[log]\n[push]\n", F "3: [push] is given twice, first in line 1"},
    {"# two empty ones\n[origin a]\n[origin a]\n",
     F "3: [origin a] is given twice, first in line 2"},
    /* options */
    {"[listen main]\n\nadress = :1\n",
     F "3: unknown option \"adress\" in [listen main]; did you mean \"address\"?"},
    {"[listen main]\nAddress = :1\n",
     F "2: unknown option \"Address\" in [listen main]; did you mean \"address\"?"},
    {"worker = 1\n",
     F "1: unknown option \"worker\" before the first section; did you mean \"workers\"?"},
    {"streams = 1\n",
     F "1: unknown option \"streams\" before the first section; it belongs in [limits]"},
    {"[tls]\nworkers = 1\n",
     F "2: unknown option \"workers\" in [tls]; it belongs before the first section"},
    {"[tls]\naddress = :1\n",
     F "2: unknown option \"address\" in [tls]; it belongs in [listen NAME]"},
    {"[tls]\nciphers = x\n",
     F "2: unknown option \"ciphers\" in [tls]; allowed are min_version, session_tickets"},
    {"workers = 1\nworkers = 1\n", F "2: workers is given twice, first in line 1"},
    {"[push]\nenabled = on\n\nenabled = off\n",
     F "4: [push] enabled is given twice, first in line 2"},
    {"[listen a]\naddress =\naddress = :1\n",
     F "3: [listen a] address is given twice, first in line 2"},
    /* lines */
    {"workers\n", F "1: \"workers\" is neither [section], nor option = value, nor # comment"},
    {"= 1\n", F "1: \"= 1\" is neither [section], nor option = value, nor # comment"},
    {"workers: 1\n", F "1: \"workers: 1\" is neither [section], nor option = value, nor # comment"},
    {"user: a=b\n", F "1: \"user: a=b\" is neither [section], nor option = value, nor # comment"},
    {"; workers = 1\n", F "1: a comment begins with \"#\", not with \";\""},
    {"workers = 1 # one\n", F "1: workers = 1 # one: " BEHIND},
    {"[log]\naccess = /var/log/a.log  # ours\n", F "2: access = /var/log/a.log  # ours: " BEHIND},
    {"[log]\naccess = /var/log/a.log\t#ours\n", F "2: access = /var/log/a.log\\x09#ours: " BEHIND},
    {"[log]\naccess = /var/log/a.log ; ours\n", F "2: access = /var/log/a.log ; ours: " BEHIND},
    {"[certificate a]\nkey = #key.pem\n", F "2: key = #key.pem: " BEHIND},
    {"[certificate a]\nchain =;\n", F "2: chain = ;: " BEHIND},
    {"user = # nobody\n", F "1: user = # nobody: " BEHIND},
    {"[origin a]\nhost = example.com # as it is\n", F "2: host = example.com # as it is: " BEHIND},
    {"[limits]\nstreams = 1\n  00\n",
     F "3: \"00\" is neither [section], nor option = value, nor # comment"},
    {"\n\nuser = a\x01z\n", F "3: the line holds the control byte 0x01; allowed are text and tabs"},
    {"# a\rb\n", F "1: the line holds the control byte 0x0d; allowed are text and tabs"},
    {"# \x7f\n", F "1: the line holds the control byte 0x7f; allowed are text and tabs"},
    {"\xe2\x80\xae = 1\n", F
     "1: unknown option \"\\xe2\\x80\\xae\" before the first section; allowed are workers, coalesce, user"},
    {"[\xc2\x9b"
     "1m\xe2\x80\xa8]\n",
     F
     "1: unknown section [\\xc2\\x9b1m\\xe2\\x80\\xa8]; allowed are [listen NAME], [certificate NAME], "
     "[origin NAME], [route NAME], [tls], [push], [limits], [timeouts], [log], [admin]"},
};

static void wrong_lines_are_refused_with_their_number_and_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++)
        fixture_refused(span_str(REFUSALS[i].text), REFUSALS[i].error);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    fixture_refused(SPAN("\nuser = a\0b\n"),
                    F "2: the line holds the control byte 0x00; allowed are text and tabs");
    fixture_refused(SPAN("# \0\n"),
                    F "1: the line holds the control byte 0x00; allowed are text and tabs");
}

static void longest_line_is_read_and_a_longer_one_refused(void **state)
{
    (void)state;
    enum { LONGEST = 4096 };
    char text[sizeof FIXTURE_SMALLEST + LONGEST + 64];
    char path[LONGEST + 2];
    for (int extra = 0; extra <= 1; extra++) {
        size_t len = LONGEST - strlen("access = ") + (size_t)extra;
        memset(path, 'p', len);
        path[0] = '/';
        path[len] = '\0';
        snprintf(text, sizeof text, "%s[log]\naccess = %s\n", FIXTURE_SMALLEST, path);
        if (extra) {
            fixture_refused(span_str(text),
                            F "9: the line has more than the 4096 bytes that are allowed");
        } else {
            struct config *c = fixture_config(text);
            assert_string_equal(c->log.access, path);
            config_free(c);
        }
    }
}

static void layout_does_not_matter(void **state)
{
    (void)state;
    static const char *const layouts[] = {
        FIXTURE_SMALLEST "[log]\naccess=/a b#c;d\n",
        "\xef\xbb\xbf" FIXTURE_SMALLEST "[log]\naccess = /a b#c;d",
        FIXTURE_SMALLEST "[log]\r\n\r\n\taccess\t=\t/a b#c;d\t \r\n",
        "# comment\n  # another = one\n" FIXTURE_SMALLEST
        "\n [  log\t]  \n  access = /a b#c;d\n#\n",
        FIXTURE_ORIGIN "[log]\naccess = /a b#c;d\n" FIXTURE_CERTIFICATE FIXTURE_LISTEN,
    };
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        struct config *c = fixture_config(layouts[i]);
        assert_string_equal(c->log.access, "/a b#c;d");
        assert_string_equal(c->listens[0].name, "main");
        config_free(c);
    }
}

static void sections_know_their_lines(void **state)
{
    (void)state;
    struct config *c = fixture_config("# one\n" FIXTURE_SMALLEST "\n[route all]\n");
    assert_int_equal(c->listens[0].line, 2);
    assert_int_equal(c->certificates[0].line, 4);
    assert_int_equal(c->origins[0].line, 7);
    assert_int_equal(c->routes[0].line, 10);
    config_free(c);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Every text gives a configuration or an error that is one line. */
static void read_any(const char *text, size_t len)
{
    char *exact = malloc(len);
    struct config_error error = {""};
    assert_non_null(exact);
    memcpy(exact, text, len);
    struct config *c = config_parse(span_of(exact, len), "f", &error);
    free(exact);
    if (!c) {
        assert_memory_equal(error.text, "f:", 2);
        assert_null(strchr(error.text, '\n'));
    }
    config_free(c);
}

static void damaged_text_gives_a_configuration_or_an_error(void **state)
{
    (void)state;
    static const char base[] =
        "workers = 2\n" FIXTURE_SMALLEST "ca = ca.pem\nhost = h:1\n[listen u]\naddress = unix:/s\n"
        "[route r]\nmatch = *.example.com/a\norigin = app\n[push]\nrequest_headers = cookie x-y\n"
        "explain_from = 10.0.0.0/8 fe80::/10\nmax_wait = 5s\n[limits]\nheader_list = 8k\n";
    char text[sizeof base];
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        memcpy(text, base, sizeof base);
        for (uint32_t n = next_random(&seed) % 4; n < 4; n++) {
            size_t at = next_random(&seed) % (sizeof base - 1);
            text[at] = (char)(text[at] ^ 1 << next_random(&seed) % 8);
        }
        read_any(text, 1 + next_random(&seed) % (sizeof base - 1));
        read_any(text, sizeof base - 1);
    }
}

static void random_text_gives_a_configuration_or_an_error(void **state)
{
    (void)state;
    static const char letters[] = "[]=#;: \t\n\r.lopush/*ix\0\xef\xbb\xbf-_09k";
    char text[80];
    uint32_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + next_random(&seed) % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = letters[next_random(&seed) % (sizeof letters - 1)];
        read_any(text, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_lines_are_refused_with_their_number_and_what_is_allowed),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(longest_line_is_read_and_a_longer_one_refused),
        cmocka_unit_test(layout_does_not_matter),
        cmocka_unit_test(sections_know_their_lines),
        cmocka_unit_test(damaged_text_gives_a_configuration_or_an_error),
        cmocka_unit_test(random_text_gives_a_configuration_or_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
