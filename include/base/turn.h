/* turn.h - what is to be done before a worker's turn ends.
 * A turn is one round of the event loop. Events and callbacks of libraries only record what they
 * saw and queue a task; the end of the turn runs the tasks, phase by phase: first what acts, then
 * what forwards requests, then what reads, then what writes, then what frees. A task of an earlier
 * phase that is queued by a later one runs before the later phase goes on: what was read is acted
 * on and forwarded while it is at hand, before something else is read, and memory is freed only
 * when nothing else is left to do. Where much was read, it is written before more is. What gains by
 * company may be put off: it is run when there is nothing else to do, and otherwise soon.
 * Borrows the tasks, each until it has run or was taken back. One thread only. */
#ifndef BASE_TURN_H
#define BASE_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum turn_phase {
    TURN_ACT,
    TURN_FORWARD,
    TURN_READ,
    TURN_WRITE,
    TURN_FREE,
    TURN_PHASES,
};

enum {
    TURN_PUT_OFF_MS = 2,
    TURN_READ_BYTES = 512 * 1024, /* what the cache of a core still holds when it is written */
};

struct turn_task {
    struct list node;
    uint64_t due_ms; /* at the latest, if it is put off; otherwise 0 */
    void (*run)(struct turn_task *task);
};

struct turn {
    struct list phases[TURN_PHASES];
    struct list next[TURN_PHASES]; /* of the next turn */
    struct list put_off;           /* the first is due first */
    uint64_t number;               /* of turns that have begun */
    unsigned events;               /* of its loop, this turn */
    unsigned most_events;          /* of any turn */
    size_t read_bytes;             /* since the write phase was last through */
    uint64_t now_ms;
};

/* An empty turn. */
void turn_init(struct turn *t);
/* A task that is not queued and will call `run`. */
void turn_task_init(struct turn_task *task, void (*run)(struct turn_task *task));
/* Queues `task` in `phase`, also if it was put off; does nothing if it is queued otherwise. */
void turn_add(struct turn *t, enum turn_phase phase, struct turn_task *task);
/* `n` bytes were read that are to be written to somebody. Once it was TURN_READ_BYTES, the write
 * phase comes before the read phase goes on. */
void turn_note_read(struct turn *t, size_t n);
/* This turn's loop has told of `n` events, of whomever: others may share the loop, and each event
 * takes the room of another. */
void turn_note_events(struct turn *t, unsigned n);
/* The loop has told of all that had happened when this turn began: it reports more events at once
 * than there were. */
bool turn_knows_all(const struct turn *t);
/* Queues `task` for that phase of the next turn, so that others have theirs before; does nothing if
 * it is queued already. */
void turn_defer(struct turn *t, enum turn_phase phase, struct turn_task *task);
/* Queues `task` for the write phase of the first turn that has nothing else to do, and at the
 * latest of one TURN_PUT_OFF_MS from now; does nothing if it is queued already. */
void turn_put_off(struct turn *t, struct turn_task *task);
bool turn_is_put_off(const struct turn_task *task);
/* A task is deferred or put off: the loop must not wait for events. */
bool turn_has_more(const struct turn *t);
/* Nothing is queued for this turn. */
bool turn_is_over(const struct turn *t);
/* The next turn begins: what was deferred is queued. */
void turn_begin(struct turn *t);
/* Takes `task` back if it is queued. */
void turn_cancel(struct turn_task *task);
/* Runs every task, those that tasks queue too. */
void turn_run(struct turn *t);
/* Monotonic milliseconds, read once a turn. */
uint64_t turn_now_ms(struct turn *t);

#endif
