/* link.h - reads one Link field line (RFC 8288 §3 and appendix B, as docs/push.md says).
 * Pure; the spans point into the line. */
#ifndef PUSH_LINK_H
#define PUSH_LINK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

enum link_result {
    LINK_ELEMENT,   /* *out is filled */
    LINK_MALFORMED, /* the rest of the line, out->element, is no link; reading ends */
    LINK_END,
};

/* The value of a parameter, without its quotes. */
struct link_value {
    struct span text;
    size_t escapes; /* backslashes in `text` that escape the next byte */
};

struct link {
    struct span element;      /* without the white space around it */
    struct span target;       /* between < and > */
    struct link_value as;     /* empty: there is none */
    struct link_value policy; /* referrerpolicy; empty: there is none */
    struct link_value anchor; /* with has_anchor */
    bool preload;             /* its rel list holds the type */
    bool has_anchor;
    bool nopush;
    bool push_only;   /* x-http2-push-only */
    bool conditional; /* media or imagesrcset, not empty */
};

struct link_reader {
    struct span rest;
};

/* Starts to read `line`. */
void link_start(struct link_reader *r, struct span line);
/* The next element of the line; empty ones are skipped. After LINK_MALFORMED comes LINK_END. */
enum link_result link_next(struct link_reader *r, struct link *out);
/* What `value` stands for: its own bytes, or a copy without the escapes, in `arena`. An empty span,
 * and arena->failed, when memory is out. */
struct span link_value_plain(struct link_value value, struct arena *arena);

#endif
