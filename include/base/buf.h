/* buf.h - a bounded queue of bytes in one block.
 * Owns its block while it holds any bytes; takes it from a cache (borrowed) when the first byte
 * comes and can give it back when the last has gone. The bytes are contiguous. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/blocks.h"
#include "base/span.h"

struct buf {
    struct blocks *blocks;
    char *block;
    size_t front; /* so many bytes before the first one are never used */
    size_t start, end;
};

/* An empty queue whose block will come from `blocks`; allocates nothing. */
void buf_init(struct buf *b, struct blocks *blocks);
/* The same; the first `front` bytes of the block stay free. */
void buf_init_behind(struct buf *b, struct blocks *blocks, size_t front);
/* Drops all bytes and gives the block back. */
void buf_fini(struct buf *b);

/* The number of bytes in the queue. */
static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

/* The bytes in the queue, oldest first; valid until the next call that changes `b`. */
static inline struct span buf_bytes(const struct buf *b)
{
    return b->block ? span_of(b->block + b->start, buf_len(b)) : SPAN("");
}

/* How many bytes before the oldest one may be overwritten. */
static inline size_t buf_spare(const struct buf *b)
{
    return b->start;
}

/* How many more bytes it may hold. */
size_t buf_room(const struct buf *b);
/* Where the next bytes go; `*room` says how many. Moves the queued bytes to the front of the block
 * if the room behind them is short. NULL when memory is out or the queue is full. */
NODISCARD char *buf_space(struct buf *b, size_t *room);
/* `n` bytes were written at buf_space(). */
void buf_commit(struct buf *b, size_t n);
/* The next bytes go `n` bytes further on; the queue is empty and has its block. */
void buf_skip(struct buf *b, size_t n);
/* Appends `s` and returns true, or leaves `b` alone and returns false if there is no room. */
NODISCARD bool buf_append(struct buf *b, struct span s);
/* Drops the oldest `n` bytes; gives the block back when none is left. */
void buf_consume(struct buf *b, size_t n);

#endif
