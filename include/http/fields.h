/* fields.h - header and trailer fields (RFC 9110 §5), in order.
 * Names are lower case. Names and values are borrowed: they live in the arena of the message, in a
 * literal, or wherever the caller that added them says. The array lives in the list's arena. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"

/* What a proxy does with a field, beside passing it on. */
enum field_trait {
    FIELD_IS_HOP_BY_HOP = 1,    /* belongs to one connection, never passed on (RFC 9110 §7.6.1) */
    FIELD_IS_FRAMING = 2,       /* says where the message ends, or what follows its body */
    FIELD_IS_REWRITTEN = 4,     /* written anew, or left out, in a request to an origin */
    FIELD_IS_OURS = 8,          /* between the client and us: never taken from an origin */
    FIELD_IS_HEAD_ONLY = 16,    /* never passed in trailers (RFC 9110 §6.5.1) */
    FIELD_IS_PROMISED = 32,     /* copied from a page's request into its promises */
    FIELD_IS_NOT_PROMISED = 64, /* never copied there, even if the configuration lists it */
};

/* The names that the proxy has a rule for, and their traits. */
#define FIELD_NAMES(X)                                                                             \
    X(ACCEPT, "accept", FIELD_IS_NOT_PROMISED)                                                     \
    X(ACCEPT_ENCODING, "accept-encoding", FIELD_IS_PROMISED)                                       \
    X(ACCEPT_LANGUAGE, "accept-language", FIELD_IS_PROMISED)                                       \
    X(CF_H2_PUSHED, "cf-h2-pushed", FIELD_IS_OURS | FIELD_IS_HEAD_ONLY)                            \
    X(CF_H2_PUSH_EXPLAIN, "cf-h2-push-explain",                                                    \
      FIELD_IS_OURS | FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)             \
    X(CONNECTION, "connection", FIELD_IS_HOP_BY_HOP)                                               \
    X(CONTENT_LENGTH, "content-length",                                                            \
      FIELD_IS_FRAMING | FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)          \
    X(CONTENT_TYPE, "content-type", FIELD_IS_HEAD_ONLY)                                            \
    X(COOKIE, "cookie", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)                                   \
    X(DATE, "date", 0)                                                                             \
    X(EXPECT, "expect", FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)                                \
    X(FORWARDED, "forwarded", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)                             \
    X(HOST, "host", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)               \
    X(HTTP2_SETTINGS, "http2-settings", FIELD_IS_HOP_BY_HOP)                                       \
    X(KEEP_ALIVE, "keep-alive", FIELD_IS_HOP_BY_HOP)                                               \
    X(LINK, "link", 0)                                                                             \
    X(PROXY_CONNECTION, "proxy-connection", FIELD_IS_HOP_BY_HOP)                                   \
    X(REFERER, "referer", FIELD_IS_NOT_PROMISED)                                                   \
    X(REFERRER_POLICY, "referrer-policy", 0)                                                       \
    X(SET_COOKIE, "set-cookie", FIELD_IS_HEAD_ONLY)                                                \
    X(TE, "te", FIELD_IS_HOP_BY_HOP)                                                               \
    X(TRAILER, "trailer", FIELD_IS_FRAMING | FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)           \
    X(TRANSFER_ENCODING, "transfer-encoding", FIELD_IS_FRAMING | FIELD_IS_HOP_BY_HOP)              \
    X(UPGRADE, "upgrade", FIELD_IS_HOP_BY_HOP)                                                     \
    X(USER_AGENT, "user-agent", FIELD_IS_PROMISED)                                                 \
    X(VARY, "vary", 0)                                                                             \
    X(VIA, "via", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)                                         \
    X(X_FORWARDED_FOR, "x-forwarded-for", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)                 \
    X(X_FORWARDED_HOST, "x-forwarded-host", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)               \
    X(X_FORWARDED_PROTO, "x-forwarded-proto", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)             \
    X(X_HTTP2_PUSH, "x-http2-push",                                                                \
      FIELD_IS_OURS | FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY | FIELD_IS_NOT_PROMISED)             \
    X(X_REAL_IP, "x-real-ip", FIELD_IS_REWRITTEN | FIELD_IS_HEAD_ONLY)

enum field_name {
    FIELD_OTHER,
#define X(id, text, traits) FIELD_##id,
    FIELD_NAMES(X)
#undef X
        FIELD_NAMES_END
};

struct field {
    struct span name, value;
    enum field_name id;
};

struct fields {
    struct arena *arena;
    struct field *at;
    size_t len, capacity;
    bool failed; /* a field could not be added: memory is out */
};

/* An empty list whose array will come from `arena` (borrowed). */
void fields_init(struct fields *f, struct arena *arena);
/* Appends a field; `name` is lower case, both are borrowed. Returns it; NULL, and f->failed, when
 * memory is out. */
const struct field *fields_add(struct fields *f, struct span name, struct span value);
/* Appends a field that stands in another list; its bytes stay where they are. */
void fields_copy(struct fields *f, const struct field *field);
/* Appends a field with a known name. */
void fields_add_known(struct fields *f, enum field_name id, struct span value);
/* The first field of that name, or NULL. */
const struct field *fields_get(const struct fields *f, enum field_name id);
/* The value of the first field of that name; an empty span where there is none. */
struct span fields_value(const struct fields *f, enum field_name id);
/* Takes every field of that name out; the others keep their order. */
void fields_remove(struct fields *f, enum field_name id);
/* The known name that `name` (any case) is, or FIELD_OTHER. */
enum field_name field_lookup(struct span name);
/* The text of a known name. */
struct span field_text(enum field_name id);
/* The field has one of `traits` (enum field_trait). */
bool field_is(enum field_name id, unsigned traits);
/* `name` is a token (RFC 9110 §5.6.2), not empty. */
bool field_name_is_valid(struct span name);
/* Turns the token that `text` begins with to lower case; returns its length, which may be 0. A byte
 * that no token has ends it, and must be there. */
size_t field_name_to_lower(char *text);
/* `value` holds nothing but visible bytes, space, tab and bytes over 0x7f (RFC 9110 §5.5). */
bool field_value_is_valid(struct span value);
/* The offset of the first byte of `text` from `from` on that no value may hold; text.len where
 * there is none. */
size_t field_value_end(struct span text, size_t from);
/* The element `item` (any case) stands in a comma-separated field of that name, in any of its
 * lines. */
bool fields_list_has(const struct fields *f, enum field_name id, struct span item);

#endif
