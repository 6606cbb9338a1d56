/* line.h - the text of an access log line. Pure. */
#ifndef SERVER_LINE_H
#define SERVER_LINE_H

#include "config/config.h"
#include "proxy/record.h"

/* Writes the line of `record`, its newline included, to `out`, which has `room` bytes, and returns
 * its length; a length over `room` means that it did not fit and nothing may be used of it.
 * `wall_ms` is the time at which the exchange ended, in milliseconds since 1970. */
size_t line_write(char *out, size_t room, enum config_log_format format,
                  const struct record *record, uint64_t wall_ms);

#endif
