/* fault.h - writes the line that says why there is no configuration. */
#ifndef CONFIG_FAULT_H
#define CONFIG_FAULT_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/config.h"

/* For "%.*s": a value that somebody wrote, cut so that the message after it is seen. */
#define FAULT_SHOWN(s) ((s).len < 120 ? (int)(s).len : 120), (s).ptr

/* Fills `error` with "FILE:LINE: " and the message; without the line where that is 0. What is no
 * text becomes "\xNN" (text_put_visible()). Always false, so that a caller may return it. */
bool fault_at(struct config_error *error, const char *file, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#endif
