/* crowd.h - many visitors at once, driven by one epoll: those who stay and ask again and again, at
 * full speed or at a given rate, and those who come, take a page with its pushes, and leave.
 * One thread. The time of each answer (of each visit, from its connect) is kept in a list. */
#ifndef CROWD_H
#define CROWD_H

#include "visitor.h"

struct crowd_options {
    unsigned connections;
    unsigned streams; /* requests of one connection under way at once */
    bool visits;      /* every request has a connection of its own, and pushes are waited for */
};

struct crowd {
    struct crowd_options options;
    struct target target;
    struct visitor *visitors;
    unsigned opened;        /* visitors begun so far, of those who stay */
    unsigned opening;       /* of these, not yet greeted */
    unsigned each;          /* requests that one connection makes at most; 0: any number */
    uint64_t total;         /* requests to make */
    uint64_t started, done; /* requests or visits */
    double rate;            /* requests a second; 0: as fast as they are answered */
    uint32_t *times_us;     /* of those done, room for `times_room`; NULL keeps none */
    uint64_t times_room, times;
};

void crowd_init(struct crowd *c, const struct crowd_options *options, const struct target *target);
/* Opens the connections of those who stay, some at a time, until the proxy has greeted each. */
void crowd_open(struct crowd *c);
/* Makes `total` requests or visits and returns when all are done. */
void crowd_run(struct crowd *c, uint64_t total);
/* Leaves in good order. */
void crowd_close(struct crowd *c);
/* Serves whoever has events, for that long. */
void crowd_rest(const struct crowd *c, uint64_t ns);

#endif
