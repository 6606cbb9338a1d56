#include "hpack.h"

#include <string.h>

/* "x" with the large value, or what stands for it in the table. */
static void add_fields(struct bytes *block, bool enter, unsigned fields)
{
    static const char entry[] = "\x40\1x\x7f\xa1\x1e"; /* "x", and 4,000 bytes: kept as 62 */
    char value[HPACK_VALUE_BYTES];
    if (enter) {
        memset(value, 'v', sizeof(value));
        bytes_add(block, entry, sizeof(entry) - 1);
        bytes_add(block, value, sizeof(value));
    }
    for (unsigned n = enter ? 1 : 0; n < fields; n++)
        bytes_add(block, "\xbe", 1);
}

static void put_block(struct frames *f, uint8_t flags, uint32_t stream, struct bytes *block)
{
    const struct frame head = {FRAME_SEND, NGHTTP2_HEADERS, flags, stream,
                               block->ptr, block->len,      NULL,  0};
    frames_put(f, &head);
    bytes_fini(block);
}

static void put_request(struct frames *f, uint8_t flags, uint32_t stream, char letter, bool enter,
                        unsigned fields)
{
    static const char request[] = "\x82\x87\1\1a\4\2/"; /* :method, :scheme, :authority, :path */
    struct bytes block = {0};
    bytes_add(&block, request, sizeof(request) - 1);
    bytes_add(&block, &letter, 1);
    add_fields(&block, enter, fields);
    put_block(f, flags, stream, &block);
}

void hpack_put_get(struct frames *f, uint32_t stream, char letter, bool enter, unsigned fields)
{
    put_request(f, END_BOTH, stream, letter, enter, fields);
}

void hpack_put_lines(struct frames *f, uint32_t stream, const char *lines, bool enter,
                     unsigned fields)
{
    struct bytes block = {0};
    frames_add_fields(&block, lines);
    add_fields(&block, enter, fields);
    put_block(f, END_BOTH, stream, &block);
}

void hpack_put_open(struct frames *f, uint32_t stream, char letter, unsigned fields)
{
    put_request(f, END_STREAM, stream, letter, true, fields);
}

void hpack_put_trailers(struct frames *f, uint32_t stream, bool enter, unsigned fields)
{
    struct bytes block = {0};
    add_fields(&block, enter, fields);
    put_block(f, END_BOTH, stream, &block);
}
