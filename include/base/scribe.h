/* scribe.h - the thread that writes the logs, so that nobody else waits for a disk or for whoever
 * reads a pipe.
 * Others hand text over and go on. A sink is where text goes; the text of one sink is written in
 * the order in which it was handed over, and no line mixes with another. What waits is bounded:
 * where a sink's reader stands still or its disk is full, lines are lost and counted, said once
 * when that begins and once when it is over. To a FIFO lines are written while somebody reads it,
 * and lost before and after. One a process. Before scribe_start() nothing may be handed over. */
#ifndef BASE_SCRIBE_H
#define BASE_SCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

/* Where text goes: shared by all who opened the same file. */
struct sink;

/* What waits for a sink at most. The daemon's own messages find room behind other text. */
enum {
    SCRIBE_TEXT_BYTES = 4 << 20,
    SCRIBE_OWN_BYTES = 64 << 10,
};

enum scribe_weight {
    SCRIBE_WARNING,
    SCRIBE_ERROR,
};

/* Starts the thread, which calls `say` with a sentence when a sink loses lines, or cannot be opened
 * anew; it may hand the sentence over. False with errno. */
NODISCARD bool scribe_start(void (*say)(enum scribe_weight weight, const char *text));
/* Writes what waits, for at most `ms` milliseconds; what is left then is lost, and nothing that
 * comes later is written. Returns within that time and a second: false where the thread waits for a
 * disk that does not answer. */
bool scribe_finish(unsigned ms);
/* The same; then the thread is gone and every sink is freed, unless a disk does not answer. Nobody
 * may hand anything over meanwhile. */
void scribe_stop(unsigned ms);

/* Opens a file or a FIFO for appending and holds it; a message calls it `what` and its path. NULL
 * with errno if it cannot be opened. Waits for no reader. */
NODISCARD struct sink *scribe_open(const char *path, const char *what);
/* Holds a sink for a descriptor that the process was started with; a message calls it `what`. NULL
 * with errno. */
NODISCARD struct sink *scribe_borrow(int fd, const char *what);
/* Lets go. What was handed over is written if its reader takes it within a second. NULL is fine. */
void scribe_close(struct sink *s);
/* Hands whole lines over; they are copied. Never waits. Any thread that holds the sink. */
void scribe_write(struct sink *s, struct span lines);
/* The same, for one message of the daemon's own: it has room of its own, also when memory is out.
 */
void scribe_write_own(struct sink *s, struct span line);
/* Counts a line that could not even be made. */
void scribe_lose(struct sink *s);
/* Has every file opened anew, for it was moved away: what was handed over before goes to the old
 * one. Where a file cannot be opened, the old one is used further, and that is said. */
void scribe_reopen(void);
/* Lines that were lost, of all sinks. */
uint64_t scribe_lost(void);

#endif
