#include "base/span.h"

/* Looks at every byte, whatever it finds, so that the compiler can take many at once. */
bool span_ieq(struct span a, struct span b)
{
    char difference = 0;
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference |= (char)(span_lower(a.ptr[i]) ^ span_lower(b.ptr[i]));
    return difference == 0;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq((struct span){s.ptr, prefix.len}, prefix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = span_from(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t span_find(struct span s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

bool span_next_item(struct span *list, struct span *item)
{
    while (list->len > 0) {
        size_t comma = span_find(*list, ',');
        *item = span_trim((struct span){list->ptr, comma});
        *list = span_from(*list, comma < list->len ? comma + 1 : comma);
        if (item->len > 0)
            return true;
    }
    return false;
}

bool span_to_u64(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || digit > max || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}
