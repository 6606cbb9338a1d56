#include "good.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "dice.h"
#include "ledger.h"
#include "peer.h"

enum {
    AT_ONCE = 6,
    BATCHES = 30, /* on one connection, at most */
    PATIENCE_MS = 60000,
    PAUSE_MS = 50,
};

/* What a client has under way. */
struct batch {
    struct good *good;
    struct dice dice;
    struct peer *peer;
    struct ask asks[AT_ONCE];
    int32_t streams[AT_ONCE];
    size_t len;
    size_t before; /* pushes of earlier batches on this connection */
    size_t noted;  /* pushes that were looked at */
    bool takes_pushes;
    bool cancels;    /* pushes, now and then */
    bool *cancelled; /* by the push's place */
    struct ask again[AT_ONCE];
    size_t again_len;
};

static uint64_t good_draw_bytes(struct dice *d)
{
    static const uint64_t most[] = {1, 100, 5000, 5000, 40000, 40000, 200000, 2000000};
    return dice_below(d, most[dice_below(d, CHECK_LEN(most))]);
}

static struct ask good_draw(struct batch *b)
{
    struct dice *d = &b->dice;
    struct ask a = {.flapping = b->good->flapping, .from = dice_below(d, 1000000)};
    do {
        a.kind = (enum ask_kind)dice_below(d, ASK_ASSET);
    } while (a.flapping && a.kind == ASK_CLOSING); /* its end could not be told from a cut */
    a.bytes = good_draw_bytes(d);
    if (a.kind == ASK_PAGE || a.kind == ASK_HINTED)
        a.links = (unsigned)dice_between(d, 1, 12);
    return a;
}

static int32_t good_send(struct batch *b, const struct ask *a)
{
    char length[32];
    const char *const fields[] = {"content-length", length, NULL};
    char *target = ask_target(a);
    bool uploads = a->kind == ASK_ECHO || a->kind == ASK_DIGEST;
    snprintf(length, sizeof(length), "%llu", (unsigned long long)a->bytes);
    const struct peer_request request = {
        .method = ask_method(a),
        .path = target,
        .body = uploads && a->bytes > 0,
        .body_bytes = a->bytes,
        .body_from = a->from,
        .fields = uploads && dice_once_in(&b->dice, 2) ? fields : NULL,
    };
    int32_t id = peer_send(b->peer, &request);
    free(target);
    return id;
}

static void good_begin(struct batch *b)
{
    b->len = (size_t)dice_between(&b->dice, 1, AT_ONCE + 1);
    if (b->len < b->again_len)
        b->len = b->again_len;
    b->cancels = dice_once_in(&b->dice, 4);
    b->before = b->noted = peer_pushes(b->peer);
    for (size_t i = 0; i < b->len; i++) {
        b->asks[i] = i < b->again_len ? b->again[i] : good_draw(b);
        b->asks[i].id = ledger_open(b->good->site->ledger);
        b->streams[i] = good_send(b, &b->asks[i]);
    }
    b->again_len = 0;
}

static bool good_is_quiet(const struct batch *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (!peer_stream(b->peer, b->streams[i])->closed)
            return false;
    for (size_t n = b->before; n < peer_pushes(b->peer); n++)
        if (!peer_push(b->peer, n)->closed)
            return false;
    return true;
}

static bool good_is_to_act(const struct peer *p, const void *arg)
{
    const struct batch *b = arg;
    return (b->cancels && peer_pushes(p) > b->noted) || good_is_quiet(b);
}

/* Cancels some of the pushes that were promised since. */
static void good_cancel_some(struct batch *b)
{
    size_t n = peer_pushes(b->peer);
    b->cancelled = check_resize(b->cancelled, n * sizeof(bool));
    for (; b->noted < n; b->noted++) {
        const struct peer_stream *push = peer_push(b->peer, b->noted);
        b->cancelled[b->noted] = b->cancels && !push->closed && dice_once_in(&b->dice, 2);
        if (!b->cancelled[b->noted])
            continue;
        peer_reset(b->peer, push->id, NGHTTP2_CANCEL);
        soak_count(SOAK_CANCELLED, 1);
    }
}

static void good_complain(const struct batch *b, const char *what, const char *target,
                          const struct peer_stream *s)
{
    peer_print(b->peer);
    soak_fail("a good client: %s: %s: status %u, %llu bytes, %s, error %u%s", target, what,
              s->status, (unsigned long long)s->body_bytes, s->ended ? "ended" : "not ended",
              s->error, peer_is_over(b->peer) ? ", the connection has ended" : "");
}

static void good_complain_of_waiting(const struct batch *b)
{
    for (size_t i = 0; i < b->len; i++) {
        char *target = ask_target(&b->asks[i]);
        const struct peer_stream *s = peer_stream(b->peer, b->streams[i]);
        if (!s->closed)
            good_complain(b, "has no end", target, s);
        free(target);
    }
    soak_fail("a good client: a push has no end");
}

/* The answer is whole and of this target. */
static bool good_is_answered(const struct ask *a, const char *target, const struct peer_stream *s)
{
    const char *echoed = fieldset_get(&s->head, "x-target");
    return s->ended && s->error == 0 && s->status == ask_status(a) && echoed &&
           strcmp(echoed, target) == 0 && s->body_from == a->from && s->body_is_pattern &&
           s->body_bytes == ask_answer_bytes(a);
}

/* The flapping origin explains it: an answer of the daemon's, or one that it cut and says so; where
 * the cut came at once, the head may be missing too. */
static bool good_is_excused(const struct ask *a, const char *target, const struct peer_stream *s)
{
    const char *echoed = fieldset_get(&s->head, "x-target");
    if (!a->flapping)
        return false;
    if (s->ended && !echoed)
        return s->status == 502 || s->status == 503 || s->status == 504;
    if (s->status == 0)
        return s->reset && s->error == NGHTTP2_INTERNAL_ERROR;
    return s->error != 0 && s->status == ask_status(a) && echoed && strcmp(echoed, target) == 0 &&
           s->body_is_pattern && s->body_bytes <= a->bytes;
}

static bool good_is_unprocessed(const struct batch *b, const struct peer_stream *s)
{
    return s->status == 0 && !s->reset && s->error == NGHTTP2_REFUSED_STREAM &&
           peer_count(b->peer, PEER_GOAWAY) > 0;
}

static unsigned good_count_targets(const struct fieldset *head, const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < fieldset_count(head, name); i++)
        for (const char *at = fieldset_nth(head, name, i); (at = strchr(at, '<')); at++)
            n++;
    return n;
}

/* What was pushed, which the head names, and what it left, are all links that there were; who takes
 * no pushes gets the hint as it was. */
static void good_check_links(const struct batch *b, const struct ask *a, const char *target,
                             const struct peer_stream *s, unsigned pushes)
{
    unsigned left = good_count_targets(&s->head, "link");
    unsigned named = good_count_targets(&s->head, "cf-h2-pushed");
    if (named != pushes || left + named != a->links)
        good_complain(b, "links were lost", target, s);
    if (a->kind != ASK_HINTED || b->takes_pushes)
        return;
    if (s->infos_len != 1 || good_count_targets(&s->infos[0], "link") != a->links)
        good_complain(b, "the hint was lost", target, s);
}

static unsigned good_count_pushes(const struct batch *b, int32_t parent)
{
    unsigned pushes = 0;
    for (size_t n = b->before; n < peer_pushes(b->peer); n++)
        pushes += peer_push(b->peer, n)->parent == parent;
    return pushes;
}

static void good_judge(struct batch *b, size_t i)
{
    const struct ask *a = &b->asks[i];
    const struct peer_stream *s = peer_stream(b->peer, b->streams[i]);
    unsigned pushes = good_count_pushes(b, s->id);
    char *target = ask_target(a);
    enum ledger_end how = LEDGER_ANSWERED;
    if (good_is_unprocessed(b, s)) {
        how = LEDGER_UNPROCESSED;
        b->again[b->again_len++] = *a;
        soak_count(SOAK_UNPROCESSED, 1);
    } else if (!good_is_answered(a, target, s)) {
        if (!good_is_excused(a, target, s))
            good_complain(b, "not what was asked for", target, s);
        how = LEDGER_BROKEN;
        soak_count(SOAK_EXCUSED, 1);
    } else {
        good_check_links(b, a, target, s, pushes);
    }
    free(target);
    ledger_close(b->good->site->ledger, a->id, how, s->status, s->body_bytes, pushes);
    soak_count(SOAK_REQUESTS, 1);
    soak_count(SOAK_BYTES_DOWN, s->body_bytes);
}

static void good_judge_push(struct batch *b, size_t n)
{
    const struct peer_stream *s = peer_push(b->peer, n);
    const char *target = fieldset_get(&s->promise, ":path");
    struct ask a;
    soak_count(SOAK_PUSHES, 1);
    soak_count(SOAK_BYTES_DOWN, s->body_bytes);
    if (!target || !ask_read(&a, target) || a.kind != ASK_ASSET)
        good_complain(b, "a push that no page named", target ? target : "?", s);
    if (good_is_answered(&a, target, s))
        return;
    bool whole_so_far = s->body_is_pattern && s->body_bytes <= a.bytes;
    bool excused = b->cancelled[n] || (a.flapping && s->error != 0);
    if (!whole_so_far || !excused)
        good_complain(b, "not what was promised", target, s);
}

/* Makes a few requests and waits until all has ended; false when the connection is to be left. */
static bool good_do_batch(struct batch *b)
{
    good_begin(b);
    do {
        if (!peer_runs(b->peer, good_is_to_act, b, PATIENCE_MS))
            good_complain_of_waiting(b);
        good_cancel_some(b);
    } while (!good_is_quiet(b));
    for (size_t n = b->before; n < b->noted; n++)
        good_judge_push(b, n);
    for (size_t i = 0; i < b->len; i++)
        good_judge(b, i);
    return peer_count(b->peer, PEER_GOAWAY) == 0 && !peer_is_over(b->peer);
}

static void good_connect(struct batch *b)
{
    static const uint32_t windows[] = {0, 0, 65535, 3000};
    b->takes_pushes = !dice_once_in(&b->dice, 4);
    const struct peer_options options = {
        .wire = {.port = b->good->site->port, .sni = "example.com"},
        .push = b->takes_pushes ? PEER_PUSH_ON : PEER_PUSH_OFF,
        .stream_window = windows[dice_below(&b->dice, CHECK_LEN(windows))],
    };
    b->peer = peer_open(&options);
    soak_count(SOAK_CONNECTIONS, 1);
}

void *good_run(void *arg)
{
    struct good *good = arg;
    struct batch b = {.good = good, .dice = dice_of(good->site->seed, good->lane)};
    while (!atomic_load(&good->site->stopping)) {
        good_connect(&b);
        uint64_t batches = dice_between(&b.dice, 1, BATCHES);
        while (good_do_batch(&b) && batches-- > 0 && !atomic_load(&good->site->stopping))
            poll(NULL, 0, (int)dice_below(&b.dice, PAUSE_MS));
        soak_count(SOAK_GOAWAYS, peer_count(b.peer, PEER_GOAWAY) > 0);
        peer_close(b.peer);
    }
    free(b.cancelled);
    return NULL;
}
