/* machine.h - how much memory the process may take: what the machine has, or what the process's
 * control group may take, where that is less. */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include <stdint.h>

#include "config/config.h"

/* The memory of the machine or of the control group, in bytes. */
uint64_t machine_memory(void);
/* The least memory.max (cgroup v2) of a group and of those that it lies in, in bytes; UINT64_MAX
 * where none has a limit, or where there is no cgroup v2. `groups` is a file as /proc/self/cgroup,
 * `root` the folder where the hierarchy is mounted. */
uint64_t machine_group_memory(const char *groups, const char *root);
/* `memory` in bytes, of a machine that has `machine_bytes`; 0: no limit. */
uint64_t machine_share(const struct config_memory *memory, uint64_t machine_bytes);

#endif
