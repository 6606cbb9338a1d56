/* fixture.h - exchanges between a fake session and fake calls: a client without a socket, an env
 * without a loop, and a clock that a test sets. */
#ifndef UNIT_PROXY_FIXTURE_H
#define UNIT_PROXY_FIXTURE_H

#include "fake_calls.h"
#include "fake_session.h"

#include <sys/wait.h>
#include <unistd.h>

#include "proxy/exchange.h"
#include "proxy/steps.h"

#include "../field_lines.h"

enum { START_MS = 1000000, REPORTS = 128 };

static struct fixture {
    struct budget budget;
    struct account account;
    struct env env;
    struct client client;
    struct fake_session session;
    struct config *config;
    struct arena arena; /* of what tests make */
    unsigned writes;    /* how often the client was asked to write */
    struct {
        enum failure failure;
        unsigned status;
        uint64_t bytes;
        bool is_push, planned;
        unsigned pushed;
    } reports[REPORTS];
    size_t reports_len;
} fix;

static inline void fix_write(struct turn_task *task)
{
    (void)task;
    fix.writes++;
}

static inline void fix_report(void *user, const struct report *r)
{
    (void)user;
    assert_true(fix.reports_len < REPORTS);
    fix.reports[fix.reports_len].failure = r->failure;
    fix.reports[fix.reports_len].status = r->status;
    fix.reports[fix.reports_len].bytes = r->bytes;
    fix.reports[fix.reports_len].is_push = r->is_push;
    fix.reports[fix.reports_len].planned = r->planned;
    fix.reports[fix.reports_len++].pushed = (unsigned)r->pushed_len;
}

/* Every test begins with an open client that takes pushes; `more` is more of a proxy.conf. */
static inline void fix_open(const char *more)
{
    static const struct config_listen listen = {.name = "main"};
    static const char conf[] = "[listen main]\naddress = 127.0.0.1:1\n"
                               "[certificate main]\nchain = /c\nkey = /k\n"
                               "[origin app]\nurl = http://127.0.0.1:2\n";
    char text[2048];
    struct config_error error;
    int n = snprintf(text, sizeof text, "%s%s", conf, more);
    memset(&fix, 0, sizeof fix);
    memset(&fake_calls, 0, sizeof fake_calls);
    fix.config = config_parse(span_of(text, (size_t)n), "proxy.conf", &error);
    if (!fix.config)
        fail_msg("%s", error.text);
    arena_init(&fix.arena, NULL);
    budget_init(&fix.budget, NULL, NULL);
    account_init(&fix.account, &fix.budget);
    const struct env_rules rules = {.config = fix.config, .account = &fix.account, .key = {1, 2}};
    assert_true(env_init(&fix.env, NULL, &rules));
    steps_install(&fix.env);
    fix.env.report = fix_report;
    fix.env.turn.now_ms = START_MS;
    fix.session.base = (struct session){.verbs = &fake_verbs,
                                        .events = fix.env.events,
                                        .user = &fix.client,
                                        .takes_pushes = true,
                                        .max_pushes = 100};
    struct client *c = &fix.client;
    c->env = &fix.env;
    c->state = CLIENT_OPEN;
    c->listen = &listen;
    c->session = &fix.session.base;
    c->leaving_why = FAIL_CLIENT_GONE;
    c->peer.address = (struct address){.kind = ADDRESS_IP};
    strcpy(c->peer.text, "192.0.2.1");
    list_init(&c->node);
    list_init(&c->streams);
    turn_task_init(&c->write, fix_write);
    timeout_init(&c->timeout, NULL);
    timeout_init(&c->idle, NULL);
    diary_init(&c->diary);
}

/* Every exchange must be gone by then. */
static inline void fix_close(void)
{
    assert_int_equal(fix.client.streams_len, 0);
    diary_fini(&fix.client.diary);
    timeout_stop(&fix.client.timeout);
    timeout_stop(&fix.client.idle);
    env_fini(&fix.env);
    config_free(fix.config);
    arena_fini(&fix.arena);
}

/* The end of a turn, at the same time. */
static inline void fix_turn(void)
{
    uint64_t now = fix.env.turn.now_ms;
    turn_run(&fix.env.turn);
    turn_begin(&fix.env.turn);
    fix.env.turn.now_ms = now;
}

/* `ms` later: what has lasted too long is ended, and the turn with it. */
static inline void fix_later(uint64_t ms)
{
    fix.env.turn.now_ms += ms;
    env_expire(&fix.env);
    fix_turn();
}

/* What the session was told does not matter. */
static inline void fix_forget(void)
{
    fix.session.len = 0;
    fix.session.log[0] = '\0';
}

/* What the session was told since this was last asked is `expected`. */
static inline void fix_said(const char *expected)
{
    if (strcmp(fix.session.log, expected) != 0)
        fail_msg("the session was told\n%s\nnot\n%s", fix.session.log, expected);
    fix_forget();
}

/* A request of the client: its head, and with `end` all of it. */
static inline struct stream *client_asks(const char *method, const char *path, const char *lines,
                                         bool end)
{
    struct stream *s = fix.session.base.events->opened(&fix.client, sizeof(struct fake_stream));
    assert_non_null(s);
    s->session = &fix.session.base;
    CONTAINER_OF(s, struct fake_stream, base)->id = 2 * ++fix.session.opened - 1;
    CONTAINER_OF(s, struct fake_stream, base)->window = 65535;
    s->request->method = span_str(method);
    s->request->scheme = SPAN("https");
    s->request->authority = SPAN("example.com");
    s->request->path = span_str(path);
    struct fields fields = read_fields(s->request->fields.arena, lines);
    for (size_t i = 0; i < fields.len; i++)
        fields_copy(&s->request->fields, &fields.at[i]);
    s->request->body = (struct body){end ? BODY_NONE : BODY_UNKNOWN, 0};
    fix.session.base.events->head(s, end);
    if (end)
        fix.session.base.events->end(s);
    return s;
}

static inline struct stream *client_gets(const char *path)
{
    struct stream *s = client_asks("GET", path, "", true);
    fix_turn();
    return s;
}

/* The protocol has closed the stream. */
static inline void client_closes(struct stream *s)
{
    s->session = NULL;
    fix.session.base.events->closed(s, STREAM_CLOSED_ENDED);
    fix_turn();
}

/* Takes what there is of the body; returns how many bytes that was. With the end, the stream's. */
static inline size_t client_takes(struct stream *s)
{
    struct stream_piece piece = {.bytes = SPAN("")};
    const struct fields *trailers = NULL;
    const struct stream_events *events = fix.session.base.events;
    enum stream_after after = events->pull(s, &piece, &trailers);
    size_t n = piece.bytes.len;
    if (n > 0)
        events->sent(s, n);
    if (after == STREAM_ENDS)
        events->ended(s);
    fix_turn();
    return n;
}

static inline struct call *call_number(size_t i)
{
    assert_true(i < fake_calls.len);
    return fake_calls.at[i];
}

/* The origin takes the call and answers with a head of `lines`. */
static inline struct call *origin_answers(size_t i, unsigned status, const char *lines,
                                          enum body_framing framing)
{
    struct call *c = call_number(i);
    if (c->state == CALL_WAITING)
        origin_takes(c);
    struct fields fields = read_fields(c->arena, lines);
    origin_heads(c, status, &fields, framing, framing == BODY_LENGTH ? 5 : 0);
    return c;
}

static inline struct exchange *exchange_at(const struct stream *s)
{
    return s->user;
}

static inline void fix_reported(size_t i, enum failure failure, unsigned status)
{
    assert_true(i < fix.reports_len);
    assert_string_equal(failure_word(fix.reports[i].failure), failure_word(failure));
    assert_int_equal(fix.reports[i].status, status);
}

/* `f` does not return: an assertion of ours fails in it. */
static inline void expect_abort(void (*f)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fclose(stderr);
        signal(SIGABRT, SIG_DFL);
        f(arg);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

#endif
