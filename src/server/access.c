#include "server/access.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { TEXT_BYTES = 16384, MAX_TEXT_BYTES = 1 << 20 };

/* The names of devices stand for descriptors as well: under systemd these are sockets, which cannot
 * be opened. */
static struct sink *open_log(const char *path)
{
    if (strcmp(path, "stdout") == 0 || strcmp(path, "/dev/stdout") == 0)
        return scribe_borrow(STDOUT_FILENO, "the access log on stdout");
    if (strcmp(path, "/dev/stderr") == 0)
        return scribe_borrow(STDERR_FILENO, "the access log on stderr");
    return scribe_open(path, "the access log");
}

bool access_init(struct access *a, const struct config *config)
{
    *a = (struct access){.config = config};
    if (strcmp(config->log.access, "off") == 0)
        return true;
    a->sink = open_log(config->log.access);
    if (!a->sink) {
        log_error(
            "the access log %s cannot be opened: %s; check its folder and who may write there",
            config->log.access, strerrordesc_np(errno));
    }
    return a->sink;
}

void access_fini(struct access *a)
{
    access_flush(a);
    scribe_close(a->sink);
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
    if (!a->sink)
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
    scribe_lose(a->sink);
}

void access_flush(struct access *a)
{
    if (a->len > 0)
        scribe_write(a->sink, span_of(a->text, a->len));
    a->len = 0;
}
