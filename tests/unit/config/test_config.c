#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#define F FIXTURE_FILE ":"

static void smallest_file_gets_every_default(void **state)
{
    (void)state;
    struct config *c = fixture_config(FIXTURE_SMALLEST);
    assert_string_equal(c->file, FIXTURE_FILE);
    assert_int_equal(c->workers, 0);
    assert_null(c->user);
    assert_int_equal(c->listens_len, 1);
    assert_int_equal(c->listens[0].forwarded, CONFIG_FORWARDED_REPLACE);
    assert_int_equal(c->listens[0].underscores, CONFIG_UNDERSCORES_DROP);
    assert_int_equal(c->certificates_len, 1);
    assert_string_equal(c->certificates[0].chain, "/etc/h/cert.pem");
    assert_string_equal(c->certificates[0].key, "/etc/h/key.pem");
    assert_int_equal(c->origins_len, 1);
    assert_null(c->origins[0].ca);
    assert_true(c->origins[0].verify);
    assert_false(c->origins[0].strict);
    assert_null(c->origins[0].host);
    assert_true(c->origins[0].via);
    assert_int_equal(c->origins[0].max_connections, 256);
    assert_int_equal(c->tls.min_version, 2);
    assert_true(c->tls.session_tickets);
    assert_true(c->push.enabled);
    assert_int_equal(c->push.max_per_page, 50);
    assert_int_equal(c->push.max_per_connection, 0);
    assert_int_equal(c->push.max_open, 100);
    assert_int_equal(c->push.request_headers.len, 0);
    assert_int_equal(c->push.retry_after_ms, 60000);
    assert_int_equal(c->push.max_wait_ms, 1000);
    assert_int_equal(c->push.explain_from.len, 2);
    assert_int_equal(c->limits.header_list_bytes, 65536);
    assert_int_equal(c->limits.origin_header_bytes, 65536);
    assert_int_equal(c->limits.streams, 100);
    assert_int_equal(c->limits.connections_per_address, 1000);
    assert_int_equal(c->limits.resets, 500);
    assert_int_equal(c->limits.min_rate, 50);
    assert_int_equal(c->limits.memory.percent, 25);
    assert_int_equal(c->limits.memory.bytes, 0);
    assert_int_equal(c->limits.idle_frames, 2000);
    assert_int_equal(c->timeouts.handshake_ms, 10000);
    assert_int_equal(c->timeouts.header_ms, 10000);
    assert_int_equal(c->timeouts.idle_ms, 180000);
    assert_int_equal(c->timeouts.stall_ms, 60000);
    assert_int_equal(c->timeouts.grace_ms, 3000);
    assert_int_equal(c->timeouts.connect_ms, 5000);
    assert_int_equal(c->timeouts.queue_ms, 10000);
    assert_int_equal(c->timeouts.response_ms, 60000);
    assert_int_equal(c->timeouts.origin_stall_ms, 60000);
    assert_int_equal(c->timeouts.exchange_ms, 0);
    assert_int_equal(c->timeouts.origin_idle_ms, 60000);
    assert_int_equal(c->timeouts.drain_ms, 30000);
    assert_string_equal(c->log.access, "stdout");
    assert_int_equal(c->log.format, CONFIG_LOG_JSON);
    assert_int_equal(c->log.level, 2);
    assert_int_equal(c->admin.address.len, 0);
    config_free(c);
}

static void one_origin_without_routes_gets_all_requests(void **state)
{
    (void)state;
    struct config *c = fixture_config(FIXTURE_SMALLEST);
    assert_int_equal(c->routes_len, 1);
    assert_string_equal(c->routes[0].name, "all");
    assert_int_equal(c->routes[0].host.len, 0);
    assert_true(span_eq(c->routes[0].prefix, SPAN("/")));
    assert_ptr_equal(c->routes[0].origin, &c->origins[0]);
    assert_true(c->routes[0].push);
    config_free(c);
}

struct listener {
    const char *text;
    int family;
    const char *ip; /* or a path */
    unsigned port;
};

static void addresses_become_socket_addresses(void **state)
{
    (void)state;
    static const struct listener cases[] = {
        {"127.0.0.1:8443", AF_INET, "127.0.0.1", 8443},
        {"0.0.0.0:0", AF_INET, "0.0.0.0", 0},
        {"[2001:db8::1]:65535", AF_INET6, "2001:db8::1", 65535},
        {"[::]:443", AF_INET6, "::", 443},
        {"*:443", AF_INET6, "::", 443},
        {":443", AF_INET6, "::", 443},
        {"unix:/run/x.sock", AF_UNIX, "/run/x.sock", 0},
        {"unix:x.sock", AF_UNIX, "/etc/h/x.sock", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512], ip[INET6_ADDRSTRLEN];
        snprintf(text, sizeof text, "[listen a]\naddress = %s\n%s%s", cases[i].text,
                 FIXTURE_CERTIFICATE, FIXTURE_ORIGIN);
        struct config *c = fixture_config(text);
        const struct config_address *a = &c->listens[0].address;
        const struct sockaddr_in *v4 = (const void *)&a->storage;
        const struct sockaddr_in6 *v6 = (const void *)&a->storage;
        const struct sockaddr_un *un = (const void *)&a->storage;
        assert_int_equal(a->storage.ss_family, cases[i].family);
        if (cases[i].family == AF_UNIX) {
            assert_int_equal(a->len, sizeof *un);
            assert_string_equal(un->sun_path, cases[i].ip);
        } else {
            bool is_v4 = cases[i].family == AF_INET;
            const void *bytes = is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr;
            assert_int_equal(a->len, is_v4 ? sizeof *v4 : sizeof *v6);
            assert_int_equal(ntohs(is_v4 ? v4->sin_port : v6->sin6_port), cases[i].port);
            assert_string_equal(inet_ntop(cases[i].family, bytes, ip, sizeof ip), cases[i].ip);
        }
        config_free(c);
    }
}

struct origin_url {
    const char *text, *host, *unix_path;
    unsigned port;
    bool tls;
};

static void origin_urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct origin_url cases[] = {
        {"http://app", "app", NULL, 80, false},
        {"http://app.example:8080/", "app.example", NULL, 8080, false},
        {"https://app", "app", NULL, 443, true},
        {"https://[::1]:8443", "::1", NULL, 8443, true},
        {"http://[2001:db8::1]", "2001:db8::1", NULL, 80, false},
        {"http://unix:/run/app.sock", NULL, "/run/app.sock", 80, false},
        {"http://unix:run/app.sock", NULL, "/etc/h/run/app.sock", 80, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s[origin app]\nurl = %s\n", FIXTURE_LISTEN,
                 FIXTURE_CERTIFICATE, cases[i].text);
        struct config *c = fixture_config(text);
        const struct config_url *url = &c->origins[0].url;
        assert_int_equal(url->port, cases[i].port);
        assert_int_equal(url->tls, cases[i].tls);
        assert_int_equal(!url->host, !cases[i].host);
        assert_int_equal(!url->unix_path, !cases[i].unix_path);
        if (url->host)
            assert_string_equal(url->host, cases[i].host);
        if (url->unix_path)
            assert_string_equal(url->unix_path, cases[i].unix_path);
        config_free(c);
    }
}

static void names_are_kept_in_lower_case(void **state)
{
    (void)state;
    struct config *c =
        fixture_config(FIXTURE_SMALLEST "[push]\nrequest_headers = Cookie x-Tenant\n");
    assert_int_equal(c->push.request_headers.len, 2);
    assert_true(span_eq(c->push.request_headers.at[0], SPAN("cookie")));
    assert_true(span_eq(c->push.request_headers.at[1], SPAN("x-tenant")));
    config_free(c);
}

static void sections_of_one_kind_keep_their_order(void **state)
{
    (void)state;
    struct config *c = fixture_config(
        "[route b]\norigin = b\nmatch = b\n[origin b]\nurl = http://b\n" FIXTURE_SMALLEST
        "[certificate z]\nchain = z\nkey = z\n[certificate a]\nchain = a\nkey = a\n"
        "[route app]\norigin = app\n");
    assert_int_equal(c->certificates_len, 3);
    assert_string_equal(c->certificates[0].name, "main");
    assert_string_equal(c->certificates[1].name, "z");
    assert_string_equal(c->certificates[2].name, "a");
    assert_string_equal(c->routes[0].origin->name, "b");
    assert_string_equal(c->routes[1].origin->name, "app");
    config_free(c);
}

#define ANOTHER "allowed is another port or another address"

struct refusal {
    const char *text, *error;
};

static void what_cannot_work_as_a_whole_is_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", FIXTURE_FILE ": there is no [listen NAME]; at least one is needed"},
        {FIXTURE_LISTEN FIXTURE_ORIGIN,
         FIXTURE_FILE ": there is no [certificate NAME]; at least one is needed"},
        {FIXTURE_LISTEN FIXTURE_CERTIFICATE,
         FIXTURE_FILE ": there is no [origin NAME]; at least one is needed"},
        {"\n[listen main]\n" FIXTURE_CERTIFICATE FIXTURE_ORIGIN,
         F "2: [listen main] needs \"address\": allowed is IPV4:PORT, [IPV6]:PORT, *:PORT or "
           "unix:PATH"},
        {FIXTURE_LISTEN "[certificate main]\nchain = c\n" FIXTURE_ORIGIN,
         F "3: [certificate main] needs \"key\": allowed is a path"},
        {FIXTURE_LISTEN "[certificate main]\nkey = c\n" FIXTURE_ORIGIN,
         F "3: [certificate main] needs \"chain\": allowed is a path"},
        {FIXTURE_LISTEN FIXTURE_CERTIFICATE "[origin app]\nverify = off\n",
         F "6: [origin app] needs \"url\": allowed is http://HOST[:PORT], https://HOST[:PORT] or "
           "http://unix:PATH"},
        {FIXTURE_SMALLEST "[listen two]\naddress = 127.0.0.1:8443\n",
         F "8: [listen two] address = 127.0.0.1:8443 overlaps 127.0.0.1:8443 of [listen main] in "
           "line 1; " ANOTHER},
        {"[listen a]\naddress = *:443\n[listen b]\naddress = [::]:443\n" FIXTURE_CERTIFICATE
             FIXTURE_ORIGIN,
         F "3: [listen b] address = [::]:443 overlaps *:443 of [listen a] in line 1; " ANOTHER},
        {"[listen a]\naddress = unix:s\n[listen b]\naddress = unix:/etc/h/s\n" FIXTURE_CERTIFICATE
             FIXTURE_ORIGIN,
         F
         "3: [listen b] address = unix:/etc/h/s overlaps unix:/etc/h/s of [listen a] in line 1; " ANOTHER},
        {FIXTURE_SMALLEST "[admin]\n\naddress = *:8443\n", F
         "10: [admin] address = *:8443 overlaps 127.0.0.1:8443 of [listen main] in line 1; " ANOTHER},
        {FIXTURE_LISTEN FIXTURE_CERTIFICATE "[origin app]\nurl = https://localhost:8443\n",
         F "6: [origin app] url = https://localhost:8443: headstart itself listens there, on "
           "127.0.0.1:8443 of [listen main] in line 1; name the server that has the pages"},
        {FIXTURE_SMALLEST "[route a]\nmatch = *\n[route b]\n",
         F "10: [route b] matches the same as [route a] in line 8"},
        {FIXTURE_SMALLEST "[route a]\nmatch = A.com/x\n[route b]\nmatch = a.com/x\n",
         F "10: [route b] matches the same as [route a] in line 8"},
        {FIXTURE_SMALLEST "[origin b]\nurl = http://b\n",
         F "6: [origin app] has no route; where there are several origins, each needs a [route "
           "NAME] with origin = app"},
        {FIXTURE_SMALLEST "[origin b]\nurl = http://b\n[route r]\norigin = app\n",
         F "8: [origin b] has no route; where there are several origins, each needs a [route NAME] "
           "with origin = b"},
        {FIXTURE_SMALLEST "[origin b]\nurl = http://b\n[route r]\n",
         F "10: [route r] needs \"origin\": there are several origins; allowed is the NAME of an "
           "[origin NAME]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        fixture_refused(span_str(cases[i].text), cases[i].error);
}

static void port_zero_may_be_given_twice(void **state)
{
    (void)state;
    config_free(fixture_config("[listen a]\naddress = 127.0.0.1:0\n[listen b]\naddress = "
                               "127.0.0.1:0\n[listen c]\naddress = :0\n[listen d]\naddress = "
                               ":0\n" FIXTURE_CERTIFICATE FIXTURE_ORIGIN));
}

static void relative_paths_begin_in_the_folder_of_the_file(void **state)
{
    (void)state;
    char cwd[512], expected[600];
    static const char *const files[][2] = {
        {"/proxy.conf", "/cert.pem"},
        {"/a/b/proxy.conf", "/a/b/cert.pem"},
        {"proxy.conf", NULL},
        {"conf/proxy.conf", NULL},
    };
    assert_non_null(getcwd(cwd, sizeof cwd));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct config_error error = {""};
        struct config *c = config_parse(SPAN(FIXTURE_SMALLEST), files[i][0], &error);
        assert_non_null(c);
        snprintf(expected, sizeof expected, "%s/%scert.pem", cwd, i == 3 ? "conf/" : "");
        assert_string_equal(c->certificates[0].chain, files[i][1] ? files[i][1] : expected);
        config_free(c);
    }
}

static void file_is_read_from_disk(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config_XXXXXX";
    struct config_error error = {""};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, FIXTURE_SMALLEST, strlen(FIXTURE_SMALLEST)),
                     strlen(FIXTURE_SMALLEST));
    close(fd);
    struct config *c = config_load(path, &error);
    unlink(path);
    assert_non_null(c);
    assert_string_equal(c->file, path);
    assert_string_equal(c->certificates[0].key, "/tmp/key.pem");
    config_free(c);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct config_error error = {""};
    assert_null(config_load("/nowhere/proxy.conf", &error));
    assert_string_equal(error.text,
                        "/nowhere/proxy.conf: cannot be read: No such file or directory");
    assert_null(config_load("/", &error));
    assert_string_equal(error.text, "/: cannot be read: Is a directory");
    assert_null(config_load("/dev/zero", &error));
    assert_string_equal(error.text,
                        "/dev/zero: the file has more than the 1048576 bytes that are allowed");
}

static void quick_start_needs_only_an_origin(void **state)
{
    (void)state;
    struct config_error error = {""};
    struct config *c = config_quick("http://127.0.0.1:8080", NULL, NULL, NULL, &error);
    assert_non_null(c);
    assert_string_equal(c->file, "command line");
    assert_string_equal(c->listens[0].address.text, "127.0.0.1:8443");
    assert_int_equal(c->listens[0].line, 0);
    assert_int_equal(c->certificates_len, 1);
    assert_null(c->certificates[0].chain);
    assert_null(c->certificates[0].key);
    assert_string_equal(c->origins[0].url.host, "127.0.0.1");
    assert_ptr_equal(c->routes[0].origin, &c->origins[0]);
    assert_int_equal(c->limits.streams, 100);
    config_free(c);
}

static void quick_start_takes_listener_and_certificate(void **state)
{
    (void)state;
    struct config_error error = {""};
    char cwd[512], chain[600];
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(chain, sizeof chain, "%s/cert.pem", cwd);
    struct config *c = config_quick("http://unix:/s", "[::1]:0", "cert.pem", "/key.pem", &error);
    assert_non_null(c);
    assert_string_equal(c->listens[0].address.text, "[::1]:0");
    assert_string_equal(c->certificates[0].chain, chain);
    assert_string_equal(c->certificates[0].key, "/key.pem");
    assert_string_equal(c->origins[0].url.unix_path, "/s");
    config_free(c);
}

static void quick_start_names_the_wrong_flag(void **state)
{
    (void)state;
    static const char *const cases[][5] = {
        {"ftp://x", NULL, NULL, NULL,
         "command line: --origin ftp://x: allowed is http://HOST[:PORT], https://HOST[:PORT] or "
         "http://unix:PATH"},
        {"http://me@x", NULL, NULL, NULL,
         "command line: --origin http://me@x: a user's name and password cannot be given; allowed "
         "is http://HOST[:PORT], https://HOST[:PORT] or http://unix:PATH"},
        {"a\nb", NULL, NULL, NULL,
         "command line: --origin a\\x0ab: allowed is http://HOST[:PORT], https://HOST[:PORT] or "
         "http://unix:PATH"},
        {"https://127.0.0.1:8443", NULL, NULL, NULL,
         "command line: --origin https://127.0.0.1:8443: headstart itself listens there, on "
         "127.0.0.1:8443; name the server that has the pages"},
        {"http://x", "443", NULL, NULL,
         "command line: --listen 443: allowed is IPV4:PORT, [IPV6]:PORT, *:PORT or unix:PATH"},
        {"http://x", NULL, "c", NULL,
         "command line: --certificate and --key are given together or not at all"},
        {"http://x", NULL, NULL, "k",
         "command line: --certificate and --key are given together or not at all"},
        {"http://x", NULL, "", "k", "command line: --certificate : allowed is a path"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config_error error = {""};
        const char *const *a = cases[i];
        assert_null(config_quick(a[0], a[1], a[2], a[3], &error));
        assert_string_equal(error.text, a[4]);
    }
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_file_gets_every_default),
        cmocka_unit_test(one_origin_without_routes_gets_all_requests),
        cmocka_unit_test(addresses_become_socket_addresses),
        cmocka_unit_test(origin_urls_are_taken_apart),
        cmocka_unit_test(names_are_kept_in_lower_case),
        cmocka_unit_test(sections_of_one_kind_keep_their_order),
        cmocka_unit_test(what_cannot_work_as_a_whole_is_refused),
        cmocka_unit_test(port_zero_may_be_given_twice),
        cmocka_unit_test(relative_paths_begin_in_the_folder_of_the_file),
        cmocka_unit_test(file_is_read_from_disk),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(quick_start_needs_only_an_origin),
        cmocka_unit_test(quick_start_takes_listener_and_certificate),
        cmocka_unit_test(quick_start_names_the_wrong_flag),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
