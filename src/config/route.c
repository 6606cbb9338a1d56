/* Which requests a route takes, and where they go. */
#include "config/fault.h"
#include "config/suggest.h"
#include "config/type.h"
#include "http/host.h"
#include "http/url.h"

/* A name, or an address in brackets: what a request's authority has before its port. */
static bool is_host(struct span host)
{
    bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed)
        return type_is_made_of(span_of(host.ptr + 1, host.len - 2), ":.");
    return host.len > 0 && type_is_made_of(host, "-_.");
}

static bool is_host_pattern(struct span host)
{
    if (host.len == 0 || span_eq(host, SPAN("*")))
        return true;
    return is_host(span_starts(host, SPAN("*.")) ? span_from(host, 2) : host);
}

static bool is_path(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '?' || c == '#')
            return false;
    }
    return true;
}

static bool parse_match(struct type_context *ctx, const struct option *option, struct span text,
                        void *to)
{
    (void)option;
    struct arena *arena = &ctx->config->arena;
    struct config_route *route = CONTAINER_OF(to, struct config_route, match);
    char room[HOST_BYTES];
    size_t slash = span_find(text, '/');
    struct span host = {text.ptr, slash}, prefix = span_from(text, slash);
    if (text.len == 0 || !is_host_pattern(host))
        return false;
    if (!is_path(prefix))
        return type_why(ctx, "a path has neither a query nor bytes outside ASCII");
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--; /* as config_route() does with the root's dot */
    route->match = type_copy(ctx, text);
    route->host = span_eq(host, SPAN("*")) ? SPAN("") : type_lower(arena, host_normal(host, room));
    route->prefix = prefix.len > 0 ? arena_dup(arena, prefix) : SPAN("/");
    return true;
}

static void print_match(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(*(const char *const *)from, out);
}

static bool parse_origin(struct type_context *ctx, const struct option *option, struct span text,
                         void *to)
{
    (void)option;
    const struct config *c = ctx->config;
    const struct config_origin **out = to;
    struct suggest near;
    suggest_init(&near, text);
    *out = text.len == 0 && c->origins_len > 0 ? &c->origins[0] : NULL;
    if (text.len == 0 && c->origins_len > 1)
        return type_why(ctx, "there are several origins");
    for (size_t i = 0; text.len > 0 && i < c->origins_len; i++) {
        suggest_offer(&near, c->origins[i].name);
        if (span_eq(text, span_str(c->origins[i].name)))
            *out = &c->origins[i];
    }
    if (text.len > 0 && !*out && near.best)
        return type_why(ctx, "there is no such origin (did you mean \"%s\"?)", near.best);
    if (text.len > 0 && !*out)
        return type_why(ctx, "there is no such origin");
    return true;
}

static void print_origin(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs((*(const struct config_origin *const *)from)->name, out);
}

const struct type type_match = {
    .parse = parse_match,
    .print = print_match,
    .allowed = "HOST/PREFIX, where HOST is a name, *.NAME, * or nothing, and PREFIX a path"};
const struct type type_origin = {
    .parse = parse_origin, .print = print_origin, .allowed = "the NAME of an [origin NAME]"};

/* How exactly the route's host names `host`: 0: not at all, 1: as any; more is more exact. */
static size_t host_rank(const struct config_route *route, struct span host)
{
    struct span pattern = route->host;
    if (pattern.len == 0)
        return 1;
    if (pattern.ptr[0] != '*')
        return span_ieq(pattern, host) ? SIZE_MAX : 0;
    return url_host_is_under(host, pattern) ? pattern.len : 0;
}

const struct config_route *config_route(const struct config *c, struct span host,
                                        struct span target)
{
    struct span path = {target.ptr, span_find(target, '?')};
    if (span_eq(path, SPAN("*")))
        path = SPAN("/");
    char room[HOST_BYTES];
    host = host_normal(host, room);
    /* The root's dot: "example.com." takes the same route. */
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;

    const struct config_route *best = NULL;
    size_t best_rank = 0;
    for (size_t i = 0; i < c->routes_len; i++) {
        const struct config_route *route = &c->routes[i];
        size_t rank = host_rank(route, host);
        if (rank == 0 || rank < best_rank || !span_starts(path, route->prefix))
            continue;
        if (rank > best_rank || route->prefix.len > best->prefix.len) {
            best = route;
            best_rank = rank;
        }
    }
    return best;
}
