/* Stands in for the C library's resolver in the daemon: a name below slow.test is not found before
 * a test says so. It is 127.0.0.1 then. */
#include "failing_names.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_slow(const char *name)
{
    size_t len = name ? strlen(name) : 0, end = strlen(FAILING_NAMES_SLOW);
    return len >= end && strcmp(name + len - end, FAILING_NAMES_SLOW) == 0;
}

/* Opening a FIFO waits until somebody opens its other end. */
static void wait_for_test(const char *name)
{
    const char *path = getenv(FAILING_NAMES_VARIABLE);
    int fd;
    fprintf(stderr, FAILING_NAMES_ASKED "%s\n", name);
    do
        fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        close(fd);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    if (!is_slow(name))
        return next(name, service, hints, found);
    wait_for_test(name);
    return next("127.0.0.1", service, hints, found);
}
