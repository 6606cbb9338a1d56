/* ask.h - what a good client asks for, written into the target so that the origin can answer
 * without knowing the client, and the client can check the answer to the byte.
 * Every body is the pattern from an offset of the request's own: a byte of another exchange is a
 * wrong one. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stdint.h>

/* name, method */
#define ASKS(X)                                                                                    \
    X(LENGTH, "length", "GET")                                                                     \
    X(CHUNKED, "chunked", "GET")                                                                   \
    X(HEAD, "head", "HEAD")                                                                        \
    X(MISSING, "missing", "GET")                                                                   \
    X(EMPTY, "empty", "GET")                                                                       \
    X(ECHO, "echo", "POST")                                                                        \
    X(DIGEST, "digest", "POST")                                                                    \
    X(PAGE, "page", "GET")                                                                         \
    X(HINTED, "hinted", "GET")                                                                     \
    X(CLOSING, "closing", "GET")                                                                   \
    X(ASSET, "asset", "GET")

enum ask_kind {
#define X(id, name, method) ASK_##id,
    ASKS(X)
#undef X
        ASK_KINDS
};

struct ask {
    enum ask_kind kind;
    bool flapping;  /* of the origin that flaps, else of the steady one */
    uint64_t id;    /* of the ledger; 0: nobody looks */
    uint64_t bytes; /* of the body */
    uint64_t from;  /* the pattern's offset */
    unsigned links; /* of a page; of an asset: its place in it */
};

const char *ask_method(const struct ask *a);
/* The target. Free with free(). */
char *ask_target(const struct ask *a);
/* Reads a target of that form; false where it is another. */
bool ask_read(struct ask *a, const char *target);
/* The n-th asset of a page. */
struct ask ask_asset(const struct ask *page, unsigned n);
/* The status of a good answer. */
unsigned ask_status(const struct ask *a);
/* The body of a good answer. */
uint64_t ask_answer_bytes(const struct ask *a);

#endif
