#include "proxy/env.h"

#include "base/clock.h"
#include "base/mem.h"

enum {
    KEPT_ARENA_BLOCKS = 1024,
    KEPT_OUT_BLOCKS = 64,
    KEPT_TLS_BLOCKS = 16,
    LINGER_MS = 2000,
    AWAKE_MS = 500, /* an idle client's session gives memory back then, until its next request */
};

static void give_back(struct thrift *t)
{
    struct env *e = CONTAINER_OF(t, struct env, thrift);
    blocks_trim(&e->arena_blocks);
    blocks_trim(&e->out_blocks);
    blocks_trim(&e->tls_blocks);
    h2_cache_trim(&e->h2_cache);
    pools_trim(e->pools);
    mem_trim();
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
    thrift_init(&e->thrift, give_back);
    e->pace_rules = (struct pace_rules){.stall = &e->stall,
                                        .grace = &e->grace,
                                        .origin_stall_ms = config->timeouts.origin_stall_ms,
                                        .min_rate = config->limits.min_rate};
    refusals_init(&e->refusals);
    e->pools = pools_new(base, &e->turn, config, rules->trust, rules->notes);
    return e->pools != NULL;
}

void env_keep_nothing(struct env *e)
{
    blocks_fini(&e->arena_blocks);
    blocks_fini(&e->out_blocks);
    blocks_fini(&e->tls_blocks);
    h2_cache_fini(&e->h2_cache);
}

void env_fini(struct env *e)
{
    pools_free(e->pools);
    refusals_fini(&e->refusals);
    env_keep_nothing(e);
}

uint64_t env_expire(struct env *e)
{
    struct timeouts *lists[] = {&e->handshake, &e->header, &e->awake,
                                &e->idle,      &e->stall,  &e->grace,
                                &e->exchange,  &e->linger, &e->thrift.pauses};
    uint64_t now = turn_now_ms(&e->turn);
    uint64_t of_pools = pools_expire(e->pools, now);
    uint64_t of_clients = timeouts_expire_all(lists, ARRAY_LEN(lists), now);
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

void env_end_turn(struct env *e)
{
    thrift_look(&e->thrift, e->clients_len, turn_now_ms(&e->turn));
}
