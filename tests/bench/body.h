/* body.h - bodies that their paths describe: /any/LENGTH-OFFSET is LENGTH bytes of the pattern
 * (pattern.h) from OFFSET on. The origin's files are made so, and the load client needs nothing but
 * the path to know what a response must hold, promised ones too. */
#ifndef BODY_H
#define BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
    uint64_t bytes;
    uint64_t offset;
};

/* False when the last segment of the path is not LENGTH-OFFSET. */
bool body_of_path(const char *path, size_t len, struct body *out);

#endif
