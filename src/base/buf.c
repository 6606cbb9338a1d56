#include "base/buf.h"

#include <assert.h>
#include <string.h>

void buf_init(struct buf *b, struct blocks *blocks)
{
    buf_init_behind(b, blocks, 0);
}

void buf_init_behind(struct buf *b, struct blocks *blocks, size_t front)
{
    *b = (struct buf){.blocks = blocks, .front = front, .start = front, .end = front};
}

void buf_fini(struct buf *b)
{
    if (b->block)
        blocks_give(b->blocks, b->block);
    buf_init_behind(b, b->blocks, b->front);
}

size_t buf_room(const struct buf *b)
{
    return b->blocks->block_bytes - b->front - buf_len(b);
}

static void move_to_front(struct buf *b)
{
    size_t len = buf_len(b);
    memmove(b->block + b->front, b->block + b->start, len);
    b->start = b->front;
    b->end = b->front + len;
}

/* Moving a few bytes is cheap, moving many at every read is not: below half the block the bytes
 * move to its front. */
static void make_room(struct buf *b)
{
    size_t len = buf_len(b);
    size_t tail = b->blocks->block_bytes - b->end;
    if (b->start == b->front || tail >= b->blocks->block_bytes / 2)
        return;
    if (len <= b->blocks->block_bytes / 2 || tail == 0)
        move_to_front(b);
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
    if (room < s.len)
        move_to_front(b);
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
