/* diary.h - what a connection carried, and what could not be pushed.
 * The diary belongs to one client connection; the refusals belong to one worker. Both know an asset
 * by its key, a keyed hash of its scheme, authority and target. */
#ifndef PUSH_DIARY_H
#define PUSH_DIARY_H

#include <stdbool.h>

#include "base/lru.h"
#include "base/siphash.h"
#include "http/url.h"

/* The part of a key that all assets of one origin (url_same_origin()) share. */
uint64_t diary_site(const struct siphash_key *key, const struct url *site);
/* The key of the asset `target` ("/path?query") of a site. */
uint64_t diary_key(const struct siphash_key *key, uint64_t site, struct span target);

struct diary {
    struct lru assets;
};

/* An empty diary; allocates nothing. */
void diary_init(struct diary *d);
/* Frees what it remembers. */
void diary_fini(struct diary *d);
/* The connection carries the asset from now on. When memory is out it is not remembered. */
void diary_enter(struct diary *d, uint64_t key);
/* The connection did not carry the asset after all. */
void diary_leave(struct diary *d, uint64_t key);
/* The asset is not to be pushed again on this connection, though it was not carried. */
void diary_refuse(struct diary *d, uint64_t key);
/* The connection carried the asset. */
bool diary_has(const struct diary *d, uint64_t key);
/* diary_refuse() was said of the asset. */
bool diary_refused(const struct diary *d, uint64_t key);

struct refusals {
    struct lru assets;
};

/* No refusals yet; allocates nothing. */
void refusals_init(struct refusals *r);
/* Frees what they remember. */
void refusals_fini(struct refusals *r);
/* The asset is not to be pushed to anyone before `until_ms`, on the monotonic clock. */
void refusals_add(struct refusals *r, uint64_t key, uint64_t until_ms);
/* The asset is refused at `now_ms`. */
bool refusals_has(const struct refusals *r, uint64_t key, uint64_t now_ms);

#endif
