/* steer.h - the daemon of the soak: its proxy.conf, its reloads, its log, and what can be seen of
 * it from outside. For the main thread. */
#ifndef STEER_H
#define STEER_H

#include <stdint.h>

#include "dice.h"
#include "ledger.h"
#include "rig.h"
#include "soak.h"

struct steer {
    struct rig *rig;
    const char *origins; /* the [origin] and [route] sections but for what variants add */
    unsigned rotated;
    int still_fd; /* the log's reader that stands still; 0: there is none */
};

/* Starts the daemon before these two. */
void steer_start(struct steer *s, unsigned steady_port, unsigned flapping_port);
/* Gives it another proxy.conf, one that is right, or one that is not; waits until it has said what
 * it makes of it. */
void steer_reload(struct steer *s, struct dice *dice, bool right);
/* Moves the access log away and has it opened anew; where its reader stands still, only the latter.
 */
void steer_rotate(struct steer *s);
/* From now on the access log goes to a FIFO whose reader stands still. */
void steer_stand_still(struct steer *s);
/* Lets that reader take `n` lines, which must be all that come, and put them where
 * steer_read_logs() finds them. */
void steer_go_on(struct steer *s, uint64_t n);

/* A metric. */
uint64_t steer_metric(struct steer *s, const char *name);
/* Prints how exchanges failed, and how often. */
void steer_print_failures(struct steer *s);
/* Descriptors that it has open. */
unsigned steer_descriptors(struct steer *s);
void steer_print_descriptors(struct steer *s);
/* Takes all access logs there were; the number of their lines. */
uint64_t steer_read_logs(struct steer *s, struct ledger *ledger);

#endif
