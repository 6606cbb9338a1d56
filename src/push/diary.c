#include "push/diary.h"

#include "http/host.h"

enum { ASSETS_MAX = 1024 };

/* What is known of an asset: the value of its entry. */
enum {
    MARK_CARRIED = 1,
    MARK_REFUSED = 2,
};

/* Adds `text`, in lower case, to `hash`: a piece at a time, since it may be of any length. */
static uint64_t hash_folded(const struct siphash_key *key, uint64_t hash, struct span text)
{
    char piece[64];
    size_t done = 0;
    do {
        size_t len = sizeof hash;
        memcpy(piece, &hash, sizeof hash);
        while (len < sizeof piece && done < text.len)
            piece[len++] = span_lower(text.ptr[done++]);
        hash = siphash(key, span_of(piece, len));
    } while (done < text.len);
    return hash;
}

uint64_t diary_site(const struct siphash_key *key, const struct url *site)
{
    char room[HOST_BYTES];
    uint64_t scheme = hash_folded(key, url_port(site), site->scheme);
    return hash_folded(key, scheme, host_normal(site->host, room));
}

uint64_t diary_key(const struct siphash_key *key, uint64_t site, struct span target)
{
    const struct siphash_key of_site = {key->k0 ^ site, key->k1};
    return siphash(&of_site, target);
}

void diary_init(struct diary *d)
{
    lru_init(&d->assets, ASSETS_MAX);
}

void diary_fini(struct diary *d)
{
    lru_fini(&d->assets);
}

static uint64_t marks(const struct diary *d, uint64_t key)
{
    const uint64_t *value = lru_peek(&d->assets, key);
    return value ? *value : 0;
}

void diary_enter(struct diary *d, uint64_t key)
{
    lru_put(&d->assets, key, marks(d, key) | MARK_CARRIED);
}

void diary_leave(struct diary *d, uint64_t key)
{
    if ((marks(d, key) & MARK_REFUSED) != 0)
        lru_put(&d->assets, key, MARK_REFUSED);
    else
        lru_remove(&d->assets, key);
}

void diary_refuse(struct diary *d, uint64_t key)
{
    lru_put(&d->assets, key, MARK_REFUSED);
}

bool diary_has(const struct diary *d, uint64_t key)
{
    return (marks(d, key) & MARK_CARRIED) != 0;
}

bool diary_refused(const struct diary *d, uint64_t key)
{
    return (marks(d, key) & MARK_REFUSED) != 0;
}

void refusals_init(struct refusals *r)
{
    lru_init(&r->assets, ASSETS_MAX);
}

void refusals_fini(struct refusals *r)
{
    lru_fini(&r->assets);
}

void refusals_add(struct refusals *r, uint64_t key, uint64_t until_ms)
{
    lru_put(&r->assets, key, until_ms);
}

bool refusals_has(const struct refusals *r, uint64_t key, uint64_t now_ms)
{
    const uint64_t *until_ms = lru_peek(&r->assets, key);
    return until_ms && now_ms < *until_ms;
}
