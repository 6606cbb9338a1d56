#include "config/fault.h"

#include <stdarg.h>

bool fault_at(struct config_error *error, const char *file, unsigned line, const char *fmt, ...)
{
    size_t room = sizeof error->text;
    int head = line > 0 ? snprintf(error->text, room, "%s:%u: ", file, line)
                        : snprintf(error->text, room, "%s: ", file);
    if (head > 0 && (size_t)head < room) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(error->text + head, room - (size_t)head, fmt, args);
        va_end(args);
    }
    for (char *c = error->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return false;
}
