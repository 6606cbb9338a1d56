#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static const struct {
    const char *name, *method;
} asks[] = {
#define X(id, name, method) {name, method},
    ASKS(X)
#undef X
};

const char *ask_method(const struct ask *a)
{
    return asks[a->kind].method;
}

char *ask_target(const struct ask *a)
{
    return check_printf("/%s/%s?id=%llu&bytes=%llu&from=%llu&links=%u",
                        a->flapping ? "flapping" : "steady", asks[a->kind].name,
                        (unsigned long long)a->id, (unsigned long long)a->bytes,
                        (unsigned long long)a->from, a->links);
}

static uint64_t ask_number(const char *target, const char *name)
{
    const char *at = strstr(target, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

bool ask_read(struct ask *a, const char *target)
{
    *a = (struct ask){.flapping = strncmp(target, "/flapping/", 10) == 0};
    const char *name = *target ? strchr(target + 1, '/') : NULL;
    size_t len = name ? strcspn(++name, "?") : 0;
    while (a->kind < ASK_KINDS && (!name || strncmp(asks[a->kind].name, name, len) != 0 ||
                                   strlen(asks[a->kind].name) != len))
        a->kind++;
    a->id = ask_number(target, "?id=");
    a->bytes = ask_number(target, "&bytes=");
    a->from = ask_number(target, "&from=");
    a->links = (unsigned)ask_number(target, "&links=");
    return a->kind < ASK_KINDS;
}

struct ask ask_asset(const struct ask *page, unsigned n)
{
    return (struct ask){
        .kind = ASK_ASSET,
        .flapping = page->flapping,
        .id = page->id,
        .bytes = page->from % 3000 * (n % 4),
        .from = page->from + n * 1009,
        .links = n,
    };
}

unsigned ask_status(const struct ask *a)
{
    return a->kind == ASK_MISSING ? 404 : a->kind == ASK_EMPTY ? 204 : 200;
}

uint64_t ask_answer_bytes(const struct ask *a)
{
    bool none = a->kind == ASK_HEAD || a->kind == ASK_EMPTY || a->kind == ASK_DIGEST;
    return none ? 0 : a->bytes;
}
