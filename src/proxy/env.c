#include "proxy/env.h"

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/client.h"

enum {
    KEPT_ARENA_BLOCKS = 1024,
    KEPT_OUT_BLOCKS = 64,
    KEPT_TLS_BLOCKS = 16,
    LINGER_MS = 2000,
    /* An idle client's session gives memory back, which it takes again for the next request. */
    AWAKE_MS = 500,
    REST_EVERY_MS = 1000,
    /* Giving memory back takes a while: it is done in pauses, and only for as much work. */
    PAUSE_MS = 250,
    PAUSE_REST_EVERY_MS = 10000,
    PAUSE_WORK = 64,
};

static void give_back(struct env *e)
{
    e->rested_work = e->work;
    blocks_trim(&e->arena_blocks);
    blocks_trim(&e->out_blocks);
    blocks_trim(&e->tls_blocks);
    h2_cache_trim(&e->h2_cache);
    pools_rest(e->pools);
    mem_trim();
}

static void on_pause(struct timeout *t)
{
    struct env *e = CONTAINER_OF(t, struct env, pause);
    if (bucket_take(&e->pause_rests, 1, 1, PAUSE_REST_EVERY_MS, turn_now_ms(&e->turn)))
        give_back(e);
}

bool env_init(struct env *e, struct event_base *base, const struct env_rules *rules)
{
    const struct config *config = rules->config;
    uint64_t idle_ms = config->timeouts.idle_ms, awake_ms = idle_ms < AWAKE_MS ? idle_ms : AWAKE_MS;
    *e = (struct env){.base = base,
                      .config = config,
                      .tls = rules->tls,
                      .crowd = rules->crowd,
                      .key = rules->key};
    turn_init(&e->turn);
    list_init(&e->clients);
    blocks_init(&e->arena_blocks, ENV_ARENA_BYTES, KEPT_ARENA_BLOCKS);
    blocks_init(&e->out_blocks, ENV_RECORD_BYTES, KEPT_OUT_BLOCKS);
    blocks_init(&e->tls_blocks, TLS_OUT_BYTES, KEPT_TLS_BLOCKS);
    h2_cache_init(&e->h2_cache);
    timeouts_init(&e->handshake, config->timeouts.handshake_ms);
    timeouts_init(&e->header, config->timeouts.header_ms);
    timeouts_init(&e->awake, awake_ms);
    timeouts_init(&e->idle, config->timeouts.idle_ms - awake_ms);
    timeouts_init(&e->stall, config->timeouts.stall_ms);
    timeouts_init(&e->grace, config->timeouts.grace_ms);
    timeouts_init(&e->exchange, config->timeouts.exchange_ms);
    timeouts_init(&e->linger, LINGER_MS);
    timeouts_init(&e->pauses, PAUSE_MS);
    timeout_init(&e->pause, on_pause);
    refusals_init(&e->refusals);
    e->pools = pools_new(base, &e->turn, config);
    return e->pools != NULL;
}

/* Nobody new will come who could use it. */
static void keep_nothing(struct env *e)
{
    blocks_fini(&e->arena_blocks);
    blocks_fini(&e->out_blocks);
    blocks_fini(&e->tls_blocks);
    h2_cache_fini(&e->h2_cache);
}

void env_fini(struct env *e)
{
    LIST_FOR_EACH_SAFE (c, &e->clients, struct client, node)
        client_close(c, FAIL_DRAINING);
    turn_run(&e->turn);
    pools_free(e->pools);
    refusals_fini(&e->refusals);
    keep_nothing(e);
}

uint64_t env_expire(struct env *e)
{
    struct timeouts *queues[] = {&e->handshake, &e->header,   &e->awake,  &e->idle,  &e->stall,
                                 &e->grace,     &e->exchange, &e->linger, &e->pauses};
    uint64_t now = turn_now_ms(&e->turn);
    uint64_t of_pools = pools_expire(e->pools, now);
    uint64_t of_clients = timeouts_expire_all(queues, ARRAY_LEN(queues), now);
    return of_pools < of_clients ? of_pools : of_clients;
}

struct span env_date(struct env *e)
{
    uint64_t second = clock_wall_ms() / 1000;
    if (second != e->date_second) {
        e->date_second = second;
        date_format(e->date, second);
    }
    return span_of(e->date, DATE_BYTES);
}

void env_note_idle(struct env *e, bool was_idle, bool is_idle)
{
    e->idle_len += is_idle;
    e->idle_len -= was_idle;
    e->work += was_idle && !is_idle;
}

uint64_t env_site(struct env *e, const struct request *request)
{
    struct span authority = request->authority;
    struct url url;
    if (span_eq(authority, span_of(e->site_authority, e->site_authority_len)))
        return e->site;
    if (!url_split_authority(authority, &url))
        return 0; /* request_check() found it fine */
    url.scheme = request->scheme;
    uint64_t site = diary_site(&e->key, &url);
    if (authority.len <= ENV_SITE_BYTES) {
        memcpy(e->site_authority, authority.ptr, authority.len);
        e->site_authority_len = authority.len;
        e->site = site;
    }
    return site;
}

void env_rest(struct env *e)
{
    uint64_t now = turn_now_ms(&e->turn);
    if (e->idle_len < e->clients_len || e->work == e->rested_work)
        timeout_stop(&e->pause);
    else if (e->clients_len == 0 && bucket_take(&e->rests, 1, 1, REST_EVERY_MS, now))
        give_back(e);
    else if (e->work - e->rested_work >= PAUSE_WORK && list_empty(&e->pause.node))
        timeout_start(&e->pauses, &e->pause, now);
}

void env_retire(struct env *e)
{
    if (e->draining)
        return;
    e->draining = true;
    pools_drain(e->pools);
    keep_nothing(e);
    LIST_FOR_EACH_SAFE (c, &e->clients, struct client, node)
        client_drain(c);
}

void env_drain(struct env *e)
{
    env_retire(e);
    LIST_FOR_EACH_SAFE (c, &e->clients, struct client, node) {
        if (c->state == CLIENT_HANDSHAKE)
            client_close(c, FAIL_DRAINING);
    }
}
