#include "server/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or the name of an abstract socket with "@" in front. 0: neither. */
static socklen_t find_manager(struct sockaddr_un *to)
{
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name ? strlen(name) : 0;
    if (len < 2 || (name[0] != '/' && name[0] != '@') || len >= sizeof to->sun_path)
        return 0;
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(to->sun_path, name, len);
    if (name[0] == '@')
        to->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void send_text(const char *text, size_t len, int flags)
{
    const struct timeval wait = {.tv_usec = (suseconds_t)NOTIFY_WAIT_MS * 1000};
    struct sockaddr_un to;
    socklen_t to_len = find_manager(&to);
    int fd = to_len > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    while (sendto(fd, text, len, MSG_NOSIGNAL | flags, (const struct sockaddr *)&to, to_len) < 0 &&
           errno == EINTR) {
    }
    close(fd);
}

void notify_send(const char *fmt, ...)
{
    char text[128];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    send_text(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, 0);
}

void notify_alive(void)
{
    send_text("WATCHDOG=1", strlen("WATCHDOG=1"), MSG_DONTWAIT);
}

static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

uint64_t notify_watchdog_us(void)
{
    uint64_t pid = number_of("WATCHDOG_PID");
    return pid == 0 || pid == (uint64_t)getpid() ? number_of("WATCHDOG_USEC") : 0;
}
