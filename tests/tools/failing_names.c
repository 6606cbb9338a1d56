/* Stands in for the C library's resolver in the daemon: a name below slow.test is not found before
 * a test says so. It is 127.0.0.1 then. A name below many.test has the addresses that a test has
 * written down. */
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

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static bool is_below(const char *name, const char *domain)
{
    size_t len = name ? strlen(name) : 0, end = strlen(domain);
    return len >= end && strcmp(name + len - end, domain) == 0;
}

/* Opening a FIFO waits until somebody opens its other end. */
static void wait_for_test(void)
{
    const char *path = getenv(FAILING_NAMES_VARIABLE);
    int fd;
    do
        fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        close(fd);
}

/* The C library frees a list of such parts like one that it made as a whole. */
static int read_answers(resolver *next, const char *service, const struct addrinfo *hints,
                        struct addrinfo **found)
{
    const char *path = getenv(FAILING_NAMES_ANSWERS);
    FILE *in = path ? fopen(path, "re") : NULL;
    char line[64];
    struct addrinfo **end = found;
    *found = NULL;
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        if (next(line, service, hints, end) == 0)
            end = &(*end)->ai_next;
    }
    if (in)
        fclose(in);
    return *found ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    resolver *next;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    bool is_slow = is_below(name, FAILING_NAMES_SLOW), is_many = is_below(name, FAILING_NAMES_MANY);
    if (is_slow || is_many)
        fprintf(stderr, FAILING_NAMES_ASKED "%s\n", name);
    if (is_many)
        return read_answers(next, service, hints, found);
    if (!is_slow)
        return next(name, service, hints, found);
    wait_for_test();
    return next("127.0.0.1", service, hints, found);
}
