#include "ledger.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ask.h"
#include "soak.h"

struct entry {
    enum ledger_end how;
    unsigned status, pushes;
    uint64_t bytes;
    unsigned seen;              /* by an origin */
    unsigned lines, push_lines; /* in the log */
    unsigned line_status;
    uint64_t line_bytes;
    bool line_failed;
};

struct ledger {
    pthread_mutex_t lock;
    struct entry *at; /* id - 1 */
    size_t len, capacity;
};

struct ledger *ledger_new(void)
{
    struct ledger *l = check_alloc(sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void ledger_free(struct ledger *l)
{
    pthread_mutex_destroy(&l->lock);
    free(l->at);
    free(l);
}

uint64_t ledger_open(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->len == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 1024;
        l->at = check_resize(l->at, l->capacity * sizeof(l->at[0]));
    }
    l->at[l->len] = (struct entry){.how = LEDGER_OPEN};
    uint64_t id = ++l->len;
    pthread_mutex_unlock(&l->lock);
    return id;
}

void ledger_close(struct ledger *l, uint64_t id, enum ledger_end how, unsigned status,
                  uint64_t bytes, unsigned pushes)
{
    pthread_mutex_lock(&l->lock);
    struct entry *e = &l->at[id - 1];
    e->how = how;
    e->status = status;
    e->bytes = bytes;
    e->pushes = pushes;
    pthread_mutex_unlock(&l->lock);
}

void ledger_saw(struct ledger *l, uint64_t id)
{
    if (id == 0)
        return;
    pthread_mutex_lock(&l->lock);
    l->at[id - 1].seen++;
    pthread_mutex_unlock(&l->lock);
}

static void ledger_take_line(struct ledger *l, const json_t *line)
{
    struct ask a;
    const char *path = json_string_value(json_object_get(line, "path"));
    if (!path || !ask_read(&a, path) || a.id == 0)
        return;
    if (a.id > l->len)
        soak_fail("the access log names a request that nobody made: %s", path);
    struct entry *e = &l->at[a.id - 1];
    if (json_is_true(json_object_get(line, "push"))) {
        e->push_lines++;
        return;
    }
    e->lines++;
    e->line_status = (unsigned)json_integer_value(json_object_get(line, "status"));
    e->line_bytes = (uint64_t)json_integer_value(json_object_get(line, "bytes"));
    e->line_failed = json_object_get(line, "failure") != NULL;
}

uint64_t ledger_read_log(struct ledger *l, const char *path)
{
    uint64_t n = 0;
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *in = fopen(path, "re");
    if (!in)
        soak_fail("cannot read %s", path);
    while ((len = getline(&text, &room, in)) > 0) {
        json_error_t error;
        json_t *line = json_loadb(text, (size_t)len, 0, &error);
        if (!line || text[len - 1] != '\n')
            soak_fail("a line of the access log is no JSON (%s): %s", error.text, text);
        ledger_take_line(l, line);
        json_decref(line);
        n++;
    }
    free(text);
    fclose(in);
    return n;
}

static const char *ledger_fault(const struct entry *e)
{
    if (e->how == LEDGER_OPEN)
        return "never ended";
    if (e->how == LEDGER_UNPROCESSED)
        return e->lines || e->seen ? "was processed, against the GOAWAY" : NULL;
    if (e->lines > 1)
        return "has more than one line in the access log";
    if (e->push_lines > e->pushes)
        return "has more lines than pushes in the access log";
    if (e->lines == 0)
        return NULL;
    if (e->line_status != e->status)
        return "has another status in the access log";
    if (e->how == LEDGER_ANSWERED && (e->line_bytes != e->bytes || e->line_failed))
        return "was answered, but not by the access log";
    return NULL;
}

/* Lines that are not there. */
static uint64_t ledger_missing(const struct entry *e)
{
    if (e->how == LEDGER_OPEN || e->how == LEDGER_UNPROCESSED)
        return 0;
    return (e->lines == 0) + (e->pushes > e->push_lines ? e->pushes - e->push_lines : 0);
}

void ledger_check(struct ledger *l, uint64_t lost)
{
    unsigned wrong = 0;
    uint64_t missing = 0;
    for (size_t i = 0; i < l->len; i++) {
        const struct entry *e = &l->at[i];
        const char *fault = ledger_fault(e);
        missing += ledger_missing(e);
        if (!fault)
            continue;
        if (wrong++ < 10)
            print_error("request %zu %s: status %u, %llu bytes, %u pushes; seen %u times; %u + %u "
                        "lines, status %u, %llu bytes%s\n",
                        i + 1, fault, e->status, (unsigned long long)e->bytes, e->pushes, e->seen,
                        e->lines, e->push_lines, e->line_status, (unsigned long long)e->line_bytes,
                        e->line_failed ? ", failed" : "");
    }
    if (missing > lost)
        soak_fail("%llu lines are not in the access log, where %llu were lost",
                  (unsigned long long)missing, (unsigned long long)lost);
    if (wrong > 0)
        soak_fail("%u of %zu requests are not in the access log as they were", wrong, l->len);
}
