/* demo_assets.h - the files of the demo, as they were when the executable was built. */
#ifndef SERVER_DEMO_ASSETS_H
#define SERVER_DEMO_ASSETS_H

#include "base/span.h"

/* Stands in the page wherever the version of its assets is meant. */
#define DEMO_ASSETS_VERSION "5fc240c512"

struct demo_asset {
    struct span path; /* "/assets/css/screen.css"; without query */
    const char *content_type;
    const char *start, *end; /* the linker knows them, and their difference only at run time */
};

/* The file's bytes; they live as long as the process. */
static inline struct span demo_asset_body(const struct demo_asset *a)
{
    return span_of(a->start, (size_t)(a->end - a->start));
}

/* The page itself. */
const struct demo_asset *demo_assets_page(void);
/* The file with that path, the page included, or NULL. */
const struct demo_asset *demo_assets_find(struct span path);

#endif
