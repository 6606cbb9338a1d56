/* stub.h - an origin that does what a test tells it, in threads of the test process.
 * It records every request to the byte, and answers by scripts: one for each request target, or
 * several, which then serve one request each in their order (the last one serves all later ones).
 * A request without a script gets a short 200. It can send any bytes, late, slow or cut; it keeps
 * connections alive until a script or the peer ends them.
 * Gates are numbers of the test's own choice, from 0 to 63; a closed gate holds every script that
 * stands before it, an open one nobody. Waiting for a count replaces every sleep. */
#ifndef STUB_H
#define STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "fieldset.h"

struct stub;

enum stub_do {
    STUB_END,
    STUB_SEND,     /* the bytes of text */
    STUB_BYTEWISE, /* the same, each byte by itself */
    STUB_SLOWLY,   /* the same, with STUB_SLOW_MS after each byte */
    STUB_PATTERN,  /* n bytes of the pattern */
    STUB_CHUNKS,   /* n bytes of the pattern as chunks, without the last, empty one */
    STUB_BODY,     /* reads n more bytes of the request's body; 0: all of it */
    STUB_AWAIT,    /* stands before gate n */
    STUB_CLOSE,
    STUB_RESET,
    STUB_SHUT_WRITE, /* says that it sends no more, and reads on */
    STUB_SHUT_READ,  /* reads no more */
    STUB_NEW_KEYS, /* n messages of TLS 1.3 that say so, and ask for the same (RFC 8446 §4.6.3) */
};

enum { STUB_SLOW_MS = 20 };

struct stub_step {
    enum stub_do what;
    const char *text; /* borrowed for the stub's life */
    uint64_t n;       /* bytes, or a gate; of text: its length */
};

#define SEND(literal)                                                                              \
    {                                                                                              \
        STUB_SEND, literal, sizeof(literal) - 1                                                    \
    }
#define SEND_TEXT(string)                                                                          \
    {                                                                                              \
        STUB_SEND, string, strlen(string)                                                          \
    }
#define BYTEWISE(literal)                                                                          \
    {                                                                                              \
        STUB_BYTEWISE, literal, sizeof(literal) - 1                                                \
    }
#define SLOWLY(literal)                                                                            \
    {                                                                                              \
        STUB_SLOWLY, literal, sizeof(literal) - 1                                                  \
    }
#define PATTERN(n)                                                                                 \
    {                                                                                              \
        STUB_PATTERN, NULL, n                                                                      \
    }
#define CHUNKS(n)                                                                                  \
    {                                                                                              \
        STUB_CHUNKS, NULL, n                                                                       \
    }
#define BODY(n)                                                                                    \
    {                                                                                              \
        STUB_BODY, NULL, n                                                                         \
    }
#define AWAIT(gate)                                                                                \
    {                                                                                              \
        STUB_AWAIT, NULL, gate                                                                     \
    }
#define CLOSE()                                                                                    \
    {                                                                                              \
        STUB_CLOSE, NULL, 0                                                                        \
    }
#define RESET()                                                                                    \
    {                                                                                              \
        STUB_RESET, NULL, 0                                                                        \
    }
#define SHUT_WRITE()                                                                               \
    {                                                                                              \
        STUB_SHUT_WRITE, NULL, 0                                                                   \
    }
#define SHUT_READ()                                                                                \
    {                                                                                              \
        STUB_SHUT_READ, NULL, 0                                                                    \
    }

#define NEW_KEYS(n)                                                                                \
    {                                                                                              \
        STUB_NEW_KEYS, NULL, n                                                                     \
    }

struct stub_options {
    unsigned port;           /* where another stub was before; 0: one of the system's choice */
    const char *address;     /* of IPv4; NULL: 127.0.0.1 */
    const char *unix_path;   /* NULL: over TCP */
    const char *chain, *key; /* PEM files of an https origin; NULL: http */
    int tls_version;         /* TLS1_2_VERSION or another; 0: any */
};

/* One request, as it came. Complete once STUB_BODIES counts it; the head before. */
struct stub_request {
    unsigned connection; /* 1 for the first that was accepted */
    char *head;          /* all bytes up to and with the empty line */
    char *method, *target;
    struct fieldset fields;
    bool chunked;
    uint64_t body_bytes; /* decoded */
    bool body_is_pattern;
    struct bytes body; /* the first 64 KiB, decoded */
    struct bytes raw;  /* the first 64 KiB as framed, with trailers */
    struct fieldset trailers;
};

/* What a stub counts. */
enum stub_count {
    STUB_CONNECTIONS,  /* accepted */
    STUB_RESUMED,      /* of them, those that resumed a session of TLS */
    STUB_REQUESTS,     /* heads read */
    STUB_BODIES,       /* requests read to their end */
    STUB_ANSWERED,     /* scripts done to their end */
    STUB_CANCELLED,    /* scripts that ended early because the peer went away */
    STUB_GONE,         /* connections that have ended, whoever ended them */
    STUB_STALLS,       /* sends that made no progress for a while */
    STUB_OPEN,         /* connections now */
    STUB_OPEN_MOST,    /* connections at one time, the most so far */
    STUB_RUNNING,      /* scripts now */
    STUB_RUNNING_MOST, /* scripts at one time, the most so far */
    STUB_SENT,         /* pattern bytes that the system took */
    STUB_READ,         /* body bytes that were read */
    STUB_COUNTS,
};

/* Starts a stub; `options` NULL: plain http over TCP. */
struct stub *stub_start(const struct stub_options *options);
/* Ends its connections and threads and frees it; NULL is fine. */
void stub_stop(struct stub *s);
unsigned stub_port(const struct stub *s);

/* Gives the next script for `target`; the steps are copied. */
void stub_on(struct stub *s, const char *target, const struct stub_step *steps);
#define STUB_ON(stub, target, ...)                                                                 \
    stub_on(stub, target, (const struct stub_step[]){__VA_ARGS__, {STUB_END, NULL, 0}})
/* Opens a gate for good. */
void stub_open(struct stub *s, unsigned gate);

uint64_t stub_counted(struct stub *s, enum stub_count what);
/* Waits until the count is at least `n`; false at the deadline. */
bool stub_reaches(struct stub *s, enum stub_count what, uint64_t n, unsigned ms);
/* The same, and fails the test at the deadline. */
#define stub_wait(stub, what, n) stub_wait_at(stub, what, n, #what, __FILE__, __LINE__)
void stub_wait_at(struct stub *s, enum stub_count what, uint64_t n, const char *name,
                  const char *file, int line);
/* Ends all connections on which no script runs, without a word. */
void stub_drop_idle(struct stub *s);

/* The request that has `nth` before it, in the order of their heads; NULL if there is none. */
const struct stub_request *stub_request(struct stub *s, size_t nth);
/* The request for `target` that has `nth` others for it before; NULL if there is none. */
const struct stub_request *stub_find(struct stub *s, const char *target, size_t nth);
size_t stub_times(struct stub *s, const char *target);
/* Fails the test unless there is one; waits for it. */
const struct stub_request *stub_expect(struct stub *s, const char *target);

#endif
