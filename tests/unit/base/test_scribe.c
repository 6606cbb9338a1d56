/* What the scribe does for readers that are slow, stand still, or are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scribe.h"

enum {
    SOON_MS = 20000,
    STOP_MS = 200,
    ROOM = 8 << 20,
};

static char dir[] = "/tmp/headstart-scribe-XXXXXX";
static char path[128], text[ROOM];
static char said[4096];
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

static void say(enum scribe_weight weight, const char *sentence)
{
    (void)weight;
    pthread_mutex_lock(&said_lock);
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s\n", sentence);
    pthread_mutex_unlock(&said_lock);
}

/* How often `part` was said. */
static unsigned count_said(const char *part)
{
    unsigned n = 0;
    pthread_mutex_lock(&said_lock);
    for (const char *at = said; (at = strstr(at, part)); at += strlen(part))
        n++;
    pthread_mutex_unlock(&said_lock);
    return n;
}

static void wait_until_said(const char *part, unsigned times)
{
    uint64_t end = clock_monotonic_ms() + SOON_MS;
    while (count_said(part) < times) {
        if (clock_monotonic_ms() > end)
            fail_msg("\"%s\" was not said %u times, but: %s", part, times, said);
        poll(NULL, 0, 5);
    }
}

static int set_up(void **state)
{
    (void)state;
    said[0] = '\0';
    snprintf(path, sizeof path, "%s/log", dir);
    return scribe_start(say) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    scribe_stop(STOP_MS);
    unlink(path);
    return 0;
}

static void write_line(struct sink *s, const char *fmt, unsigned n)
{
    char line[64];
    int len = snprintf(line, sizeof line, fmt, n);
    scribe_write(s, span_of(line, (size_t)len));
}

/* Everything that can be read from `fd` until `part` comes. */
static void read_until(int fd, const char *part)
{
    size_t len = 0;
    struct pollfd polled = {fd, POLLIN, 0};
    text[0] = '\0';
    while (!strstr(text, part)) {
        if (poll(&polled, 1, SOON_MS) <= 0)
            fail_msg("there is no \"%s\" in: %s", part, text);
        ssize_t n = read(fd, text + len, sizeof text - 1 - len);
        if (n <= 0)
            fail_msg("the end comes before \"%s\", after: %s", part, text);
        len += (size_t)n;
        text[len] = '\0';
    }
}

/* The file's bytes, once `part` is among them. */
static void read_file_until(const char *name, const char *part)
{
    uint64_t end = clock_monotonic_ms() + SOON_MS;
    do {
        int fd = open(name, O_RDONLY);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
        text[n > 0 ? n : 0] = '\0';
        if (fd >= 0)
            close(fd);
        if (clock_monotonic_ms() > end)
            fail_msg("there is no \"%s\" in %s: %s", part, name, text);
    } while (!strstr(text, part));
}

/* The number behind the first `part` of what was said. */
static unsigned long long number_said(const char *part)
{
    const char *at = strstr(said, part);
    return at ? strtoull(at + strlen(part), NULL, 10) : 0;
}

struct hand {
    pthread_t thread;
    struct sink *sink;
    char letter;
};

enum { HANDS = 4, LINES = 2000, MOST_BYTES = 6000 };

/* "a 17 aaa…\n": some of the lines are longer than a pipe takes at once. */
static size_t make_line(char *line, char letter, unsigned n)
{
    size_t len = n % 50 == 0 ? MOST_BYTES : 20 + n % 100;
    memset(line, letter, len);
    int head = sprintf(line, "%c %u ", letter, n);
    line[head] = letter;
    line[len] = '\n';
    return len + 1;
}

static void *write_many(void *user)
{
    struct hand *h = user;
    char line[MOST_BYTES + 1];
    for (unsigned n = 0; n < LINES; n++)
        scribe_write(h->sink, span_of(line, make_line(line, h->letter, n)));
    return NULL;
}

/* Looks at every line that is there, and at their order. */
static void check_whole_lines(const char *at)
{
    unsigned next[HANDS] = {0};
    char line[MOST_BYTES + 2];
    while (*at) {
        unsigned hand = (unsigned)(*at - 'a');
        assert_true(hand < HANDS);
        size_t len = make_line(line, *at, next[hand]++);
        if (strncmp(at, line, len) != 0)
            fail_msg("not %.40s but %.80s", line, at);
        at += len;
    }
    for (size_t i = 0; i < HANDS; i++)
        assert_int_equal(next[i], LINES);
}

static void lines_of_many_threads_come_whole_and_in_order(void **state)
{
    int fds[2];
    struct hand hands[HANDS];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct sink *sink = scribe_borrow(fds[1], "the pipe");
    assert_non_null(sink);
    for (size_t i = 0; i < HANDS; i++) {
        hands[i] = (struct hand){.sink = sink, .letter = (char)('a' + i)};
        assert_int_equal(pthread_create(&hands[i].thread, NULL, write_many, &hands[i]), 0);
    }
    for (size_t i = 0; i < HANDS; i++)
        pthread_join(hands[i].thread, NULL);
    write_line(sink, "end %u\n", 0);
    read_until(fds[0], "end 0\n");
    *strstr(text, "end 0\n") = '\0';
    check_whole_lines(text);
    scribe_close(sink);
    close(fds[0]);
    close(fds[1]);
}

/* Hands over more than there is room for, and reads it only then. */
static void overfill(struct sink *sink, int reader)
{
    enum { LINE = 4000, TIMES = (SCRIBE_TEXT_BYTES + (1 << 20)) / LINE };
    static char line[LINE];
    uint64_t before = scribe_lost();
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (unsigned n = 0; n < TIMES; n++)
        scribe_write(sink, span_of(line, sizeof line));
    assert_true(scribe_lost() > before);
    wait_until_said("is not read fast enough", 1);
    scribe_write_own(sink, SPAN("last\n"));
    read_until(reader, "\nlast\n");
    unsigned long long lines = strlen(text) / LINE;
    assert_int_equal(strlen(text), lines * LINE + strlen("last\n"));
    wait_until_said("is written again: ", 1);
    assert_int_equal(number_said("is written again: ") + lines, TIMES);
    assert_int_equal(scribe_lost() - before + lines, TIMES);
    assert_int_equal(count_said("is not read fast enough"), 1);
}

static void reader_of_a_pipe_that_stands_still_holds_up_nobody(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int before = fcntl(fds[1], F_GETFL);
    struct sink *sink = scribe_borrow(fds[1], "the pipe");
    assert_non_null(sink);
    overfill(sink, fds[0]);
    /* Others that write there may rely on it. */
    assert_int_equal(fcntl(fds[1], F_GETFL), before);
    close(fds[0]);
    close(fds[1]);
}

static void reader_of_a_socket_that_stands_still_holds_up_nobody(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct sink *sink = scribe_borrow(fds[1], "the socket");
    assert_non_null(sink);
    overfill(sink, fds[0]);
    close(fds[0]);
    close(fds[1]);
}

static void terminal_that_is_stopped_holds_up_nobody(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip();
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    assert_int_equal(tcflow(slave, TCOOFF), 0); /* as ^S does */
    struct sink *sink = scribe_borrow(slave, "the terminal");
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct sink *other = scribe_borrow(fds[1], "the pipe");
    assert_true(sink && other);
    for (unsigned n = 0; n < 100; n++)
        write_line(sink, "line %u\n", n);
    /* What goes elsewhere is written all the same. */
    write_line(other, "other %u\n", 1);
    read_until(fds[0], "other 1\n");
    assert_int_equal(tcflow(slave, TCOON), 0);
    read_until(master, "line 99\n");
    assert_int_equal(strncmp(text, "line 0\nline 1\n", 14), 0);
    close(fds[0]);
    close(fds[1]);
    close(slave);
    close(master);
}

static int open_reader(void)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void fifo_is_written_while_somebody_reads_it(void **state)
{
    (void)state;
    uint64_t before = scribe_lost();
    assert_int_equal(mkfifo(path, 0600), 0);
    struct sink *sink = scribe_open(path, "the log");
    assert_non_null(sink);
    write_line(sink, "early %u\n", 1);
    wait_until_said("nobody reads the log", 1);
    scribe_reopen();
    write_line(sink, "early %u\n", 2);
    while (scribe_lost() < before + 2)
        poll(NULL, 0, 1);

    int fd = open_reader();
    write_line(sink, "read %u\n", 1);
    read_until(fd, "read 1\n");
    assert_string_equal(text, "read 1\n");
    wait_until_said("is written again: 2 lines", 1);

    close(fd);
    while (scribe_lost() < before + 3) {
        write_line(sink, "late %u\n", 1);
        poll(NULL, 0, 1);
    }
    fd = open_reader();
    write_line(sink, "again %u\n", 1);
    read_until(fd, "again 1\n");
    assert_string_equal(text, "again 1\n");
    close(fd);
}

/* Some descriptor of this process is open to `name`. */
static bool is_open(const char *name)
{
    char target[PATH_MAX];
    bool found = false;
    DIR *fds = opendir("/proc/self/fd");
    assert_non_null(fds);
    for (const struct dirent *entry; (entry = readdir(fds));) {
        ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof target);
        found = found || (n == (ssize_t)strlen(name) && memcmp(target, name, (size_t)n) == 0);
    }
    closedir(fds);
    return found;
}

/* A reader that leaves within a line leaves nothing of it to the next one. */
static void next_reader_of_a_fifo_begins_with_a_whole_line(void **state)
{
    char piece[3];
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    struct sink *sink = scribe_open(path, "the log");
    int fd = open_reader();
    write_line(sink, "first %u\n", 1);
    struct pollfd polled = {fd, POLLIN, 0};
    assert_int_equal(poll(&polled, 1, SOON_MS), 1);
    assert_int_equal(read(fd, piece, sizeof piece), sizeof piece);
    close(fd);
    /* Nobody writes to it meanwhile. */
    uint64_t end = clock_monotonic_ms() + SOON_MS;
    while (is_open(path))
        assert_true(clock_monotonic_ms() < end);
    fd = open_reader();
    write_line(sink, "second %u\n", 2);
    read_until(fd, "second 2\n");
    assert_string_equal(text, "second 2\n");
    close(fd);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit of the file's size stands in for a disk that is full. */
static void line_that_a_full_disk_cut_is_ended_before_the_next(void **state)
{
    (void)state;
    struct sink *sink = scribe_open(path, "the log");
    assert_non_null(sink);
    set_file_limit(10);
    scribe_write(sink, SPAN("one two\nthree\nfour\n"));
    wait_until_said("cannot be written", 1);
    set_file_limit(RLIM_INFINITY);
    scribe_write(sink, SPAN("five\n"));
    read_file_until(path, "five\n");
    assert_string_equal(text, "one two\nth\nfive\n");
    wait_until_said("is written again: 2 lines", 1);
}

static void line_that_an_earlier_process_cut_is_ended_too(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "half a li", 9), 9);
    close(fd);
    struct sink *sink = scribe_open(path, "the log");
    scribe_write(sink, SPAN("one\n"));
    scribe_write(sink, SPAN("two\n"));
    read_file_until(path, "two\n");
    assert_string_equal(text, "half a li\none\ntwo\n");
}

static void file_that_was_moved_is_opened_anew(void **state)
{
    char moved[160];
    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    struct sink *sink = scribe_open(path, "the log");
    for (unsigned n = 0; n < 1000; n++)
        write_line(sink, "old %u\n", n);
    assert_int_equal(rename(path, moved), 0);
    scribe_reopen();
    read_file_until(moved, "old 999\n");
    uint64_t end = clock_monotonic_ms() + SOON_MS;
    while (access(path, F_OK) != 0)
        assert_true(clock_monotonic_ms() < end);
    write_line(sink, "new %u\n", 1);
    read_file_until(path, "new 1\n");
    assert_string_equal(text, "new 1\n");
    unlink(moved);
}

static void file_that_cannot_be_opened_anew_is_used_further(void **state)
{
    char folder[160], elsewhere[160];
    (void)state;
    snprintf(folder, sizeof folder, "%s/folder", dir);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/folder/log", dir);
    struct sink *sink = scribe_open(path, "the log");
    assert_non_null(sink);
    assert_int_equal(rename(folder, elsewhere), 0);
    scribe_reopen();
    wait_until_said("cannot be opened anew: No such file or directory", 1);
    write_line(sink, "line %u\n", 1);
    snprintf(path, sizeof path, "%s/elsewhere/log", dir);
    read_file_until(path, "line 1\n");
    unlink(path);
    rmdir(elsewhere);
}

static void those_who_open_one_file_share_it(void **state)
{
    (void)state;
    struct sink *one = scribe_open(path, "the log"), *two = scribe_open(path, "the log");
    assert_ptr_equal(one, two);
    scribe_close(one);
    scribe_write(two, SPAN("still open\n"));
    read_file_until(path, "still open\n");
    scribe_close(two);
}

static void end_does_not_wait_for_a_reader_that_stands_still(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct sink *sink = scribe_borrow(fds[1], "the pipe");
    for (unsigned n = 0; n < 20000; n++)
        write_line(sink, "line %u\n", n);
    uint64_t start = clock_monotonic_ms();
    assert_true(scribe_finish(STOP_MS));
    uint64_t took = clock_monotonic_ms() - start;
    assert_true(took >= STOP_MS && took < 20 * STOP_MS);
    wait_until_said("lines of the pipe were lost", 1);
    close(fds[0]);
    close(fds[1]);
}

static void end_writes_all_that_was_handed_over(void **state)
{
    (void)state;
    struct sink *sink = scribe_open(path, "the log");
    for (unsigned n = 0; n < 20000; n++)
        write_line(sink, "line %u\n", n);
    scribe_close(sink);
    assert_true(scribe_finish(SOON_MS));
    read_file_until(path, "line 19999\n");
}

static int make_dir(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(lines_of_many_threads_come_whole_and_in_order),
        T(reader_of_a_pipe_that_stands_still_holds_up_nobody),
        T(reader_of_a_socket_that_stands_still_holds_up_nobody),
        T(terminal_that_is_stopped_holds_up_nobody),
        T(fifo_is_written_while_somebody_reads_it),
        T(next_reader_of_a_fifo_begins_with_a_whole_line),
        T(line_that_a_full_disk_cut_is_ended_before_the_next),
        T(line_that_an_earlier_process_cut_is_ended_too),
        T(file_that_was_moved_is_opened_anew),
        T(file_that_cannot_be_opened_anew_is_used_further),
        T(those_who_open_one_file_share_it),
        T(end_does_not_wait_for_a_reader_that_stands_still),
        T(end_writes_all_that_was_handed_over),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
