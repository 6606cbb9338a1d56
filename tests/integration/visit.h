/* visit.h - one connection to a stub: reads its requests and does their scripts, in a thread of its
 * own. What it asks of its stub stands below and is done by stub.c under the stub's lock. */
#ifndef VISIT_H
#define VISIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "channel.h"
#include "stub.h"

struct visit {
    struct stub *stub;
    struct visit *next;
    pthread_t thread;
    struct channel channel;
    int wake; /* eventfd: a gate was opened, or the stub stops */
    unsigned number;
    atomic_bool idle; /* no request is being read or answered */
    bool done;
    char in[65536];
    size_t in_start, in_end;
};

/* The thread's function; `arg` is the visit. */
void *visit_run(void *arg);

/* Takes note of a request whose head was read and gives its script. */
const struct stub_step *stub_begin(struct visit *v, struct stub_request *r);
/* The script is over. */
void stub_finish(struct visit *v, bool cancelled);
/* Closes the connection, which is over; the visit stays until stub_stop(). */
void stub_leave(struct visit *v);
void stub_add(struct stub *s, enum stub_count what, uint64_t n);
bool stub_gate_is_open(struct stub *s, uint64_t gate);
bool stub_is_stopping(struct stub *s);

#endif
