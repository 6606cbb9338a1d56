/* fields.h - header and trailer fields (RFC 9110 §5), in order.
 * Names are lower case. Names and values are borrowed: they live in the arena of the message, in a
 * literal, or wherever the caller that added them says. The array lives in the list's arena. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"

/* The names that the proxy has a rule for. */
#define FIELD_NAMES(X)                                                                             \
    X(ACCEPT, "accept")                                                                            \
    X(ACCEPT_ENCODING, "accept-encoding")                                                          \
    X(ACCEPT_LANGUAGE, "accept-language")                                                          \
    X(CF_H2_PUSHED, "cf-h2-pushed")                                                                \
    X(CF_H2_PUSH_EXPLAIN, "cf-h2-push-explain")                                                    \
    X(CONNECTION, "connection")                                                                    \
    X(CONTENT_LENGTH, "content-length")                                                            \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(COOKIE, "cookie")                                                                            \
    X(DATE, "date")                                                                                \
    X(EXPECT, "expect")                                                                            \
    X(FORWARDED, "forwarded")                                                                      \
    X(HOST, "host")                                                                                \
    X(HTTP2_SETTINGS, "http2-settings")                                                            \
    X(KEEP_ALIVE, "keep-alive")                                                                    \
    X(LINK, "link")                                                                                \
    X(PROXY_CONNECTION, "proxy-connection")                                                        \
    X(REFERER, "referer")                                                                          \
    X(REFERRER_POLICY, "referrer-policy")                                                          \
    X(SET_COOKIE, "set-cookie")                                                                    \
    X(TE, "te")                                                                                    \
    X(TRAILER, "trailer")                                                                          \
    X(TRANSFER_ENCODING, "transfer-encoding")                                                      \
    X(UPGRADE, "upgrade")                                                                          \
    X(USER_AGENT, "user-agent")                                                                    \
    X(VARY, "vary")                                                                                \
    X(VIA, "via")                                                                                  \
    X(X_FORWARDED_FOR, "x-forwarded-for")                                                          \
    X(X_FORWARDED_HOST, "x-forwarded-host")                                                        \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                                                      \
    X(X_HTTP2_PUSH, "x-http2-push")                                                                \
    X(X_REAL_IP, "x-real-ip")

enum field_name {
    FIELD_OTHER,
#define X(id, text) FIELD_##id,
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
/* The field belongs to one connection and is never passed on (RFC 9110 §7.6.1). */
bool field_is_hop_by_hop(enum field_name id);
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
