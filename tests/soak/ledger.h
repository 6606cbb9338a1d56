/* ledger.h - what became of each request of good clients, to be compared with the access log and
 * with what the origins saw. Its functions may be called from any thread. */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdint.h>

struct ledger;

enum ledger_end {
    LEDGER_OPEN,
    LEDGER_ANSWERED,    /* the client got the whole answer */
    LEDGER_BROKEN,      /* it was processed, and ended in another way */
    LEDGER_UNPROCESSED, /* a GOAWAY said that it was not */
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* A new request; its id, from 1 on. */
uint64_t ledger_open(struct ledger *l);
/* The request has ended; it promised `pushes`. */
void ledger_close(struct ledger *l, uint64_t id, enum ledger_end how, unsigned status,
                  uint64_t bytes, unsigned pushes);
/* An origin has read the request. */
void ledger_saw(struct ledger *l, uint64_t id);

/* Takes the lines of an access log; each must be JSON. Their number. */
uint64_t ledger_read_log(struct ledger *l, const char *path);
/* Every request that was processed has one line that says what the client saw, and one for each
 * push, but for `lost` lines at most; an unprocessed one has none, and no origin saw it. Ends the
 * process otherwise. */
void ledger_check(struct ledger *l, uint64_t lost);

#endif
