#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void *check_alloc(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);
    if (!ptr)
        abort();
    return ptr;
}

void *check_resize(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size ? size : 1);
    if (!grown)
        abort();
    return grown;
}

char *check_copy(const char *text, size_t n)
{
    char *copy = check_alloc(n + 1);
    memcpy(copy, text, n);
    return copy;
}

char *check_vprintf(const char *fmt, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    return text;
}

char *check_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = check_vprintf(fmt, args);
    va_end(args);
    return text;
}

uint64_t check_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t check_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

unsigned check_slowed(unsigned ms)
{
    return ms * (unsigned)check_env("TEST_SLOWNESS", 1);
}

uint64_t check_deadline(unsigned ms)
{
    return check_now_ms() + check_slowed(ms);
}

int check_left(uint64_t deadline)
{
    uint64_t now = check_now_ms();
    return now < deadline ? (int)(deadline - now) : 0;
}

char *check_read_file(const char *path)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return NULL;
    char *text = check_alloc(1);
    size_t len = 0;
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), in)) > 0) {
        text = check_resize(text, len + n + 1);
        memcpy(text + len, piece, n);
        len += n;
        text[len] = 0;
    }
    fclose(in);
    return text;
}

void check_write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "we");
    if (!out || fputs(text, out) < 0 || fclose(out) != 0)
        fail_msg("cannot write %s: %s", path, strerror(errno));
}

int check_dial(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

void check_text_at(const char *actual, const char *expected, const char *file, int line)
{
    if (actual == expected || (actual && expected && strcmp(actual, expected) == 0))
        return;
    print_error("got:      %s\nexpected: %s\n", actual ? actual : "(nothing)",
                expected ? expected : "(nothing)");
    _fail(file, line);
}

void check_holds_at(const char *text, const char *part, bool wanted, const char *file, int line)
{
    if (text && (strstr(text, part) != NULL) == wanted)
        return;
    print_error("%s \"%s\" in: %s\n", wanted ? "missing" : "unwanted", part,
                text ? text : "(nothing)");
    _fail(file, line);
}
