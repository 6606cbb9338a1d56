/* gauge.h - what a process has used, with all its threads and children: CPU time from schedstat, to
 * the nanosecond while it sleeps, and memory as the kernel shares it out (PSS). */
#ifndef GAUGE_H
#define GAUGE_H

#include <stdint.h>
#include <sys/types.h>

struct gauge {
    uint64_t cpu_ns;
    uint64_t pss_kib;
};

struct gauge gauge_read(pid_t pid);

#endif
