#include "config/build.h"

#include "base/mem.h"
#include "config/addresses.h"
#include "config/fault.h"

struct build {
    const struct source *source;
    struct config_error *error;
    struct type_context types;
    struct config *config;
};

struct allowed {
    char text[256];
};

static struct allowed allowed(const struct option *option)
{
    struct allowed a = {""};
    options_allowed(option, a.text, sizeof a.text);
    return a;
}

#define FAIL(b, line, ...) fault_at((b)->error, (b)->source->file, (line), __VA_ARGS__)

static bool out_of_memory(struct build *b)
{
    return FAIL(b, 0, "out of memory");
}

/* A value that is wrong: "[limits] streams = 0: allowed is a whole number from 1 to 1000". */
static bool fail_value(struct build *b, const struct source_section *section,
                       const struct option *option, const struct source_value *value)
{
    struct source_label label = source_label(section->kind, section->name);
    const char *gap = label.text[0] ? " " : "", *why = b->types.why;
    const char *then = why[0] ? "; " : "";
    if (!value->is_given)
        return FAIL(b, section->line, "%s needs \"%s\": %s%sallowed is %s", label.text,
                    option->name, why, then, allowed(option).text);
    if (value->flag)
        return FAIL(b, 0, "%s %.*s: %s%sallowed is %s", value->flag, FAULT_SHOWN(value->text), why,
                    then, allowed(option).text);
    return FAIL(b, value->line, "%s%s%s = %.*s: %s%sallowed is %s", label.text, gap, option->name,
                FAULT_SHOWN(value->text), why, then, allowed(option).text);
}

static bool read_value(struct build *b, const struct source_section *section, size_t i,
                       void *object)
{
    const struct option *option = &section->kind->options[i];
    const struct source_value *value = &section->values[i];
    b->types.why[0] = '\0';
    /* What the command line leaves out is made at start: a certificate. */
    if (!value->is_given && !option->fallback)
        return section->line == 0 || fail_value(b, section, option, value);
    struct span text = value->is_given ? value->text : span_str(option->fallback);
    bool fine = option->type->parse(&b->types, option, text, (char *)object + option->offset);
    if (b->config->arena.failed)
        return out_of_memory(b);
    return fine || fail_value(b, section, option, value);
}

static bool read_values(struct build *b, const struct source_section *section, void *object)
{
    for (size_t i = 0; i < section->kind->options_len; i++) {
        if (!read_value(b, section, i, object))
            return false;
    }
    return true;
}

static bool read_unnamed(struct build *b, const struct section *kind)
{
    const struct source_section nothing = {.kind = kind, .name = ""};
    const struct source_section *given = source_next(b->source, NULL, kind);
    return read_values(b, given ? given : &nothing, b->config);
}

static bool read_named(struct build *b, const struct section *kind)
{
    struct arena *arena = &b->config->arena;
    const struct source_section *at = NULL;
    size_t len = 0;
    while ((at = source_next(b->source, at, kind)))
        len++;
    char *array = arena_zalloc(arena, len * kind->object_bytes);
    if (!array)
        return out_of_memory(b);
    memcpy((char *)b->config + kind->array_offset, &array, sizeof array);
    memcpy((char *)b->config + kind->len_offset, &len, sizeof len);
    for (char *object = array; (at = source_next(b->source, at, kind));
         object += kind->object_bytes) {
        struct section_head head = {.name = type_copy(&b->types, span_str(at->name)),
                                    .line = at->line};
        memcpy(object + offsetof(struct section_head, name), &head.name, sizeof head.name);
        memcpy(object + offsetof(struct section_head, line), &head.line, sizeof head.line);
        if (!read_values(b, at, object))
            return false;
    }
    return true;
}

static bool read_sections(struct build *b)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        if (!(kind->sample_name ? read_named(b, kind) : read_unnamed(b, kind)))
            return false;
    }
    return true;
}

static bool check_sections(struct build *b)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        if (kind->is_sample && options_objects(kind, b->config) == 0)
            return FAIL(b, 0, "there is no [%s NAME]; at least one is needed", kind->name);
    }
    return true;
}

/* Two listeners of one place, which the system would refuse at start. */
static bool check_listens(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->listens_len; i++) {
        const struct config_listen *later = &c->listens[i];
        for (size_t j = 0; j < i; j++) {
            const struct config_listen *first = &c->listens[j];
            if (!addresses_overlap(&first->address, &later->address))
                continue;
            return FAIL(
                b, later->line,
                "[listen %s] address = %s overlaps %s of [listen %s] in line %u; allowed is "
                "another port or another address",
                later->name, later->address.text, first->address.text, first->name, first->line);
        }
    }
    return true;
}

/* Where [admin] gives its address; 0: not in a file. */
static unsigned admin_line(const struct build *b)
{
    const struct section *kind = &options_sections[SECTION_ADMIN];
    const struct source_section *given = source_next(b->source, NULL, kind);
    return given ? given->values[options_find(kind, SPAN("address")) - kind->options].line : 0;
}

static bool check_admin(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; c->admin.address.len > 0 && i < c->listens_len; i++) {
        const struct config_listen *listen = &c->listens[i];
        if (addresses_overlap(&c->admin.address, &listen->address))
            return FAIL(b, admin_line(b),
                        "[admin] address = %s overlaps %s of [listen %s] in line %u; allowed is "
                        "another port or another address",
                        c->admin.address.text, listen->address.text, listen->name, listen->line);
    }
    return true;
}

static bool fail_loop(struct build *b, const struct config_origin *origin,
                      const struct config_listen *listen)
{
    if (origin->line == 0)
        return FAIL(b, 0,
                    "--origin %s: headstart itself listens there, on %s; name the server that "
                    "has the pages",
                    origin->url.text, listen->address.text);
    return FAIL(
        b, origin->line,
        "[origin %s] url = %s: headstart itself listens there, on %s of [listen %s] in line "
        "%u; name the server that has the pages",
        origin->name, origin->url.text, listen->address.text, listen->name, listen->line);
}

/* A request would come back for ever. */
static bool check_loops(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->origins_len; i++) {
        for (size_t j = 0; j < c->listens_len; j++) {
            if (addresses_reach(&c->origins[i].url, &c->listens[j].address) == ADDRESSES_THERE)
                return fail_loop(b, &c->origins[i], &c->listens[j]);
        }
    }
    return true;
}

static bool is_same_match(const struct config_route *a, const struct config_route *b)
{
    return span_eq(a->host, b->host) && span_eq(a->prefix, b->prefix);
}

static bool check_routes(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->routes_len; i++) {
        const struct config_route *later = &c->routes[i];
        for (size_t j = 0; j < i; j++) {
            const struct config_route *first = &c->routes[j];
            if (is_same_match(first, later))
                return FAIL(b, later->line, "[route %s] matches the same as [route %s] in line %u",
                            later->name, first->name, first->line);
        }
    }
    return true;
}

static bool is_used(const struct config *c, const struct config_origin *origin)
{
    for (size_t i = 0; i < c->routes_len; i++) {
        if (c->routes[i].origin == origin)
            return true;
    }
    return false;
}

static bool check_origins(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->origins_len; i++) {
        const struct config_origin *origin = &c->origins[i];
        if (!is_used(c, origin))
            return FAIL(b, origin->line,
                        "[origin %s] has no route; where there are several origins, each needs a "
                        "[route NAME] with origin = %s",
                        origin->name, origin->name);
    }
    return true;
}

/* With one origin and no route, all requests go there. */
static bool add_default_route(struct build *b)
{
    struct config *c = b->config;
    if (c->routes_len > 0 || c->origins_len != 1)
        return true;
    const struct source_section route = {.kind = &options_sections[SECTION_ROUTE], .name = ""};
    c->routes = arena_zalloc(&c->arena, sizeof *c->routes);
    if (!c->routes)
        return out_of_memory(b);
    c->routes_len = 1;
    c->routes[0].name = "all";
    return read_values(b, &route, c->routes);
}

struct config *build_config(const struct source *source, const char *folder,
                            struct config_error *error)
{
    struct config *c = mem_zalloc(1, sizeof *c);
    struct build b = {.source = source, .error = error, .config = c};
    if (!c) {
        out_of_memory(&b);
        return NULL;
    }
    arena_init(&c->arena, NULL);
    b.types = (struct type_context){.config = c, .folder = folder};
    c->file = type_copy(&b.types, span_str(source->file));
    if (read_sections(&b) && check_sections(&b) && check_listens(&b) && check_admin(&b) &&
        check_loops(&b) && check_routes(&b) && add_default_route(&b) && check_origins(&b))
        return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_fini(&c->arena);
    mem_free(c);
}
