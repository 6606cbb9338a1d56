/* cpu.c - prints the CPU time that a process has taken, with all its threads and children, in
 * nanoseconds: `cpu PID`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dial.h"
#include "gauge.h"

int main(int argc, char **argv)
{
    char *end = NULL;
    long pid = argc == 2 ? strtol(argv[1], &end, 10) : 0;
    if (pid <= 0 || *end != '\0')
        dial_die("usage: cpu PID");
    printf("%" PRIu64 "\n", gauge_read((pid_t)pid).cpu_ns);
    return 0;
}
