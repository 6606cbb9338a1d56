/* sink.h - where the text of a log goes, and what waits for it there.
 * Sheets of text are queued in order. What its reader does not take stays queued; what cannot be
 * written is lost and counted, and sink_news() has a sentence about it. For the scribe: room is
 * reserved and loss counted by any thread, all else is its thread's. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/loss.h"
#include "base/output.h"
#include "base/span.h"

struct sink;

/* Whole lines on their way to a sink. */
struct sheet {
    struct sheet *next;
    struct sink *sink;
    atomic_flag *spare; /* it lies in one of the spare sheets; NULL: on the heap */
    char *text;
    size_t len;
};

/* A copy of `text`; NULL when memory is out, but for a few `may_be_spare` at a time. */
NODISCARD struct sheet *sheet_new(struct span text, bool may_be_spare);
void sheet_free(struct sheet *sheet);

struct sink {
    struct list node;
    pthread_mutex_t *lock; /* over `holders`, and over what `output` is open to */
    unsigned holders;
    struct output output; /* written to by the scribe's thread only */
    char *path;           /* NULL: borrowed */
    char *name;
    atomic_size_t queued; /* bytes that were handed over and are not done with */
    atomic_ullong lost;   /* lines */
    atomic_bool starves;  /* some of them for want of memory */
    struct sheet *first, **last;
    size_t done;   /* bytes of the first sheet that are written */
    bool is_stuck; /* its reader stands still */
    bool flows;    /* a line was written, and none has failed since */
    int error;     /* of the last that failed; 0: none has */
    struct loss loss;
    uint64_t left_ms; /* when it was seen that nobody holds it; 0: somebody does */
};

/* A sink for `o`, which it owns then; a message calls it `what` and `path`. NULL when memory is
 * out.
 */
NODISCARD struct sink *sink_new(const struct output *o, const char *path, const char *what,
                                pthread_mutex_t *lock);
/* What is queued is lost. */
void sink_free(struct sink *s);

/* Takes room for `text`, so that at most `most_bytes` wait. False: there is none, and its lines are
 * lost. */
NODISCARD bool sink_reserve(struct sink *s, struct span text, size_t most_bytes);
/* Text for which there was room could not be copied: its lines are lost. */
void sink_starve(struct sink *s, struct span text);
/* So many lines could not even be made. */
void sink_lose(struct sink *s, uint64_t lines);
/* Lines that were lost, of all sinks there ever were. */
uint64_t sinks_lost(void);

/* Puts a sheet, for which there is room, behind those that wait. */
void sink_queue(struct sink *s, struct sheet *sheet);
/* Writes what is queued as far as it is taken; `is_stuck` tells. */
void sink_write(struct sink *s);
/* Loses all that is queued. */
void sink_give_up(struct sink *s);
/* The reader of a FIFO is gone: what is in it goes with it, so that the next reader begins with a
 * whole line. */
void sink_part(struct sink *s);
/* Opens its path anew, if it has one. False with errno: it goes on with what it has. */
NODISCARD bool sink_renew(struct sink *s);
/* If there is news of lost lines, writes a sentence to `text`. */
NODISCARD bool sink_news(struct sink *s, uint64_t now_ms, char *text, size_t size);
/* The same, of what was not yet said; there will be no more news. */
NODISCARD bool sink_last_news(struct sink *s, char *text, size_t size);
/* Milliseconds until time alone makes news; UINT64_MAX: never. */
uint64_t sink_left_ms(const struct sink *s, uint64_t now_ms);

#endif
