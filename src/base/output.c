#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLAGS = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
    MODE = 0640,
};

/* O_CREAT only where there is nothing: with it, fs.protected_fifos refuses FIFOs in /tmp. */
static int open_path(const char *path)
{
    int fd = open(path, FLAGS);
    return fd < 0 && errno == ENOENT ? open(path, FLAGS | O_CREAT, MODE) : fd;
}

static enum output_kind kind_of(const struct stat *status)
{
    if (S_ISREG(status->st_mode) || S_ISBLK(status->st_mode))
        return OUTPUT_FILE;
    return S_ISSOCK(status->st_mode) ? OUTPUT_SOCKET : OUTPUT_STREAM;
}

static struct output output_of(int fd, const struct stat *status)
{
    return (struct output){
        .fd = fd, .kind = kind_of(status), .device = status->st_dev, .inode = status->st_ino};
}

/* The file ends within a line: whoever wrote it last was cut short. Where it cannot be read, it is
 * taken to be whole. */
static bool ends_in_a_line(const char *path, const struct stat *expected)
{
    struct stat status;
    char last = '\n';
    if (!S_ISREG(expected->st_mode) || expected->st_size == 0)
        return false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0 || status.st_ino != expected->st_ino ||
        pread(fd, &last, 1, status.st_size - 1) != 1)
        last = '\n';
    close(fd);
    return last != '\n';
}

bool output_open(struct output *o, const char *path)
{
    struct stat status;
    int fd = open_path(path), error = errno;
    if (fd < 0 && (error != ENXIO || stat(path, &status) != 0 || !S_ISFIFO(status.st_mode))) {
        errno = error;
        return false;
    }
    if (fd >= 0 && fstat(fd, &status) != 0) {
        close(fd);
        return false;
    }
    *o = output_of(fd, &status);
    o->owned = true;
    o->is_fifo = S_ISFIFO(status.st_mode);
    o->is_cut = ends_in_a_line(path, &status);
    return true;
}

bool output_open_fifo(struct output *o, const char *path)
{
    struct stat status;
    int fd = open(path, FLAGS);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) {
        close(fd);
        errno = EPIPE;
        return false;
    }
    *o = output_of(fd, &status);
    o->owned = o->is_fifo = true;
    return true;
}

/* Whether a descriptor blocks is a setting of the open file, which others share. A pipe or a
 * terminal is opened again for a setting of its own. */
static int open_again(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, FLAGS);
}

bool output_borrow(struct output *o, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    *o = output_of(fd, &status);
    if (o->kind != OUTPUT_STREAM)
        return true;
    int own = open_again(fd);
    if (own < 0) {
        o->kind = OUTPUT_BLOCKING;
        return true;
    }
    o->fd = own;
    o->owned = true;
    return true;
}

void output_close(struct output *o)
{
    if (o->owned && o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}

bool output_is_same(const struct output *a, const struct output *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static bool takes_more(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    return poll(&polled, 1, 0) > 0;
}

static ssize_t put(const struct output *o, const char *text, size_t len)
{
    ssize_t n;
    if (o->kind == OUTPUT_BLOCKING && !takes_more(o->fd)) {
        errno = EAGAIN;
        return -1;
    }
    do {
        n = o->kind == OUTPUT_SOCKET ? send(o->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : write(o->fd, text, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* As many whole lines as fit into PIPE_BUF bytes; of a line that does not, so many bytes. */
static size_t piece_len(const struct output *o, const char *text, size_t len)
{
    if (o->kind == OUTPUT_FILE || len <= PIPE_BUF)
        return len;
    const char *end = memrchr(text, '\n', PIPE_BUF);
    return end ? (size_t)(end - text) + 1 : PIPE_BUF;
}

ssize_t output_write(struct output *o, const char *text, size_t len, bool goes_on)
{
    if (o->is_cut && !goes_on) {
        if (put(o, "\n", 1) != 1)
            return -1;
        o->is_cut = false;
    }
    return put(o, text, piece_len(o, text, len));
}
