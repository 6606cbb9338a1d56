/* soak.h - what the parts of the soak share: the site, counts, and how it fails.
 * The soak is one process: the main thread steers the daemon, all others are clients and origins.
 * Whatever goes wrong ends the process at once, with the seed. */
#ifndef SOAK_H
#define SOAK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

/* What is counted, for the summary. */
#define SOAK_COUNTS(X)                                                                             \
    X(REQUESTS, "requests of good clients")                                                        \
    X(EXCUSED, "of these ended badly by the flapping origin's fault")                              \
    X(UNPROCESSED, "of these refused by a GOAWAY and made again")                                  \
    X(PUSHES, "pushes to good clients")                                                            \
    X(CANCELLED, "of these cancelled by them")                                                     \
    X(BYTES_DOWN, "bytes of bodies that good clients checked")                                     \
    X(BYTES_UP, "bytes of bodies that the origins got")                                            \
    X(CONNECTIONS, "connections of good clients")                                                  \
    X(GOAWAYS, "of these told to leave")                                                           \
    X(HOSTILE, "connections of hostile clients")                                                   \
    X(FAULTS, "faults of the flapping origin")                                                     \
    X(FLAPS, "times that it refused connections")                                                  \
    X(RELOADS, "reloads")                                                                          \
    X(REJECTED, "reloads of a broken file")                                                        \
    X(ROTATIONS, "rotations of the access log")

enum soak_count {
#define X(id, text) SOAK_##id,
    SOAK_COUNTS(X)
#undef X
        SOAK_COUNTS_END
};

void soak_count(enum soak_count what, uint64_t n);

/* Says what is wrong, and ends the process with status 1. */
void soak_fail(const char *fmt, ...) CHECK_PRINTF(1, 2) __attribute__((noreturn));

/* What a thread of clients needs to know. */
struct soak_site {
    struct rig *rig;
    struct ledger *ledger;
    uint64_t seed;
    unsigned port;
    atomic_bool stopping;
};

#endif
