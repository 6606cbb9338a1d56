/* access.h - the access log: one line for every exchange, as JSON or in the combined format.
 * Each worker has a writer of its own on the same file, which is opened for appending, so that
 * whole lines never mix. Lines are collected and written at the end of the turn. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "config/config.h"
#include "proxy/report.h"
#include "server/line.h"

struct access {
    const struct config *config;
    int fd; /* -1: off */
    bool failing;
    struct line_time time;
    char *text;
    size_t len, capacity;
};

/* Opens the log that the configuration names; false, after one message, if it cannot be opened. */
NODISCARD bool access_init(struct access *a, const struct config *config);
/* Writes what is left and closes it. */
void access_fini(struct access *a);
/* Adds the line of an exchange. A line for which there is no memory is counted as lost and said. */
void access_add(struct access *a, const struct report *report);
/* Writes what was added. */
void access_flush(struct access *a);
/* Opens the file anew: it was moved away (log rotation). */
void access_reopen(struct access *a);

#endif
