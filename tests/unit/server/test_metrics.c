#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics.h"

static struct metrics metrics;
static struct report report;
static unsigned verdicts[PLAN_VERDICTS_END];

/* Nothing counted, and a plain exchange; a test changes what it is about. */
static int set_up(void **state)
{
    (void)state;
    memset(&metrics, 0, sizeof metrics);
    memset(verdicts, 0, sizeof verdicts);
    report = (struct report){
        .status = 200,
        .bytes = 5000000000,
        .duration_us = 12345,
        .verdicts = verdicts,
    };
    return 0;
}

/* What is printed of `m`. Free with free(). */
static char *print(const struct metrics *m)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    metrics_print(m, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* `m` prints the sample `name` once, with the value that is written as `value`. */
static void expect_text_in(const struct metrics *m, const char *name, const char *value)
{
    char line[256];
    char *text = print(m);
    snprintf(line, sizeof line, "\nheadstart_%s ", name);
    const char *at = strstr(text, line);
    if (!at)
        fail_msg("there is no %s in\n%s", name, text);
    assert_null(strstr(at + 1, line));
    snprintf(line, sizeof line, "\nheadstart_%s %s\n", name, value);
    if (strncmp(at, line, strlen(line)) != 0)
        fail_msg("%s is not %s in\n%s", name, value, text);
    free(text);
}

static void expect_in(const struct metrics *m, const char *name, unsigned long long value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", value);
    expect_text_in(m, name, text);
}

static void expect(const char *name, unsigned long long value)
{
    expect_in(&metrics, name, value);
}

static void exchange_adds_its_numbers(void **state)
{
    (void)state;
    metrics_count(&metrics, &report);
    metrics_count(&metrics, &report);
    expect("requests_total", 2);
    expect("pushes_total", 0);
    expect("response_body_bytes_total", 10000000000);
    expect_text_in(&metrics, "duration_seconds_total", "0.024690");
    expect("connections_total", 0);
}

static void push_is_no_request(void **state)
{
    (void)state;
    report.is_push = true;
    metrics_count(&metrics, &report);
    expect("requests_total", 0);
    expect("pushes_total", 1);
    expect("responses_total{class=\"2xx\"}", 1);
}

static void status_counts_in_its_class(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *class;
    } cases[] = {{0, "none"},  {100, "1xx"},  {199, "1xx"}, {200, "2xx"},
                 {299, "2xx"}, {304, "3xx"},  {404, "4xx"}, {500, "5xx"},
                 {599, "5xx"}, {600, "none"}, {999, "none"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[64];
        set_up(NULL);
        report.status = cases[i].status;
        metrics_count(&metrics, &report);
        snprintf(name, sizeof name, "responses_total{class=\"%s\"}", cases[i].class);
        expect(name, 1);
    }
}

static void each_failure_has_a_counter_of_its_own(void **state)
{
    (void)state;
    for (int f = FAIL_NONE; f < FAILURES_END; f++) {
        report.failure = (enum failure)f;
        for (int i = 0; i < f; i++)
            metrics_count(&metrics, &report);
    }
    for (int f = FAIL_NONE + 1; f < FAILURES_END; f++) {
        char name[128];
        snprintf(name, sizeof name, "failures_total{failure=\"%s\"}",
                 failure_word((enum failure)f));
        expect(name, (unsigned long long)f);
    }
}

static void verdicts_and_reasons_are_counted_where_links_were_planned(void **state)
{
    (void)state;
    for (unsigned v = 0; v < PLAN_VERDICTS_END; v++)
        verdicts[v] = v + 1;
    report.push_off = PLAN_OFF_CLIENT;
    metrics_count(&metrics, &report);
    expect("push_off_total{reason=\"client\"}", 0);
    expect("links_total{verdict=\"not-preload\"}", 0);

    report.planned = true;
    metrics_count(&metrics, &report);
    report.push_off = PLAN_ON;
    metrics_count(&metrics, &report);
    for (int v = 0; v < PLAN_VERDICTS_END; v++) {
        char name[128];
        snprintf(name, sizeof name, "links_total{verdict=\"%s\"}",
                 plan_verdict_text((enum plan_verdict)v));
        expect(name, 2 * ((unsigned long long)v + 1));
    }
    expect("push_off_total{reason=\"client\"}", 1);
    expect("push_off_total{reason=\"method\"}", 0);
}

static void sets_add_up(void **state)
{
    (void)state;
    static struct metrics sum;
    memset(&sum, 0, sizeof sum);
    verdicts[PLAN_PUSHED] = 3;
    report.planned = true;
    report.push_off = PLAN_OFF_STATUS;
    report.failure = FAIL_CLIENT_GONE;
    metrics_count(&metrics, &report);
    atomic_store(&metrics.connections_open, 7);
    atomic_store(&metrics.handshakes_failed[TLS_FAILURE_ALPN], 5);
    metrics_add(&sum, &metrics);
    metrics_add(&sum, &metrics);
    expect_in(&sum, "connections_open", 14);
    expect_in(&sum, "requests_total", 2);
    expect_in(&sum, "response_body_bytes_total", 10000000000);
    expect_in(&sum, "responses_total{class=\"2xx\"}", 2);
    expect_in(&sum, "failures_total{failure=\"client-gone\"}", 2);
    expect_in(&sum, "links_total{verdict=\"pushed\"}", 6);
    expect_in(&sum, "push_off_total{reason=\"status\"}", 2);
    expect_in(&sum, "tls_handshakes_failed_total{reason=\"no-application-protocol\"}", 10);
    expect("connections_open", 7);
}

/* The family of the sample in `line`, up to its labels or its value, is the one that the TYPE line
 * before named. */
static void expect_sample(const char *line, const char *family)
{
    size_t len = strcspn(line, "{ ");
    const char *value = strrchr(line, ' ');
    if (len != strlen(family) || strncmp(line, family, len) != 0)
        fail_msg("not of %s: %s", family, line);
    assert_non_null(value);
    assert_int_equal(strspn(value + 1, "0123456789."), strlen(value + 1));
    if (line[len] == '{')
        assert_int_equal(value[-1], '}');
}

static void every_family_is_described_before_its_samples(void **state)
{
    (void)state;
    char *text = print(&metrics);
    char family[128] = "", kind[16], *rest = text, *line;
    size_t samples = 0;
    assert_int_equal(text[strlen(text) - 1], '\n');
    while ((line = strsep(&rest, "\n")) && rest) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %127s %15s", family, kind), 2);
            line = strsep(&rest, "\n");
            char typed[128] = "";
            assert_int_equal(sscanf(line, "# TYPE %127s %15s", typed, kind), 2);
            assert_string_equal(typed, family);
            assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
            continue;
        }
        expect_sample(line, family);
        samples++;
    }
#define X(name, kind_or_time, help) +1
    size_t plain = METRICS(X) METRICS_TIMES(X);
#undef X
    assert_int_equal(samples, plain + METRICS_STATUS_CLASSES + (FAILURES_END - 1) +
                                  PLAN_VERDICTS_END + (PLAN_OFF_END - 1) + TLS_FAILURES_END);
    free(text);
}

static void times_are_seconds_with_all_their_microseconds(void **state)
{
    (void)state;
    static const struct {
        unsigned long long us;
        const char *seconds;
    } cases[] = {{0, "0.000000"},
                 {1, "0.000001"},
                 {999999, "0.999999"},
                 {1000000, "1.000000"},
                 {86400000001, "86400.000001"},
                 {18446744073709551615ULL, "18446744073709.551615"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_up(NULL);
        atomic_store(&metrics.coalesced_us_total, cases[i].us);
        expect_text_in(&metrics, "coalesced_seconds_total", cases[i].seconds);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The words of a name, between its underscores, must not be one of `words`. */
static void expect_no_word(const char *name, const char *const *words, const char *why)
{
    char copy[128], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", name);
    while ((word = strsep(&rest, "_"))) {
        for (size_t i = 0; words[i]; i++) {
            if (strcmp(word, words[i]) == 0)
                fail_msg("%s: \"%s\" %s", name, word, why);
        }
    }
}

/* The rules of `promtool check metrics`. */
static void expect_linted(const char *name, const char *kind, const char *help)
{
    static const char *const abbreviated[] = {"s",  "ms", "us", "ns", "sec", "b",
                                              "kb", "mb", "gb", "h",  "d",   NULL};
    static const char *const not_base[] = {
        "milliseconds", "microseconds", "nanoseconds", "minutes",   "hours",     "days",
        "weeks",        "bits",         "kilobytes",   "megabytes", "gigabytes", "kibibytes",
        "mebibytes",    "millis",       "micros",      "percent",   "celcius",   NULL};
    static const char *const kinds[] = {"counter", "gauge", "histogram", "summary", NULL};
    static const char *const of_others[] = {"_count", "_sum", "_bucket", "_info"};
    bool is_counter = strcmp(kind, "counter") == 0;
    if (ends_with(name, "_total") != is_counter)
        fail_msg("%s is a %s", name, kind);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        fail_msg("%s is not in snake case", name);
    expect_no_word(name, abbreviated, "is an abbreviated unit");
    expect_no_word(name, not_base, "is no base unit");
    expect_no_word(name, kinds, "is a kind");
    for (size_t i = 0; i < ARRAY_LEN(of_others); i++)
        assert_false(ends_with(name, of_others[i]));
    if (strlen(help) < 2)
        fail_msg("%s has no help", name);
}

static void names_pass_the_rules_of_prometheus(void **state)
{
    (void)state;
    char *text = print(&metrics), *rest = text, *line;
    size_t families = 0;
    while ((line = strsep(&rest, "\n")) && rest) {
        char name[128], typed[128], kind[16];
        int help = 0;
        if (sscanf(line, "# HELP %127s %n", name, &help) != 1)
            continue;
        const char *sentence = line + help;
        line = strsep(&rest, "\n");
        assert_int_equal(sscanf(line, "# TYPE %127s %15s", typed, kind), 2);
        assert_string_equal(typed, name);
        expect_linted(name, kind, sentence);
        families++;
    }
    assert_true(families > 10);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(exchange_adds_its_numbers, set_up),
        cmocka_unit_test_setup(push_is_no_request, set_up),
        cmocka_unit_test_setup(status_counts_in_its_class, set_up),
        cmocka_unit_test_setup(each_failure_has_a_counter_of_its_own, set_up),
        cmocka_unit_test_setup(verdicts_and_reasons_are_counted_where_links_were_planned, set_up),
        cmocka_unit_test_setup(sets_add_up, set_up),
        cmocka_unit_test_setup(every_family_is_described_before_its_samples, set_up),
        cmocka_unit_test_setup(times_are_seconds_with_all_their_microseconds, set_up),
        cmocka_unit_test_setup(names_pass_the_rules_of_prometheus, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
