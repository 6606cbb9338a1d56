#include "server/metrics.h"

typedef atomic_ullong counter;

static unsigned long long value(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* A set has one writer: no other addition can be lost between the two. */
static void add(counter *c, unsigned long long n)
{
    atomic_store_explicit(c, value(c) + n, memory_order_relaxed);
}

void metrics_count(struct metrics *m, const struct report *r)
{
    unsigned class = r->status / 100;
    add(r->is_push ? &m->pushes_total : &m->requests_total, 1);
    add(&m->response_body_bytes_total, r->bytes);
    add(&m->duration_us_total, r->duration_us);
    add(&m->responses[class < METRICS_STATUS_CLASSES ? class : 0], 1);
    if (r->failure != FAIL_NONE)
        add(&m->failures[r->failure], 1);
    if (r->failure == FAIL_MEMORY_REFUSED)
        add(&m->memory_refused_total, 1);
    if (r->failure == FAIL_MEMORY_YIELDED)
        add(&m->memory_yielded_total, 1);
    if (!r->planned)
        return;
    if (r->push_off != PLAN_ON)
        add(&m->push_off[r->push_off], 1);
    for (int v = 0; v < PLAN_VERDICTS_END; v++) {
        if (r->verdicts[v] > 0)
            add(&m->links[v], r->verdicts[v]);
    }
}

void metrics_add_coalesced(struct metrics *m, uint64_t us)
{
    add(&m->coalesced_us_total, us);
}

static void add_all(counter *to, const counter *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        add(&to[i], value(&from[i]));
}

void metrics_add(struct metrics *to, const struct metrics *from)
{
#define X(name, kind, help) add(&to->name, value(&from->name));
    METRICS(X)
#undef X
#define X(member, name, help) add(&to->member, value(&from->member));
    METRICS_TIMES(X)
#undef X
    add_all(to->responses, from->responses, ARRAY_LEN(to->responses));
    add_all(to->failures, from->failures, ARRAY_LEN(to->failures));
    add_all(to->links, from->links, ARRAY_LEN(to->links));
    add_all(to->push_off, from->push_off, ARRAY_LEN(to->push_off));
    add_all(to->handshakes_failed, from->handshakes_failed, ARRAY_LEN(to->handshakes_failed));
}

static void print_head(FILE *out, const char *name, const char *kind, const char *help)
{
    fprintf(out, "# HELP headstart_%s %s\n# TYPE headstart_%s %s\n", name, help, name, kind);
}

/* Prints a time in seconds, to the microsecond. */
static void print_time(FILE *out, const char *name, const char *help, unsigned long long us)
{
    print_head(out, name, "counter", help);
    fprintf(out, "headstart_%s %llu.%06llu\n", name, us / 1000000, us % 1000000);
}

static void print_responses(const struct metrics *m, FILE *out)
{
    static const char *const classes[METRICS_STATUS_CLASSES] = {"none", "1xx", "2xx",
                                                                "3xx",  "4xx", "5xx"};
    print_head(out, "responses_total", "counter", "Exchanges by the class of their status.");
    for (size_t i = 0; i < METRICS_STATUS_CLASSES; i++) {
        fprintf(out, "headstart_responses_total{class=\"%s\"} %llu\n", classes[i],
                value(&m->responses[i]));
    }
}

static void print_failures(const struct metrics *m, FILE *out)
{
    print_head(out, "failures_total", "counter", "Exchanges that did not end as they should.");
    for (int f = FAIL_NONE + 1; f < FAILURES_END; f++) {
        fprintf(out, "headstart_failures_total{failure=\"%s\"} %llu\n",
                failure_word((enum failure)f), value(&m->failures[f]));
    }
}

static void print_links(const struct metrics *m, FILE *out)
{
    print_head(out, "links_total", "counter", "Links in responses of origins, by their verdict.");
    for (int v = 0; v < PLAN_VERDICTS_END; v++) {
        fprintf(out, "headstart_links_total{verdict=\"%s\"} %llu\n",
                plan_verdict_text((enum plan_verdict)v), value(&m->links[v]));
    }
    print_head(out, "push_off_total", "counter",
               "Responses with links for which nothing could be pushed, by the reason.");
    for (int off = PLAN_ON + 1; off < PLAN_OFF_END; off++) {
        fprintf(out, "headstart_push_off_total{reason=\"%s\"} %llu\n",
                plan_off_text((enum plan_off)off), value(&m->push_off[off]));
    }
}

static void print_handshakes(const struct metrics *m, FILE *out)
{
    print_head(out, "tls_handshakes_failed_total", "counter",
               "TLS handshakes with clients that failed, by the reason.");
    for (int f = 0; f < TLS_FAILURES_END; f++) {
        fprintf(out, "headstart_tls_handshakes_failed_total{reason=\"%s\"} %llu\n",
                tls_failure_word((enum tls_failure)f), value(&m->handshakes_failed[f]));
    }
}

void metrics_print(const struct metrics *m, FILE *out)
{
#define X(name, kind, help)                                                                        \
    print_head(out, #name, kind, help);                                                            \
    fprintf(out, "headstart_" #name " %llu\n", value(&m->name));
    METRICS(X)
#undef X
#define X(member, name, help) print_time(out, #name, help, value(&m->member));
    METRICS_TIMES(X)
#undef X
    print_responses(m, out);
    print_failures(m, out);
    print_links(m, out);
    print_handshakes(m, out);
}
