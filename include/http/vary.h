/* vary.h - by which request fields a response varies (RFC 9110 §12.5.5, RFC 9111 §4.1). Pure. */
#ifndef HTTP_VARY_H
#define HTTP_VARY_H

#include "http/fields.h"

enum vary_item {
    VARY_END,
    VARY_NAME, /* a request field, whose name is set */
    VARY_ANY,  /* "*", or more names than anybody compares: no two requests are alike */
};

/* Reads the Vary of a response, all its lines as one list. Zeroed but for `response` to begin
 * with; borrows that. */
struct vary {
    const struct fields *response;
    size_t line;      /* the next one to look at */
    struct span rest; /* of the line before it */
    size_t names;     /* that were read */
};

/* Reads the next item; `*name` is set with VARY_NAME. */
enum vary_item vary_next(struct vary *v, struct span *name);
/* The fields of that name (any case) say the same in both requests: they are in neither, or have
 * the same elements in the same order, however these are spread over lines. */
bool vary_same(struct span name, const struct fields *a, const struct fields *b);
/* There is a field of that name (any case). */
bool vary_has(const struct fields *fields, struct span name);

#endif
