/* Certificates and keys that are wrong are said so when the configuration is checked, in one line
 * each, and again at start. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cert.h"
#include "rig.h"

enum { HOUR_S = 3600, LINES = 4 };

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define LISTEN    "[listen main]\naddress = 127.0.0.1:0\n"
#define ORIGIN    "[origin app]\nurl = http://127.0.0.1:8080\n"
#define CERTIFICATE(section, chain, key)                                                           \
    "[certificate " section "]\nchain = " chain "\nkey = " key "\n"
#define ROUTE(section, match) "[route " section "]\nmatch = " match "\n"

/* What the check says of a proxy.conf: the parts of each line that it must say. */
struct certificate_case {
    const char *name, *text;
    int status;
    const char *lines[LINES][3];
};

static size_t lines_wanted(const struct certificate_case *c)
{
    size_t n = 0;
    while (n < LINES && c->lines[n][0])
        n++;
    return n;
}

/* Every line of `text` has its parts, and there are no others, but for what root is always told. */
static bool lines_are(char *text, const struct certificate_case *c)
{
    size_t n = 0;
    for (char *end; (end = strchr(text, '\n')); text = end + 1) {
        *end = '\0';
        if (strstr(text, "it serves clients as root")) {
            *end = '\n';
            continue;
        }
        bool fits = n < lines_wanted(c);
        for (size_t i = 0; fits && i < 3 && c->lines[n][i]; i++)
            fits = strstr(text, c->lines[n][i]) != NULL;
        *end = '\n';
        if (!fits)
            return false;
        n++;
    }
    return n == lines_wanted(c);
}

static void check_cases(struct rig *rig, const struct certificate_case *cases, size_t len)
{
    const char *path = rig_text(rig, "%s/proxy.conf", rig->dir);
    for (size_t i = 0; i < len; i++) {
        char *err;
        check_write_file(path, cases[i].text);
        int status = daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, &err);
        if (status != cases[i].status || !lines_are(err, &cases[i]))
            fail_msg("%s: status %d, said:\n%s", cases[i].name, status, err);
        free(err);
    }
}

static void files_that_cannot_be_used_are_refused_in_one_line(void **state)
{
    static const struct certificate_case cases[] = {
        {"another's key",
         LISTEN CERTIFICATE("main", "main.pem", "other.key") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: key ", "other.key: does not belong"}}},
        {"a folder",
         LISTEN CERTIFICATE("main", "folder", "main.key") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: chain ", "folder: Is a directory"}}},
        {"no such chain",
         LISTEN CERTIFICATE("main", "gone.pem", "main.key") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: chain ", "gone.pem: No such file"}}},
        {"no such key",
         LISTEN CERTIFICATE("main", "main.pem", "gone.key") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: key ", "gone.key: No such file"}}},
        {"a key in place of the chain",
         LISTEN CERTIFICATE("main", "main.key", "main.key") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: chain ", "main.key: holds no certificate"}}},
        {"a chain in place of the key",
         LISTEN CERTIFICATE("main", "main.pem", "main.pem") ORIGIN,
         1,
         {{"proxy.conf:3: [certificate main]: key ", "main.pem: holds no private key"}}},
        {"the second of two",
         LISTEN CERTIFICATE("main", "main.pem", "main.key")
             CERTIFICATE("late", "other.pem", "main.key") ORIGIN,
         1,
         {{"proxy.conf:6: [certificate late]: key ", "main.key: does not belong"}}},
    };
    struct rig *rig = *state;
    assert_int_equal(mkdir(rig_text(rig, "%s/folder", rig->dir), 0700), 0);
    check_cases(rig, cases, CHECK_LEN(cases));
}

static void days_that_are_not_today_are_warned_of(void **state)
{
    static const struct certificate_case cases[] = {
        {"of today", LISTEN CERTIFICATE("main", "main.pem", "main.key") ORIGIN, 0, {{NULL}}},
        {"expired",
         LISTEN CERTIFICATE("main", "expired.pem", "expired.key") ORIGIN,
         0,
         {{"proxy.conf:3: [certificate main]: chain ", "expired.pem: the certificate expired on 2",
           "clients will refuse it"}}},
        {"not yet valid",
         LISTEN CERTIFICATE("main", "early.pem", "early.key") ORIGIN,
         0,
         {{"proxy.conf:3: [certificate main]: chain ",
           "early.pem: the certificate is not valid before 2", "clients will refuse it"}}},
    };
    struct rig *rig = *state;
    cert_make_between(rig->dir, "ca", "expired", "DNS:example.com", -48 * HOUR_S, -HOUR_S);
    cert_make_between(rig->dir, "ca", "early", "DNS:example.com", HOUR_S, 48 * HOUR_S);
    check_cases(rig, cases, CHECK_LEN(cases));
}

#define MAIN       CERTIFICATE("main", "main.pem", "main.key")
#define OTHER      CERTIFICATE("other", "other.pem", "other.key")
#define MAIN_NAMES "example.com, localhost, 127.0.0.1"

static void names_that_do_not_belong_together_are_warned_of(void **state)
{
    static const struct certificate_case cases[] = {
        {"no host is named", LISTEN OTHER ORIGIN ROUTE("all", "/"), 0, {{NULL}}},
        {"the host itself", LISTEN MAIN ORIGIN ROUTE("all", "Example.com/"), 0, {{NULL}}},
        {"its address", LISTEN MAIN ORIGIN ROUTE("all", "127.0.0.1"), 0, {{NULL}}},
        {"a name under a wildcard",
         LISTEN OTHER ORIGIN ROUTE("all", "www.wild.example"),
         0,
         {{NULL}}},
        {"a wildcard", LISTEN OTHER ORIGIN ROUTE("all", "*.wild.example"), 0, {{NULL}}},
        {"a wildcard over a name", LISTEN OTHER ORIGIN ROUTE("all", "*.example"), 0, {{NULL}}},
        {"each has its own",
         LISTEN MAIN OTHER ORIGIN ROUTE("one", "other.example") ROUTE("two", "example.com/a"),
         0,
         {{NULL}}},
        {"a host that no certificate is for, once for all its routes",
         LISTEN MAIN ORIGIN ROUTE("one", "example.com") ROUTE("two", "www.example.com/a")
             ROUTE("three", "www.example.com/b"),
         0,
         {{"proxy.conf:10: [route two] match = www.example.com/a: no certificate is for this host",
           "[certificate main], which is for " MAIN_NAMES ";", "allowed is a host"}}},
        {"a wildcard is one label",
         LISTEN MAIN OTHER ORIGIN ROUTE("one", "example.com") ROUTE("two", "a.b.wild.example")
             ROUTE("three", "*.wild.example"),
         0,
         {{"proxy.conf:13: [route two] match = a.b.wild.example: no certificate is for this host"}}},
        {"a certificate of no host",
         LISTEN MAIN OTHER ORIGIN ROUTE("one", "example.com"),
         0,
         {{"proxy.conf:6: [certificate other]: chain ",
           "the certificate is for other.example, *.wild.example, and for none of the hosts",
           "allowed is one that is for the host of a [route NAME]"}}},
        {"any host is meant too",
         LISTEN MAIN OTHER ORIGIN ROUTE("one", "example.com") ROUTE("any", "/"),
         0,
         {{NULL}}},
        {"neither",
         LISTEN OTHER ORIGIN ROUTE("one", "example.com"),
         0,
         {{"proxy.conf:8: [route one] match = example.com: no certificate"},
          {"proxy.conf:3: [certificate other]: chain "}}},
    };
    check_cases(*state, cases, CHECK_LEN(cases));
}

#define CREDENTIAL "/run/credentials/headstart.service/"
#define UNSEEN     "is not checked: systemd hands it to the service alone"

/* The example's key is there for the service only; the rest is checked all the same. */
static void credential_of_the_service_is_not_needed_to_check(void **state)
{
    static const struct certificate_case cases[] = {
        {"key",
         LISTEN ORIGIN CERTIFICATE("main", "main.pem", CREDENTIAL "none.key"),
         0,
         {{"headstart: warning: ", "proxy.conf:5: [certificate main]: key " CREDENTIAL "none.key",
           UNSEEN}}},
        {"key and chain",
         LISTEN ORIGIN CERTIFICATE("main", CREDENTIAL "none.pem", CREDENTIAL "none.key")
             ROUTE("one", "www.example.com"),
         0,
         {{": chain " CREDENTIAL "none.pem", UNSEEN}, {": key " CREDENTIAL "none.key", UNSEEN}}},
        {"keys of two",
         LISTEN ORIGIN CERTIFICATE("main", "main.pem", CREDENTIAL "none.key")
             CERTIFICATE("again", "main.pem", CREDENTIAL "again.key"),
         0,
         {{"[certificate main]: key ", UNSEEN}, {"[certificate again]: key ", UNSEEN}}},
        {"chain that is missing",
         LISTEN ORIGIN CERTIFICATE("main", "gone.pem", CREDENTIAL "none.key"),
         1,
         {{"proxy.conf:5: [certificate main]: chain ", "gone.pem: No such file or directory"}}},
        {"name that no certificate has",
         LISTEN ORIGIN CERTIFICATE("main", "main.pem", CREDENTIAL "none.key")
             ROUTE("one", "www.example.com"),
         0,
         {{UNSEEN},
          {"no certificate is for this host"},
          {": chain ", "and for none of the hosts of the routes"}}},
        {"key elsewhere",
         LISTEN ORIGIN CERTIFICATE("main", "main.pem", "/run/other/none.key"),
         1,
         {{"key /run/other/none.key: No such file or directory"}}},
    };
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/proxy.conf", rig->dir);
    char *err;
    check_cases(rig, cases, CHECK_LEN(cases));
    /* The service has them, or does not start. */
    check_write_file(path, cases[0].text);
    assert_int_equal(daemon_run(rig->dir, ARGS("-c", path), NULL, &err), 1);
    check_holds(err, "none.key: No such file or directory\n");
    free(err);
    setenv("CREDENTIALS_DIRECTORY", CREDENTIAL, 1);
    int status = daemon_run(rig->dir, ARGS("-t", "-c", path), NULL, NULL);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(status, 1);
    assert_int_equal(daemon_run(rig->dir, ARGS("--dump-config", "-c", path), NULL, NULL), 0);
}

static void the_same_is_said_at_start_and_all_else_works(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf =
        rig_text(rig, "[origin app]\n%s" ROUTE("one", "www.example.com"), rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf});
    assert_true(daemon_says(rig->daemon,
                            "[route one] match = www.example.com: no certificate is for this host",
                            CHECK_SOON_MS));
    struct peer *p = rig_peer(rig, NULL);
    int32_t id = peer_send(p, &(struct peer_request){.authority = "www.example.com", .path = "/"});
    assert_int_equal(peer_until_closed(p, id)->status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(files_that_cannot_be_used_are_refused_in_one_line),
        RIG_TEST(days_that_are_not_today_are_warned_of),
        RIG_TEST(names_that_do_not_belong_together_are_warned_of),
        RIG_TEST(credential_of_the_service_is_not_needed_to_check),
        RIG_TEST(the_same_is_said_at_start_and_all_else_works),
    };
    return rig_run(tests);
}
