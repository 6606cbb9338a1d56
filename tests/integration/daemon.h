/* daemon.h - the daemon under test, started as a user would start it.
 * The binary is the environment's HEADSTART_BINARY (build/headstart); HEADSTART_WRAPPER ("valgrind
 * -q --error-exitcode=99 --leak-check=full") is put in front of it. Its access log goes to its
 * stdout, which is read all the time. Ports are of the system's choice. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "process.h"

struct daemon;

/* The parts of proxy.conf; each may be NULL. */
struct daemon_setup {
    const char *top;          /* before the first section; NULL: "workers = 1", or as many as the
                               * environment's HEADSTART_TEST_WORKERS says */
    const char *listen;       /* more options of [listen main] */
    const char *certificates; /* NULL: [certificate main] with main.pem and main.key */
    const char *conf;         /* origins, routes, push, limits, timeouts */
    const char *access;       /* NULL: stdout */
    const char *log;          /* more options of [log] */
};

/* Writes proxy.conf into `dir`. */
void daemon_write_conf(const char *dir, const struct daemon_setup *setup);
/* Does that, starts the daemon there, and waits until it is ready; fails the
 * test where it does not become so. */
struct daemon *daemon_start(const char *dir, const struct daemon_setup *setup);
/* The same, but waits for nothing. */
struct daemon *daemon_launch(const char *dir, const struct daemon_setup *setup);
/* Starts it with a command line of the test's own; ends with NULL, without the program. */
struct daemon *daemon_start_with(const char *dir, const char *const *args);
/* Writes proxy.conf anew, tells the daemon (SIGHUP), and waits until it has taken it (true) or
 * refused it. */
bool daemon_try_reload(struct daemon *d, const char *dir, const struct daemon_setup *setup);
/* The same, and fails the test unless it was `taken`, or refused. */
void daemon_reload(struct daemon *d, const char *dir, const struct daemon_setup *setup, bool taken);
/* Asks it to end, and fails the test unless it ends in time, with status 0, and without a word of a
 * sanitizer. Frees. NULL is fine. */
void daemon_stop(struct daemon *d);
/* Asks it to end, and does not wait; then daemon_stop(). */
void daemon_drain(struct daemon *d);
/* Sends any signal; SIGTERM and SIGINT count as daemon_drain(). */
void daemon_signal(struct daemon *d, int signal);
/* Waits for its end after daemon_drain(); false at the deadline. */
bool daemon_ends(struct daemon *d, unsigned ms);
/* Waits for its end, however that comes: its status (process_wait()), or -1 at the deadline. */
int daemon_wait(struct daemon *d, unsigned ms);
/* Kills it, for a test that has failed already. */
void daemon_kill(struct daemon *d);

/* The port of the n-th listener that it announced. */
unsigned daemon_port(struct daemon *d, size_t n);
/* Waits for `text` in its messages; false at the deadline. */
bool daemon_says(struct daemon *d, const char *text, unsigned ms);
/* The same, until it is there `n` times. */
bool daemon_says_times(struct daemon *d, const char *text, size_t n, unsigned ms);
/* Waits for `text` in what it wrote to stdout; false at the deadline. */
bool daemon_prints(struct daemon *d, const char *text, unsigned ms);
/* All its messages. Free with free(). */
char *daemon_messages(struct daemon *d);
/* All that it wrote to stdout. Free with free(). */
char *daemon_output(struct daemon *d);

/* Its stdout, or its stderr, is not read any more, or is again. */
void daemon_hold(struct daemon *d, enum process_stream stream, bool held);
/* A number of its /metrics; its second listener is the admin's. */
uint64_t daemon_metric(struct daemon *d, const char *name);

/* Waits until `n` lines stand in the access log. */
#define daemon_log_lines(d, n) daemon_log_lines_at(d, n, __FILE__, __LINE__)
void daemon_log_lines_at(struct daemon *d, size_t n, const char *file, int line);
/* The n-th line of the access log, waited for. Free with json_decref(). */
#define daemon_log(d, n) daemon_log_at(d, n, __FILE__, __LINE__)
json_t *daemon_log_at(struct daemon *d, size_t n, const char *file, int line);
/* The first line whose path is `path`, waited for. Free with json_decref(). */
#define daemon_log_of(d, path) daemon_log_of_at(d, path, __FILE__, __LINE__)
json_t *daemon_log_of_at(struct daemon *d, const char *path, const char *file, int line);

/* Holds it still until daemon_thaw(): all that is sent to it meanwhile lies ready when it goes on.
 */
void daemon_freeze(struct daemon *d);
void daemon_thaw(struct daemon *d);

int daemon_pid(const struct daemon *d);
/* The number behind `key` in a file of /proc/PID; fails the test where there is none, or 0. */
uint64_t daemon_number(struct daemon *d, const char *file, const char *key);
/* A value of /proc/PID/status in KiB: "RssAnon", "VmHWM". */
uint64_t daemon_memory_kib(struct daemon *d, const char *name);

/* The processor time that it has taken, in steps of 10 ms. */
uint64_t daemon_cpu_ms(struct daemon *d);

/* How many descriptors below `most` it has open. */
size_t daemon_descriptors(struct daemon *d, int most);
/* Waits until it has no more than `n`; false at the deadline. */
bool daemon_descriptors_fall_to(struct daemon *d, size_t n);
/* Sends `request` to the admin listener, whose port was announced second; all that comes back until
 * that closes. NULL: it did not answer, or did not close. Free with free(). */
char *daemon_ask(struct daemon *d, const char *request);

/* Runs the program once with `args` and waits for its end: the exit status. What it wrote is set
 * where it is asked for; free with free(). */
int daemon_run(const char *dir, const char *const *args, char **out, char **err);

#endif
