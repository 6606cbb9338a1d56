/* How long a line of the access log takes to write, in each format. Prints the median of many
 * runs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/line.h"

enum { RUNS = 101, LINES_A_RUN = 2000, LINE_BYTES = 2048 };

static int compare(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Writes lines for a tenth of a millisecond of wall time each, as a busy worker does; false where
 * one does not fit. */
static bool time_lines(const char *what, enum config_log_format format, const struct report *report)
{
    static char out[LINE_BYTES];
    struct line_time time = {0};
    uint64_t us[RUNS], wall_ms = UINT64_C(1767225600000);
    size_t len = 0;
    for (size_t run = 0; run < RUNS; run++) {
        uint64_t start = clock_monotonic_us();
        for (unsigned i = 0; i < LINES_A_RUN; i++) {
            len = line_write(out, sizeof out, format, report, wall_ms + i / 10, &time);
            if (len > sizeof out)
                return false;
        }
        us[run] = clock_monotonic_us() - start;
        wall_ms += LINES_A_RUN / 10;
    }
    qsort(us, RUNS, sizeof us[0], compare);
    printf("%s of %zu bytes: %.3f us\n", what, len, (double)us[RUNS / 2] / LINES_A_RUN);
    return true;
}

int main(void)
{
    struct arena arena;
    const struct session_verbs protocol = {.name = "HTTP/2", .version = "2.0"};
    const struct config_origin origin = {.name = "app"};
    unsigned verdicts[PLAN_VERDICTS_END] = {0};
    arena_init(&arena, NULL);
    struct request request = {.method = SPAN("GET"),
                              .scheme = SPAN("https"),
                              .authority = SPAN("www.example.com"),
                              .path = SPAN("/shop/page.html?x=1")};
    fields_init(&request.fields, &arena);
    fields_add(&request.fields, SPAN("user-agent"),
               SPAN("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"));
    fields_add(&request.fields, SPAN("referer"), SPAN("https://www.example.com/shop/"));
    const struct report report = {.peer = "192.0.2.1",
                                  .protocol = &protocol,
                                  .tls_version = "TLSv1.3",
                                  .request = &request,
                                  .origin = &origin,
                                  .status = 200,
                                  .bytes = 1024,
                                  .duration_us = 12345,
                                  .origin_us = 2001,
                                  .reused = true,
                                  .verdicts = verdicts};
    bool fine = time_lines("a line of JSON", CONFIG_LOG_JSON, &report) &&
                time_lines("a combined line", CONFIG_LOG_COMBINED, &report);
    arena_fini(&arena);
    if (!fine)
        fputs("a line did not fit\n", stderr);
    return fine ? 0 : 1;
}
