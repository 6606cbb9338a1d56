/* loss.h - when to say that lines of a log are lost: once when it begins, and how many they were
 * when it is over. It is over when lines were written and none lost for a while; a loss that comes
 * soon after another is not said anew, and takes longer to be over.
 * Pure: it is told what the time is. */
#ifndef BASE_LOSS_H
#define BASE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    LOSS_QUIET_MS = 1000,
    LOSS_AGAIN_MS = 10000,
};

enum loss_news {
    LOSS_NO_NEWS,
    LOSS_BEGINS,
    LOSS_IS_OVER,
};

/* All zero: nothing was lost. */
struct loss {
    bool is_on;
    uint64_t quiet_ms; /* without loss, and it is over */
    uint64_t seen;     /* lines lost so far */
    uint64_t told;     /* of these, said to be lost */
    uint64_t last_ms;  /* when some were lost */
    uint64_t over_ms;  /* when it was last over; 0: never */
};

/* Looks at the number of lines lost so far; `flows`: lines have been written since. */
NODISCARD enum loss_news loss_look(struct loss *l, uint64_t lost, bool flows, uint64_t now_ms);
/* How many lines were lost since that was last asked. */
uint64_t loss_count(struct loss *l);
/* Milliseconds until it may be over; UINT64_MAX: time alone does not end it. */
uint64_t loss_left_ms(const struct loss *l, bool flows, uint64_t now_ms);

#endif
