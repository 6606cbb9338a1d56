#include "steer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAIN_CERTIFICATE  "[certificate main]\nchain = main.pem\nkey = main.key\n"
#define OTHER_CERTIFICATE "[certificate other]\nchain = other.pem\nkey = other.key\n"

/* The time-outs for origins are shorter than its stalls. A push may wait, so that none that is
 * promised is given up while the machine is busy. */
#define COMMON                                                                                      \
    "[timeouts]\nresponse = 6s\norigin_stall = 6s\norigin_idle = 1s\nhandshake = 3s\nheader = 3s\n" \
    "queue = 60s\n[admin]\naddress = 127.0.0.1:0\n"
/* The log whose reader stands still, and what it has read at last. */
#define FIFO    "still.fifo"
#define STILL   "still.log"
#define PATIENT "max_wait = 60s\nretry_after = 0s\n"

struct variant {
    const char *certificates, *conf;
};

static const struct variant right[] = {
    {MAIN_CERTIFICATE, "[push]\n" PATIENT},
    {OTHER_CERTIFICATE MAIN_CERTIFICATE, "[push]\nmax_per_page = 3\n" PATIENT},
    {MAIN_CERTIFICATE, "[limits]\nstreams = 50\nheader_list = 16k\nidle_frames = 500\n"
                       "resets = 100\n[push]\nmax_open = 5\n" PATIENT},
    {OTHER_CERTIFICATE, "[push]\nenabled = off\n" PATIENT},
    {MAIN_CERTIFICATE OTHER_CERTIFICATE,
     "[route more]\nmatch = /steady/page\norigin = steady\n[push]\n" PATIENT},
};

static const struct variant broken[] = {
    {MAIN_CERTIFICATE, "[push]\nno_such_option = 1\n"},
    {"[certificate main]\nchain = missing.pem\nkey = main.key\n", ""},
    {"[certificate main]\nchain = main.pem\nkey = other.key\n", ""},
    {MAIN_CERTIFICATE, "[timeouts]\nidle = soon\n"},
    {MAIN_CERTIFICATE, "[route lost]\nmatch = /lost\norigin = nobody\n"},
    {MAIN_CERTIFICATE, "\1\2\3 no line of any file\n"},
};

static struct daemon_setup steer_setup(struct steer *s, const struct variant *v, char **conf)
{
    *conf = check_printf("%s%s%s", s->origins, v->conf, COMMON);
    return (struct daemon_setup){
        .top = "workers = 2",
        .certificates = v->certificates,
        .conf = *conf,
        .access = s->still_fd > 0 ? FIFO : "access.log",
    };
}

void steer_start(struct steer *s, unsigned steady_port, unsigned flapping_port)
{
    char *conf;
    s->origins = rig_text(s->rig,
                          "[origin steady]\nurl = http://127.0.0.1:%u\nmax_connections = 64\n"
                          "[origin flapping]\nurl = http://127.0.0.1:%u\nmax_connections = 32\n"
                          "[route steady]\nmatch = /steady/\norigin = steady\n"
                          "[route flapping]\nmatch = /flapping/\norigin = flapping\n",
                          steady_port, flapping_port);
    const struct daemon_setup setup = steer_setup(s, &right[0], &conf);
    rig_daemon(s->rig, &setup);
    free(conf);
}

void steer_reload(struct steer *s, struct dice *dice, bool is_right)
{
    char *conf;
    const struct variant *v = is_right ? &right[dice_below(dice, CHECK_LEN(right))]
                                       : &broken[dice_below(dice, CHECK_LEN(broken))];
    const struct daemon_setup setup = steer_setup(s, v, &conf);
    daemon_reload(s->rig->daemon, s->rig->dir, &setup, is_right);
    free(conf);
    soak_count(is_right ? SOAK_RELOADS : SOAK_REJECTED, 1);
}

static char *steer_log(struct steer *s, unsigned n)
{
    return n == s->rotated ? check_printf("%s/access.log", s->rig->dir)
                           : check_printf("%s/access.%u.log", s->rig->dir, n);
}

void steer_rotate(struct steer *s)
{
    if (s->still_fd > 0) {
        daemon_signal(s->rig->daemon, SIGUSR1);
        return;
    }
    char *path = steer_log(s, s->rotated);
    s->rotated++;
    char *moved = steer_log(s, s->rotated - 1);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    if (rename(path, moved) != 0)
        soak_fail("%s cannot be moved: %s", path, strerror(errno));
    daemon_signal(s->rig->daemon, SIGUSR1);
    while (access(path, F_OK) != 0) {
        if (check_left(deadline) == 0)
            soak_fail("the access log was not opened anew");
        poll(NULL, 0, 10);
    }
    free(path);
    free(moved);
    soak_count(SOAK_ROTATIONS, 1);
}

/* The answer of the admin listener, with its head. Free with free(). */
static char *steer_ask(struct steer *s)
{
    char *text = daemon_ask(
        s->rig->daemon, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    if (!text)
        soak_fail("the admin listener does not answer");
    return text;
}

uint64_t steer_metric(struct steer *s, const char *name)
{
    char *text = steer_ask(s);
    char *line = check_printf("\nheadstart_%s ", name);
    const char *at = strstr(text, line);
    if (!at)
        soak_fail("there is no metric %s", name);
    uint64_t value = strtoull(at + strlen(line), NULL, 10);
    free(line);
    free(text);
    return value;
}

void steer_print_failures(struct steer *s)
{
    static const char name[] = "\nheadstart_failures_total{failure=\"";
    char *text = steer_ask(s);
    print_message("failures in the daemon's eyes:");
    for (const char *at = text; (at = strstr(at, name));) {
        at += sizeof(name) - 1;
        int len = (int)strcspn(at, "\"");
        unsigned long long n = strtoull(at + len + strlen("\"} "), NULL, 10);
        if (n > 0)
            print_message(" %.*s %llu", len, at, n);
    }
    print_message("\n");
    free(text);
}

unsigned steer_descriptors(struct steer *s)
{
    return (unsigned)daemon_descriptors(s->rig->daemon, INT_MAX);
}

void steer_print_descriptors(struct steer *s)
{
    char *path = check_printf("/proc/%d/fd", daemon_pid(s->rig->daemon));
    DIR *dir = opendir(path);
    if (!dir)
        soak_fail("cannot read %s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char target[128] = "";
        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0)
            print_error("  %s -> %s\n", entry->d_name, target);
    }
    closedir(dir);
    free(path);
}

void steer_stand_still(struct steer *s)
{
    char *conf, *path = check_printf("%s/" FIFO, s->rig->dir);
    if (mkfifo(path, 0600) != 0 || (s->still_fd = open(path, O_RDONLY | O_NONBLOCK)) < 0)
        soak_fail("no FIFO for the access log: %s", strerror(errno));
    const struct daemon_setup setup = steer_setup(s, &right[0], &conf);
    daemon_reload(s->rig->daemon, s->rig->dir, &setup, true);
    soak_count(SOAK_RELOADS, 1);
    free(conf);
    free(path);
}

static uint64_t steer_count_lines(const char *text, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

void steer_go_on(struct steer *s, uint64_t n)
{
    char *path = check_printf("%s/" STILL, s->rig->dir), piece[65536];
    FILE *out = fopen(path, "we");
    struct pollfd polled = {s->still_fd, POLLIN, 0};
    uint64_t lines = 0;
    if (!out)
        soak_fail("cannot write %s", path);
    while (lines < n) {
        if (poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS))) <= 0)
            soak_fail("only %llu of %llu lines come to the reader that goes on",
                      (unsigned long long)lines, (unsigned long long)n);
        ssize_t len = read(s->still_fd, piece, sizeof(piece));
        if (len <= 0)
            continue;
        lines += steer_count_lines(piece, (size_t)len);
        fwrite(piece, 1, (size_t)len, out);
    }
    fclose(out);
    free(path);
}

uint64_t steer_read_logs(struct steer *s, struct ledger *ledger)
{
    uint64_t lines = 0;
    for (unsigned n = 0; n <= s->rotated; n++) {
        char *path = steer_log(s, n);
        lines += ledger_read_log(ledger, path);
        free(path);
    }
    char *still = check_printf("%s/" STILL, s->rig->dir);
    lines += ledger_read_log(ledger, still);
    free(still);
    return lines;
}
