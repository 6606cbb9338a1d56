/* input.h - how a fuzz target reads its input: text from the front, choices from the back, so that
 * a seed is plain text and every change of its end is another choice. When it is used up, every
 * choice is 0 and every text is empty. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <assert.h>

#include "base/span.h"

struct input {
    struct span rest;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct input input_of(const uint8_t *data, size_t size)
{
    return (struct input){span_of(data, size)};
}

/* A number below `n`, which is at most 256. */
static inline unsigned input_below(struct input *in, unsigned n)
{
    return in->rest.len > 0 ? (unsigned char)in->rest.ptr[--in->rest.len] % n : 0;
}

static inline bool input_flip(struct input *in)
{
    return input_below(in, 2) == 1;
}

/* The text up to the next newline, which is skipped, or to the end. */
static inline struct span input_line(struct input *in)
{
    struct span line = {in->rest.ptr, span_find(in->rest, '\n')};
    size_t used = line.len < in->rest.len ? line.len + 1 : line.len;
    in->rest = span_from(in->rest, used);
    return line;
}

/* The next `n` bytes, or as many as there are. */
static inline struct span input_bytes(struct input *in, size_t n)
{
    struct span bytes = {in->rest.ptr, n < in->rest.len ? n : in->rest.len};
    in->rest = span_from(in->rest, bytes.len);
    return bytes;
}

#endif
