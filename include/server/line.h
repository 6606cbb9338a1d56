/* line.h - the text of an access log line. No I/O, no clock. */
#ifndef SERVER_LINE_H
#define SERVER_LINE_H

#include <time.h>

#include "config/config.h"
#include "proxy/report.h"

enum { LINE_TIME_BYTES = 40 };

/* The time of the last line that was written, as text: lines of the same second share it. Zeroed
 * to begin with. */
struct line_time {
    time_t second;
    const char *format;
    char text[LINE_TIME_BYTES];
    size_t len;
};

/* Writes the line of `report`, its newline included, to `out`, which has `room` bytes, and returns
 * its length; a length over `room` means that it did not fit and nothing may be used of it.
 * `wall_ms` is the time at which the exchange ended, in milliseconds since 1970; `time` is the
 * caller's, for all lines. */
size_t line_write(char *out, size_t room, enum config_log_format format,
                  const struct report *report, uint64_t wall_ms, struct line_time *time);

#endif
