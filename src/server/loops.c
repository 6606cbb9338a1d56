#include "server/loops.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "config/addresses.h"
#include "net/address.h"

enum { ANY_PORT = 9, HOST_BYTES = 256 };

/* The kernel talks to an address of this machine from that same address. A datagram socket that is
 * connected sends nothing; the list of interfaces would take netlink, which the unit does not let
 * through. */
static bool is_own_address(struct address a)
{
    struct sockaddr_storage to, from = {0};
    socklen_t from_len = sizeof from;
    a.port = ANY_PORT;
    socklen_t len = address_to_sockaddr(&a, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) == 0 &&
                   getsockname(fd, (struct sockaddr *)&from, &from_len) == 0;
    if (fd >= 0)
        close(fd);
    if (!answers)
        return false;
    struct address source = address_of_sockaddr((const struct sockaddr *)&from);
    source.port = ANY_PORT;
    return address_eq(&source, &a);
}

static bool is_own_host(struct span host)
{
    struct address ip;
    char name[HOST_BYTES] = "";
    if (address_parse_ip(&ip, host))
        return is_own_address(ip);
    return gethostname(name, sizeof name - 1) == 0 && span_ieq(span_str(name), host);
}

static void warn(const struct config *config, const struct config_origin *origin,
                 const struct config_listen *listen)
{
    char place[HOST_BYTES];
    if (origin->line > 0)
        snprintf(place, sizeof place, "%s:%u: [origin %s] url =", config->file, origin->line,
                 origin->name);
    else
        snprintf(place, sizeof place, "--origin");
    log_warning("%s %s is this machine, where headstart itself listens on %s: requests would come "
                "back for ever; name the server that has the pages",
                place, origin->url.text, listen->address.text);
}

static void check_origin(const struct config *config, const struct config_origin *origin)
{
    for (size_t i = 0; i < config->listens_len; i++) {
        const struct config_listen *listen = &config->listens[i];
        if (addresses_reach(&origin->url, &listen->address) == ADDRESSES_IF_LOCAL &&
            is_own_host(span_str(origin->url.host))) {
            warn(config, origin, listen);
            return;
        }
    }
}

void loops_warn(const struct config *config)
{
    for (size_t i = 0; i < config->origins_len; i++)
        check_origin(config, &config->origins[i]);
}
