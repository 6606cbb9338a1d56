#include "base/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { SPARE_SHEETS = 4, SPARE_BYTES = 8192 };

static struct {
    atomic_flag taken;
    struct sheet sheet;
    char text[SPARE_BYTES];
} spares[SPARE_SHEETS];

static atomic_ullong lost_of_all;

static struct sheet *take_spare(size_t len)
{
    for (size_t i = 0; len <= SPARE_BYTES && i < SPARE_SHEETS; i++) {
        if (atomic_flag_test_and_set(&spares[i].taken))
            continue;
        spares[i].sheet =
            (struct sheet){.spare = &spares[i].taken, .text = spares[i].text, .len = len};
        return &spares[i].sheet;
    }
    return NULL;
}

struct sheet *sheet_new(struct span text, bool may_be_spare)
{
    struct sheet *sheet = mem_alloc(sizeof *sheet + text.len);
    if (sheet)
        *sheet = (struct sheet){.text = (char *)(sheet + 1), .len = text.len};
    else if (may_be_spare)
        sheet = take_spare(text.len);
    if (sheet)
        memcpy(sheet->text, text.ptr, text.len);
    return sheet;
}

void sheet_free(struct sheet *sheet)
{
    if (sheet->spare)
        atomic_flag_clear(sheet->spare);
    else
        mem_free(sheet);
}

struct sink *sink_new(const struct output *o, const char *path, const char *what,
                      pthread_mutex_t *lock)
{
    size_t path_bytes = path ? strlen(path) + 1 : 0, name_bytes = strlen(what) + path_bytes + 1;
    struct sink *s = mem_zalloc(1, sizeof *s + path_bytes + name_bytes);
    if (!s)
        return NULL;
    s->output = *o;
    s->lock = lock;
    s->name = (char *)(s + 1);
    snprintf(s->name, name_bytes, "%s%s%s", what, path ? " " : "", path ? path : "");
    if (path) {
        s->path = s->name + name_bytes;
        memcpy(s->path, path, path_bytes);
    }
    s->last = &s->first;
    return s;
}

void sink_free(struct sink *s)
{
    sink_give_up(s);
    output_close(&s->output);
    mem_free(s);
}

static uint64_t count_lines(struct span text)
{
    uint64_t n = 0;
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        n++;
    return n;
}

static void lose(struct sink *s, uint64_t lines)
{
    atomic_fetch_add_explicit(&s->lost, lines, memory_order_relaxed);
    atomic_fetch_add_explicit(&lost_of_all, lines, memory_order_relaxed);
}

uint64_t sinks_lost(void)
{
    return atomic_load_explicit(&lost_of_all, memory_order_relaxed);
}

void sink_lose(struct sink *s, uint64_t lines)
{
    atomic_store_explicit(&s->starves, true, memory_order_relaxed);
    lose(s, lines);
}

bool sink_reserve(struct sink *s, struct span text, size_t most_bytes)
{
    size_t before = atomic_fetch_add(&s->queued, text.len);
    if (before + text.len <= most_bytes)
        return true;
    atomic_fetch_sub(&s->queued, text.len);
    lose(s, count_lines(text));
    return false;
}

void sink_starve(struct sink *s, struct span text)
{
    atomic_fetch_sub(&s->queued, text.len);
    sink_lose(s, count_lines(text));
}

void sink_queue(struct sink *s, struct sheet *sheet)
{
    sheet->next = NULL;
    *s->last = sheet;
    s->last = &sheet->next;
}

static void drop_first(struct sink *s)
{
    struct sheet *sheet = s->first;
    s->first = sheet->next;
    if (!s->first)
        s->last = &s->first;
    s->done = 0;
    atomic_fetch_sub(&s->queued, sheet->len);
    sheet_free(sheet);
}

/* The rest of the first sheet is lost; a line of which a part is written is cut. */
static void lose_first(struct sink *s)
{
    const struct sheet *sheet = s->first;
    if (s->done > 0 && sheet->text[s->done - 1] != '\n')
        s->output.is_cut = true;
    lose(s, count_lines(span_of(sheet->text + s->done, sheet->len - s->done)));
    drop_first(s);
}

void sink_give_up(struct sink *s)
{
    while (s->first)
        lose_first(s);
    s->is_stuck = false;
}

static void change_output(struct sink *s, const struct output *next)
{
    struct output last = s->output;
    pthread_mutex_lock(s->lock);
    s->output = *next;
    pthread_mutex_unlock(s->lock);
    output_close(&last);
}

/* What is the same file stays open: a FIFO's reader sees no end. */
bool sink_renew(struct sink *s)
{
    struct output next;
    if (!s->path)
        return true;
    if (!output_open(&next, s->path))
        return false;
    if (s->output.fd >= 0 && output_is_same(&s->output, &next))
        output_close(&next);
    else
        change_output(s, &next);
    return true;
}

/* False: it is a FIFO that nobody reads. */
static bool has_reader(struct sink *s)
{
    struct output next;
    if (s->output.fd >= 0)
        return true;
    if (!output_open_fifo(&next, s->path)) {
        s->error = EPIPE;
        return false;
    }
    change_output(s, &next);
    return true;
}

void sink_part(struct sink *s)
{
    output_close(&s->output);
    s->flows = false;
}

/* Writes the first sheet; false: its reader stands still. */
static bool write_first(struct sink *s)
{
    const struct sheet *sheet = s->first;
    while (s->done < sheet->len) {
        ssize_t n =
            output_write(&s->output, sheet->text + s->done, sheet->len - s->done, s->done > 0);
        if (n > 0) {
            s->done += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EAGAIN)
            return false;
        s->error = n < 0 ? errno : EIO;
        s->flows = false;
        lose_first(s);
        if (s->output.is_fifo && s->error == EPIPE)
            sink_part(s);
        return true;
    }
    s->flows = true;
    drop_first(s);
    return true;
}

void sink_write(struct sink *s)
{
    s->is_stuck = false;
    while (s->first && !s->is_stuck) {
        if (has_reader(s))
            s->is_stuck = !write_first(s);
        else
            sink_give_up(s);
    }
}

static void say_that_it_begins(const struct sink *s, char *text, size_t size)
{
    if (s->output.fd < 0)
        snprintf(text, size, "nobody reads %s: its lines are lost until somebody does", s->name);
    else if (s->error)
        snprintf(text, size, "%s cannot be written: %s; its lines are lost until it can", s->name,
                 strerrordesc_np(s->error));
    else if (atomic_load(&s->starves))
        snprintf(text, size, "no memory for lines of %s: they are lost until there is some",
                 s->name);
    else
        snprintf(text, size, "%s is not read fast enough: its lines are lost until it is", s->name);
}

static bool is_fine(const struct sink *s)
{
    return s->flows && !s->is_stuck;
}

bool sink_news(struct sink *s, uint64_t now_ms, char *text, size_t size)
{
    switch (loss_look(&s->loss, atomic_load(&s->lost), is_fine(s), now_ms)) {
    case LOSS_BEGINS:
        say_that_it_begins(s, text, size);
        return true;
    case LOSS_IS_OVER:
        snprintf(text, size, "%s is written again: %llu lines of it were lost", s->name,
                 (unsigned long long)loss_count(&s->loss));
        s->error = 0;
        atomic_store(&s->starves, false);
        return true;
    default:
        return false;
    }
}

bool sink_last_news(struct sink *s, char *text, size_t size)
{
    uint64_t untold = atomic_load(&s->lost) - s->loss.told;
    if (untold == 0)
        return false;
    snprintf(text, size, "%llu lines of %s were lost", (unsigned long long)untold, s->name);
    return true;
}

uint64_t sink_left_ms(const struct sink *s, uint64_t now_ms)
{
    return loss_left_ms(&s->loss, is_fine(s), now_ms);
}
