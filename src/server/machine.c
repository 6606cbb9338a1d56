#include "server/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 64 };

/* The number in the file, or UINT64_MAX: it says "max", or is not there. */
static uint64_t read_limit(const char *path)
{
    char line[LINE_BYTES] = "";
    uint64_t bytes = UINT64_MAX;
    FILE *file = fopen(path, "re");
    if (!file)
        return UINT64_MAX;
    if (fgets(line, sizeof line, file) && line[0] >= '0' && line[0] <= '9')
        bytes = strtoull(line, NULL, 10);
    fclose(file);
    return bytes;
}

/* The group's path in the hierarchy of cgroup v2, which has the line "0::PATH". */
static bool read_group(const char *groups, char *out, size_t room)
{
    static const char start[] = "0::/";
    bool found = false;
    FILE *file = fopen(groups, "re");
    while (file && !found && fgets(out, (int)room, file))
        found = strncmp(out, start, sizeof start - 1) == 0;
    if (file)
        fclose(file);
    if (!found)
        return false;
    memmove(out, out + sizeof start - 2, strlen(out) - (sizeof start - 2) + 1);
    out[strcspn(out, "\n")] = '\0';
    return true;
}

uint64_t machine_group_memory(const char *groups, const char *root)
{
    char group[PATH_BYTES], path[2 * PATH_BYTES];
    uint64_t least = UINT64_MAX;
    if (!read_group(groups, group, sizeof group))
        return UINT64_MAX;
    for (;;) {
        snprintf(path, sizeof path, "%s%s/memory.max", root, group);
        uint64_t bytes = read_limit(path);
        least = bytes < least ? bytes : least;
        char *last = strrchr(group, '/');
        if (!last)
            return least;
        *last = '\0';
    }
}

uint64_t machine_memory(void)
{
    struct sysinfo info;
    uint64_t group = machine_group_memory("/proc/self/cgroup", "/sys/fs/cgroup");
    if (sysinfo(&info) != 0)
        return group;
    uint64_t machine = (uint64_t)info.totalram * info.mem_unit;
    return group < machine ? group : machine;
}

uint64_t machine_share(const struct config_memory *memory, uint64_t machine_bytes)
{
    return memory->percent > 0 ? machine_bytes / 100 * memory->percent : memory->bytes;
}
