/* The soak: the daemon between good clients, hostile ones, a steady origin and one that flaps, with
 * reloads and moved logs, all together for SOAK_S seconds (120), by dice with the seed SOAK_SEED.
 * Then, for an eighth of that, the reader of the access log stands still.
 * The first quarter warms up. After it, and at the end, everybody leaves, and the daemon must come
 * back to rest: the descriptors it had after the warm-up, and not much more memory. */
#include "soak.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"
#include "good.h"
#include "hostile.h"
#include "ledger.h"
#include "origin.h"
#include "rig.h"
#include "steer.h"

enum {
    STEADY_CLIENTS = 3,
    FLAPPING_CLIENTS = 2,
    HOSTILE_CLIENTS = 2,
    TICK_MS = 250,
    RELOAD_EVERY = 8, /* ticks */
    ROTATE_EVERY = 20,
    REST_MS = 60000,
    LAST_BYTES = 3000,
    /* What varies from one rest to the next, by a MiB at most, are the holes of the heap and what
     * its threads cache. A leak of 64 bytes an exchange goes beyond this within two minutes. */
    MEMORY_SLACK_KIB = 4096,
};

static atomic_ullong counts[SOAK_COUNTS_END];
static uint64_t seed;
static struct steer steer; /* for the last words of a soak that fails */

void soak_count(enum soak_count what, uint64_t n)
{
    atomic_fetch_add_explicit(&counts[what], n, memory_order_relaxed);
}

static uint64_t counted(enum soak_count what)
{
    return atomic_load_explicit(&counts[what], memory_order_relaxed);
}

static void print_counts(void)
{
    static const char *const texts[] = {
#define X(id, text) text,
        SOAK_COUNTS(X)
#undef X
    };
    for (int i = 0; i < SOAK_COUNTS_END; i++)
        print_message("%12llu %s\n", (unsigned long long)counted((enum soak_count)i), texts[i]);
}

void soak_fail(const char *fmt, ...)
{
    static atomic_flag failing = ATOMIC_FLAG_INIT;
    va_list args;
    if (atomic_flag_test_and_set(&failing)) /* another thread says it all */
        for (;;)
            pause();
    va_start(args, fmt);
    char *text = check_vprintf(fmt, args);
    va_end(args);
    print_error("soak failed: %s\n", text);
    free(text);
    exit(1);
}

static bool succeeded;

/* Whoever ends the process early has said why; here is what it takes to see it again. */
static void say_last_words(void)
{
    if (succeeded)
        return;
    if (steer.rig && steer.rig->daemon) {
        char *messages = daemon_messages(steer.rig->daemon);
        size_t len = strlen(messages);
        fputs("the daemon's last messages:\n", stderr);
        fputs(messages + (len > LAST_BYTES ? len - LAST_BYTES : 0), stderr);
        free(messages);
    }
    print_error("soak failed with SOAK_SEED=%llu; its files are in %s\n", (unsigned long long)seed,
                steer.rig ? steer.rig->dir : "no place yet");
}

struct crew {
    pthread_t threads[STEADY_CLIENTS + FLAPPING_CLIENTS + HOSTILE_CLIENTS];
    struct good good[STEADY_CLIENTS + FLAPPING_CLIENTS];
    struct hostile hostile[HOSTILE_CLIENTS];
    size_t len;
};

static void crew_add(struct crew *crew, void *(*run)(void *), void *arg)
{
    if (pthread_create(&crew->threads[crew->len++], NULL, run, arg) != 0)
        soak_fail("no thread for a client");
}

/* `lane` tells the dice of one phase from those of another. */
static void crew_start(struct crew *crew, struct soak_site *site, uint64_t lane)
{
    *crew = (struct crew){.len = 0};
    atomic_store(&site->stopping, false);
    for (size_t i = 0; i < CHECK_LEN(crew->good); i++) {
        crew->good[i] = (struct good){site, lane + i, i >= STEADY_CLIENTS};
        crew_add(crew, good_run, &crew->good[i]);
    }
    for (size_t i = 0; i < CHECK_LEN(crew->hostile); i++) {
        /* Half the attacks apart. */
        crew->hostile[i] = (struct hostile){site, lane + 6 * (i + 1)};
        crew_add(crew, hostile_run, &crew->hostile[i]);
    }
}

static void crew_stop(struct crew *crew, struct soak_site *site)
{
    atomic_store(&site->stopping, true);
    for (size_t i = 0; i < crew->len; i++)
        pthread_join(crew->threads[i], NULL);
}

static bool is_at_rest(struct origin *const origins[2])
{
    return steer_metric(&steer, "connections_open") == 0 && origin_open(origins[0]) == 0 &&
           origin_open(origins[1]) == 0;
}

/* Waits until the daemon has no connection left, and `descriptors` open, which are 0 for any number
 * that stays; their number. Asking for a metric opens one more for a moment. */
static unsigned await_rest(struct origin *const origins[2], unsigned descriptors)
{
    uint64_t deadline = check_deadline(REST_MS);
    while (!is_at_rest(origins)) {
        if (check_left(deadline) == 0)
            soak_fail("the daemon does not come to rest: %llu connections of clients, %u and %u to "
                      "the origins",
                      (unsigned long long)steer_metric(&steer, "connections_open"),
                      origin_open(origins[0]), origin_open(origins[1]));
        poll(NULL, 0, TICK_MS);
    }
    unsigned before, now = 0;
    do {
        if (check_left(deadline) == 0) {
            steer_print_descriptors(&steer);
            soak_fail("%u descriptors stay open, after the warm-up %u", now, descriptors);
        }
        before = now;
        poll(NULL, 0, TICK_MS);
        now = steer_descriptors(&steer);
    } while (now != (descriptors ? descriptors : before));
    return now;
}

static void run_phase(struct soak_site *site, uint64_t lane, uint64_t ms)
{
    struct crew crew;
    struct dice dice = dice_of(seed, lane + 50);
    uint64_t end = check_now_ms() + ms;
    crew_start(&crew, site, lane);
    for (unsigned tick = 1; check_left(end) > 0; tick++) {
        if (tick % RELOAD_EVERY == 0)
            steer_reload(&steer, &dice, tick / RELOAD_EVERY % 3 != 0);
        if (tick % ROTATE_EVERY == 0)
            steer_rotate(&steer);
        poll(NULL, 0, TICK_MS);
    }
    crew_stop(&crew, site);
}

static void check_memory(uint64_t warm_kib)
{
    uint64_t kib = daemon_memory_kib(steer.rig->daemon, "VmRSS");
    print_message("resident: %llu KiB after the warm-up, %llu KiB at the end, %llu KiB at most\n",
                  (unsigned long long)warm_kib, (unsigned long long)kib,
                  (unsigned long long)daemon_memory_kib(steer.rig->daemon, "VmHWM"));
    if (check_env("HEADSTART_CHECK_MEMORY", 1) && kib > warm_kib + MEMORY_SLACK_KIB)
        soak_fail("the daemon kept %llu KiB", (unsigned long long)(kib - warm_kib));
}

static uint64_t count_exchanges(void)
{
    return steer_metric(&steer, "requests_total") + steer_metric(&steer, "pushes_total");
}

/* While nobody reads the access log, nobody waits for it; then every line comes that was not
 * counted as lost. Returns how many were. */
static uint64_t stand_still(struct soak_site *site, struct origin *const origins[2], uint64_t ms)
{
    uint64_t before = count_exchanges();
    steer_stand_still(&steer);
    run_phase(site, 300, ms);
    await_rest(origins, 0);
    uint64_t lost = steer_metric(&steer, "log_lines_lost_total");
    uint64_t lines = count_exchanges() - before - lost;
    steer_go_on(&steer, lines);
    print_message("a reader that stood still: %llu lines came later, %llu were lost\n",
                  (unsigned long long)lines, (unsigned long long)lost);
    return lost;
}

static void check_log(struct ledger *ledger, uint64_t lost)
{
    uint64_t exchanges = count_exchanges();
    uint64_t lines = steer_read_logs(&steer, ledger);
    if (lines + lost != exchanges)
        soak_fail("%llu lines in the access log, %llu lost, %llu exchanges in the metrics",
                  (unsigned long long)lines, (unsigned long long)lost,
                  (unsigned long long)exchanges);
    ledger_check(ledger, lost);
    print_message("access log: %llu lines, each as its client saw it\n", (unsigned long long)lines);
}

static void check_reloads(void)
{
    uint64_t done = steer_metric(&steer, "reloads_total");
    uint64_t failed = steer_metric(&steer, "reloads_failed_total");
    if (done != counted(SOAK_RELOADS) || failed != counted(SOAK_REJECTED))
        soak_fail("the daemon counts %llu reloads and %llu that failed", (unsigned long long)done,
                  (unsigned long long)failed);
}

static void soak(struct rig *rig, uint64_t ms)
{
    struct ledger *ledger = ledger_new();
    struct origin *origins[2] = {origin_start(ledger, seed, false),
                                 origin_start(ledger, seed, true)};
    struct soak_site site = {.rig = rig, .ledger = ledger, .seed = seed};
    steer = (struct steer){.rig = rig};
    steer_start(&steer, origin_port(origins[0]), origin_port(origins[1]));
    site.port = daemon_port(rig->daemon, 0);

    run_phase(&site, 100, ms / 4);
    unsigned descriptors = await_rest(origins, 0);
    uint64_t warm_kib = daemon_memory_kib(rig->daemon, "VmRSS");

    run_phase(&site, 200, ms - ms / 4);
    await_rest(origins, descriptors);
    check_memory(warm_kib);
    uint64_t lost = stand_still(&site, origins, ms / 8);
    print_counts();
    steer_print_failures(&steer);
    print_message("descriptors: %u after the warm-up and at the end\n", descriptors);
    check_log(ledger, lost);
    check_reloads();

    uint64_t before = check_now_ms();
    rig_stop_daemon(rig); /* fails unless the status is 0 and no sanitizer complains */
    print_message("ended with status 0 after %llu ms\n",
                  (unsigned long long)(check_now_ms() - before));
    origin_stop(origins[0]);
    origin_stop(origins[1]);
    ledger_free(ledger);
}

int main(void)
{
    void *state;
    uint64_t ms = check_env("SOAK_S", 120) * 1000;
    seed = check_env("SOAK_SEED", (uint64_t)time(NULL));
    setvbuf(stdout, NULL, _IOLBF, 0);
    print_message("soak of %llu s, SOAK_SEED=%llu\n", (unsigned long long)ms / 1000,
                  (unsigned long long)seed);
    atexit(say_last_words);
    if (rig_group_setup(&state) != 0 || rig_setup(&state) != 0)
        soak_fail("no directory for the soak");
    soak(state, ms);
    succeeded = true;
    rig_teardown(&state);
    rig_group_teardown(&state);
    print_message("soak passed\n");
    return 0;
}
