/* Blocks of addresses. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "config/fault.h"
#include "config/options.h"

enum { ADDRESS_BITS = 128, MAPPED_BITS = 96 };

static const uint8_t MAPPED_PREFIX[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

static void map_ipv4(uint8_t out[16], const void *four_bytes)
{
    memcpy(out, MAPPED_PREFIX, sizeof MAPPED_PREFIX);
    memcpy(out + sizeof MAPPED_PREFIX, four_bytes, 4);
}

static bool bit(const uint8_t *bytes, unsigned i)
{
    return (bytes[i / 8] >> (7 - i % 8)) & 1;
}

static bool parse_block(struct span text, struct config_network *out)
{
    char buffer[INET6_ADDRSTRLEN];
    uint8_t v4[4];
    size_t slash = span_find(text, '/');
    if (slash >= sizeof buffer)
        return false;
    snprintf(buffer, sizeof buffer, "%.*s", (int)slash, text.ptr);
    bool is_v4 = inet_pton(AF_INET, buffer, v4) == 1;
    if (is_v4)
        map_ipv4(out->bytes, v4);
    else if (inet_pton(AF_INET6, buffer, out->bytes) != 1)
        return false;

    unsigned skipped = is_v4 ? MAPPED_BITS : 0;
    uint64_t bits = ADDRESS_BITS - skipped;
    if (slash < text.len && !span_to_u64(span_from(text, slash + 1), bits, &bits))
        return false;
    out->bits = (unsigned)bits + skipped;
    return true;
}

/* An address with bits behind its mask is somebody's mistake: 10.1.2.3/8 was perhaps meant as one
 * host, perhaps as 10.0.0.0/8. */
static bool has_bits_behind_mask(const struct config_network *n)
{
    for (unsigned i = n->bits; i < ADDRESS_BITS; i++) {
        if (bit(n->bytes, i))
            return true;
    }
    return false;
}

static bool parse_networks(struct type_context *ctx, const struct option *option, struct span text,
                           void *to)
{
    (void)option;
    struct config_networks *out = to;
    struct span word;
    *out = (struct config_networks){
        .at = arena_zalloc(&ctx->config->arena, type_words(text) * sizeof *out->at)};
    while (out->at && type_next_word(&text, &word)) {
        struct config_network *n = &out->at[out->len++];
        if (!parse_block(word, n))
            return type_why(ctx, "\"%.*s\" is no network", FAULT_SHOWN(word));
        if (has_bits_behind_mask(n))
            return type_why(ctx, "%.*s has bits behind its mask", FAULT_SHOWN(word));
    }
    return true;
}

static void print_block(const struct config_network *n, FILE *out)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v4 =
        n->bits >= MAPPED_BITS && memcmp(n->bytes, MAPPED_PREFIX, sizeof MAPPED_PREFIX) == 0;
    if (is_v4)
        inet_ntop(AF_INET, n->bytes + sizeof MAPPED_PREFIX, text, sizeof text);
    else
        inet_ntop(AF_INET6, n->bytes, text, sizeof text);
    fputs(text, out);
    if (n->bits < ADDRESS_BITS)
        fprintf(out, "/%u", n->bits - (is_v4 ? MAPPED_BITS : 0));
}

static void print_networks(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    const struct config_networks *networks = from;
    for (size_t i = 0; i < networks->len; i++) {
        fputs(i > 0 ? " " : "", out);
        print_block(&networks->at[i], out);
    }
}

static bool has(const struct config_network *n, const uint8_t address[16])
{
    unsigned whole = n->bits / 8;
    if (memcmp(n->bytes, address, whole) != 0)
        return false;
    for (unsigned i = whole * 8; i < n->bits; i++) {
        if (bit(n->bytes, i) != bit(address, i))
            return false;
    }
    return true;
}

bool config_networks_have(const struct config_networks *n, const struct sockaddr *sa)
{
    uint8_t address[16];
    if (sa->sa_family == AF_INET)
        map_ipv4(address, &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
    else if (sa->sa_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    else
        return false;
    for (size_t i = 0; i < n->len; i++) {
        if (has(&n->at[i], address))
            return true;
    }
    return false;
}

const struct type type_networks = {.parse = parse_networks,
                                   .print = print_networks,
                                   .allowed =
                                       "a list of addresses and ADDRESS/BITS, as 127.0.0.0/8 ::1"};
