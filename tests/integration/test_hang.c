/* Workers that hang, and threads that fault: the process ends, and says so.
 * The daemon is HEADSTART_BINARY with "-failing" behind it: a worker hangs in its next allocation
 * where a test says so (tests/tools/failing_mem.c). */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../tools/failing_mem.h"
#include "rig.h"

enum {
    WATCHDOG_US = 400000,
    EXIT_RUN_TIME = 3,
    /* One second for the worker, one for those who read the log, and time to spare. */
    SECOND_SIGNAL_MS = 4000,
};

static struct failing_mem *memory;

/* Two workers, one of which hangs as soon as somebody comes. */
static void let_one_hang(struct rig *rig)
{
    struct wire_options options = {.port = daemon_port(rig->daemon, 0)};
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    atomic_store(&memory->hangs, 1);
    struct wire *w = wire_connect(&options);
    while (atomic_load(&memory->hangs) > 0 && check_left(deadline) > 0)
        poll(NULL, 0, 1);
    wire_free(w);
    assert_int_equal(atomic_load(&memory->hangs), 0);
}

/* Its main thread has answered something once: ThreadSanitizer (of GCC 12) forgets a signal that
 * comes while a thread begins to wait for the first time. */
static void start(struct rig *rig, const char *conf)
{
    struct stub *stub = rig_stub(rig, NULL);
    const char *text = rig_text(rig, "[origin app]\n%s%s[admin]\naddress = 127.0.0.1:0\n",
                                rig_url(rig, stub), conf);
    rig_daemon(rig, &(struct daemon_setup){.top = "workers = 2", .conf = text});
    assert_int_equal(daemon_metric(rig->daemon, "requests_total"), 0);
}

/* Valgrind takes what the C library has for a thread that is left behind as lost, and chooses the
 * status. */
static bool is_status(int ended, int expected)
{
    const char *wrapper = getenv("HEADSTART_WRAPPER");
    return wrapper && *wrapper ? ended > 0 : ended == expected;
}

/* It ends in time, with this status and this message. */
static void expect_end(struct rig *rig, unsigned ms, int status, const char *says)
{
    struct daemon *d = rig->daemon;
    int ended = daemon_wait(d, ms);
    char *messages = daemon_messages(d);
    rig->daemon = NULL;
    daemon_kill(d);
    bool fine = is_status(ended, status) && strstr(messages, says);
    if (!fine)
        print_error("status %d, not %d; it says:\n%s\n", ended, status, messages);
    free(messages);
    assert_true(fine);
}

static void second_signal_ends_it_though_a_worker_hangs(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct rig *rig = *state;
    for (size_t i = 0; i < CHECK_LEN(signals); i++) {
        start(rig, "");
        let_one_hang(rig);
        daemon_signal(rig->daemon, signals[i]);
        assert_true(daemon_says(rig->daemon, "finishing what runs", CHECK_SOON_MS));
        daemon_signal(rig->daemon, signals[i]);
        expect_end(rig, SECOND_SIGNAL_MS, EXIT_RUN_TIME, " hangs: the process ends without it");
    }
}

static void drain_ends_though_a_worker_hangs(void **state)
{
    struct rig *rig = *state;
    start(rig, "[timeouts]\ndrain = 0s\n");
    let_one_hang(rig);
    daemon_signal(rig->daemon, SIGTERM);
    expect_end(rig, CHECK_SOON_MS, EXIT_RUN_TIME, " hangs: the process ends without it");
}

static int open_notify_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void start_watched(struct rig *rig, const char *notify)
{
    char *every = check_printf("%u", check_slowed(WATCHDOG_US));
    setenv("NOTIFY_SOCKET", notify, 1);
    setenv("WATCHDOG_USEC", every, 1);
    start(rig, "");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    free(every);
}

/* How many signs of life come within `ms`, or until there are `most`. */
static unsigned count_alive(int fd, unsigned ms, unsigned most)
{
    uint64_t deadline = check_deadline(ms);
    struct pollfd polled = {fd, POLLIN, 0};
    unsigned n = 0;
    char text[256];
    while (n < most && poll(&polled, 1, check_left(deadline)) > 0) {
        ssize_t len = recv(fd, text, sizeof(text), 0);
        n += len == (ssize_t)strlen("WATCHDOG=1") && memcmp(text, "WATCHDOG=1", (size_t)len) == 0;
    }
    return n;
}

static void service_manager_hears_of_it_while_all_workers_live(void **state)
{
    enum { INTERVAL_MS = WATCHDOG_US / 1000 };
    struct rig *rig = *state;
    const char *notify = rig_text(rig, "%s/notify.sock", rig->dir);
    int fd = open_notify_socket(notify);
    start_watched(rig, notify);
    /* Nobody has anything to do. */
    assert_int_equal(count_alive(fd, CHECK_SOON_MS, 5), 5);
    let_one_hang(rig);
    /* What was sent before, and the one that its last turn has earned. */
    count_alive(fd, INTERVAL_MS, UINT_MAX);
    assert_int_equal(count_alive(fd, 4 * INTERVAL_MS, UINT_MAX), 0);
    daemon_signal(rig->daemon, SIGTERM);
    daemon_signal(rig->daemon, SIGINT);
    close(fd);
    expect_end(rig, SECOND_SIGNAL_MS, EXIT_RUN_TIME, " hangs: the process ends without it");
}

/* Its socket is full soon. */
static void service_manager_that_does_not_listen_holds_up_nobody(void **state)
{
    struct rig *rig = *state;
    const char *notify = rig_text(rig, "%s/deaf.sock", rig->dir);
    int fd = open_notify_socket(notify), filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, notify, strlen(notify));
    while (sendto(filler, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(address)) > 0)
        continue;
    start_watched(rig, notify);
    struct peer *p = rig_peer(rig, NULL);
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    rig_close_peer(rig, p);
    rig_stop_daemon(rig);
    close(filler);
    close(fd);
}

/* The number of a thread of the daemon's, by its name. */
static pid_t find_thread(struct rig *rig, const char *name)
{
    char *path = check_printf("/proc/%d/task", daemon_pid(rig->daemon));
    char *wanted = check_printf("%s\n", name);
    DIR *tasks = opendir(path);
    pid_t found = 0;
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks));) {
        char *comm = check_printf("%s/%s/comm", path, entry->d_name);
        char *text = check_read_file(comm);
        if (text && strcmp(text, wanted) == 0)
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        free(text);
        free(comm);
    }
    closedir(tasks);
    free(wanted);
    free(path);
    if (found == 0)
        fail_msg("there is no thread \"%s\"", name);
    return found;
}

/* Sanitizers catch some of them for their reports, and choose the status. */
static void fault_of_any_thread_ends_the_process(void **state)
{
    static const char *const names[] = {"worker 0", "worker 1", "log", "demo"};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct rig *rig = *state;
    for (size_t i = 0; i < CHECK_LEN(names) * CHECK_LEN(faults); i++) {
        const char *name = names[i % CHECK_LEN(names)];
        int fault = faults[i / CHECK_LEN(names)];
        if (strcmp(name, "demo") == 0)
            rig->daemon = daemon_start_with(
                rig->dir, (const char *const[]){"demo", "--listen", "127.0.0.1:0", NULL});
        else
            start(rig, "");
        syscall(SYS_tgkill, daemon_pid(rig->daemon), find_thread(rig, name), fault);
        int status = daemon_wait(rig->daemon, CHECK_SOON_MS);
        daemon_kill(rig->daemon);
        rig->daemon = NULL;
        stub_stop(rig->stubs_len > 0 ? rig->stubs[--rig->stubs_len] : NULL);
        bool plain = check_env("HEADSTART_CHECK_MEMORY", 1) != 0;
        if (plain ? status != 128 + fault : status <= 0)
            fail_msg("signal %d to \"%s\": status %d", fault, name, status);
    }
}

/* The daemon that fails, and the file that tells it when. */
static int set_up(void **state)
{
    static char path[64] = "/tmp/headstart-hanging-XXXXXX";
    const char *name = getenv("HEADSTART_BINARY");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *memory) < 0)
        return -1;
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return -1;
    atomic_store(&memory->left, -1);
    char *binary = check_printf("%s-failing", name && *name ? name : "build/headstart");
    setenv("HEADSTART_BINARY", binary, 1);
    setenv(FAILING_MEM_VARIABLE, path, 1);
    free(binary);
    return rig_group_setup(state);
}

static int tear_down(void **state)
{
    unlink(getenv(FAILING_MEM_VARIABLE));
    munmap(memory, sizeof *memory);
    return rig_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(second_signal_ends_it_though_a_worker_hangs),
        RIG_TEST(drain_ends_though_a_worker_hangs),
        RIG_TEST(service_manager_hears_of_it_while_all_workers_live),
        RIG_TEST(service_manager_that_does_not_listen_holds_up_nobody),
        RIG_TEST(fault_of_any_thread_ends_the_process),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
