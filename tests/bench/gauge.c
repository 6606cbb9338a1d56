#include "gauge.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dial.h"

static uint64_t gauge_pss(pid_t pid)
{
    char line[256];
    uint64_t kib = 0;
    snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss: %" SCNu64, &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static void gauge_add_children(struct gauge *sum, pid_t pid, const char *thread)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/%d/task/%s/children", pid, thread);
    FILE *file = fopen(path, "re");
    if (!file)
        dial_die("cannot read %s", path);
    pid_t child;
    while (fscanf(file, "%d", &child) == 1) {
        struct gauge one = gauge_read(child);
        sum->cpu_ns += one.cpu_ns;
        sum->pss_kib += one.pss_kib;
    }
    fclose(file);
}

static uint64_t gauge_thread_ns(pid_t pid, const char *thread)
{
    char path[300];
    uint64_t ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, thread);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%" SCNu64, &ns) != 1)
        dial_die("cannot read %s", path);
    fclose(file);
    return ns;
}

struct gauge gauge_read(pid_t pid)
{
    struct gauge sum = {.pss_kib = gauge_pss(pid)};
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *threads = opendir(path);
    if (!threads)
        dial_die("process %d is gone", pid);
    const struct dirent *entry;
    while ((entry = readdir(threads))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        sum.cpu_ns += gauge_thread_ns(pid, entry->d_name);
        gauge_add_children(&sum, pid, entry->d_name);
    }
    closedir(threads);
    return sum;
}
