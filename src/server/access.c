#include "server/access.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/line.h"

enum { TEXT_BYTES = 16384, MAX_TEXT_BYTES = 1 << 20 };

static int open_log(const char *path)
{
    if (strcmp(path, "off") == 0)
        return -1;
    if (strcmp(path, "stdout") == 0)
        return STDOUT_FILENO;
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static bool is_file(const struct access *a)
{
    const char *path = a->config->log.access;
    return strcmp(path, "off") != 0 && strcmp(path, "stdout") != 0;
}

bool access_init(struct access *a, const struct config *config)
{
    *a = (struct access){.config = config, .fd = open_log(config->log.access)};
    if (a->fd < 0 && is_file(a)) {
        log_error(
            "the access log %s cannot be opened: %s; check its folder and who may write there",
            config->log.access, strerror(errno));
        return false;
    }
    return true;
}

static void close_log(struct access *a)
{
    if (a->fd >= 0 && a->fd != STDOUT_FILENO)
        close(a->fd);
    a->fd = -1;
}

void access_fini(struct access *a)
{
    access_flush(a);
    close_log(a);
    mem_free(a->text);
}

static bool grow(struct access *a, size_t need)
{
    size_t capacity = a->capacity > 0 ? a->capacity : TEXT_BYTES;
    while (capacity < need)
        capacity *= 2;
    char *text = capacity <= MAX_TEXT_BYTES ? mem_resize(a->text, capacity, 1) : NULL;
    if (!text)
        return false;
    a->text = text;
    a->capacity = capacity;
    return true;
}

void access_add(struct access *a, const struct report *report)
{
    if (a->fd < 0)
        return;
    if (a->len >= TEXT_BYTES)
        access_flush(a);
    uint64_t now = clock_wall_ms();
    for (int attempt = 0; attempt < 2; attempt++) {
        size_t room = a->capacity - a->len;
        size_t n = line_write(a->text ? a->text + a->len : NULL, room,
                              (enum config_log_format)a->config->log.format, report, now, &a->time);
        if (n <= room) {
            a->len += n;
            return;
        }
        if (!grow(a, a->len + n))
            break;
    }
    log_error("no memory for a line of the access log: it is lost");
}

/* A log that cannot be written is said once, not for every line. */
static void say_failing(struct access *a, size_t lost)
{
    if (!a->failing) {
        log_error("the access log %s cannot be written: %s; %zu bytes of it are lost",
                  a->config->log.access, strerror(errno), lost);
    }
    a->failing = true;
}

void access_flush(struct access *a)
{
    size_t done = 0;
    while (done < a->len) {
        ssize_t n = write(a->fd, a->text + done, a->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            say_failing(a, a->len - done);
            break;
        }
        a->failing = false;
        done += (size_t)n;
    }
    a->len = 0;
}

void access_reopen(struct access *a)
{
    if (!is_file(a))
        return;
    access_flush(a);
    int fd = open_log(a->config->log.access);
    if (fd < 0) {
        log_error("the access log %s cannot be opened anew: %s; the old file is used further",
                  a->config->log.access, strerror(errno));
        return;
    }
    close_log(a);
    a->fd = fd;
}
