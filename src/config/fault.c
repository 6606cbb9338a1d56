#include "config/fault.h"

#include <stdarg.h>

#include "base/text.h"

bool fault_at(struct config_error *error, const char *file, unsigned line, const char *fmt, ...)
{
    char raw[CONFIG_ERROR_BYTES];
    int head = line > 0 ? snprintf(raw, sizeof raw, "%s:%u: ", file, line)
                        : snprintf(raw, sizeof raw, "%s: ", file);
    if (head > 0 && (size_t)head < sizeof raw) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(raw + head, sizeof raw - (size_t)head, fmt, args);
        va_end(args);
    }
    struct text text = {.at = error->text, .room = sizeof error->text - 1};
    text_put_visible(&text, span_str(raw));
    error->text[text.len < text.room ? text.len : text.room] = '\0';
    return false;
}
