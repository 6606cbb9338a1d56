#include "daemon.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "check.h"

enum {
    DAEMON_MAX_ARGS = 32,
    DAEMON_END_MS = 15000,
};

struct daemon {
    struct process *process;
    bool draining;
};

/* The words that a sanitizer leaves in the messages. */
static const char *const reports[] = {"AddressSanitizer", "LeakSanitizer",
                                      "runtime error:", "ThreadSanitizer"};

static const char *daemon_binary(void)
{
    static char path[PATH_MAX];
    const char *name = getenv("HEADSTART_BINARY");
    if (!realpath(name && *name ? name : "build/headstart", path))
        fail_msg("there is no %s; set HEADSTART_BINARY", name ? name : "build/headstart");
    return path;
}

/* The command line: the wrapper's words, the program, `args`. */
static struct process *daemon_spawn(const char *dir, const char *const *args)
{
    const char *argv[DAEMON_MAX_ARGS] = {0};
    size_t n = 0;
    const char *wrapper = getenv("HEADSTART_WRAPPER");
    char *words = check_printf("%s", wrapper ? wrapper : "");
    char *rest = words;
    for (char *word; n < DAEMON_MAX_ARGS / 2 && (word = strsep(&rest, " "));)
        if (*word)
            argv[n++] = word;
    argv[n++] = daemon_binary();
    while (args && *args && n < DAEMON_MAX_ARGS - 1)
        argv[n++] = *args++;
    struct process *process = process_start(argv, dir);
    free(words);
    return process;
}

void daemon_write_conf(const char *dir, const struct daemon_setup *setup)
{
    const char *certificates = setup->certificates
                                   ? setup->certificates
                                   : "[certificate main]\nchain = main.pem\nkey = main.key\n";
    char *path = check_printf("%s/proxy.conf", dir);
    char *top =
        setup->top ? check_printf("%s", setup->top)
                   : check_printf("workers = %u", (unsigned)check_env("HEADSTART_TEST_WORKERS", 1));
    char *text = check_printf(
        "%s\n[listen main]\naddress = 127.0.0.1:0\n%s\n%s\n%s\n[log]\naccess = %s\n%s", top,
        setup->listen ? setup->listen : "", certificates, setup->conf ? setup->conf : "",
        setup->access ? setup->access : "stdout", setup->log ? setup->log : "");
    check_write_file(path, text);
    free(text);
    free(top);
    free(path);
}

static struct daemon *daemon_launch_with(const char *dir, const char *const *args)
{
    struct daemon *d = check_alloc(sizeof(*d));
    d->process = daemon_spawn(dir, args);
    return d;
}

struct daemon *daemon_start_with(const char *dir, const char *const *args)
{
    struct daemon *d = daemon_launch_with(dir, args);
    if (!process_wait_text(d->process, PROCESS_ERR, "headstart: info: ready", CHECK_SOON_MS)) {
        char *messages = daemon_messages(d);
        print_error("the daemon did not become ready:\n%s\n", messages);
        free(messages);
        daemon_kill(d);
        fail();
    }
    return d;
}

struct daemon *daemon_start(const char *dir, const struct daemon_setup *setup)
{
    daemon_write_conf(dir, setup);
    return daemon_start_with(dir, (const char *const[]){"-c", "proxy.conf", NULL});
}

struct daemon *daemon_launch(const char *dir, const struct daemon_setup *setup)
{
    daemon_write_conf(dir, setup);
    return daemon_launch_with(dir, (const char *const[]){"-c", "proxy.conf", NULL});
}

void daemon_signal(struct daemon *d, int signal)
{
    process_signal(d->process, signal);
    d->draining = d->draining || signal == SIGTERM || signal == SIGINT;
}

static size_t daemon_count(struct daemon *d, const char *text)
{
    char *messages = daemon_messages(d);
    size_t n = 0;
    for (const char *at = messages; (at = strstr(at, text)); at += strlen(text))
        n++;
    free(messages);
    return n;
}

bool daemon_try_reload(struct daemon *d, const char *dir, const struct daemon_setup *setup)
{
    static const char taken[] = "new connections are served by it\n";
    static const char refused[] = "; the running configuration stays\n";
    size_t before = daemon_count(d, taken), either = before + daemon_count(d, refused);
    daemon_write_conf(dir, setup);
    daemon_signal(d, SIGHUP);
    for (;;) {
        size_t lines = daemon_count(d, "\n"), now = daemon_count(d, taken);
        if (now + daemon_count(d, refused) > either)
            return now > before;
        if (!process_wait_lines(d->process, PROCESS_ERR, lines + 1, CHECK_SOON_MS))
            fail_msg("the daemon does not say what became of the reload");
    }
}

void daemon_reload(struct daemon *d, const char *dir, const struct daemon_setup *setup, bool taken)
{
    if (daemon_try_reload(d, dir, setup) == taken)
        return;
    char *messages = daemon_messages(d);
    print_error("the configuration was %s:\n%s\n", taken ? "refused" : "taken", messages);
    free(messages);
    fail();
}

void daemon_drain(struct daemon *d)
{
    /* Once: a second signal says that it is to end at once. */
    if (!d->draining)
        daemon_signal(d, SIGTERM);
}

bool daemon_ends(struct daemon *d, unsigned ms)
{
    return daemon_wait(d, ms) >= 0;
}

int daemon_wait(struct daemon *d, unsigned ms)
{
    return process_wait(d->process, ms);
}

static bool daemon_is_clean(const char *messages)
{
    for (size_t i = 0; i < CHECK_LEN(reports); i++)
        if (strstr(messages, reports[i]))
            return false;
    return true;
}

void daemon_stop(struct daemon *d)
{
    if (!d)
        return;
    daemon_drain(d);
    int status = process_wait(d->process, DAEMON_END_MS);
    char *messages = daemon_messages(d);
    bool fine = status == 0 && daemon_is_clean(messages);
    if (!fine)
        print_error("the daemon ended with status %d:\n%s\n", status, messages);
    free(messages);
    daemon_kill(d);
    if (!fine)
        fail();
}

void daemon_kill(struct daemon *d)
{
    process_free(d->process);
    free(d);
}

char *daemon_messages(struct daemon *d)
{
    return process_text(d->process, PROCESS_ERR);
}

char *daemon_output(struct daemon *d)
{
    return process_text(d->process, PROCESS_OUT);
}

bool daemon_says_times(struct daemon *d, const char *text, size_t n, unsigned ms)
{
    return process_wait_times(d->process, PROCESS_ERR, text, n, ms);
}

bool daemon_says(struct daemon *d, const char *text, unsigned ms)
{
    return process_wait_text(d->process, PROCESS_ERR, text, ms);
}

bool daemon_prints(struct daemon *d, const char *text, unsigned ms)
{
    return process_wait_text(d->process, PROCESS_OUT, text, ms);
}

unsigned daemon_port(struct daemon *d, size_t n)
{
    static const char sign[] = "listening on 127.0.0.1:";
    char *messages = daemon_messages(d);
    const char *at = strstr(messages, sign);
    for (; at && n > 0; n--)
        at = strstr(at + 1, sign);
    unsigned port = at ? (unsigned)strtoul(at + sizeof(sign) - 1, NULL, 10) : 0;
    free(messages);
    if (port == 0)
        fail_msg("the daemon announced no port");
    return port;
}

void daemon_hold(struct daemon *d, enum process_stream stream, bool held)
{
    process_hold(d->process, stream, held);
}

uint64_t daemon_metric(struct daemon *d, const char *name)
{
    char *text =
        daemon_ask(d, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    char *line = check_printf("\nheadstart_%s ", name);
    const char *at = text ? strstr(text, line) : NULL;
    uint64_t value = at ? strtoull(at + strlen(line), NULL, 10) : 0;
    free(line);
    free(text);
    if (!at)
        fail_msg("there is no metric %s", name);
    return value;
}

void daemon_log_lines_at(struct daemon *d, size_t n, const char *file, int line)
{
    if (process_wait_lines(d->process, PROCESS_OUT, n, CHECK_SOON_MS))
        return;
    char *text = process_text(d->process, PROCESS_OUT);
    print_error("waited for %zu lines of the access log, which is:\n%s\n", n, text);
    free(text);
    _fail(file, line);
}

/* The n-th line of `text` as JSON. */
static json_t *daemon_parse_line(const char *text, size_t n, const char *file, int line)
{
    for (; n > 0; n--)
        text = strchr(text, '\n') + 1;
    json_error_t error;
    json_t *json = json_loadb(text, strcspn(text, "\n"), 0, &error);
    if (!json) {
        print_error("a line of the access log is no JSON (%s): %s\n", error.text, text);
        _fail(file, line);
    }
    return json;
}

json_t *daemon_log_at(struct daemon *d, size_t n, const char *file, int line)
{
    daemon_log_lines_at(d, n + 1, file, line);
    char *text = process_text(d->process, PROCESS_OUT);
    json_t *json = daemon_parse_line(text, n, file, line);
    free(text);
    return json;
}

json_t *daemon_log_of_at(struct daemon *d, const char *path, const char *file, int line)
{
    for (size_t n = 0;; n++) {
        json_t *json = daemon_log_at(d, n, file, line);
        const char *found = json_string_value(json_object_get(json, "path"));
        if (found && strcmp(found, path) == 0)
            return json;
        json_decref(json);
    }
}

void daemon_freeze(struct daemon *d)
{
    siginfo_t info;
    process_signal(d->process, SIGSTOP);
    if (waitid(P_PID, (id_t)process_pid(d->process), &info, WSTOPPED) < 0)
        fail_msg("the daemon does not stand still");
}

void daemon_thaw(struct daemon *d)
{
    process_signal(d->process, SIGCONT);
}

int daemon_pid(const struct daemon *d)
{
    return (int)process_pid(d->process);
}

uint64_t daemon_number(struct daemon *d, const char *file, const char *key)
{
    char *path = check_printf("/proc/%d/%s", daemon_pid(d), file);
    char *text = check_read_file(path);
    free(path);
    const char *at = text ? strstr(text, key) : NULL;
    uint64_t number = at ? strtoull(at + strlen(key), NULL, 10) : 0;
    free(text);
    if (number == 0)
        fail_msg("cannot read %s of the daemon", key);
    return number;
}

uint64_t daemon_memory_kib(struct daemon *d, const char *name)
{
    char *key = check_printf("%s:", name);
    uint64_t kib = daemon_number(d, "status", key);
    free(key);
    return kib;
}

uint64_t daemon_cpu_ms(struct daemon *d)
{
    enum { OF_NAME = 2, UTIME = 14 }; /* proc(5) counts them from 1 */
    char *path = check_printf("/proc/%d/stat", daemon_pid(d));
    char *text = check_read_file(path), *at = text ? strrchr(text, ')') : NULL;
    free(path);
    for (int i = OF_NAME; at && i < UTIME; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        fail_msg("cannot read the processor time of the daemon");
    uint64_t ticks = strtoull(at, &at, 10);
    ticks += strtoull(at, NULL, 10);
    free(text);
    return ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

size_t daemon_descriptors(struct daemon *d, int most)
{
    char *path = check_printf("/proc/%d/fd", daemon_pid(d));
    DIR *dir = opendir(path);
    free(path);
    if (!dir)
        fail_msg("cannot read the descriptors of the daemon");
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) < most)
            n++;
    closedir(dir);
    return n;
}

bool daemon_descriptors_fall_to(struct daemon *d, size_t n)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    while (daemon_descriptors(d, INT_MAX) > n) {
        if (check_left(deadline) == 0)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

char *daemon_ask(struct daemon *d, const char *request)
{
    struct bytes all = {0};
    int fd = check_dial(daemon_port(d, 1));
    if (fd < 0)
        return NULL;
    bool fine = send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request);
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    struct pollfd polled = {fd, POLLIN, 0};
    ssize_t n = -1;
    char piece[4096];
    while (fine && poll(&polled, 1, check_left(deadline)) > 0 &&
           (n = recv(fd, piece, sizeof(piece), 0)) > 0)
        bytes_add(&all, piece, (size_t)n);
    close(fd);
    char *text = fine && n == 0 ? check_copy(bytes_text(&all), all.len) : NULL;
    bytes_fini(&all);
    return text;
}

int daemon_run(const char *dir, const char *const *args, char **out, char **err)
{
    struct process *process = daemon_spawn(dir, args);
    int status = process_wait(process, CHECK_SOON_MS);
    char *messages = process_text(process, PROCESS_ERR);
    bool fine = daemon_is_clean(messages);
    if (!fine)
        print_error("%s\n", messages);
    if (out)
        *out = process_text(process, PROCESS_OUT);
    if (err)
        *err = messages;
    else
        free(messages);
    process_free(process);
    if (!fine)
        fail();
    return status;
}
