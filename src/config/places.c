/* Where a listener and an origin are. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "config/type.h"
#include "http/url.h"

static const struct span UNIX = {"unix:", 5};

/* Reads the digits of an address without its brackets. */
static bool parse_ip(struct span text, int family, void *out)
{
    char buffer[INET6_ADDRSTRLEN];
    if (text.len >= sizeof buffer)
        return false;
    snprintf(buffer, sizeof buffer, "%.*s", SPAN_ARG(text));
    return inet_pton(family, buffer, out) == 1;
}

/* The whole path of a socket, or NULL where it is too long for the system (or memory is out). */
static const char *socket_path(struct type_context *ctx, struct span path)
{
    size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    const char *whole = type_absolute(ctx, path);
    if (path.len == 0)
        type_why(ctx, "the path is empty");
    else if (strlen(whole) > longest)
        type_why(ctx, "the path has more than the %zu bytes that a socket's may have", longest);
    else
        return whole;
    return NULL;
}

static bool parse_unix_address(struct type_context *ctx, struct span path,
                               struct config_address *out)
{
    const char *whole = socket_path(ctx, path);
    if (!whole)
        return false;
    struct sockaddr_un *sa = (struct sockaddr_un *)&out->storage;
    sa->sun_family = AF_UNIX;
    memcpy(sa->sun_path, whole, strlen(whole));
    out->len = sizeof *sa;
    out->text = arena_printf(&ctx->config->arena, "unix:%s", whole).ptr;
    return true;
}

static bool parse_ip_address(struct span host, in_port_t port, struct config_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    bool is_any = host.len == 0 || span_eq(host, SPAN("*"));
    bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed)
        host = span_of(host.ptr + 1, host.len - 2);
    if (is_any || is_bracketed) {
        if (!is_any && !parse_ip(host, AF_INET6, &v6->sin6_addr))
            return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        out->len = sizeof *v6;
        return true;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->len = sizeof *v4;
    return parse_ip(host, AF_INET, &v4->sin_addr);
}

static bool parse_address(struct type_context *ctx, const struct option *option, struct span text,
                          void *to)
{
    struct config_address *out = to;
    *out = (struct config_address){.text = ""};
    if (type_is_left_out(option, text))
        return true;
    if (span_starts(text, UNIX))
        return parse_unix_address(ctx, span_from(text, UNIX.len), out);

    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || !span_to_u64(span_from(text, colon), 65535, &port))
        return false;
    if (!parse_ip_address((struct span){text.ptr, colon - 1}, (in_port_t)port, out))
        return false;
    out->text = type_copy(ctx, text);
    return true;
}

static void print_address(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(((const struct config_address *)from)->text, out);
}

/* Names and numbers of hosts; an IPv6 address loses its brackets. */
static bool check_host(struct span *host)
{
    struct in6_addr v6;
    if (host->len < 2 || host->ptr[0] != '[')
        return host->len > 0 && type_is_made_of(*host, "-._");
    *host = span_of(host->ptr + 1, host->len - 2);
    return parse_ip(*host, AF_INET6, &v6);
}

static bool check_url(struct type_context *ctx, const struct url *url, struct span text)
{
    if (url->has_userinfo)
        return type_why(ctx, "a user's name and password cannot be given");
    bool has_path = url->path.len > 0 && !span_eq(url->path, SPAN("/"));
    if (has_path || url->has_query || span_find(text, '#') < text.len)
        return type_why(ctx, "nothing may follow the host and port, since requests keep their own "
                             "paths");
    return true;
}

static bool parse_unix_url(struct type_context *ctx, struct span path, struct config_url *out)
{
    out->unix_path = socket_path(ctx, path);
    if (!out->unix_path)
        return false;
    out->port = 80;
    out->text = arena_printf(&ctx->config->arena, "http://unix:%s", out->unix_path).ptr;
    return true;
}

static bool parse_url(struct type_context *ctx, const struct option *option, struct span text,
                      void *to)
{
    (void)option;
    struct config_url *out = to;
    *out = (struct config_url){0};
    struct span unix_prefix = SPAN("http://unix:");
    if (span_starts(text, SPAN("https://unix:")))
        return type_why(ctx, "a unix socket is spoken to without TLS");
    if (span_starts(text, unix_prefix))
        return parse_unix_url(ctx, span_from(text, unix_prefix.len), out);

    struct url url;
    if (!url_split(text, &url) || !url.has_authority)
        return false;
    out->port = url.port ? url.port : url_default_port(url.scheme);
    if (out->port == 0 || !check_host(&url.host) || !check_url(ctx, &url, text))
        return false;
    out->tls = span_ieq(url.scheme, SPAN("https"));
    out->host = type_copy(ctx, url.host);
    out->text = type_copy(ctx, text);
    return true;
}

static void print_url(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(((const struct config_url *)from)->text, out);
}

const struct type type_address = {.parse = parse_address,
                                  .print = print_address,
                                  .allowed = "IPV4:PORT, [IPV6]:PORT, *:PORT or unix:PATH"};
const struct type type_url = {.parse = parse_url,
                              .print = print_url,
                              .allowed =
                                  "http://HOST[:PORT], https://HOST[:PORT] or http://unix:PATH"};
