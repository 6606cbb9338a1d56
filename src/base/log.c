#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES = 2000 };

static _Atomic enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

/* Text of a peer may be in a message: no byte of it may forge a line or drive a terminal. */
static size_t escape(char *out, size_t size, const char *in)
{
    size_t n = 0;
    for (; *in && n + 5 < size; in++) {
        unsigned char c = (unsigned char)*in;
        if (c < 0x20 || c == 0x7f)
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    return n;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    static const int priorities[] = {3, 4, 6, 7};
    if (level > threshold)
        return;
    char text[LINE_BYTES], line[LINE_BYTES * 4 + 32];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int n = getenv("JOURNAL_STREAM") ? snprintf(line, sizeof line, "<%d>", priorities[level])
                                     : snprintf(line, sizeof line, "headstart: %s: ", words[level]);
    size_t len = (size_t)n + escape(line + n, sizeof line - (size_t)n - 1, text);
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* stderr is gone: there is nowhere to say so */
}
