/* Whoever reads the logs: slowly, not at all, from a FIFO, or from a disk that is full. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

#define ADMIN "[admin]\naddress = 127.0.0.1:0\n"

enum {
    MUCH = 40000, /* bytes of a field, each two in the log */
    QUEUED = 150, /* lines with such a field are more than may wait */
    OVER = 3000,  /* of a field, whose line is more than a pipe takes at once */
    TOLD = 64 * 1024,
    END_MS = 5000, /* a second for the reader of the access log, and time to spare */
};

/* A field that makes a long line. Lives as long as the test. */
static const char *long_value(struct rig *rig, size_t len)
{
    char *text = check_alloc(len + 1);
    memset(text, '"', len);
    const char *value = rig_text(rig, "%s", text);
    free(text);
    return value;
}

static void fetch_with(struct peer *p, const char *path, const char *referer)
{
    int32_t id = peer_get(p, path, FIELDS("referer", referer));
    assert_int_equal(peer_until_closed(p, id)->status, 200);
}

static void wait_for_lost(struct rig *rig, uint64_t n)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    while (daemon_metric(rig->daemon, "log_lines_lost_total") < n) {
        if (check_left(deadline) == 0)
            fail_msg("%llu lines were not lost", (unsigned long long)n);
        poll(NULL, 0, 5);
    }
}

/* Every line is one of JSON. */
static size_t count_lines(const char *text)
{
    size_t n = 0;
    json_error_t error;
    for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, n++) {
        json_t *line = json_loadb(at, (size_t)(end - at), 0, &error);
        if (!line)
            fail_msg("line %zu is no JSON (%s): %.300s", n, error.text, at);
        json_decref(line);
    }
    return n;
}

static void reader_that_stands_still_costs_nobody_a_request(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    const char *much = long_value(rig, MUCH);
    struct peer *p = rig_peer(rig, NULL);
    daemon_hold(rig->daemon, PROCESS_OUT, true);
    for (int i = 0; i < QUEUED; i++)
        fetch_with(p, "/", much);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
    wait_for_lost(rig, 1);
    assert_true(daemon_says(rig->daemon, "is not read fast enough", CHECK_SOON_MS));
    uint64_t lost = daemon_metric(rig->daemon, "log_lines_lost_total");
    daemon_hold(rig->daemon, PROCESS_OUT, false);
    assert_true(daemon_says(rig->daemon, " lines of it were lost", CHECK_SOON_MS));
    char *messages = daemon_messages(rig->daemon);
    const char *at = strstr(messages, "is written again: ");
    assert_non_null(at);
    assert_int_equal(strtoull(at + strlen("is written again: "), NULL, 10), lost);
    free(messages);
    fetch_with(p, "/last", "x");
    json_decref(daemon_log_of(rig->daemon, "/last"));
    char *text = daemon_output(rig->daemon);
    size_t lines = count_lines(text);
    free(text);
    assert_int_equal(lines + lost, QUEUED + 2);
}

/* Reloads that fail write a line each. */
static void fill_messages(struct rig *rig)
{
    const struct daemon_setup wrong = {
        .conf = rig_text(rig, "[push]\nenabled = %s\n", long_value(rig, 150))};
    daemon_write_conf(rig->dir, &wrong);
    for (uint64_t n = 1; n < TOLD / 150; n++) {
        uint64_t deadline = check_deadline(CHECK_SOON_MS);
        daemon_signal(rig->daemon, SIGHUP);
        while (daemon_metric(rig->daemon, "reloads_failed_total") < n) {
            if (check_left(deadline) == 0)
                fail_msg("reload %llu is not done", (unsigned long long)n);
            poll(NULL, 0, 1);
        }
    }
}

static void process_ends_though_nobody_reads_its_logs(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, ADMIN);
    const char *much = long_value(rig, MUCH);
    struct peer *p = rig_peer(rig, NULL);
    daemon_hold(rig->daemon, PROCESS_OUT, true);
    daemon_hold(rig->daemon, PROCESS_ERR, true);
    fill_messages(rig);
    for (int i = 0; i < 10; i++)
        fetch_with(p, "/", much);
    rig_close_peer(rig, p);
    uint64_t start = check_now_ms();
    daemon_drain(rig->daemon);
    assert_true(daemon_ends(rig->daemon, END_MS));
    assert_true(check_now_ms() - start < check_slowed(END_MS));
}

static void lines_of_all_workers_are_whole_for_a_slow_reader(void **state)
{
    enum { PEERS = 8, ROUNDS = 40 };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *conf = rig_text(rig, "[origin app]\n%s", rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 4", .conf = conf});
    const char *values[] = {"short", long_value(rig, OVER)};
    struct peer *peers[PEERS];
    for (size_t i = 0; i < PEERS; i++)
        peers[i] = rig_peer(rig, NULL);
    for (size_t round = 0; round < ROUNDS; round++) {
        int32_t ids[PEERS];
        daemon_hold(rig->daemon, PROCESS_OUT, round % 8 != 0);
        for (size_t i = 0; i < PEERS; i++) {
            ids[i] = peer_get(peers[i], "/", FIELDS("referer", values[(round + i) % 2]));
            peer_settle(peers[i]);
        }
        for (size_t i = 0; i < PEERS; i++)
            assert_int_equal(peer_until_closed(peers[i], ids[i])->status, 200);
    }
    daemon_hold(rig->daemon, PROCESS_OUT, false);
    daemon_log_lines(rig->daemon, PEERS * ROUNDS);
    char *text = daemon_output(rig->daemon);
    size_t lines = count_lines(text);
    free(text);
    assert_int_equal(lines, PEERS * ROUNDS);
}

static const char *make_fifo(struct rig *rig, const char *name)
{
    const char *path = rig_text(rig, "%s/%s", rig->dir, name);
    assert_int_equal(mkfifo(path, 0600), 0);
    return path;
}

static int open_reader(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Reads the line of one request, and nothing else. */
static void read_line_of(int fd, const char *path)
{
    char text[4096];
    size_t len = 0;
    struct pollfd polled = {fd, POLLIN, 0};
    do {
        if (poll(&polled, 1, check_left(check_deadline(CHECK_SOON_MS))) <= 0)
            fail_msg("no line came of %s", path);
        ssize_t n = read(fd, text + len, sizeof text - len);
        assert_true(n > 0);
        len += (size_t)n;
    } while (text[len - 1] != '\n');
    json_error_t error;
    json_t *line = json_loadb(text, len, 0, &error);
    if (!line)
        fail_msg("not one line of JSON (%s): %.*s", error.text, (int)len, text);
    check_text(json_string_value(json_object_get(line, "path")), path);
    json_decref(line);
}

static void fifo_without_a_reader_holds_up_nobody(void **state)
{
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *path = make_fifo(rig, "access.fifo");
    const struct daemon_setup setup = {
        .conf = rig_text(rig, "[origin app]\n%s" ADMIN, rig_url(rig, stub)),
        .access = "access.fifo"};
    rig_daemon(rig, &setup);
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/1")->status, 200);
    wait_for_lost(rig, 1);
    daemon_signal(rig->daemon, SIGUSR1);
    assert_int_equal(peer_fetch(p, "/2")->status, 200);
    wait_for_lost(rig, 2);
    assert_true(daemon_says(rig->daemon, "nobody reads the access log ", CHECK_SOON_MS));

    int fd = open_reader(path);
    assert_int_equal(peer_fetch(p, "/3")->status, 200);
    read_line_of(fd, "/3");
    daemon_signal(rig->daemon, SIGUSR1);
    /* Two generations write to one FIFO. */
    daemon_reload(rig->daemon, rig->dir, &setup, true);
    p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/4")->status, 200);
    read_line_of(fd, "/4");
    assert_true(daemon_says(rig->daemon, "is written again: 2 lines of it", CHECK_SOON_MS));

    close(fd);
    assert_int_equal(peer_fetch(p, "/5")->status, 200);
    wait_for_lost(rig, 3);
    fd = open_reader(path);
    assert_int_equal(peer_fetch(p, "/6")->status, 200);
    read_line_of(fd, "/6");
    close(fd);
}

static void set_file_limit(struct rig *rig, rlim_t bytes)
{
    struct rlimit limit;
    pid_t pid = daemon_pid(rig->daemon);
    assert_int_equal(prlimit(pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(prlimit(pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

/* The limit of a file's size stands in for a disk that is full. */
static void line_that_a_full_disk_cut_spoils_no_other(void **state)
{
    enum { ROOM = 100 };
    struct rig *rig = *state;
    struct stub *stub = rig_stub(rig, NULL);
    const char *path = rig_text(rig, "%s/full.log", rig->dir);
    const char *conf = rig_text(rig, "[origin app]\n%s" ADMIN, rig_url(rig, stub));
    rig_daemon(rig, &(struct daemon_setup){.conf = conf, .access = "full.log"});
    struct peer *p = rig_peer(rig, NULL);
    set_file_limit(rig, ROOM);
    for (int i = 0; i < 3; i++)
        assert_int_equal(peer_fetch(p, "/full")->status, 200);
    wait_for_lost(rig, 3);
    assert_true(
        daemon_says(rig->daemon, "full.log cannot be written: File too large", CHECK_SOON_MS));
    set_file_limit(rig, RLIM_INFINITY);
    assert_int_equal(peer_fetch(p, "/after")->status, 200);
    assert_true(daemon_says(rig->daemon, "is written again: 3 lines of it", CHECK_SOON_MS));
    char *text = check_read_file(path);
    assert_non_null(text);
    assert_int_equal(text[ROOM], '\n');
    assert_int_equal(count_lines(text + ROOM + 1), 1);
    check_holds(text + ROOM, "\"/after\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(reader_that_stands_still_costs_nobody_a_request),
        RIG_TEST(process_ends_though_nobody_reads_its_logs),
        RIG_TEST(lines_of_all_workers_are_whole_for_a_slow_reader),
        RIG_TEST(fifo_without_a_reader_holds_up_nobody),
        RIG_TEST(line_that_a_full_disk_cut_spoils_no_other),
    };
    return rig_run(tests);
}
