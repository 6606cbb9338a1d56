/* log.h - the daemon's own messages: one line each, to stderr.
 * A message says what happened and what to do. Any thread may call; a line is one write. Under
 * systemd the line begins with the journal's priority (sd-daemon(3)). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* Messages above `level` are dropped from now on. */
void log_set_level(enum log_level level);
/* Writes one line; control bytes in it are shown as "\xNN". Cut at 2,000 bytes. */
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
