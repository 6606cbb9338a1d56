#include "base/scribe.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sink.h"
#include "base/thread.h"

enum {
    /* Text that comes so soon after other text is written with what follows it: busy workers do not
     * wake the thread for every turn of theirs. */
    GATHER_MS = 5,
    LINGER_MS = 1000, /* for the reader of a sink that nobody holds any more */
    LOOK_AGAIN_MS = 100,
    MAX_POLLED = 64,
    SAY_BYTES = 512,
};

enum order {
    ORDER_REOPEN = 1,
    ORDER_STOP = 2,
};

static struct {
    void (*say)(enum scribe_weight weight, const char *text);
    pthread_t thread;
    bool is_over; /* the thread has ended */
    int wake_fd, ended_fd;
    struct sheet *_Atomic handed; /* the newest first */
    atomic_bool sleeps;
    atomic_uint orders;
    _Atomic uint64_t stop_ms; /* when to give up; 0: it goes on */
    pthread_mutex_t lock;
    struct list sinks;
} scribe = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Handing over, from any thread. */

static void wake(void)
{
    eventfd_write(scribe.wake_fd, 1);
}

/* Only one of those who find it asleep writes to its descriptor. */
static void nudge(void)
{
    if (atomic_load(&scribe.sleeps) && atomic_exchange(&scribe.sleeps, false))
        wake();
}

static void order(enum order what)
{
    atomic_fetch_or(&scribe.orders, what);
    wake();
}

static void hand_over(struct sink *s, struct sheet *sheet)
{
    sheet->sink = s;
    sheet->next = atomic_load(&scribe.handed);
    while (!atomic_compare_exchange_weak(&scribe.handed, &sheet->next, sheet)) {
    }
}

static void write_within(struct sink *s, struct span lines, size_t most_bytes, bool is_own)
{
    if (lines.len > 0 && sink_reserve(s, lines, most_bytes)) {
        struct sheet *sheet = sheet_new(lines, is_own);
        if (sheet)
            hand_over(s, sheet);
        else
            sink_starve(s, lines);
    }
    nudge();
}

void scribe_write(struct sink *s, struct span lines)
{
    write_within(s, lines, SCRIBE_TEXT_BYTES, false);
}

void scribe_write_own(struct sink *s, struct span line)
{
    write_within(s, line, SCRIBE_TEXT_BYTES + SCRIBE_OWN_BYTES, true);
}

void scribe_lose(struct sink *s)
{
    sink_lose(s, 1);
    nudge();
}

void scribe_reopen(void)
{
    order(ORDER_REOPEN);
}

uint64_t scribe_lost(void)
{
    return sinks_lost();
}

/* Sinks. */

/* One file has one sink. Only a path tells which file is opened anew, so a file that was opened by
 * another path has another one. */
static struct sink *find(const struct output *o, const char *path)
{
    LIST_FOR_EACH (s, &scribe.sinks, struct sink, node) {
        bool same_path = path && s->path ? strcmp(path, s->path) == 0 : path == s->path;
        if (output_is_same(&s->output, o) && (same_path || o->kind != OUTPUT_FILE))
            return s;
    }
    return NULL;
}

static struct sink *hold(struct output *o, const char *path, const char *what)
{
    pthread_mutex_lock(&scribe.lock);
    struct sink *s = find(o, path);
    if (s) {
        output_close(o);
    } else if ((s = sink_new(o, path, what, &scribe.lock))) {
        list_push(&scribe.sinks, &s->node);
    } else {
        output_close(o);
        errno = ENOMEM;
    }
    if (s)
        s->holders++;
    pthread_mutex_unlock(&scribe.lock);
    return s;
}

struct sink *scribe_open(const char *path, const char *what)
{
    struct output o;
    return output_open(&o, path) ? hold(&o, path, what) : NULL;
}

struct sink *scribe_borrow(int fd, const char *what)
{
    struct output o;
    return output_borrow(&o, fd) ? hold(&o, NULL, what) : NULL;
}

void scribe_close(struct sink *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&scribe.lock);
    bool was_last = --s->holders == 0;
    pthread_mutex_unlock(&scribe.lock);
    if (was_last)
        wake();
}

/* The thread. It alone takes sinks out of the list, so one that it has found stays. */

static struct sink *next_sink(const struct sink *s)
{
    pthread_mutex_lock(&scribe.lock);
    struct list *node = s ? s->node.next : scribe.sinks.next;
    pthread_mutex_unlock(&scribe.lock);
    return node == &scribe.sinks ? NULL : CONTAINER_OF(node, struct sink, node);
}

#define FOR_EACH_SINK(s) for (struct sink *s = next_sink(NULL); s; s = next_sink(s))

/* Gives each sink what was handed over for it, in that order; false: there was nothing. */
static bool sort(void)
{
    struct sheet *newest = atomic_exchange(&scribe.handed, NULL), *oldest = NULL;
    while (newest) {
        struct sheet *sheet = newest;
        newest = sheet->next;
        sheet->next = oldest;
        oldest = sheet;
    }
    bool any = oldest;
    while (oldest) {
        struct sheet *sheet = oldest;
        oldest = sheet->next;
        sink_queue(sheet->sink, sheet);
    }
    return any;
}

static void reopen_all(void)
{
    FOR_EACH_SINK(s)
    {
        if (sink_renew(s))
            continue;
        char text[SAY_BYTES];
        snprintf(text, sizeof text, "%s cannot be opened anew: %s; the old file is used further",
                 s->name, strerrordesc_np(errno));
        scribe.say(SCRIBE_ERROR, text);
    }
}

static void tell(struct sink *s, uint64_t now_ms)
{
    char text[SAY_BYTES];
    if (sink_news(s, now_ms, text, sizeof text))
        scribe.say(SCRIBE_WARNING, text);
}

/* Nothing more is written there. */
static void tell_at_last(struct sink *s)
{
    char text[SAY_BYTES];
    sink_give_up(s);
    if (sink_last_news(s, text, sizeof text))
        scribe.say(SCRIBE_WARNING, text);
}

/* Which sinks nobody holds; before what was handed over is sorted, so that all of theirs is. */
static void note_left(uint64_t now_ms)
{
    pthread_mutex_lock(&scribe.lock);
    LIST_FOR_EACH (s, &scribe.sinks, struct sink, node) {
        if (s->holders > 0)
            s->left_ms = 0;
        else if (s->left_ms == 0)
            s->left_ms = now_ms;
    }
    pthread_mutex_unlock(&scribe.lock);
}

/* Takes one that nobody holds, and that is done or waited for long enough, out of the list. */
static struct sink *take_left(uint64_t now_ms)
{
    struct sink *found = NULL;
    pthread_mutex_lock(&scribe.lock);
    LIST_FOR_EACH_SAFE (s, &scribe.sinks, struct sink, node) {
        bool is_left = s->left_ms > 0 && s->holders == 0;
        if (!is_left || (s->first && now_ms - s->left_ms < LINGER_MS))
            continue;
        list_remove(&s->node);
        found = s;
        break;
    }
    pthread_mutex_unlock(&scribe.lock);
    return found;
}

static void free_left(uint64_t now_ms)
{
    struct sink *s;
    while ((s = take_left(now_ms))) {
        tell_at_last(s);
        sink_free(s);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t left_until(uint64_t end_ms, uint64_t now_ms)
{
    return end_ms > now_ms ? end_ms - now_ms : 0;
}

/* What the thread waits for. */
struct wait {
    struct pollfd polled[MAX_POLLED];
    struct sink *sinks[MAX_POLLED];
    nfds_t len;
    uint64_t ms;
};

/* A FIFO is watched for its reader's leaving, too: POLLERR is always told. */
static void watch(struct wait *w, struct sink *s, uint64_t now_ms)
{
    w->ms = earlier(w->ms, sink_left_ms(s, now_ms));
    if (s->left_ms > 0)
        w->ms = earlier(w->ms, left_until(s->left_ms + LINGER_MS, now_ms));
    if (s->output.fd < 0 || (!s->is_stuck && !s->output.is_fifo))
        return;
    if (w->len == MAX_POLLED) {
        w->ms = earlier(w->ms, LOOK_AGAIN_MS);
        return;
    }
    w->sinks[w->len] = s;
    w->polled[w->len++] = (struct pollfd){.fd = s->output.fd, .events = s->is_stuck ? POLLOUT : 0};
}

static void look(const struct wait *w)
{
    eventfd_t count;
    if (w->polled[0].revents)
        eventfd_read(scribe.wake_fd, &count);
    for (nfds_t i = 1; i < w->len; i++) {
        if (w->sinks[i]->output.is_fifo && (w->polled[i].revents & POLLERR))
            sink_part(w->sinks[i]);
    }
}

/* Waits for what is next: text, an order, a reader who goes on or leaves, or a time. */
static void rest(bool was_busy, uint64_t now_ms)
{
    struct wait w = {.polled = {{.fd = scribe.wake_fd, .events = POLLIN}}, .len = 1};
    uint64_t stop_ms = atomic_load(&scribe.stop_ms);
    w.ms = was_busy ? GATHER_MS : UINT64_MAX;
    if (stop_ms > 0)
        w.ms = earlier(w.ms, left_until(stop_ms, now_ms));
    FOR_EACH_SINK(s)
    watch(&w, s, now_ms);
    atomic_store(&scribe.sleeps, !was_busy);
    if (was_busy || (!atomic_load(&scribe.handed) && !atomic_load(&scribe.orders)))
        poll(w.polled, w.len, w.ms < INT32_MAX ? (int)w.ms : -1);
    atomic_store(&scribe.sleeps, false);
    look(&w);
}

static bool has_text(void)
{
    FOR_EACH_SINK(s)
    {
        if (s->first)
            return true;
    }
    return atomic_load(&scribe.handed);
}

/* Time is up. What is said of it is the last that is written. */
static void give_up(void)
{
    FOR_EACH_SINK(s)
    tell_at_last(s);
    sort();
    FOR_EACH_SINK(s)
    sink_write(s);
}

static bool may_end(uint64_t now_ms)
{
    uint64_t stop_ms = atomic_load(&scribe.stop_ms);
    return stop_ms > 0 && (now_ms >= stop_ms || !has_text());
}

static void *run(void *user)
{
    uint64_t now_ms = clock_monotonic_ms();
    (void)user;
    while (!may_end(now_ms)) {
        unsigned orders = atomic_exchange(&scribe.orders, 0);
        note_left(now_ms);
        bool is_busy = sort();
        FOR_EACH_SINK(s)
        {
            sink_write(s);
            tell(s, now_ms);
        }
        if (orders & ORDER_REOPEN)
            reopen_all();
        free_left(now_ms);
        rest(is_busy, now_ms);
        now_ms = clock_monotonic_ms();
    }
    give_up();
    eventfd_write(scribe.ended_fd, 1);
    return NULL;
}

bool scribe_start(void (*say_to)(enum scribe_weight weight, const char *text))
{
    scribe.say = say_to;
    list_init(&scribe.sinks);
    scribe.is_over = false;
    scribe.orders = 0;
    scribe.stop_ms = 0;
    scribe.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    scribe.ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (scribe.wake_fd < 0 || scribe.ended_fd < 0)
        return false;
    int error = thread_start(&scribe.thread, "log", run, NULL);
    errno = error;
    return error == 0;
}

bool scribe_finish(unsigned ms)
{
    struct pollfd ended = {.fd = scribe.ended_fd, .events = POLLIN};
    if (scribe.is_over)
        return true;
    atomic_store(&scribe.stop_ms, clock_monotonic_ms() + ms);
    order(ORDER_STOP);
    scribe.is_over =
        poll(&ended, 1, (int)ms + LINGER_MS) > 0 && pthread_join(scribe.thread, NULL) == 0;
    return scribe.is_over;
}

void scribe_stop(unsigned ms)
{
    if (!scribe_finish(ms))
        return;
    sort();
    LIST_FOR_EACH_SAFE (s, &scribe.sinks, struct sink, node) {
        list_remove(&s->node);
        sink_free(s);
    }
    close(scribe.wake_fd);
    close(scribe.ended_fd);
}
