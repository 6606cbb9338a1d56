#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "check.h"

struct process {
    pid_t pid;
    int pidfd;
    int status; /* -1: it runs */
    int fds[2];
    bool held[2]; /* not read for now */
    int wake_fd;  /* to the reader, when that changes */
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bytes written[2];
    bool ended; /* both pipes are closed */
};

/* Reads a piece of a stream that has something; false at its end. */
static bool process_read_piece(struct process *p, size_t i)
{
    char piece[8192];
    ssize_t n = read(p->fds[i], piece, sizeof(piece));
    pthread_mutex_lock(&p->lock);
    if (n > 0)
        bytes_add(&p->written[i], piece, (size_t)n);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return n > 0;
}

static void *process_read(void *arg)
{
    struct process *p = arg;
    bool open[2] = {true, true};
    while (open[0] || open[1]) {
        struct pollfd polled[3] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}, {p->wake_fd, POLLIN, 0}};
        eventfd_t count;
        pthread_mutex_lock(&p->lock);
        for (size_t i = 0; i < 2; i++)
            if (open[i] && !p->held[i])
                polled[i].fd = p->fds[i];
        pthread_mutex_unlock(&p->lock);
        if (poll(polled, 3, -1) < 0 && errno != EINTR)
            break;
        if (polled[2].revents)
            eventfd_read(p->wake_fd, &count);
        for (size_t i = 0; i < 2; i++)
            if (polled[i].revents)
                open[i] = process_read_piece(p, i);
    }
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void process_exec(const char *const *argv, const char *dir, int out, int err)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY);
    if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || (dir && chdir(dir) < 0))
        _exit(126);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void process_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct process *process_start(const char *const *argv, const char *dir)
{
    struct process *p = check_alloc(sizeof(*p));
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        fail_msg("pipe: %s", strerror(errno));
    p->pid = fork();
    if (p->pid == 0)
        process_exec(argv, dir, out[1], err[1]);
    if (p->pid < 0)
        fail_msg("fork: %s", strerror(errno));
    close(out[1]);
    close(err[1]);
    p->wake_fd = eventfd(0, EFD_CLOEXEC);
    p->pidfd = pidfd_open(p->pid, 0);
    p->status = -1;
    p->fds[PROCESS_OUT] = out[0];
    p->fds[PROCESS_ERR] = err[0];
    pthread_mutex_init(&p->lock, NULL);
    process_cond_init(&p->changed);
    pthread_create(&p->reader, NULL, process_read, p);
    return p;
}

pid_t process_pid(const struct process *p)
{
    return p->pid;
}

void process_signal(struct process *p, int signal)
{
    if (p->status < 0)
        kill(p->pid, signal);
}

void process_hold(struct process *p, enum process_stream stream, bool held)
{
    pthread_mutex_lock(&p->lock);
    p->held[stream] = held;
    pthread_mutex_unlock(&p->lock);
    eventfd_write(p->wake_fd, 1);
}

static size_t process_count(const struct bytes *b, const char *text)
{
    size_t n = 0;
    for (const char *at = bytes_text(b); (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

bool process_wait_times(struct process *p, enum process_stream stream, const char *text, size_t n,
                        unsigned ms)
{
    uint64_t deadline = check_deadline(ms);
    struct timespec until = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    pthread_mutex_lock(&p->lock);
    bool found;
    for (;;) {
        found = process_count(&p->written[stream], text) >= n;
        if (found || p->ended)
            break;
        if (pthread_cond_timedwait(&p->changed, &p->lock, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

bool process_wait_text(struct process *p, enum process_stream stream, const char *text, unsigned ms)
{
    return process_wait_times(p, stream, text, 1, ms);
}

bool process_wait_lines(struct process *p, enum process_stream stream, size_t n, unsigned ms)
{
    return process_wait_times(p, stream, "\n", n, ms);
}

char *process_text(struct process *p, enum process_stream stream)
{
    pthread_mutex_lock(&p->lock);
    char *text = check_copy(bytes_text(&p->written[stream]), p->written[stream].len);
    pthread_mutex_unlock(&p->lock);
    return text;
}

int process_wait(struct process *p, unsigned ms)
{
    if (p->status >= 0)
        return p->status;
    struct pollfd polled = {p->pidfd, POLLIN, 0};
    uint64_t deadline = check_deadline(ms);
    int ready;
    do {
        ready = poll(&polled, 1, check_left(deadline));
    } while (ready < 0 && errno == EINTR);
    int status;
    if (ready <= 0 || waitpid(p->pid, &status, 0) != p->pid)
        return -1;
    p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    /* What it wrote last is then complete. */
    process_hold(p, PROCESS_OUT, false);
    process_hold(p, PROCESS_ERR, false);
    process_wait_lines(p, PROCESS_ERR, SIZE_MAX, CHECK_SOON_MS);
    return p->status;
}

void process_free(struct process *p)
{
    if (!p)
        return;
    if (p->status < 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        process_hold(p, PROCESS_OUT, false);
        process_hold(p, PROCESS_ERR, false);
    }
    pthread_join(p->reader, NULL);
    close(p->fds[0]);
    close(p->fds[1]);
    close(p->pidfd);
    close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    bytes_fini(&p->written[0]);
    bytes_fini(&p->written[1]);
    free(p);
}
