#include "server/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "server/loops.h"

static struct config *read_config(const struct arguments *a, unsigned demo_port,
                                  struct config_error *error)
{
    char url[64];
    const char *origin = a->origin;
    if (demo_port > 0) {
        snprintf(url, sizeof url, "http://127.0.0.1:%u", demo_port);
        origin = url;
    }
    if (origin)
        return config_quick(origin, a->listen, a->certificate, a->key, error);
    return config_load(a->file, error);
}

/* Somebody who has just installed the program has no file. */
static bool is_first_try(const struct arguments *a)
{
    return !a->origin && strcmp(a->file, ARGUMENTS_DEFAULT_FILE) == 0 &&
           access(a->file, F_OK) != 0 && errno == ENOENT;
}

/* A message may hold text of a file that is not ours: a name in a certificate. */
static void say(struct setup_error *error, const char *message, const char *hint)
{
    struct text text = {.at = error->text, .room = sizeof error->text - 1};
    text_put_visible(&text, span_str(message));
    text_put(&text, span_str(hint));
    error->text[text.len < text.room ? text.len : text.room] = '\0';
}

/* -t and --dump-config are typed outside of the service, too, which has credentials of its own. */
static bool load_tls(struct setup *s, const struct arguments *a, struct tls_tickets *tickets,
                     struct tls_error *error)
{
    bool only_looks = a->action == ACTION_TEST || a->action == ACTION_DUMP;
    s->trust = tls_trust_new(s->config, error);
    if (!s->trust)
        return false;
    if (only_looks && !getenv("CREDENTIALS_DIRECTORY"))
        return tls_context_check(s->config, tickets, error);
    s->tls = tls_context_new(s->config, tickets, error);
    return s->tls;
}

struct setup *setup_load(const struct arguments *a, unsigned demo_port, struct tls_tickets *tickets,
                         struct setup_error *error)
{
    struct config_error of_config = {"out of memory"};
    struct tls_error of_tls;
    struct setup *s = mem_zalloc(1, sizeof *s);
    if (s)
        s->config = read_config(a, demo_port, &of_config);
    if (!s || !s->config) {
        say(error, of_config.text,
            is_first_try(a) ? "; name another file with -c, or run without one: headstart --origin "
                              "http://127.0.0.1:8080"
                            : "");
        mem_free(s);
        return NULL;
    }
    s->holders = 1;
    s->notes = notes_new(s->config);
    if (!s->notes) {
        say(error, "out of memory", "");
        setup_let_go(s);
        return NULL;
    }
    if (!load_tls(s, a, tickets, &of_tls)) {
        say(error, of_tls.text, "");
        setup_let_go(s);
        return NULL;
    }
    loops_warn(s->config);
    return s;
}

struct setup *setup_hold(struct setup *s)
{
    atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
    return s;
}

void setup_let_go(struct setup *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1)
        return;
    tls_context_free(s->tls);
    notes_free(s->notes);
    tls_trust_free(s->trust);
    config_free(s->config);
    mem_free(s);
}
