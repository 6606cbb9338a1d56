/* hpack.h - header blocks that are small on the wire and large when they are decoded (RFC 7541): a
 * value enters the dynamic table once, and each byte after that stands for all of it. */
#ifndef HPACK_H
#define HPACK_H

#include "frames.h"

enum {
    HPACK_VALUE_BYTES = 4000,
    HPACK_FIELD_BYTES = HPACK_VALUE_BYTES + 1 + 32, /* as limits.header_list counts one */
    HPACK_FULL_FIELDS = 16,                         /* with the pseudo-fields, just below 64k */
};

/* Puts GET https a /`letter` with `fields` times the large field. `enter`: the first of them enters
 * the table, as it must in the first block of a connection. */
void hpack_put_get(struct frames *f, uint32_t stream, char letter, bool enter, unsigned fields);
/* The same with the pseudo-fields of a test's own, "name: value\n" lines. */
void hpack_put_lines(struct frames *f, uint32_t stream, const char *lines, bool enter,
                     unsigned fields);
/* The same as the first block of a connection, of which the end does not come. */
void hpack_put_open(struct frames *f, uint32_t stream, char letter, unsigned fields);
/* Puts trailers that are made so. */
void hpack_put_trailers(struct frames *f, uint32_t stream, bool enter, unsigned fields);

#endif
