/* service.h - one connection to an origin of the soak: reads requests and answers them, until its
 * fault, if it gets one, or its end. Blocks; whoever shuts the socket down ends it. */
#ifndef SERVICE_H
#define SERVICE_H

#include "bytes.h"
#include "dice.h"
#include "soak.h"

enum fault {
    FAULT_NONE,
    FAULT_CLOSE, /* these four after `left` bytes of the answer */
    FAULT_RESET,
    FAULT_HALF_CLOSE,
    FAULT_STALL,
    FAULT_DRIP,      /* `left` pieces of a few bytes */
    FAULT_GARBAGE,   /* in place of an answer */
    FAULT_TOO_MUCH,  /* after it */
    FAULT_BAD_CHUNK, /* in place of a chunk's head */
    FAULTS,
};

struct service {
    int fd;
    bool flapping;
    struct ledger *ledger;
    struct dice dice;
    enum fault fault; /* of the answer under way */
    uint64_t left;
    struct bytes held; /* an answer that is to leave together with too much */
    bool closing;      /* the answer says that it is the last */
    char in[16384];
    size_t start, end;
};

void service_run(struct service *s);

#endif
