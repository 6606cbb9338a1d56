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

void env_trim(struct env *e)
{
    blocks_trim(&e->arena_blocks);
    blocks_trim(&e->out_blocks);
    blocks_trim(&e->tls_blocks);
    h2_cache_trim(&e->h2_cache);
    pools_trim(e->pools);
}

static void give_back(struct thrift *t)
{
    env_trim(CONTAINER_OF(t, struct env, thrift));
    mem_trim();
}

/* Few sites need more, and a few streams of any client may have heads as large as they may be. */
static size_t most_heads_bytes(const struct config *config)
{
    const size_t least = 4 << 20, heads = 16;
    size_t some = heads * config->limits.header_list_bytes;
    return some > least ? some : least;
}

bool env_init(struct env *e, struct event_base *base, const struct env_rules *rules)
{
    const struct config *config = rules->config;
    *e = (struct env){.base = base,
                      .config = config,
                      .tls = rules->tls,
                      .crowd = rules->crowd,
                      .account = rules->account,
                      .most_heads_bytes = most_heads_bytes(config),
                      .key = rules->key};
    turn_init(&e->turn);
    list_init(&e->clients);
    blocks_init(&e->arena_blocks, rules->account, ENV_ARENA_BYTES, KEPT_ARENA_BLOCKS);
    blocks_init(&e->out_blocks, rules->account, ENV_RECORD_BYTES, KEPT_OUT_BLOCKS);
    blocks_init(&e->tls_blocks, rules->account, TLS_OUT_BYTES, KEPT_TLS_BLOCKS);
    h2_cache_init(&e->h2_cache, rules->account);
    timeouts_init(&e->handshake, config->timeouts.handshake_ms);
    timeouts_init(&e->header, config->timeouts.header_ms);
    timeouts_init(&e->awake, AWAKE_MS);
    timeouts_init(&e->idle, config->timeouts.idle_ms);
    timeouts_init(&e->stall, config->timeouts.stall_ms);
    timeouts_init(&e->write_stall, config->timeouts.stall_ms);
    timeouts_init(&e->grace, config->timeouts.grace_ms);
    timeouts_init(&e->exchange, config->timeouts.exchange_ms);
    timeouts_init(&e->linger, LINGER_MS);
    thrift_init(&e->thrift, give_back);
    e->pace_rules = (struct pace_rules){.stall = &e->stall,
                                        .grace = &e->grace,
                                        .origin_stall_ms = config->timeouts.origin_stall_ms,
                                        .min_rate = config->limits.min_rate};
    refusals_init(&e->refusals);
    e->pools = pools_new(base, &e->turn, config, rules->trust, rules->notes, rules->account);
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
    struct timeouts *lists[] = {&e->handshake, &e->header,       &e->awake, &e->idle,
                                &e->stall,     &e->write_stall,  &e->grace, &e->exchange,
                                &e->linger,    &e->thrift.pauses};
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
