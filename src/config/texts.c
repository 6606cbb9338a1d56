/* Users, groups, hosts, paths, and lists of names. */
#include "config/fault.h"
#include "config/type.h"
#include "http/fields.h"
#include "http/url.h"

static void print_text(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    const char *text = *(const char *const *)from;
    fputs(text ? text : "", out);
}

static bool is_user(struct span text)
{
    return text.len > 0 && text.len <= 32 && text.ptr[0] != '-' && type_is_made_of(text, "-_.");
}

static bool parse_user(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    bool left_out = type_is_left_out(option, text);
    if (!left_out && !is_user(text))
        return false;
    *(const char **)to = left_out ? NULL : type_copy(ctx, text);
    return true;
}

static bool parse_host(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    struct url url;
    bool left_out = type_is_left_out(option, text);
    if (!left_out && (!url_split_authority(text, &url) || url.has_userinfo || url.host.len == 0))
        return false;
    *(const char **)to = left_out ? NULL : type_copy(ctx, text);
    return true;
}

static bool parse_path(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    bool left_out = type_is_left_out(option, text);
    if (!left_out && text.len == 0)
        return false;
    *(const char **)to = left_out ? NULL : type_absolute(ctx, text);
    return true;
}

static bool parse_log(struct type_context *ctx, const struct option *option, struct span text,
                      void *to)
{
    (void)option;
    if (text.len == 0)
        return false;
    bool is_word = span_eq(text, SPAN("stdout")) || span_eq(text, SPAN("off"));
    *(const char **)to = is_word ? type_copy(ctx, text) : type_absolute(ctx, text);
    return true;
}

/* What belongs to one connection, to the message's framing, or is set anew for every push. */
static bool may_be_copied(enum field_name id)
{
    switch (id) {
    case FIELD_CF_H2_PUSH_EXPLAIN:
    case FIELD_CONNECTION:
    case FIELD_CONTENT_LENGTH:
    case FIELD_EXPECT:
    case FIELD_HOST:
    case FIELD_HTTP2_SETTINGS:
    case FIELD_KEEP_ALIVE:
    case FIELD_PROXY_CONNECTION:
    case FIELD_TE:
    case FIELD_TRAILER:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_UPGRADE:
    case FIELD_X_HTTP2_PUSH:
        return false;
    default:
        return true;
    }
}

static bool check_name(struct type_context *ctx, const struct config_names *before,
                       struct span name)
{
    if (!field_name_is_valid(name))
        return type_why(ctx, "\"%.*s\" cannot be the name of a field", FAULT_SHOWN(name));
    if (!may_be_copied(field_lookup(name)))
        return type_why(ctx, "%.*s is never copied", FAULT_SHOWN(name));
    for (size_t i = 0; i < before->len; i++) {
        if (span_ieq(before->at[i], name))
            return type_why(ctx, "%.*s is given twice", FAULT_SHOWN(name));
    }
    return true;
}

static bool parse_names(struct type_context *ctx, const struct option *option, struct span text,
                        void *to)
{
    (void)option;
    struct arena *arena = &ctx->config->arena;
    struct config_names *names = to;
    struct span name;
    *names = (struct config_names){.at = arena_alloc(arena, type_words(text) * sizeof *names->at)};
    while (names->at && type_next_word(&text, &name)) {
        if (!check_name(ctx, names, name))
            return false;
        names->at[names->len++] = type_lower(arena, name);
    }
    return true;
}

static bool is_host_name(struct span name)
{
    return name.ptr[0] != '.' && type_is_made_of(name, "-_.");
}

static bool parse_hosts(struct type_context *ctx, const struct option *option, struct span text,
                        void *to)
{
    (void)option;
    struct arena *arena = &ctx->config->arena;
    struct config_names *names = to;
    struct span name;
    *names = (struct config_names){.at = arena_alloc(arena, type_words(text) * sizeof *names->at)};
    while (names->at && type_next_word(&text, &name)) {
        if (!is_host_name(name))
            return type_why(ctx, "\"%.*s\" is no name of a host", FAULT_SHOWN(name));
        names->at[names->len++] = type_lower(arena, name);
    }
    return true;
}

static void print_names(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    const struct config_names *names = from;
    for (size_t i = 0; i < names->len; i++)
        fprintf(out, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(names->at[i]));
}

const struct type type_user = {.parse = parse_user,
                               .print = print_text,
                               .allowed =
                                   "the name of a user: letters, digits, \"-\", \"_\", \".\""};
const struct type type_group = {
    .parse = parse_user, .print = print_text, .allowed = "the name or the number of a group"};
const struct type type_host = {
    .parse = parse_host, .print = print_text, .allowed = "HOST or HOST:PORT"};
const struct type type_path = {.parse = parse_path, .print = print_text, .allowed = "a path"};
const struct type type_log = {
    .parse = parse_log, .print = print_text, .allowed = "a path, stdout or off"};
const struct type type_names = {
    .parse = parse_names,
    .print = print_names,
    .allowed =
        "a list of request fields, but for host, those that frame a message or belong to one "
        "connection, and those of the proxy itself"};
const struct type type_hosts = {.parse = parse_hosts,
                                .print = print_names,
                                .allowed = "a list of names of hosts, without ports"};
