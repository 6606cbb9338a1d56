/* How long the plan of a page takes: its Link field read, each link resolved and judged. Prints the
 * median of many runs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "push/plan.h"

enum { RUNS = 101, PLANS_A_RUN = 200, MOST_LINKS = 500, LINK_BYTES = 64 };

struct page {
    struct arena arena;
    struct blocks blocks; /* as a worker has them */
    struct plan_page plan_page;
    struct fields fields;
    struct plan_rules rules;
    char line[MOST_LINKS * LINK_BYTES];
};

static void write_links(struct page *p, unsigned links)
{
    size_t len = 0;
    for (unsigned i = 0; i < links; i++)
        len += (size_t)snprintf(p->line + len, sizeof p->line - len,
                                "%s<../assets/v2/style-%03u.css>; rel=preload; as=style",
                                i > 0 ? ", " : "", i);
    fields_init(&p->fields, &p->arena);
    fields_add(&p->fields, SPAN("link"), span_of(p->line, len));
}

/* One plan, as it is made for a response; false unless as many are pushed as may be. */
static bool plan_once(struct page *p)
{
    struct arena arena;
    struct plan plan = {0};
    size_t pushed = 0;
    arena_init(&arena, &p->blocks);
    bool fine = push_plan(&plan, &arena, &p->plan_page, &p->fields, &p->rules);
    for (size_t i = 0; fine && i < plan.len; i++)
        pushed += plan.links[i].verdict == PLAN_PUSHED;
    arena_fini(&arena);
    return fine && pushed == p->rules.max_per_page;
}

static int compare(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static bool time_links(struct page *p, unsigned links)
{
    uint64_t us[RUNS];
    write_links(p, links);
    for (size_t run = 0; run < RUNS; run++) {
        uint64_t start = clock_monotonic_us();
        for (int i = 0; i < PLANS_A_RUN; i++) {
            if (!plan_once(p))
                return false;
        }
        us[run] = clock_monotonic_us() - start;
    }
    qsort(us, RUNS, sizeof us[0], compare);
    printf("a Link field of %u links: %.1f us\n", links, (double)us[RUNS / 2] / PLANS_A_RUN);
    return true;
}

int main(void)
{
    static struct page p;
    struct diary diary;
    struct refusals refusals;
    const struct siphash_key key = {1, 2};
    const struct request request = {.method = SPAN("GET"),
                                    .scheme = SPAN("https"),
                                    .authority = SPAN("www.example.com"),
                                    .path = SPAN("/shop/page.html?x=1")};
    diary_init(&diary);
    refusals_init(&refusals);
    arena_init(&p.arena, NULL);
    blocks_init(&p.blocks, NULL, 8192, 64);
    p.rules = (struct plan_rules){.off = PLAN_ON,
                                  .max_per_page = 50,
                                  .connection_left = UINT64_MAX,
                                  .client_left = UINT64_MAX,
                                  .diary = &diary,
                                  .refusals = &refusals,
                                  .now_ms = 1};
    bool fine = plan_page_init(&p.plan_page, &request, &key) && time_links(&p, 50) &&
                time_links(&p, MOST_LINKS);
    arena_fini(&p.arena);
    blocks_fini(&p.blocks);
    diary_fini(&diary);
    refusals_fini(&refusals);
    if (!fine)
        fputs("the plan was not what it should be\n", stderr);
    return fine ? 0 : 1;
}
