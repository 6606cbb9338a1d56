#include "server/generation.h"

#include "base/log.h"
#include "base/mem.h"
#include "proxy/client.h"
#include "proxy/shed.h"
#include "proxy/steps.h"

static void report(void *user, const struct report *report)
{
    struct generation *g = user;
    access_add(&g->access, report);
    metrics_count(g->metrics, report);
    if (report->origin_us > 0)
        coalesce_answered(g->coalesce, report->origin_us);
}

struct generation *generation_new(const struct generation_rules *rules, struct setup *setup)
{
    struct generation *g = mem_zalloc(1, sizeof *g);
    const struct env_rules of_env = {
        .config = setup->config,
        .tls = setup->tls,
        .trust = setup->trust,
        .notes = setup->notes,
        .crowd = rules->crowd,
        .account = rules->account,
        .key = rules->key,
    };
    if (!g || !env_init(&g->env, rules->base, &of_env)) {
        log_error("no memory for a worker's clients");
        mem_free(g);
        return NULL;
    }
    if (!access_init(&g->access, setup->config)) {
        env_fini(&g->env);
        mem_free(g);
        return NULL;
    }
    list_init(&g->node);
    steps_install(&g->env);
    g->setup = setup_hold(setup);
    g->metrics = rules->metrics;
    g->coalesce = rules->coalesce;
    g->env.report = report;
    g->env.report_user = g;
    return g;
}

void generation_free(struct generation *g)
{
    if (!g)
        return;
    list_remove(&g->node);
    clients_close(&g->env);
    env_fini(&g->env);
    access_fini(&g->access);
    setup_let_go(g->setup);
    mem_free(g);
}

uint64_t generation_end_turn(struct generation *g)
{
    uint64_t left, of_memory;
    do {
        turn_run(&g->env.turn);
        env_end_turn(&g->env);
        left = env_expire(&g->env);
        of_memory = shed_memory(&g->env);
        left = of_memory < left ? of_memory : left;
    } while (!turn_is_over(&g->env.turn));
    access_flush(&g->access);
    return left;
}
