/* access.h - the access log: one line for every exchange, as JSON or in the combined format.
 * Each generation of each worker has one. Lines are collected, and handed to the scribe
 * (base/scribe.h) at the end of the turn: no worker waits for whoever reads them. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "base/scribe.h"
#include "config/config.h"
#include "proxy/report.h"
#include "server/line.h"

struct access {
    const struct config *config;
    struct sink *sink; /* NULL: off */
    struct line_time time;
    char *text;
    size_t len, capacity;
};

/* Opens the log that the configuration names; false, after one message, if it cannot be opened. */
NODISCARD bool access_init(struct access *a, const struct config *config);
/* Hands over what is left, and lets go of the log. */
void access_fini(struct access *a);
/* Adds the line of an exchange. A line for which there is no memory is counted as lost. */
void access_add(struct access *a, const struct report *report);
/* Hands over what was added. */
void access_flush(struct access *a);

#endif
