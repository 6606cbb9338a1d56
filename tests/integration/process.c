#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bytes written[2];
    bool ended; /* both pipes are closed */
};

static void *process_read(void *arg)
{
    struct process *p = arg;
    struct pollfd polled[2] = {{p->fds[0], POLLIN, 0}, {p->fds[1], POLLIN, 0}};
    while (polled[0].fd >= 0 || polled[1].fd >= 0) {
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < 2; i++) {
            if (polled[i].fd < 0 || !polled[i].revents)
                continue;
            char piece[8192];
            ssize_t n = read(polled[i].fd, piece, sizeof(piece));
            pthread_mutex_lock(&p->lock);
            if (n > 0)
                bytes_add(&p->written[i], piece, (size_t)n);
            else
                polled[i].fd = -1;
            pthread_cond_broadcast(&p->changed);
            pthread_mutex_unlock(&p->lock);
        }
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
    }
    pthread_join(p->reader, NULL);
    close(p->fds[0]);
    close(p->fds[1]);
    close(p->pidfd);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    bytes_fini(&p->written[0]);
    bytes_fini(&p->written[1]);
    free(p);
}
