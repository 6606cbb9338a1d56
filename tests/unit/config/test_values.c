#include "fixture.h"

/* One value of one option: refused with "SECTION option = value: " and `outcome`, or printed by
 * the dump as `outcome`. */
struct value {
    const char *section, *option, *value, *outcome;
};

#define ADDRESS "allowed is IPV4:PORT, [IPV6]:PORT, *:PORT or unix:PATH"
#define URL     "allowed is http://HOST[:PORT], https://HOST[:PORT] or http://unix:PATH"
#define HOST    "allowed is HOST or HOST:PORT"
#define MATCH                                                                                      \
    "allowed is HOST/PREFIX, where HOST is a name, *.NAME, * or nothing, and PREFIX a path"
#define NETWORKS "allowed is a list of addresses and ADDRESS/BITS, as 127.0.0.0/8 ::1"
#define NAMES                                                                                      \
    "allowed is a list of request fields, but for host, those that frame a message or belong to "  \
    "one connection, and those of the proxy itself"
#define USER          "allowed is the name of a user: letters, digits, \"-\", \"_\", \".\""
#define MODE          "allowed is octal permissions from 0000 to 0777"
#define GROUP         "allowed is the name or the number of a group"
#define HOSTS         "allowed is a list of names of hosts, without ports"
#define NO_UNIT       "the unit (ms, s, m or h) is missing; "
#define FOLLOWS       "nothing may follow the host and port, since requests keep their own paths; "
#define MEMORY        "allowed is a size from 1m to 1024g, a share of the machine's from 1% to 100%, or 0"
#define TIME          "allowed is a duration from 1ms to 24h"
#define TEN_BYTES     "/23456789_"
#define FIFTY_BYTES   TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES
#define HUNDRED_BYTES FIFTY_BYTES FIFTY_BYTES

static const struct value BAD[] = {
    {"", "coalesce", "11ms", "allowed is a duration from 0s to 10ms"},
    {"", "workers", "257", "allowed is a whole number from 0 to 256"},
    {"", "workers", "-1", "allowed is a whole number from 0 to 256"},
    {"", "workers", "", "allowed is a whole number from 0 to 256"},
    {"", "workers", "0x1", "allowed is a whole number from 0 to 256"},
    {"", "workers", "18446744073709551616", "allowed is a whole number from 0 to 256"},
    {"", "user", "a b", USER},
    {"", "user", "-a", USER},

    {"[listen main]", "address", "", ADDRESS},
    {"[admin]", "address", "9443", ADDRESS},
    {"[admin]", "address", "localhost:9443", ADDRESS},
    {"[listen main]", "address", "443", ADDRESS},
    {"[listen main]", "address", "127.0.0.1", ADDRESS},
    {"[listen main]", "address", "127.0.0.1:", ADDRESS},
    {"[listen main]", "address", "127.0.0.1:65536", ADDRESS},
    {"[listen main]", "address", "127.0.0.256:1", ADDRESS},
    {"[listen main]", "address", "localhost:1", ADDRESS},
    {"[listen main]", "address", "::1:443", ADDRESS},
    {"[listen main]", "address", "[::1]", ADDRESS},
    {"[listen main]", "address", "[127.0.0.1]:1", ADDRESS},
    {"[listen main]", "address", "[]:1", ADDRESS},
    {"[listen main]", "address", "unix:", "the path is empty; " ADDRESS},
    {"[listen main]", "address", "unix:" HUNDRED_BYTES "/2345678",
     "the path has more than the 107 bytes that a socket's may have; " ADDRESS},
    {"[listen main]", "forwarded", "add", "allowed is replace or append"},
    {"[listen main]", "underscores", "on", "allowed is drop or keep"},
    {"[listen main]", "mode", "", MODE},
    {"[listen main]", "mode", "0", MODE},
    {"[listen main]", "mode", "66", MODE},
    {"[listen main]", "mode", "0668", MODE},
    {"[listen main]", "mode", "1777", MODE},
    {"[listen main]", "mode", "00666", MODE},
    {"[listen main]", "mode", "0x1b6", MODE},
    {"[listen main]", "mode", "u=rw", MODE},
    {"[admin]", "mode", "888", MODE},
    {"[listen main]", "group", "a b", GROUP},
    {"[listen main]", "group", "-1", GROUP},
    {"[admin]", "group", "a:b", GROUP},
    {"[admin]", "hosts", "a:9443", "\"a:9443\" is no name of a host; " HOSTS},
    {"[admin]", "hosts", "a *.b", "\"*.b\" is no name of a host; " HOSTS},
    {"[admin]", "hosts", ".", "\".\" is no name of a host; " HOSTS},
    {"[admin]", "hosts", "a,b", "\"a,b\" is no name of a host; " HOSTS},

    {"[certificate main]", "chain", "", "allowed is a path"},
    {"[certificate main]", "key", "", "allowed is a path"},

    {"[origin app]", "url", "", URL},
    {"[origin app]", "url", "127.0.0.1:8080", URL},
    {"[origin app]", "url", "//127.0.0.1", URL},
    {"[origin app]", "url", "ftp://127.0.0.1", URL},
    {"[origin app]", "url", "http://", URL},
    {"[origin app]", "url", "http://:80", URL},
    {"[origin app]", "url", "http://a:0", URL},
    {"[origin app]", "url", "http://a:65536", URL},
    {"[origin app]", "url", "http://a b", URL},
    {"[origin app]", "url", "http://a%20b", URL},
    {"[origin app]", "url", "http://[::1", URL},
    {"[origin app]", "url", "http://[v1.x]", URL},
    {"[origin app]", "url", "http://me@a", "a user's name and password cannot be given; " URL},
    {"[origin app]", "url", "http://a/b", FOLLOWS URL},
    {"[origin app]", "url", "http://a/?b", FOLLOWS URL},
    {"[origin app]", "url", "http://a?", FOLLOWS URL},
    {"[origin app]", "url", "http://a#b", FOLLOWS URL},
    {"[origin app]", "url", "http://unix:", "the path is empty; " URL},
    {"[origin app]", "url", "https://unix:/s", "a unix socket is spoken to without TLS; " URL},
    {"[origin app]", "verify", "yes", "allowed is on or off"},
    {"[origin app]", "verify", "On", "allowed is on or off"},
    {"[origin app]", "strict", "1", "allowed is on or off"},
    {"[origin app]", "strict", "", "allowed is on or off"},
    {"[origin app]", "host", "a b", HOST},
    {"[origin app]", "host", "me@a", HOST},
    {"[origin app]", "host", ":80", HOST},
    {"[origin app]", "host", "a/b", HOST},
    {"[origin app]", "via", "", "allowed is on or off"},
    {"[origin app]", "via", "none", "allowed is on or off"},
    {"[origin app]", "max_connections", "0", "allowed is a whole number from 1 to 65535"},
    {"[origin app]", "max_connections", "65536", "allowed is a whole number from 1 to 65535"},

    {"[route r]", "match", "", MATCH},
    {"[route r]", "match", "exa mple.com/", MATCH},
    {"[route r]", "match", "example.com:8443/", MATCH},
    {"[route r]", "match", "*example.com/", MATCH},
    {"[route r]", "match", "*./", MATCH},
    {"[route r]", "match", "a.*.com/", MATCH},
    {"[route r]", "match", "http://example.com/", MATCH},
    {"[route r]", "match", "/a?b", "a path has neither a query nor bytes outside ASCII; " MATCH},
    {"[route r]", "match", "/a b", "a path has neither a query nor bytes outside ASCII; " MATCH},
    {"[route r]", "origin", "ap",
     "there is no such origin (did you mean \"app\"?); allowed is the NAME of an [origin NAME]"},
    {"[route r]", "origin", "other",
     "there is no such origin; allowed is the NAME of an [origin NAME]"},
    {"[route r]", "push", "1", "allowed is on or off"},

    {"[tls]", "min_version", "1.1", "allowed is 1.2 or 1.3"},
    {"[tls]", "session_tickets", "", "allowed is on or off"},

    {"[push]", "enabled", "true", "allowed is on or off"},
    {"[push]", "max_per_page", "1001", "allowed is a whole number from 0 to 1000"},
    {"[push]", "max_per_connection", "many", "allowed is a whole number from 0 to 1000000"},
    {"[push]", "max_open", "0", "allowed is a whole number from 1 to 1000"},
    {"[push]", "request_headers", "cookie Host", "Host is never copied; " NAMES},
    {"[push]", "request_headers", "connection", "connection is never copied; " NAMES},
    {"[push]", "request_headers", "keep-alive", "keep-alive is never copied; " NAMES},
    {"[push]", "request_headers", "proxy-connection", "proxy-connection is never copied; " NAMES},
    {"[push]", "request_headers", "te", "te is never copied; " NAMES},
    {"[push]", "request_headers", "trailer", "trailer is never copied; " NAMES},
    {"[push]", "request_headers", "transfer-encoding", "transfer-encoding is never copied; " NAMES},
    {"[push]", "request_headers", "upgrade", "upgrade is never copied; " NAMES},
    {"[push]", "request_headers", "content-length", "content-length is never copied; " NAMES},
    {"[push]", "request_headers", "x-http2-push", "x-http2-push is never copied; " NAMES},
    {"[push]", "request_headers", "cf-h2-push-explain",
     "cf-h2-push-explain is never copied; " NAMES},
    {"[push]", "request_headers", ":path", "\":path\" cannot be the name of a field; " NAMES},
    {"[push]", "request_headers", "cookie, range",
     "\"cookie,\" cannot be the name of a field; " NAMES},
    {"[push]", "request_headers", "cookie Cookie", "Cookie is given twice; " NAMES},
    {"[push]", "retry_after", "60", NO_UNIT "allowed is a duration from 0s to 24h"},
    {"[push]", "retry_after", "25h", "allowed is a duration from 0s to 24h"},
    {"[push]", "max_wait", "0s", "allowed is a duration from 1ms to 1h"},
    {"[push]", "explain_from", "localhost", "\"localhost\" is no network; " NETWORKS},
    {"[push]", "explain_from", "::1 10.0.0.0/33", "\"10.0.0.0/33\" is no network; " NETWORKS},
    {"[push]", "explain_from", "fe80::/129", "\"fe80::/129\" is no network; " NETWORKS},
    {"[push]", "explain_from", "10.0.0.0/", "\"10.0.0.0/\" is no network; " NETWORKS},
    {"[push]", "explain_from", "10.0.0.1/8", "10.0.0.1/8 has bits behind its mask; " NETWORKS},

    {"[limits]", "header_list", "1023", "allowed is a size from 1k to 1m"},
    {"[limits]", "header_list", "1048577", "allowed is a size from 1k to 1m"},
    {"[limits]", "header_list", "64K", "allowed is a size from 1k to 1m"},
    {"[limits]", "header_list", "64 k", "allowed is a size from 1k to 1m"},
    {"[limits]", "header_list", "k", "allowed is a size from 1k to 1m"},
    {"[limits]", "header_list", "18014398509481985k", "allowed is a size from 1k to 1m"},
    {"[limits]", "origin_header", "2m", "allowed is a size from 1k to 1m"},
    {"[limits]", "connections_per_address", "1000001",
     "allowed is a whole number from 0 to 1000000"},
    {"[limits]", "resets", "0", "allowed is a whole number from 1 to 1000000"},
    {"[limits]", "idle_frames", "9", "allowed is a whole number from 10 to 1000000"},
    {"[limits]", "min_rate", "1k", "allowed is a whole number from 0 to 1000000"},
    {"[limits]", "memory", "1023k", MEMORY},
    {"[limits]", "memory", "1025g", MEMORY},
    {"[limits]", "memory", "0%", MEMORY},
    {"[limits]", "memory", "101%", MEMORY},
    {"[limits]", "memory", "%", MEMORY},
    {"[limits]", "memory", "25 %", MEMORY},
    {"[limits]", "memory", "", MEMORY},
    {"[limits]", "memory", "-1m", MEMORY},
    {"[limits]", "streams", "0", "allowed is a whole number from 1 to 1000"},
    {"[limits]", "streams", "1001", "allowed is a whole number from 1 to 1000"},

    {"[timeouts]", "handshake", "10", NO_UNIT TIME},
    {"[timeouts]", "header", "0ms", TIME},
    {"[timeouts]", "idle", "1d", TIME},
    {"[timeouts]", "stall", "1.5s", TIME},
    {"[timeouts]", "grace", "3", NO_UNIT "allowed is a duration from 0s to 24h"},
    {"[timeouts]", "connect", "-5s", TIME},
    {"[timeouts]", "queue", "s", TIME},
    {"[timeouts]", "response", "86400001ms", TIME},
    {"[timeouts]", "origin_stall", "18446744073709551616ms", TIME},
    {"[timeouts]", "exchange", "1", NO_UNIT "allowed is a duration from 0s to 24h"},
    {"[timeouts]", "origin_idle", "", TIME},
    {"[timeouts]", "drain", "5124095576030h", "allowed is a duration from 0s to 24h"},

    {"[log]", "access", "", "allowed is a path, stdout or off"},
    {"[log]", "format", "xml", "allowed is json or combined"},
    {"[log]", "level", "warn", "allowed is error, warning, info or debug"},
};

static const struct value GOOD[] = {
    {"", "coalesce", "0ms", "0s"},
    {"", "coalesce", "10ms", "10ms"},
    {"", "workers", "256", "256"},
    {"", "user", "www-data", "www-data"},
    {"", "user", "", ""},

    {"[listen main]", "address", "0.0.0.0:443", "0.0.0.0:443"},
    {"[admin]", "address", "127.0.0.1:9443", "127.0.0.1:9443"},
    {"[admin]", "address", "", ""},
    {"[listen main]", "address", "[::1]:0", "[::1]:0"},
    {"[listen main]", "address", "*:443", "*:443"},
    {"[listen main]", "address", ":443", ":443"},
    {"[listen main]", "address", "unix:/run/x.sock", "unix:/run/x.sock"},
    {"[listen main]", "address", "unix:" HUNDRED_BYTES "/234567", "unix:" HUNDRED_BYTES "/234567"},
    {"[listen main]", "address", "unix:x.sock", "unix:/etc/h/x.sock"},
    {"[listen main]", "forwarded", "append", "append"},
    {"[listen main]", "underscores", "keep", "keep"},
    {"[listen main]", "mode", "0666", "0666"},
    {"[listen main]", "mode", "660", "0660"},
    {"[listen main]", "mode", "0000", "0000"},
    {"[listen main]", "mode", "0777", "0777"},
    {"[listen main]", "group", "www-data", "www-data"},
    {"[listen main]", "group", "33", "33"},
    {"[listen main]", "group", "", ""},
    {"[admin]", "mode", "0600", "0600"},
    {"[admin]", "group", "adm", "adm"},
    {"[admin]", "hosts", "", ""},
    {"[admin]", "hosts", "Metrics.Internal  prometheus", "metrics.internal prometheus"},

    {"[certificate main]", "chain", "a b.pem", "/etc/h/a b.pem"},
    {"[certificate main]", "chain", "/a.pem", "/a.pem"},
    {"[certificate main]", "key", "../k.pem", "/etc/h/../k.pem"},

    {"[origin app]", "url", "http://LocalHost", "http://LocalHost"},
    {"[origin app]", "url", "HTTPS://[::1]:8443/", "HTTPS://[::1]:8443/"},
    {"[origin app]", "url", "http://unix:/run/app.sock", "http://unix:/run/app.sock"},
    {"[origin app]", "url", "http://unix:app.sock", "http://unix:/etc/h/app.sock"},
    {"[origin app]", "ca", "", ""},
    {"[origin app]", "ca", "ca.pem", "/etc/h/ca.pem"},
    {"[origin app]", "verify", "off", "off"},
    {"[origin app]", "via", "off", "off"},
    {"[origin app]", "strict", "on", "on"},
    {"[origin app]", "host", "", ""},
    {"[origin app]", "host", "[::1]:80", "[::1]:80"},
    {"[origin app]", "max_connections", "65535", "65535"},

    {"[route r]", "match", "*/", "*/"},
    {"[route r]", "match", "Example.com", "Example.com"},
    {"[route r]", "origin", "", "app"},
    {"[route r]", "origin", "app", "app"},
    {"[route r]", "push", "off", "off"},

    {"[tls]", "min_version", "1.3", "1.3"},
    {"[tls]", "session_tickets", "off", "off"},

    {"[push]", "enabled", "off", "off"},
    {"[push]", "max_per_page", "0", "0"},
    {"[push]", "max_per_connection", "1000000", "1000000"},
    {"[push]", "max_open", "1", "1"},
    {"[push]", "request_headers", "Cookie \t X-Tenant", "cookie x-tenant"},
    {"[push]", "request_headers", "", ""},
    {"[push]", "retry_after", "0s", "0s"},
    {"[push]", "retry_after", "90s", "90s"},
    {"[push]", "max_wait", "3600000ms", "1h"},
    {"[push]", "explain_from", "", ""},
    {"[push]", "explain_from", "10.0.0.0/8  ::1 0.0.0.0/0 192.0.2.1 fe80::/10 ::/0",
     "10.0.0.0/8 ::1 0.0.0.0/0 192.0.2.1 fe80::/10 ::/0"},
    {"[push]", "explain_from", "::ffff:10.0.0.0/104", "10.0.0.0/8"},

    {"[limits]", "header_list", "1024", "1k"},
    {"[limits]", "header_list", "1m", "1m"},
    {"[limits]", "origin_header", "1025", "1025"},
    {"[limits]", "streams", "1000", "1000"},
    {"[limits]", "connections_per_address", "0", "0"},
    {"[limits]", "resets", "1", "1"},
    {"[limits]", "min_rate", "0", "0"},
    {"[limits]", "idle_frames", "10", "10"},
    {"[limits]", "memory", "0", "0"},
    {"[limits]", "memory", "1m", "1m"},
    {"[limits]", "memory", "1048577", "1048577"},
    {"[limits]", "memory", "1536m", "1536m"},
    {"[limits]", "memory", "2048m", "2g"},
    {"[limits]", "memory", "1024g", "1024g"},
    {"[limits]", "memory", "1%", "1%"},
    {"[limits]", "memory", "100%", "100%"},

    {"[timeouts]", "handshake", "250ms", "250ms"},
    {"[timeouts]", "header", "60s", "1m"},
    {"[timeouts]", "idle", "24h", "24h"},
    {"[timeouts]", "stall", "1ms", "1ms"},
    {"[timeouts]", "grace", "0s", "0s"},
    {"[timeouts]", "grace", "1500ms", "1500ms"},
    {"[timeouts]", "connect", "2m", "2m"},
    {"[timeouts]", "queue", "61s", "61s"},
    {"[timeouts]", "response", "90m", "90m"},
    {"[timeouts]", "origin_stall", "7s", "7s"},
    {"[timeouts]", "exchange", "0s", "0s"},
    {"[timeouts]", "exchange", "5m", "5m"},
    {"[timeouts]", "origin_idle", "8s", "8s"},
    {"[timeouts]", "drain", "0s", "0s"},

    {"[log]", "access", "off", "off"},
    {"[log]", "access", "access.log", "/etc/h/access.log"},
    {"[log]", "format", "combined", "combined"},
    {"[log]", "level", "debug", "debug"},
};

/* A file whose first section has the value, and what else it needs to be whole. */
static void write_file(char *text, size_t room, const struct value *v)
{
    static const char *const needed[][3] = {
        {"[listen main]", "address = 127.0.0.1:8443", ""},
        {"[certificate main]", "chain = cert.pem", "key = key.pem"},
        {"[origin app]", "url = http://127.0.0.1:8080", ""},
    };
    size_t option_len = strlen(v->option);
    size_t used = (size_t)snprintf(text, room, "%s\n%s = %s\n", v->section, v->option, v->value);
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
            bool is_own = strcmp(needed[i][0], v->section) == 0;
            if (is_own != (pass == 0))
                continue;
            for (size_t j = is_own ? 1 : 0; j < 3; j++) {
                bool is_value = is_own && strncmp(needed[i][j], v->option, option_len) == 0;
                used += (size_t)snprintf(text + used, room - used, "%s\n",
                                         is_value ? "" : needed[i][j]);
            }
        }
    }
    assert_true(used < room);
}

static void wrong_values_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    char text[2048], error[CONFIG_ERROR_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        const struct value *v = &BAD[i];
        write_file(text, sizeof text, v);
        snprintf(error, sizeof error, "%s:2: %s%s%s = %s: %s", FIXTURE_FILE, v->section,
                 v->section[0] ? " " : "", v->option, v->value, v->outcome);
        fixture_refused(span_str(text), error);
    }
}

/* The lines of one section, cut out of a dump. */
static char *section_of(char *dump, const char *header)
{
    char *section = strstr(dump, header);
    assert_non_null(section);
    char *end = strstr(section, "\n\n");
    if (end)
        end[1] = '\0';
    return section;
}

static void right_values_are_printed_as_they_were_understood(void **state)
{
    (void)state;
    char text[2048], line[512];
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        const struct value *v = &GOOD[i];
        write_file(text, sizeof text, v);
        struct config *c = fixture_config(text);
        char *dump = fixture_dump(c);
        char *section = section_of(dump, v->section);
        snprintf(line, sizeof line, "%s = %s\n", v->option, v->outcome);
        if (!strstr(section, line))
            fail_msg("no \"%s\" in:\n%s", line, section);
        free(dump);
        config_free(c);
    }
}

/* An option without a row here would be one whose mistakes nobody has looked at. */
static void every_option_has_wrong_and_right_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s%s", kind->name[0] ? "[" : "", kind->name);
        for (size_t j = 0; j < kind->options_len; j++) {
            const struct option *option = &kind->options[j];
            size_t bad = 0, good = 0;
            for (size_t k = 0; k < ARRAY_LEN(BAD); k++)
                bad += strncmp(BAD[k].section, prefix, strlen(prefix)) == 0 &&
                       strcmp(BAD[k].option, option->name) == 0;
            for (size_t k = 0; k < ARRAY_LEN(GOOD); k++)
                good += strncmp(GOOD[k].section, prefix, strlen(prefix)) == 0 &&
                        strcmp(GOOD[k].option, option->name) == 0;
            bool may_be_anything = option->type == &type_path && option->fallback;
            if ((bad == 0 && !may_be_anything) || good == 0)
                fail_msg("%s %s has %zu bad and %zu good values", prefix, option->name, bad, good);
        }
    }
}

static void long_values_are_cut_in_messages(void **state)
{
    (void)state;
    struct config_error error = {""};
    struct config *c =
        config_parse(SPAN("user = " HUNDRED_BYTES HUNDRED_BYTES HUNDRED_BYTES HUNDRED_BYTES
                          "\n" FIXTURE_SMALLEST),
                     "f", &error);
    assert_null(c);
    assert_string_equal(error.text, "f:1: user = " HUNDRED_BYTES "/23456789_/23456789_: " USER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_refused_with_what_is_allowed),
        cmocka_unit_test(right_values_are_printed_as_they_were_understood),
        cmocka_unit_test(every_option_has_wrong_and_right_values),
        cmocka_unit_test(long_values_are_cut_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
