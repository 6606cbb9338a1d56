#include "base/buf.h"

#include <assert.h>
#include <string.h>

void buf_init(struct buf *b, struct blocks *blocks)
{
    *b = (struct buf){.blocks = blocks};
}

void buf_fini(struct buf *b)
{
    if (b->block)
        blocks_give(b->blocks, b->block);
    *b = (struct buf){.blocks = b->blocks};
}

size_t buf_room(const struct buf *b)
{
    return b->blocks->block_bytes - buf_len(b);
}

/* Moving a few bytes is cheap, moving many at every read is not: below half the block the bytes
 * move to its front. */
static void make_room(struct buf *b)
{
    size_t len = buf_len(b);
    size_t tail = b->blocks->block_bytes - b->end;
    if (b->start == 0 || tail >= b->blocks->block_bytes / 2)
        return;
    if (len <= b->blocks->block_bytes / 2 || tail == 0) {
        memmove(b->block, b->block + b->start, len);
        b->start = 0;
        b->end = len;
    }
}

char *buf_space(struct buf *b, size_t *room)
{
    if (!b->block) {
        b->block = blocks_take(b->blocks);
        if (!b->block)
            return NULL;
    }
    make_room(b);
    *room = b->blocks->block_bytes - b->end;
    return *room > 0 ? b->block + b->end : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n <= b->blocks->block_bytes - b->end);
    b->end += n;
}

void buf_skip(struct buf *b, size_t n)
{
    assert(buf_len(b) == 0 && n <= b->blocks->block_bytes - b->end);
    b->start = b->end += n;
}

bool buf_append(struct buf *b, struct span s)
{
    if (s.len > buf_room(b))
        return false;
    if (s.len == 0)
        return true;
    size_t room;
    if (!buf_space(b, &room))
        return false;
    if (room < s.len) {
        memmove(b->block, b->block + b->start, buf_len(b));
        b->end -= b->start;
        b->start = 0;
    }
    memcpy(b->block + b->end, s.ptr, s.len);
    b->end += s.len;
    return true;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= buf_len(b));
    b->start += n;
    if (b->start == b->end)
        buf_fini(b);
}
