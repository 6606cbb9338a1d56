/* output.h - what a log is written to: a regular file, a pipe, a socket, a terminal.
 * Nothing here waits for a reader. To anything but a regular file whole lines that fit into
 * PIPE_BUF bytes are written at once, so that they arrive together, whoever else writes there
 * (pipe(7)). A FIFO that nobody reads is a closed output, not an error. For the scribe. */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

enum output_kind {
    OUTPUT_FILE,
    OUTPUT_SOCKET,
    OUTPUT_STREAM,   /* a pipe, a FIFO, a terminal, another device; does not block */
    OUTPUT_BLOCKING, /* the same, where others share the setting that it blocks: asked before */
};

struct output {
    int fd; /* -1: a FIFO that nobody reads */
    enum output_kind kind;
    bool owned;   /* its descriptor is to be closed */
    bool is_fifo; /* opened by its path: a new reader may come */
    bool is_cut;  /* its last line has no end */
    dev_t device; /* with `inode`, what it is: two outputs with the same are one */
    ino_t inode;
};

/* Opens `path` for appending; a file that does not exist is made. False with errno. */
NODISCARD bool output_open(struct output *o, const char *path);
/* Opens `path` if it is a FIFO that somebody reads; otherwise false with errno. */
NODISCARD bool output_open_fifo(struct output *o, const char *path);
/* Uses a descriptor that the process was started with and that others may write to. False with
 * errno. */
NODISCARD bool output_borrow(struct output *o, int fd);
/* Closes it if it is ours. */
void output_close(struct output *o);
bool output_is_same(const struct output *a, const struct output *b);
/* Writes some of `text`, which begins a line unless `goes_on`. Returns how many bytes were taken,
 * or -1 with errno: EAGAIN means that the reader stands still; EPIPE that it is gone. */
NODISCARD ssize_t output_write(struct output *o, const char *text, size_t len, bool goes_on);

#endif
