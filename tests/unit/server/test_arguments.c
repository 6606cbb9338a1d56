#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/arguments.h"

enum { MOST_WORDS = 12 };

/* Splits `line` at its spaces into what main() gets, with the program's name before it. */
static int split(char *line, char *argv[MOST_WORDS])
{
    static char name[] = "headstart";
    int argc = 0;
    argv[argc++] = name;
    while (*line != '\0' && argc < MOST_WORDS - 1) {
        size_t len = strcspn(line, " ");
        argv[argc++] = line;
        line += len;
        if (*line != '\0')
            *line++ = '\0';
    }
    argv[argc] = NULL;
    return argc;
}

/* Reads `line`; what goes to stderr meanwhile is put in `said`. */
static bool read_line(struct arguments *a, const char *line, char *words, size_t room, char *said,
                      size_t said_bytes)
{
    char *argv[MOST_WORDS];
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_true(file && before >= 0);
    assert_true(strlen(line) < room);
    memcpy(words, line, strlen(line) + 1);
    int argc = split(words, argv);
    optind = 0; /* getopt's own state begins anew */
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    bool fine = arguments_read(a, argc, argv);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    said[fread(said, 1, said_bytes - 1, file)] = '\0';
    fclose(file);
    return fine;
}

static void assert_text(const char *actual, const char *expected)
{
    if (expected)
        assert_string_equal(actual, expected);
    else
        assert_null(actual);
}

static void what_goes_together_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        struct arguments out;
    } cases[] = {
        {"", {.action = ACTION_RUN, .file = ARGUMENTS_DEFAULT_FILE}},
        {"-c f", {.action = ACTION_RUN, .file = "f"}},
        {"-cf", {.action = ACTION_RUN, .file = "f"}},
        {"--config f", {.action = ACTION_RUN, .file = "f"}},
        {"--config=f", {.action = ACTION_RUN, .file = "f"}},
        {"-c demo", {.action = ACTION_RUN, .file = "demo"}},
        {"-t", {.action = ACTION_TEST, .file = ARGUMENTS_DEFAULT_FILE}},
        {"-t -c f", {.action = ACTION_TEST, .file = "f"}},
        {"-tc f", {.action = ACTION_TEST, .file = "f"}},
        {"--test", {.action = ACTION_TEST, .file = ARGUMENTS_DEFAULT_FILE}},
        {"--dump-config -c f", {.action = ACTION_DUMP, .file = "f"}},
        {"-h", {.action = ACTION_HELP, .file = ARGUMENTS_DEFAULT_FILE}},
        {"--help", {.action = ACTION_HELP, .file = ARGUMENTS_DEFAULT_FILE}},
        {"-V", {.action = ACTION_VERSION, .file = ARGUMENTS_DEFAULT_FILE}},
        {"--version", {.action = ACTION_VERSION, .file = ARGUMENTS_DEFAULT_FILE}},
        {"--origin http://a:1",
         {.action = ACTION_RUN, .file = ARGUMENTS_DEFAULT_FILE, .origin = "http://a:1"}},
        {"--origin http://a:1 --listen b:2 --certificate c --key k",
         {.action = ACTION_RUN,
          .file = ARGUMENTS_DEFAULT_FILE,
          .origin = "http://a:1",
          .listen = "b:2",
          .certificate = "c",
          .key = "k"}},
        {"--origin http://a:1 --dump-config",
         {.action = ACTION_DUMP, .file = ARGUMENTS_DEFAULT_FILE, .origin = "http://a:1"}},
        {"demo", {.action = ACTION_DEMO, .file = ARGUMENTS_DEFAULT_FILE}},
        {"demo --listen b:2",
         {.action = ACTION_DEMO, .file = ARGUMENTS_DEFAULT_FILE, .listen = "b:2"}},
        {"--listen b:2 demo",
         {.action = ACTION_DEMO, .file = ARGUMENTS_DEFAULT_FILE, .listen = "b:2"}},
        {"demo --certificate c --key k",
         {.action = ACTION_DEMO, .file = ARGUMENTS_DEFAULT_FILE, .certificate = "c", .key = "k"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arguments a;
        char words[256], said[256];
        if (!read_line(&a, cases[i].line, words, sizeof words, said, sizeof said))
            fail_msg("%s: %s", cases[i].line, said);
        assert_string_equal(said, "");
        assert_int_equal(a.action, cases[i].out.action);
        assert_text(a.file, cases[i].out.file);
        assert_text(a.origin, cases[i].out.origin);
        assert_text(a.listen, cases[i].out.listen);
        assert_text(a.certificate, cases[i].out.certificate);
        assert_text(a.key, cases[i].out.key);
    }
}

static void what_does_not_is_refused_with_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"-x", "unknown option -x"},
        {"-tx", "unknown option -x"},
        {"-xt", "unknown option -x"},
        {"--nonsense", "unknown option --nonsense"},
        {"--nonsense=1", "unknown option --nonsense=1"},
        {"--test=1", "unknown option --test=1"},
        {"-c", "a value is missing after -c"},
        {"-t --config", "a value is missing after --config"},
        {"--origin", "a value is missing after --origin"},
        {"x", "unexpected argument x"},
        {"demo x", "unexpected argument x"},
        {"demo demo", "unexpected argument demo"},
        {"-t demo", "unexpected argument demo"},
        {"demo --origin http://a", "demo has an origin of its own: leave --origin out"},
        {"demo -c f", "-c does not go with --origin or demo"},
        {"--origin http://a -c f", "-c does not go with --origin or demo"},
        {"--listen b:2", "--listen, --certificate and --key go with --origin or demo only"},
        {"--certificate c --key k",
         "--listen, --certificate and --key go with --origin or demo only"},
        {"--origin http://a --certificate c", "--certificate and --key go together"},
        {"demo --key k", "--certificate and --key go together"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arguments a;
        char words[256], said[256], expected[256];
        if (read_line(&a, cases[i].line, words, sizeof words, said, sizeof said))
            fail_msg("%s: was taken", cases[i].line);
        snprintf(expected, sizeof expected, "headstart: %s; see headstart --help\n", cases[i].said);
        assert_string_equal(said, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_together_is_read),
        cmocka_unit_test(what_does_not_is_refused_with_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
