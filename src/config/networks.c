/* Blocks of addresses. */
#include "config/fault.h"
#include "config/type.h"

static bool parse_networks(struct type_context *ctx, const struct option *option, struct span text,
                           void *to)
{
    (void)option;
    struct config_networks *out = to;
    struct span word;
    *out = (struct config_networks){
        .at = arena_zalloc(&ctx->config->arena, type_words(text) * sizeof *out->at)};
    while (out->at && type_next_word(&text, &word)) {
        struct network *n = &out->at[out->len++];
        if (!network_parse(n, word))
            return type_why(ctx, "\"%.*s\" is no network", FAULT_SHOWN(word));
        if (network_has_host_bits(n))
            return type_why(ctx, "%.*s has bits behind its mask", FAULT_SHOWN(word));
    }
    return true;
}

static void print_networks(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    const struct config_networks *networks = from;
    for (size_t i = 0; i < networks->len; i++) {
        char text[ADDRESS_TEXT_BYTES];
        fprintf(out, "%s%s", i > 0 ? " " : "", network_print(&networks->at[i], text));
    }
}

bool config_networks_have(const struct config_networks *n, const struct address *a)
{
    for (size_t i = 0; i < n->len; i++) {
        if (network_has(&n->at[i], a))
            return true;
    }
    return false;
}

const struct type type_networks = {.parse = parse_networks,
                                   .print = print_networks,
                                   .allowed =
                                       "a list of addresses and ADDRESS/BITS, as 127.0.0.0/8 ::1"};
