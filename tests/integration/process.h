/* process.h - a child process, what it writes, and how it ends.
 * A thread reads its stdout and stderr all the time, unless it is told not to, so that it never
 * blocks on them. The child dies with the test. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process;

enum process_stream {
    PROCESS_OUT,
    PROCESS_ERR,
};

/* Starts argv[0] (looked up in PATH) in the directory `dir`; stdin is /dev/null. argv ends with
 * NULL. Fails the test where that is not possible. */
struct process *process_start(const char *const *argv, const char *dir);
pid_t process_pid(const struct process *p);
void process_signal(struct process *p, int signal);
/* Reads nothing more of the stream, or goes on; of what it has read already it knows. At the
 * process's end all is read. */
void process_hold(struct process *p, enum process_stream stream, bool held);
/* Waits until `text` stands in what it wrote; false at the deadline, or when it has ended without
 * writing it. */
bool process_wait_text(struct process *p, enum process_stream stream, const char *text,
                       unsigned ms);
/* The same, until it stands there `n` times. */
bool process_wait_times(struct process *p, enum process_stream stream, const char *text, size_t n,
                        unsigned ms);
/* Waits until it has written `n` whole lines. */
bool process_wait_lines(struct process *p, enum process_stream stream, size_t n, unsigned ms);
/* All that it wrote so far. Free with free(). */
char *process_text(struct process *p, enum process_stream stream);
/* Waits for its end: the exit status, 128 + the signal that ended it, or -1 at the deadline. */
int process_wait(struct process *p, unsigned ms);
/* Kills it if it still runs, and frees. NULL is fine. */
void process_free(struct process *p);

#endif
