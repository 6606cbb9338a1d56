/* env.h - what the clients and exchanges of one worker share.
 * Owned by a generation (server/generation.h); outlives every client. One thread only. */
#ifndef PROXY_ENV_H
#define PROXY_ENV_H

#include <event2/event.h>

#include "base/blocks.h"
#include "base/bucket.h"
#include "base/budget.h"
#include "base/crowd.h"
#include "base/timeouts.h"
#include "base/turn.h"
#include "config/config.h"
#include "h2/cache.h"
#include "http/date.h"
#include "http/session.h"
#include "origin/pool.h"
#include "proxy/handshakes.h"
#include "proxy/pace.h"
#include "proxy/report.h"
#include "proxy/thrift.h"
#include "push/diary.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/trust.h"

/* What proxy/shed.c remembers. */
struct shed {
    bool active;      /* memory was over, and is not much below yet */
    uint64_t turn;    /* the last one in which something gave way */
    unsigned yielded; /* in that turn */
    uint64_t next_ms; /* not to be looked at again before */
    struct bucket trims;
};

enum {
    ENV_ARENA_BYTES = 8192,   /* a block of an exchange's arena */
    ENV_SITE_BYTES = 64,      /* of an authority; a longer one is not remembered */
    ENV_RECORD_BYTES = 16384, /* what one TLS record holds */
};

struct env {
    struct event_base *base;
    struct turn turn;
    const struct config *config;
    struct tls_context *tls;
    struct pools *pools;
    struct crowd *crowd; /* of all workers' clients, by address */
    struct account *account;
    size_t most_heads_bytes; /* of a client's exchanges: with more, no new one begins */
    struct blocks arena_blocks, out_blocks, tls_blocks;
    struct h2_cache h2_cache;
    struct timeouts handshake, header, awake, idle, stall, write_stall, grace, exchange, linger;
    struct pace_rules pace_rules;
    struct refusals refusals;
    struct siphash_key key;
    struct list clients;
    unsigned clients_len;
    uint64_t clients_total;   /* that ever were */
    uint64_t clients_refused; /* because their address had too many */
    uint64_t streams_refused; /* because the heads of their client held too much */
    struct bucket refusals_said, streams_refused_said, misdirected_said;
    struct handshakes handshakes;
    struct thrift thrift;
    struct shed shed;
    bool draining;
    char date[DATE_BYTES];
    uint64_t date_second;
    char site_authority[ENV_SITE_BYTES]; /* of the site that was asked for last */
    size_t site_authority_len;           /* 0: none */
    uint64_t site;
    char input[ENV_RECORD_BYTES];         /* what was read last, from any client */
    const struct stream_events *events;   /* what sessions report to: the exchanges' */
    void (*step)(struct turn_task *task); /* what an exchange does at the end of a turn */
    /* Every exchange that has ended is reported once. */
    void (*report)(void *user, const struct report *report);
    void *report_user;
};

/* What an env borrows for its life. */
struct env_rules {
    const struct config *config;
    struct tls_context *tls;
    struct tls_trust *trust;
    struct notes *notes;
    struct crowd *crowd;
    struct account *account; /* what the worker's memory is charged to */
    struct siphash_key key;  /* random and secret */
};

/* Makes an env over a loop; false when memory is out. */
NODISCARD bool env_init(struct env *e, struct event_base *base, const struct env_rules *rules);
/* Frees what the env owns; its clients are gone. */
void env_fini(struct env *e);
/* Ends what has lasted too long. Returns the milliseconds until it is to be called again, or
 * UINT64_MAX. */
uint64_t env_expire(struct env *e);
/* The site (push/diary.h) of a request that request_check() found fine, for https. The last one is
 * remembered: most often the next request is for the same. */
uint64_t env_site(struct env *e, const struct request *request);
/* The date of now, as HTTP writes it; valid until the next call. */
struct span env_date(struct env *e);
/* Gives back the memory that is kept for what comes next. */
void env_trim(struct env *e);
/* The turn is over: gives back memory where it is time to (proxy/thrift.h). */
void env_end_turn(struct env *e);
/* Keeps no memory for those who come: nobody new will. */
void env_keep_nothing(struct env *e);

#endif
