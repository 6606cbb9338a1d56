/* date.h - dates as HTTP writes them (RFC 9110 §5.6.7). Pure. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#include "base/span.h"

enum { DATE_BYTES = 29 };

/* Writes `seconds` since 1970 as an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT", exactly
 * DATE_BYTES, no NUL) to `out` and returns the span over it. What comes after the year 9999 is
 * shown as its last second. */
struct span date_format(char out[DATE_BYTES], uint64_t seconds);

#endif
