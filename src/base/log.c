#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scribe.h"
#include "base/text.h"

enum { LINE_BYTES = 2000 };

static _Atomic enum log_level threshold = LOG_LEVEL_INFO;

static struct sink *_Atomic sink; /* NULL: the scribe does not run */

void log_set_level(enum log_level level)
{
    threshold = level;
}

static void put(struct span line)
{
    struct sink *s = sink;
    if (s)
        scribe_write_own(s, line);
    else if (write(STDERR_FILENO, line.ptr, line.len) < 0)
        return; /* stderr is gone: there is nowhere to say so */
}

void log_write(enum log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    static const int priorities[] = {3, 4, 6, 7};
    if (level > threshold)
        return;
    char message[LINE_BYTES], line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    int n = getenv("JOURNAL_STREAM") ? snprintf(line, sizeof line, "<%d>", priorities[level])
                                     : snprintf(line, sizeof line, "headstart: %s: ", words[level]);
    /* Text of a peer may be in a message: none of it may forge a line or drive a terminal. */
    struct text visible = {.at = line, .room = sizeof line - 1, .len = (size_t)n};
    text_put_visible(&visible, span_str(message));
    size_t len = visible.len < visible.room ? visible.len : visible.room;
    line[len++] = '\n';
    put(span_of(line, len));
}

void log_line(const char *line)
{
    char text[LINE_BYTES];
    int n = snprintf(text, sizeof text - 1, "%s", line);
    size_t len = (size_t)n < sizeof text - 1 ? (size_t)n : sizeof text - 2;
    text[len++] = '\n';
    put(span_of(text, len));
}

static void say(enum scribe_weight weight, const char *text)
{
    log_write(weight == SCRIBE_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", text);
}

bool log_start(void)
{
    bool started = scribe_start(say);
    struct sink *s = started ? scribe_borrow(STDERR_FILENO, "stderr") : NULL;
    int error = errno;
    if (started && !s)
        scribe_stop(0);
    if (!s)
        log_error("the thread that writes the logs cannot be started: %s", strerror(error));
    sink = s;
    return s;
}

void log_finish(unsigned ms)
{
    if (sink)
        (void)scribe_finish(ms);
}

void log_stop(unsigned ms)
{
    if (sink)
        scribe_stop(ms);
    sink = NULL;
}
