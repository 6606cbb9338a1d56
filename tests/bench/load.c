/* load.c - the load client of the bench: asks a proxy for the same page again and again over HTTP/2
 * and TLS 1.3, takes its pushes, looks at every response, and says in one line what it took.
 *
 *   load -p PORT -n REQUESTS [options] PATH      PATH ends in LENGTH-OFFSET (body.h)
 *     -c N   connections at once (1)
 *     -m N   requests at once on each (1)
 *     -v     visits: a connection for each request, closed when its pushes have come too
 *     -u N   pushes that each response must come with (0)
 *     -r N   requests a second, on time however slow the answers are (0: the next follows an
 * answer) -w N   requests or visits before the measuring begins (0) -i N   connections that have
 * made one request and stay idle beside these (0) -g PID the proxy: measures its CPU time, with all
 * its threads and children -M     measures the memory of the idle connections instead, before and
 * after their request -t S   gives up after that many seconds (120)
 *
 * Prints KEY=VALUE pairs. Ends with 1, and says why, when anything was not as it must be. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "crowd.h"
#include "gauge.h"

struct load_options {
    struct crowd_options crowd;
    uint64_t requests, warm_up;
    unsigned idle;
    double rate;
    pid_t proxy;
    bool memory;
    unsigned limit_s;
};

enum {
    LOAD_SETTLE_NS = 20000000, /* the proxy finishes what it is at before its clock is read */
    LOAD_SETTLE_MEMORY_NS = 1000000000,
    LOAD_IDLE_RATE = 5000, /* first requests of idle connections, a second */
};

static double load_number(const char *text)
{
    char *end;
    double n = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || n < 0 || n > 1e9)
        dial_die("not a number: %s", text);
    return n;
}

static void load_read_options(int argc, char **argv, struct load_options *o, struct target *t)
{
    int option;
    while ((option = getopt(argc, argv, "p:n:c:m:vu:r:w:i:g:Mt:")) != -1) {
        double n = option == 'v' || option == 'M' || option == '?' ? 0 : load_number(optarg);
        switch (option) {
        case 'p':
            t->port = (uint16_t)n;
            break;
        case 'n':
            o->requests = (uint64_t)n;
            break;
        case 'c':
            o->crowd.connections = (unsigned)n;
            break;
        case 'm':
            o->crowd.streams = (unsigned)n;
            break;
        case 'v':
            o->crowd.visits = true;
            break;
        case 'u':
            t->pushes = (unsigned)n;
            break;
        case 'r':
            o->rate = n;
            break;
        case 'w':
            o->warm_up = (uint64_t)n;
            break;
        case 'i':
            o->idle = (unsigned)n;
            break;
        case 'g':
            o->proxy = (pid_t)n;
            break;
        case 'M':
            o->memory = true;
            break;
        case 't':
            o->limit_s = (unsigned)n;
            break;
        default:
            dial_die("see the comment in load.c for the options");
        }
    }
    t->path = argc > optind ? argv[optind] : "";
    if (!body_of_path(t->path, strlen(t->path), &t->body) || !t->port || !o->crowd.connections ||
        !o->crowd.streams)
        dial_die("-p PORT, and a path that ends in LENGTH-OFFSET, are needed");
}

static int load_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void load_print_times(struct crowd *c)
{
    if (c->times == 0)
        return;
    qsort(c->times_us, c->times, sizeof(*c->times_us), load_compare);
    printf(" p50_us=%u p99_us=%u max_us=%u", c->times_us[c->times / 2],
           c->times_us[c->times - 1 - c->times / 100], c->times_us[c->times - 1]);
}

static void load_open_idle(struct crowd *idle, unsigned count, const struct target *target)
{
    crowd_init(idle, &(struct crowd_options){.connections = count, .streams = 1}, target);
    idle->each = 1;
    idle->rate = LOAD_IDLE_RATE;
    crowd_open(idle);
}

/* PSS for each idle connection: greeted only, and after one request each. */
static void load_measure_memory(const struct load_options *o, const struct target *target)
{
    struct crowd some, idle;
    crowd_init(&some, &(struct crowd_options){.connections = 8, .streams = 1, .visits = true},
               target);
    crowd_run(&some, 64);
    crowd_rest(&some, LOAD_SETTLE_MEMORY_NS);
    double before = (double)gauge_read(o->proxy).pss_kib;
    load_open_idle(&idle, o->idle, target);
    crowd_rest(&idle, LOAD_SETTLE_MEMORY_NS);
    double open = (double)gauge_read(o->proxy).pss_kib;
    crowd_run(&idle, o->idle);
    crowd_rest(&idle, LOAD_SETTLE_MEMORY_NS);
    double asked = (double)gauge_read(o->proxy).pss_kib;
    printf("requests=%u open_kib=%.2f idle_kib=%.2f\n", o->idle, (open - before) / o->idle,
           (asked - before) / o->idle);
    crowd_close(&some);
    crowd_close(&idle);
}

static void load_measure_time(const struct load_options *o, const struct target *target)
{
    struct crowd idle, crowd;
    load_open_idle(&idle, o->idle, target);
    crowd_run(&idle, o->idle);
    crowd_init(&crowd, &o->crowd, target);
    if (!o->crowd.visits)
        crowd_open(&crowd);
    crowd_run(&crowd, o->warm_up);
    crowd.times_us = calloc(o->requests, sizeof(*crowd.times_us));
    if (!crowd.times_us)
        dial_die("out of memory");
    crowd.times_room = o->requests;
    crowd.rate = o->rate;
    crowd_rest(&crowd, LOAD_SETTLE_NS);

    struct visitor_tally begin = visitor_tally;
    uint64_t cpu_ns = o->proxy ? gauge_read(o->proxy).cpu_ns : 0;
    uint64_t start_ns = dial_now_ns();
    crowd_run(&crowd, o->requests);
    double seconds = (double)(dial_now_ns() - start_ns) / 1e9;
    crowd_rest(&crowd, LOAD_SETTLE_NS);
    cpu_ns = o->proxy ? gauge_read(o->proxy).cpu_ns - cpu_ns : 0;

    uint64_t pushes = visitor_tally.pushes - begin.pushes;
    if (visitor_tally.answers - begin.answers != o->requests ||
        pushes != o->requests * target->pushes)
        dial_die("%" PRIu64 " pushes came with %" PRIu64 " responses", pushes, o->requests);
    printf("requests=%" PRIu64 " pushes=%" PRIu64 " bytes=%" PRIu64 " per_s=%.0f", o->requests,
           pushes, visitor_tally.bytes - begin.bytes, (double)o->requests / seconds);
    if (o->proxy)
        printf(" cpu_us=%.3f", (double)cpu_ns / 1e3 / (double)o->requests);
    load_print_times(&crowd);
    putchar('\n');
    free(crowd.times_us);
    crowd_close(&crowd);
    crowd_close(&idle);
}

int main(int argc, char **argv)
{
    struct load_options o = {.crowd = {.connections = 1, .streams = 1}, .limit_s = 120};
    struct target target = {0};
    load_read_options(argc, argv, &o, &target);
    alarm(o.limit_s);
    prctl(PR_SET_TIMERSLACK, 1UL);
    target.tls = dial_context();
    target.epoll = epoll_create1(EPOLL_CLOEXEC);
    dial_await(target.port);
    if (o.memory)
        load_measure_memory(&o, &target);
    else
        load_measure_time(&o, &target);
    SSL_CTX_free(target.tls);
    return 0;
}
