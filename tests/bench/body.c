#include "body.h"

static bool body_number(const char **at, const char *end, uint64_t *out)
{
    const char *start = *at;
    uint64_t n = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && *at - start < 15; (*at)++)
        n = n * 10 + (uint64_t)(**at - '0');
    *out = n;
    return *at > start;
}

bool body_of_path(const char *path, size_t len, struct body *out)
{
    const char *end = path + len;
    const char *at = end;
    while (at > path && at[-1] != '/')
        at--;
    if (!body_number(&at, end, &out->bytes) || at == end || *at != '-')
        return false;
    at++;
    return body_number(&at, end, &out->offset) && at == end;
}
