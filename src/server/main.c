/* main.c - from the command line to running workers and back. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/scribe.h"
#include "origin/dial.h"
#include "server/admin.h"
#include "server/arguments.h"
#include "server/demo.h"
#include "server/identity.h"
#include "server/machine.h"
#include "server/notify.h"
#include "server/watchdog.h"
#include "server/worker.h"
#include "tls/tickets.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_CONFIGURATION = 1,
    EXIT_USAGE = 2,
    EXIT_RUN_TIME = 3,
};

enum {
    DESCRIPTORS_AHEAD = 65536,
    STOP_MS = 1000, /* within that, a worker sees that it is to end at once */
    END_MS = 5000,  /* and within that, it has closed what is open */
    LOG_MS = 1000,  /* for those who read the logs */
    LAST_RESORT_S = 15,
};

/* How the process ends. */
enum ending {
    ENDING_NONE,
    ENDING_BY_DRAIN, /* as clients finish */
    ENDING_AT_ONCE,
};

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

/* The process. */
struct daemon {
    struct arguments arguments;
    struct setup *setup; /* new clients are served by it */
    struct tls_tickets *tickets;
    struct demo *demo;
    struct listeners listeners;
    struct siphash_key key;
    struct crowd *crowd;
    struct budget budget; /* of the memory of all workers */
    struct bucket over_said;
    struct event_base *base;
    struct event *signals[ARRAY_LEN(signal_numbers)], *ended, *late, *over;
    struct admin *admin;
    struct watchdog *watchdog;
    struct sink *output;    /* stdout */
    struct metrics metrics; /* what no worker counts */
    int ended_fd;
    int over_fd; /* an eventfd: 1 is added when memory has gone over its limit */
    struct worker **workers;
    size_t workers_len, workers_ended;
    enum ending ending;
    bool gave_time; /* to workers that are about to end */
};

static struct setup *load(const struct daemon *d, struct setup_error *error)
{
    return setup_load(&d->arguments, d->demo ? demo_port(d->demo) : 0, d->tickets, error);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The kernel's table of descriptors doubles when it is full, and in a process of several threads it
 * waits for all processors before: 10 ms and more in which a worker does nothing, as connections
 * come. So the table gets its size before there are workers. It does not shrink. */
static void grow_descriptor_table(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    int most = limit.rlim_cur < DESCRIPTORS_AHEAD ? (int)limit.rlim_cur : DESCRIPTORS_AHEAD;
    int last = fcntl(fd, F_DUPFD_CLOEXEC, most - 1);
    if (last >= 0)
        close(last);
}

static size_t count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return (size_t)CPU_COUNT(&set);
}

/* A worker that hangs is left behind: no thread can be ended from outside. The status says that
 * something went wrong, as the service manager has to know. */
static _Noreturn void abandon_workers(struct daemon *d)
{
    for (size_t i = 0; i < d->workers_len; i++) {
        if (worker_stage(d->workers[i]) == WORKER_HAS_ENDED)
            worker_join(d->workers[i]);
        else
            log_error("worker %zu hangs: the process ends without it", i);
    }
    listeners_unlink(&d->listeners);
    log_finish(LOG_MS);
    _exit(EXIT_RUN_TIME);
}

/* Workers have `ms` to end. If this thread hangs as well, the kernel ends the process after the
 * last resort: nobody catches SIGALRM. */
static void set_end(struct daemon *d, uint64_t ms)
{
    const struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    alarm((unsigned)(ms / 1000) + LAST_RESORT_S);
    evtimer_add(d->late, &wait);
}

static void drain(struct daemon *d)
{
    d->ending = ENDING_BY_DRAIN;
    notify_send("STOPPING=1");
    for (size_t i = 0; i < d->workers_len; i++)
        worker_drain(d->workers[i]);
    set_end(d, d->setup->config->timeouts.drain_ms + END_MS);
}

static void stop(struct daemon *d)
{
    d->ending = ENDING_AT_ONCE;
    for (size_t i = 0; i < d->workers_len; i++)
        worker_stop(d->workers[i]);
    set_end(d, STOP_MS);
}

static bool any_runs(const struct daemon *d)
{
    for (size_t i = 0; i < d->workers_len; i++) {
        if (worker_stage(d->workers[i]) == WORKER_RUNS)
            return true;
    }
    return false;
}

/* One that has begun to end has much to close, or hangs in that: it gets some more time, once. */
static void on_late(evutil_socket_t fd, short events, void *user)
{
    struct daemon *d = user;
    (void)fd;
    (void)events;
    if (d->gave_time || any_runs(d))
        abandon_workers(d);
    d->gave_time = true;
    set_end(d, END_MS);
}

static void set_memory_limit(struct daemon *d)
{
    budget_set_limit(&d->budget, machine_share(&d->setup->config->limits.memory, machine_memory()));
}

/* On whichever thread it was. */
static void tell_over(void *user)
{
    const struct daemon *d = user;
    eventfd_write(d->over_fd, 1);
}

/* Those that hold the memory may be asleep. */
static void on_over(evutil_socket_t fd, short events, void *user)
{
    enum { SAY_EVERY_MS = 10000 };
    struct daemon *d = user;
    eventfd_t count = 0;
    (void)events;
    eventfd_read(fd, &count);
    for (size_t i = 0; i < d->workers_len; i++)
        worker_shed(d->workers[i]);
    if (!bucket_take(&d->over_said, 1, 1, SAY_EVERY_MS, clock_monotonic_ms()))
        return;
    log_warning("memory is over %llu bytes (limits.memory): new requests get 503, and what clients "
                "neither take nor send for gives way",
                (unsigned long long)atomic_load(&d->budget.limit_bytes));
}

/* Every worker is ready for `next` before any of them changes. */
static bool prepare_all(struct daemon *d, struct setup *next)
{
    for (size_t i = 0; i < d->workers_len; i++) {
        if (worker_prepare(d->workers[i], next))
            continue;
        for (size_t j = 0; j < i; j++)
            worker_abandon(d->workers[j]);
        return false;
    }
    return true;
}

/* False, and one message says why: nothing has changed. */
static bool reload(struct daemon *d)
{
    struct setup_error error;
    struct config_error change;
    struct setup *next = load(d, &error);
    if (!next) {
        log_error("%s; the running configuration stays", error.text);
        return false;
    }
    if (!config_may_follow(d->setup->config, next->config, &change)) {
        log_error("%s; the running configuration stays", change.text);
        setup_let_go(next);
        return false;
    }
    if (!prepare_all(d, next)) {
        log_error("%s is not used; the running configuration stays", next->config->file);
        setup_let_go(next);
        return false;
    }
    for (size_t i = 0; i < d->workers_len; i++)
        worker_adopt(d->workers[i]);
    admin_serve(d->admin, next->config);
    setup_let_go(d->setup);
    d->setup = next;
    set_memory_limit(d);
    log_set_level((enum log_level)next->config->log.level);
    log_info("reloaded %s: new connections are served by it", next->config->file);
    return true;
}

static void on_reload(struct daemon *d)
{
    if (d->ending)
        return;
    notify_send("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_monotonic_us());
    atomic_fetch_add(reload(d) ? &d->metrics.reloads_total : &d->metrics.reloads_failed_total, 1);
    notify_send("READY=1");
}

/* Without a file there is nothing to reload: SIGHUP then is what it is to any program whose
 * terminal is closed. */
static bool has_file(const struct daemon *d)
{
    return !d->demo && !d->arguments.origin;
}

static void on_signal(evutil_socket_t number, short events, void *user)
{
    struct daemon *d = user;
    (void)events;
    if (number == SIGHUP && has_file(d)) {
        on_reload(d);
        return;
    }
    if (number == SIGUSR1) {
        scribe_reopen();
        return;
    }
    switch (d->ending) {
    case ENDING_NONE:
        log_info("%s: finishing what runs, for at most %llu s", strsignal(number),
                 (unsigned long long)(d->setup->config->timeouts.drain_ms / 1000));
        drain(d);
        break;
    case ENDING_BY_DRAIN:
        log_info("%s again: ending now", strsignal(number));
        stop(d);
        break;
    case ENDING_AT_ONCE:
        break;
    }
}

static void count_ended(struct daemon *d)
{
    eventfd_t count = 0;
    eventfd_read(d->ended_fd, &count);
    d->workers_ended += count;
}

static void on_worker_ended(evutil_socket_t fd, short events, void *user)
{
    struct daemon *d = user;
    (void)fd;
    (void)events;
    count_ended(d);
    if (d->workers_ended == d->workers_len)
        event_base_loopbreak(d->base);
}

/* While the process starts, a reload and a rotation wait until it has; what ends any other program
 * ends it. The loop then catches all of them. Other threads are never interrupted. */
static void let_signals_wait(const int *numbers, size_t len)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < len; i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void open_door_to_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static bool open_loop(struct daemon *d)
{
    d->base = event_base_new();
    d->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->over_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!d->base || d->ended_fd < 0 || d->over_fd < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(signal_numbers); i++) {
        d->signals[i] = evsignal_new(d->base, signal_numbers[i], on_signal, d);
        if (!d->signals[i] || event_add(d->signals[i], NULL) != 0)
            return false;
    }
    d->ended = event_new(d->base, d->ended_fd, EV_READ | EV_PERSIST, on_worker_ended, d);
    d->late = evtimer_new(d->base, on_late, d);
    d->over = event_new(d->base, d->over_fd, EV_READ | EV_PERSIST, on_over, d);
    return d->ended && event_add(d->ended, NULL) == 0 && d->late && d->over &&
           event_add(d->over, NULL) == 0;
}

static bool start_workers(struct daemon *d, size_t count)
{
    d->crowd = mem_zalloc(1, sizeof *d->crowd);
    budget_init(&d->budget, tell_over, d);
    set_memory_limit(d);
    const struct worker_rules rules = {
        .crowd = d->crowd,
        .budget = &d->budget,
        .key = d->key,
        .listeners = &d->listeners,
        .ended_fd = d->ended_fd,
    };
    d->workers = mem_zalloc(count, sizeof d->workers[0]);
    if (!d->workers || !d->crowd) {
        log_error("no memory for the workers");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        d->workers[i] = worker_start(&rules, d->setup, i);
        if (!d->workers[i])
            return false;
        d->workers_len++;
    }
    return true;
}

static void collect(void *user, struct metrics *sum)
{
    const struct daemon *d = user;
    metrics_add(sum, &d->metrics);
    atomic_fetch_add(&sum->log_lines_lost_total, scribe_lost());
    atomic_store(&sum->memory_bytes, budget_bytes(&d->budget));
    atomic_store(&sum->memory_limit_bytes, atomic_load(&d->budget.limit_bytes));
    for (size_t i = 0; i < d->workers_len; i++)
        worker_add_metrics(d->workers[i], sum);
}

static bool open_admin(struct daemon *d)
{
    const struct config *config = d->setup->config;
    if (config->admin.address.len == 0)
        return true;
    d->admin = admin_open(d->base, config, collect, d);
    return d->admin != NULL;
}

static bool start(struct daemon *d)
{
    const struct config *config = d->setup->config;
    size_t count = config->workers > 0 ? (size_t)config->workers : count_cpus();
    raise_descriptor_limit();
    if (getrandom(&d->key, sizeof d->key, 0) != sizeof d->key) {
        log_error("no random bytes: %s", strerror(errno));
        return false;
    }
    if (!listeners_open(&d->listeners, config, count))
        return false;
    if (!open_loop(d)) {
        log_error("the event loop cannot be opened: %s", strerror(errno));
        return false;
    }
    grow_descriptor_table(d->ended_fd);
    /* Root is needed for the ports and the keys only: what is opened from here on is the user's. */
    return open_admin(d) && identity_assume(config) && start_workers(d, count);
}

static void print_demo_hints(const struct daemon *d)
{
    char text[1024];
    unsigned port = listeners_port(&d->listeners, 0);
    int n = snprintf(
        text, sizeof text,
        "\nThe demo is at https://127.0.0.1:%u/ (with a self-signed certificate)\n\n"
        "See the pushes (nghttp is in the Debian package nghttp2-client):\n  nghttp -nvy https://127.0.0.1:%u/\n\n"
        "See why each link is pushed or not, with a client that takes no pushes:\n"
        "  curl -sk -D- -o /dev/null -H 'cf-h2-push-explain: 1' https://127.0.0.1:%u/\n\n"
        "Stop with Ctrl-C. The access log follows.\n\n",
        port, port, port);
    scribe_write_own(d->output, span_of(text, (size_t)n));
}

/* Some workers may run and have clients though the process could not be started as a whole. */
static void stop_started(struct daemon *d)
{
    struct pollfd ended = {.fd = d->ended_fd, .events = POLLIN};
    uint64_t now = clock_monotonic_ms(), end = now + END_MS;
    for (size_t i = 0; i < d->workers_len; i++)
        worker_stop(d->workers[i]);
    for (; d->workers_ended < d->workers_len && now < end; now = clock_monotonic_ms()) {
        if (poll(&ended, 1, (int)(end - now)) > 0)
            count_ended(d);
    }
    if (d->workers_ended < d->workers_len)
        abandon_workers(d);
}

static bool open_watchdog(struct daemon *d)
{
    uint64_t every_us = notify_watchdog_us();
    if (every_us == 0)
        return true;
    d->watchdog = watchdog_new(d->base, d->workers, d->workers_len, every_us);
    if (!d->watchdog)
        log_error("no memory for the watchdog");
    return d->watchdog;
}

static int run(struct daemon *d)
{
    if (!d->demo)
        identity_warn(d->setup->config);
    if (!start(d) || !open_watchdog(d)) {
        stop_started(d);
        return EXIT_RUN_TIME;
    }
    if (d->demo)
        print_demo_hints(d);
    log_info("ready");
    notify_send("READY=1");
    open_door_to_signals();
    event_base_dispatch(d->base);
    return EXIT_FINE;
}

static void clean_up(struct daemon *d)
{
    /* One that comes now has nothing more to say. */
    let_signals_wait(signal_numbers, ARRAY_LEN(signal_numbers));
    watchdog_free(d->watchdog);
    admin_close(d->admin);
    for (size_t i = 0; i < d->workers_len; i++)
        worker_join(d->workers[i]);
    mem_free(d->workers);
    mem_free(d->crowd);
    listeners_close(&d->listeners);
    for (size_t i = 0; i < ARRAY_LEN(d->signals); i++) {
        if (d->signals[i])
            event_free(d->signals[i]);
    }
    if (d->ended)
        event_free(d->ended);
    if (d->late)
        event_free(d->late);
    if (d->over)
        event_free(d->over);
    if (d->base)
        event_base_free(d->base);
    if (d->ended_fd >= 0)
        close(d->ended_fd);
    if (d->over_fd >= 0)
        close(d->over_fd);
    setup_let_go(d->setup);
    tls_tickets_free(d->tickets);
    demo_stop(d->demo);
    dial_teardown();
    libevent_global_shutdown();
    log_stop(LOG_MS);
    alarm(0);
}

/* A descriptor of these three that is closed would be the next socket's, and be logged to. */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Before anything is said, and before root is given up, to whom a pipe may belong. */
static bool open_logs(struct daemon *d)
{
    if (!log_start())
        return false;
    d->output = scribe_borrow(STDOUT_FILENO, "stdout");
    if (!d->output)
        log_error("stdout cannot be used: %s", strerror(errno));
    return d->output;
}

/* Otherwise libevent writes to stderr itself, and waits for whoever reads it. */
static void on_event_log(int severity, const char *text)
{
    if (severity == EVENT_LOG_ERR)
        log_error("libevent: %s", text);
    else if (severity == EVENT_LOG_WARN)
        log_warning("libevent: %s", text);
    else
        log_debug("libevent: %s", text);
}

static bool prepare(struct daemon *d)
{
    static const int later[] = {SIGHUP, SIGUSR1};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log that is too large is an error like others */
    signal(SIGALRM, SIG_DFL);
    let_signals_wait(later, ARRAY_LEN(later));
    event_set_log_callback(on_event_log);
    if (!open_logs(d))
        return false;
    if (d->arguments.action == ACTION_DEMO)
        d->demo = demo_start();
    return d->demo || d->arguments.action != ACTION_DEMO;
}

static int act(struct daemon *d)
{
    struct setup_error error;
    bool serves = d->arguments.action == ACTION_RUN || d->arguments.action == ACTION_DEMO;
    if (!dial_setup()) {
        log_error("libcurl cannot be used");
        return EXIT_RUN_TIME;
    }
    if (serves && !prepare(d))
        return EXIT_RUN_TIME;
    d->tickets = tls_tickets_new(clock_monotonic_ms);
    if (!d->tickets) {
        log_error("no memory, or no randomness, for session tickets");
        return EXIT_RUN_TIME;
    }
    d->setup = load(d, &error);
    if (!d->setup) {
        log_line(error.text);
        return EXIT_CONFIGURATION;
    }
    log_set_level((enum log_level)d->setup->config->log.level);
    struct config_error of_identity;
    if (!identity_check(d->setup->config, &of_identity)) {
        fprintf(stderr, "%s\n", of_identity.text);
        return EXIT_CONFIGURATION;
    }
    switch (d->arguments.action) {
    case ACTION_TEST:
        identity_warn(d->setup->config);
        printf("%s: the configuration is fine\n", d->setup->config->file);
        return EXIT_FINE;
    case ACTION_DUMP:
        config_dump(d->setup->config, stdout);
        return EXIT_FINE;
    default:
        return run(d);
    }
}

int main(int argc, char **argv)
{
    struct daemon d = {.ended_fd = -1, .over_fd = -1};
    if (!arguments_read(&d.arguments, argc, argv))
        return EXIT_USAGE;
    if (d.arguments.action == ACTION_HELP) {
        arguments_print_help();
        return EXIT_FINE;
    }
    if (d.arguments.action == ACTION_VERSION) {
        puts("headstart " HEADSTART_VERSION);
        return EXIT_FINE;
    }
    open_standard_descriptors();
    int code = act(&d);
    clean_up(&d);
    return code;
}
