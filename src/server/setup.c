#include "server/setup.h"

#include <stdio.h>

#include "base/mem.h"

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

struct setup *setup_load(const struct arguments *a, unsigned demo_port, struct tls_tickets *tickets,
                         struct setup_error *error)
{
    struct config_error of_config = {"out of memory"};
    struct tls_error of_tls;
    struct setup *s = mem_zalloc(1, sizeof *s);
    if (s)
        s->config = read_config(a, demo_port, &of_config);
    if (!s || !s->config) {
        snprintf(error->text, sizeof error->text, "%s", of_config.text);
        mem_free(s);
        return NULL;
    }
    s->holders = 1;
    s->notes = notes_new(s->config);
    if (!s->notes) {
        snprintf(error->text, sizeof error->text, "out of memory");
        setup_let_go(s);
        return NULL;
    }
    s->tls = tls_context_new(s->config, tickets, &of_tls);
    if (s->tls)
        s->trust = tls_trust_new(s->config, &of_tls);
    if (!s->trust) {
        snprintf(error->text, sizeof error->text, "%s", of_tls.text);
        setup_let_go(s);
        return NULL;
    }
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
