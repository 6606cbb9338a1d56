/* metrics.h - what the daemon counts, for Prometheus.
 * Each worker adds to a set of its own, which nobody else writes; whoever prints adds the sets up.
 * The numbers are atomic but not ordered: a print may see one exchange half counted. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdatomic.h>
#include <stdio.h>

#include "proxy/report.h"
#include "tls/failure.h"

/* name, kind, help. What is labelled (responses, failures, links, push_off, handshakes_failed) is
 * not in this list, nor what is a time. */
#define METRICS(X)                                                                                 \
    X(connections_open, "gauge", "Connections of clients that are open.")                          \
    X(connections_total, "counter", "Connections of clients that were accepted.")                  \
    X(connections_refused_total, "counter",                                                        \
      "Connections that were closed because their address had too many.")                          \
    X(streams_refused_total, "counter",                                                            \
      "Streams that were refused because the heads of their connection held too much memory.")     \
    X(memory_bytes, "gauge",                                                                       \
      "Memory held for connections, heads and bodies, as limits.memory counts it.")                \
    X(memory_limit_bytes, "gauge", "What limits.memory comes to; 0: no limit.")                    \
    X(memory_refused_total, "counter", "Requests refused because memory was over limits.memory.")  \
    X(memory_yielded_total, "counter",                                                             \
      "Exchanges that gave way because memory was over limits.memory and their clients stalled.")  \
    X(reloads_total, "counter", "Reloads of the configuration that were done.")                    \
    X(reloads_failed_total, "counter",                                                             \
      "Reloads that were refused; the running configuration stayed.")                              \
    X(requests_total, "counter", "Requests of clients that have ended.")                           \
    X(pushes_total, "counter", "Promised exchanges that have ended.")                              \
    X(response_body_bytes_total, "counter", "Bytes of response bodies sent to clients.")           \
    X(log_lines_lost_total, "counter",                                                             \
      "Lines of the logs that were lost: nobody read them, the disk was full, or memory was out.")

/* member in microseconds, name in seconds, the base unit of Prometheus, help. All are counters. */
#define METRICS_TIMES(X)                                                                           \
    X(duration_us_total, duration_seconds_total, "Seconds from head to end, over all exchanges.")  \
    X(coalesced_us_total, coalesced_seconds_total,                                                 \
      "Seconds for which busy workers let events gather.")

enum { METRICS_STATUS_CLASSES = 6 };

struct metrics {
#define X(name, kind, help) atomic_ullong name;
    METRICS(X)
#undef X
#define X(member, name, help) atomic_ullong member;
    METRICS_TIMES(X)
#undef X
    atomic_ullong responses[METRICS_STATUS_CLASSES]; /* by the first digit; 0: none was sent */
    atomic_ullong failures[FAILURES_END];
    atomic_ullong links[PLAN_VERDICTS_END];
    atomic_ullong push_off[PLAN_OFF_END];
    atomic_ullong handshakes_failed[TLS_FAILURES_END];
};

/* Counts an exchange that has ended. */
void metrics_count(struct metrics *m, const struct report *report);
/* Counts a turn that a worker put off. */
void metrics_add_coalesced(struct metrics *m, uint64_t us);
/* Adds the numbers of `from` to `to`. */
void metrics_add(struct metrics *to, const struct metrics *from);
/* Prints the numbers in Prometheus's text format, version 0.0.4. */
void metrics_print(const struct metrics *m, FILE *out);

#endif
