#include "h2/cache.h"

enum { KEPT = 512, KEPT_PAGES = 64 };

void h2_cache_init(struct h2_cache *c, struct account *account)
{
    for (size_t i = 0; i < H2_CACHE_SIZES; i++)
        blocks_init(&c->sizes[i], account, (i + 1) * H2_CACHE_STEP_BYTES - H2_CACHE_HEAP_BYTES,
                    KEPT);
    blocks_init_mapped(&c->pages, account, H2_CACHE_PAGES_BYTES, KEPT_PAGES);
    c->account = account;
}

void h2_cache_trim(struct h2_cache *c)
{
    for (size_t i = 0; i < H2_CACHE_SIZES; i++)
        blocks_trim(&c->sizes[i]);
    blocks_trim(&c->pages);
}

void h2_cache_fini(struct h2_cache *c)
{
    for (size_t i = 0; i < H2_CACHE_SIZES; i++)
        blocks_fini(&c->sizes[i]);
    blocks_fini(&c->pages);
}
