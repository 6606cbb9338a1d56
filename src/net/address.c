#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/text.h"

enum { IP_BITS = 128, MAPPED_BITS = 96, MAPPED_BYTES = MAPPED_BITS / 8, HOLDER_BYTES = 8 };

static const uint8_t mapped_prefix[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

static void map_ipv4(uint8_t out[ADDRESS_IP_BYTES], const void *four_bytes)
{
    memcpy(out, mapped_prefix, sizeof mapped_prefix);
    memcpy(out + sizeof mapped_prefix, four_bytes, ADDRESS_IP_BYTES - MAPPED_BYTES);
}

static bool is_mapped(const uint8_t ip[ADDRESS_IP_BYTES])
{
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool address_parse_ip(struct address *out, struct span text)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t four[4];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct address){.kind = ADDRESS_IP};
    if (inet_pton(AF_INET, copy, four) == 1) {
        map_ipv4(out->ip, four);
        return true;
    }
    return inet_pton(AF_INET6, copy, out->ip) == 1;
}

bool address_parse(struct address *out, struct span text)
{
    uint64_t port;
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !span_to_u64(span_from(text, colon), UINT16_MAX, &port))
        return false;
    struct span host = span_of(text.ptr, colon - 1);
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    *out = (struct address){.kind = ADDRESS_IP};
    if (bracketed)
        host = span_of(host.ptr + 1, host.len - 2);
    if (host.len > 0 && !span_eq(host, SPAN("*")) &&
        (!address_parse_ip(out, host) || (span_find(host, ':') < host.len) != bracketed))
        return false;
    out->port = (uint16_t)port;
    return true;
}

struct address address_of_sockaddr(const struct sockaddr *sa)
{
    struct address a = {.kind = ADDRESS_NONE};
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        a.kind = ADDRESS_IP;
        a.port = ntohs(in.sin_port);
        map_ipv4(a.ip, &in.sin_addr);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        a.kind = ADDRESS_IP;
        a.port = ntohs(in6.sin6_port);
        memcpy(a.ip, &in6.sin6_addr, sizeof a.ip);
    } else if (sa->sa_family == AF_UNIX) {
        const char *path = (const char *)sa + offsetof(struct sockaddr_un, sun_path);
        a.kind = ADDRESS_UNIX;
        a.path = path[0] ? path : NULL;
    }
    return a;
}

static socklen_t unix_sockaddr(const char *path, struct sockaddr_storage *out)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof un.sun_path)
        return 0;
    memcpy(un.sun_path, path, strlen(path));
    memcpy(out, &un, sizeof un);
    return sizeof un;
}

socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (a->kind == ADDRESS_UNIX)
        return unix_sockaddr(a->path, out);
    if (a->kind == ADDRESS_NONE)
        return 0;
    if (is_mapped(a->ip)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in.sin_addr, a->ip + MAPPED_BYTES, sizeof in.sin_addr);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    memcpy(&in6.sin6_addr, a->ip, sizeof in6.sin6_addr);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

bool address_is_ipv4(const struct address *a)
{
    return a->kind == ADDRESS_IP && is_mapped(a->ip);
}

bool address_is_any(const struct address *a)
{
    static const uint8_t zeros[ADDRESS_IP_BYTES];
    if (a->kind != ADDRESS_IP)
        return false;
    size_t from = is_mapped(a->ip) ? MAPPED_BYTES : 0;
    return memcmp(a->ip + from, zeros, ADDRESS_IP_BYTES - from) == 0;
}

bool address_is_loopback(const struct address *a)
{
    static const struct network ipv4 = {{[10] = 0xff, [11] = 0xff, [12] = 127}, MAPPED_BITS + 8};
    static const struct network ipv6 = {{[15] = 1}, IP_BITS};
    return network_has(&ipv4, a) || network_has(&ipv6, a);
}

static bool same_path(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool address_eq(const struct address *a, const struct address *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == ADDRESS_UNIX)
        return same_path(a->path, b->path);
    return a->kind == ADDRESS_NONE ||
           (a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0);
}

struct span address_holder(const struct address *a)
{
    if (a->kind != ADDRESS_IP)
        return SPAN("");
    if (is_mapped(a->ip))
        return span_of(a->ip + MAPPED_BYTES, ADDRESS_IP_BYTES - MAPPED_BYTES);
    return span_of(a->ip, HOLDER_BYTES);
}

static void put_ip(struct text *t, const uint8_t ip[ADDRESS_IP_BYTES])
{
    char text[INET6_ADDRSTRLEN];
    bool mapped = is_mapped(ip);
    inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? ip + MAPPED_BYTES : ip, text, sizeof text);
    text_put(t, span_str(text));
}

const char *address_print_ip(const struct address *a, char out[ADDRESS_TEXT_BYTES])
{
    struct text t = {.at = out, .room = ADDRESS_TEXT_BYTES};
    if (a->kind == ADDRESS_IP)
        put_ip(&t, a->ip);
    text_put_char(&t, '\0');
    return out;
}

const char *address_print(const struct address *a, char out[ADDRESS_TEXT_BYTES])
{
    struct text t = {.at = out, .room = ADDRESS_TEXT_BYTES};
    if (a->kind == ADDRESS_IP) {
        bool v4 = is_mapped(a->ip);
        text_put(&t, v4 ? SPAN("") : SPAN("["));
        put_ip(&t, a->ip);
        text_put(&t, v4 ? SPAN(":") : SPAN("]:"));
        text_put_u64(&t, a->port);
    }
    text_put_char(&t, '\0');
    return out;
}

bool network_parse(struct network *out, struct span text)
{
    struct address a;
    size_t slash = span_find(text, '/');
    if (!address_parse_ip(&a, span_of(text.ptr, slash)))
        return false;
    bool v4 = span_find(span_of(text.ptr, slash), ':') == slash;
    uint64_t skipped = v4 ? MAPPED_BITS : 0, bits = IP_BITS - skipped;
    if (slash < text.len && !span_to_u64(span_from(text, slash + 1), bits, &bits))
        return false;
    memcpy(out->ip, a.ip, sizeof out->ip);
    out->bits = (unsigned)(bits + skipped);
    return true;
}

static bool bit(const uint8_t *bytes, unsigned i)
{
    return (bytes[i / 8] >> (7 - i % 8)) & 1;
}

bool network_has_host_bits(const struct network *n)
{
    for (unsigned i = n->bits; i < IP_BITS; i++) {
        if (bit(n->ip, i))
            return true;
    }
    return false;
}

bool network_has(const struct network *n, const struct address *a)
{
    unsigned whole = n->bits / 8;
    if (a->kind != ADDRESS_IP || memcmp(n->ip, a->ip, whole) != 0)
        return false;
    for (unsigned i = whole * 8; i < n->bits; i++) {
        if (bit(n->ip, i) != bit(a->ip, i))
            return false;
    }
    return true;
}

const char *network_print(const struct network *n, char out[ADDRESS_TEXT_BYTES])
{
    struct text t = {.at = out, .room = ADDRESS_TEXT_BYTES};
    bool v4 = n->bits >= MAPPED_BITS && is_mapped(n->ip);
    if (v4) {
        put_ip(&t, n->ip);
    } else {
        char text[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, n->ip, text, sizeof text);
        text_put(&t, span_str(text));
    }
    if (n->bits < IP_BITS) {
        text_put_char(&t, '/');
        text_put_u64(&t, n->bits - (v4 ? MAPPED_BITS : 0));
    }
    text_put_char(&t, '\0');
    return out;
}
