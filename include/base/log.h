/* log.h - the daemon's own messages: one line each, to stderr.
 * A message says what happened and what to do. Any thread may call; the lines come in the order of
 * the calls. Under systemd a line begins with the journal's priority (sd-daemon(3)).
 * Between log_start() and log_stop() the scribe writes the lines (base/scribe.h): nobody waits for
 * whoever reads stderr. Before and after, the caller does. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* Starts the scribe, and lets it write the lines. False after one message. */
NODISCARD bool log_start(void);
/* Lets the scribe write what it has, for at most `ms` milliseconds, and ends it. No other thread
 * may use it any more. Does nothing where it was not started. */
void log_stop(unsigned ms);
/* The same before an _exit(): other threads may go on, but nothing more is written. */
void log_finish(unsigned ms);

/* Messages above `level` are dropped from now on. */
void log_set_level(enum log_level level);
/* Writes one line; what is no text in it is shown as "\xNN" (text_put_visible()). Cut at 2,000
 * bytes. */
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes a line that is whole but for its newline, whatever the level. */
void log_line(const char *line);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
