#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

void bytes_add(struct bytes *b, const void *from, size_t n)
{
    if (n == 0)
        return;
    if (b->len + n + 1 > b->capacity) {
        b->capacity = (b->len + n + 1) * 2;
        b->ptr = check_resize(b->ptr, b->capacity);
    }
    memcpy(b->ptr + b->len, from, n);
    b->len += n;
    b->ptr[b->len] = 0;
}

void bytes_add_up_to(struct bytes *b, const void *from, size_t n, size_t max)
{
    size_t room = b->len < max ? max - b->len : 0;
    bytes_add(b, from, n < room ? n : room);
}

void bytes_clear(struct bytes *b)
{
    b->len = 0;
    if (b->ptr)
        b->ptr[0] = 0;
}

const char *bytes_text(const struct bytes *b)
{
    return b->len ? b->ptr : "";
}

void bytes_fini(struct bytes *b)
{
    free(b->ptr);
    *b = (struct bytes){0};
}
