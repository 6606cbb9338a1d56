#include "config/addresses.h"

#include <arpa/inet.h>

#include "http/url.h"
#include "net/address.h"

static struct address value_of(const struct config_address *a)
{
    return address_of_sockaddr((const struct sockaddr *)&a->storage);
}

/* A listener at `a` gets what is sent to `other`. */
static bool holds(const struct address *a, const struct address *other)
{
    if (!address_is_any(a))
        return address_eq(a, other);
    /* [::] is every IPv4 address too: IPV6_V6ONLY is off. */
    return a->port == other->port && (!address_is_ipv4(a) || address_is_ipv4(other));
}

static struct span next_step(const char **path)
{
    *path += strspn(*path, "/");
    struct span step = span_of(*path, strcspn(*path, "/"));
    *path += step.len;
    return step;
}

/* The next part of a path that leads anywhere; empty at the end. */
static struct span next_part(const char **path)
{
    struct span step;
    do
        step = next_step(path);
    while (span_eq(step, SPAN(".")));
    return step;
}

static bool is_same_path(const char *a, const char *b)
{
    struct span of_a, of_b;
    do {
        of_a = next_part(&a);
        of_b = next_part(&b);
        if (!span_eq(of_a, of_b))
            return false;
    } while (of_a.len > 0);
    return true;
}

bool addresses_overlap(const struct config_address *a, const struct config_address *b)
{
    struct address one = value_of(a), other = value_of(b);
    if (one.kind != other.kind)
        return false;
    if (one.kind == ADDRESS_UNIX)
        return is_same_path(one.path, other.path);
    return one.port != 0 && (holds(&one, &other) || holds(&other, &one));
}

/* RFC 6761 §6.3: these names are this machine's, whatever a name server says. */
static bool is_localhost(struct span host)
{
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    return span_ieq(host, SPAN("localhost")) || url_host_is_under(host, SPAN("*.localhost"));
}

static struct address loopback(const char *ip, unsigned port)
{
    struct address a = {.kind = ADDRESS_NONE};
    if (address_parse_ip(&a, span_str(ip)))
        a.port = (uint16_t)port;
    return a;
}

/* As libcurl reads it: 127.1 is 127.0.0.1. Whoever connects to "every address" comes to loopback.
 */
static bool read_ip(const struct config_url *url, struct address *out)
{
    char whole[INET_ADDRSTRLEN];
    struct in_addr v4;
    if (!address_parse_ip(out, span_str(url->host)) &&
        (!inet_aton(url->host, &v4) || !inet_ntop(AF_INET, &v4, whole, sizeof whole) ||
         !address_parse_ip(out, span_str(whole))))
        return false;
    out->port = (uint16_t)url->port;
    if (address_is_any(out))
        *out = loopback(address_is_ipv4(out) ? "127.0.0.1" : "::1", url->port);
    return true;
}

static enum addresses_end reach_ip(const struct address *listener, const struct address *to)
{
    if (!holds(listener, to))
        return ADDRESSES_ELSEWHERE;
    bool is_here = !address_is_any(listener) || address_is_loopback(to);
    return is_here ? ADDRESSES_THERE : ADDRESSES_IF_LOCAL;
}

enum addresses_end addresses_reach(const struct config_url *url,
                                   const struct config_address *address)
{
    struct address listener = value_of(address), to;
    if (listener.kind == ADDRESS_UNIX || url->unix_path)
        return listener.kind == ADDRESS_UNIX && url->unix_path &&
                       is_same_path(listener.path, url->unix_path)
                   ? ADDRESSES_THERE
                   : ADDRESSES_ELSEWHERE;
    if (listener.port != url->port)
        return ADDRESSES_ELSEWHERE;
    if (read_ip(url, &to))
        return reach_ip(&listener, &to);
    if (!is_localhost(span_str(url->host)))
        return ADDRESSES_IF_LOCAL;
    const struct address v4 = loopback("127.0.0.1", url->port), v6 = loopback("::1", url->port);
    return holds(&listener, &v4) || holds(&listener, &v6) ? ADDRESSES_THERE : ADDRESSES_ELSEWHERE;
}
