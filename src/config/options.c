#include "config/options.h"

enum { MS = 1, SECOND = 1000, HOUR = 3600 * SECOND, KIB = 1 << 10, MIB = 1 << 20 };
#define TIB ((uint64_t)1 << 40)

static const char *const FORWARDED[] = {"replace", "append", NULL};
static const char *const UNDERSCORES[] = {"drop", "keep", NULL};
static const char *const TLS_VERSIONS[] = {"1.2", "1.3", NULL};
static const char *const LOG_FORMATS[] = {"json", "combined", NULL};
static const char *const LOG_LEVELS[] = {"error", "warning", "info", "debug", NULL};

/* The first members of an option: its name, its type, and the member that it fills. */
#define FILLS(option, kind, object, member)                                                        \
    .name = (option), .type = &type_##kind, .offset = offsetof(struct object, member)

static const struct option GLOBAL[] = {
    {FILLS("workers", count, config, workers), .fallback = "0", .max = 256, .needs_restart = true,
     .help =
         "How many threads serve clients. `0` starts one for each CPU that the process may use."},
    {FILLS("coalesce", duration, config, coalesce_ms), .fallback = "2ms", .max = 10 * MS,
     .help = "How long a busy worker may let events gather before it looks for new ones. It never "
             "takes longer than a quarter of the time in which origins answer, and only does so "
             "while at least 16 answers are expected meanwhile: many answers then leave in one "
             "write, which saves CPU time and leaves more of it to others. `0s` always looks at "
             "once."},
    {FILLS("user", user, config, user), .fallback = "", .sample = "headstart",
     .needs_restart = true,
     .help =
         "The user to become once the listeners are open and the keys are read, when started as "
         "root. What a reload reads, keys too, this user must be able to read. Empty keeps the one "
         "who started it, which is right under systemd, where the unit names the user; root is "
         "warned of."},
};

/* Who may connect to a unix socket: the same two options wherever there may be one. */
#define ACCESS(object, member)                                                                     \
    {FILLS("mode", mode, object, member.mode), .fallback = "0666", .needs_restart = true,          \
     .help = "For `unix:` addresses: the permissions of the socket, whatever the umask. Who "      \
             "connects needs to write to it, and to search the folders above."},                   \
    {                                                                                              \
        FILLS("group", group, object, member.group),                                               \
            .fallback = "", .sample = "www-data", .needs_restart = true,                           \
            .help = "For `unix:` addresses: the group of the socket, as with `mode = 0660`. The "  \
                    "one who starts the proxy must be root or in that group."                      \
    }

static const struct option LISTEN[] = {
    {FILLS("address", address, config_listen, address), .sample = "*:443", .needs_restart = true,
     .help = "Where clients connect, with TLS and HTTP/2. `*:443`, for short `:443`, is every IPv4 "
             "and IPv6 address of the machine, and so is `[::]:443`; `0.0.0.0:443` is every IPv4 "
             "address. Port `0` takes a free one. A relative path of a unix socket "
             "begins in the folder of this file."},
    {FILLS("forwarded", word, config_listen, forwarded), .fallback = "replace", .words = FORWARDED,
     .help =
         "What becomes of the `x-forwarded-*`, `forwarded` and `x-real-ip` that a client sends, "
         "and of the other fields by which proxies tell who their client is (docs/security.md "
         "lists them). `replace` drops them, so that the "
         "origin reads only what this proxy saw itself; `append` believes them and adds to "
         "`x-forwarded-for`, `x-forwarded-proto`, `x-forwarded-host` and `forwarded`: choose it "
         "only where all clients are proxies of your own."},
    {FILLS("underscores", word, config_listen, underscores), .fallback = "drop",
     .words = UNDERSCORES,
     .help = "What becomes of a client's fields with `_` in their names, which CGI, WSGI and their "
             "like cannot tell from those with `-`. `drop` lets none of them pass, as nginx does; "
             "`keep` passes them, but for those that could be taken for a field which the proxy "
             "drops or writes itself."},
    ACCESS(config_listen, access),
};

static const struct option CERTIFICATE[] = {
    {FILLS("chain", path, config_certificate, chain), .sample = "/etc/headstart/cert.pem",
     .help = "A PEM file with the server's certificate first, then the intermediate ones."},
    {FILLS("key", path, config_certificate, key),
     .sample = "/run/credentials/headstart.service/key.pem",
     .help =
         "A PEM file with the private key, without a password. Under systemd the service's user "
         "cannot read a file of root's: `LoadCredential=key.pem:/path/of/key.pem` in the unit "
         "hands it over as `/run/credentials/headstart.service/key.pem`."},
};

static const struct option ORIGIN[] = {
    {FILLS("url", url, config_origin, url), .sample = "http://127.0.0.1:8080",
     .help = "The server that has the pages, spoken to in HTTP/1.1. It has no path, since requests "
             "keep theirs. A relative path of a unix socket begins in the folder of this file."},
    {FILLS("ca", path, config_origin, ca), .fallback = "", .sample = "/etc/headstart/origin-ca.pem",
     .help = "For `https`: a PEM file with the authorities that may have signed the origin's "
             "certificate, or with that certificate itself. Empty trusts the system's authorities. "
             "They are read at start and at a reload."},
    {FILLS("verify", switch, config_origin, verify), .fallback = "on",
     .help = "For `https`: refuse an origin whose certificate is not signed by a trusted authority "
             "or is for another host. `off` is for trying things out."},
    {FILLS("host", host, config_origin, host), .fallback = "", .sample = "www.example.com",
     .help = "The `Host` that the origin gets. Empty keeps the one that the client asked for."},
    {FILLS("via", switch, config_origin, via), .fallback = "on",
     .help = "Whether requests to this origin carry this proxy's `Via`. An nginx origin compresses "
             "no answer to a request that has one, unless its `gzip_proxied` says so "
             "(`gzip_proxied any;`): where that cannot be set, choose `off`. What a client sent as "
             "`Via` passes either way, and answers to clients carry ours."},
    {FILLS("strict", switch, config_origin, strict), .fallback = "off",
     .help =
         "Refuse with 502 every response that is not to the letter of HTTP/1.1. `off` reads what "
         "has one meaning all the same: lines that end in LF alone, an empty line before the "
         "status line, a status line with tabs or several spaces, a version above 1.1, a status "
         "over 599, white space before a colon or at the end of a chunk's line, "
         "`content-length` several times with the same value, `transfer-encoding: chunked` "
         "twice, beside `content-length` (which is dropped) or in HTTP/1.0. Each kind is logged "
         "once for an origin, and such a connection is not used again."},
    {FILLS("max_connections", count, config_origin, max_connections), .fallback = "256", .min = 1,
     .max = 65535,
     .help = "How many connections each worker may have to this origin at once; while clients from "
             "before a reload finish, as many again. Requests beyond "
             "that wait in order, for `timeouts.queue` at most; pushes use at most half of the "
             "connections."},
};

static const struct option ROUTE[] = {
    {FILLS("match", match, config_route, match), .fallback = "/", .sample = "example.com/api",
     .help =
         "The requests that take this route: `HOST/PREFIX`. `www.example.com` is that host, "
         "`*.example.com` any name under it (but not itself), `*` or nothing any host; the port "
         "does not count. The path, without its query, begins with `/PREFIX`, byte for byte: "
         "`/api` is also the beginning of `/api2`, so end it with `/` to take a folder. Of all "
         "routes that match, those with the most exact host win, and of those the one with the "
         "longest prefix. A request that no route takes is answered with 421."},
    {FILLS("origin", origin, config_route, origin), .fallback = "", .sample = "app",
     .help = "The origin that answers. It may be left out where there is only one."},
    {FILLS("push", switch, config_route, push), .fallback = "on",
     .help = "Whether the pages of this route push their assets (`push.enabled` permitting)."},
};

static const struct option TLS[] = {
    {FILLS("min_version", word, config, tls.min_version), .fallback = "1.2", .min = 2, .max = 3,
     .words = TLS_VERSIONS, .help = "The oldest version of TLS that a client may speak."},
    {FILLS("session_tickets", switch, config, tls.session_tickets), .fallback = "on",
     .help =
         "Whether a client that returns may resume its session, which saves it a round trip or "
         "a signature. The tickets' key is the same for all workers, also after a reload. A new "
         "one comes every hour; the one before it is good for one hour more."},
};

static const struct option PUSH[] = {
    {FILLS("enabled", switch, config, push.enabled), .fallback = "on",
     .help = "Whether anything is pushed. `off` passes every `Link` on as it came."},
    {FILLS("max_per_page", count, config, push.max_per_page), .fallback = "50", .max = 1000,
     .help = "How many assets one page may push; further links stay in `Link`."},
    {FILLS("max_per_connection", count, config, push.max_per_connection), .fallback = "0",
     .max = 1000000,
     .help = "How many assets one connection of a client may get pushed in its life. `0` sets no "
             "limit."},
    {FILLS("max_open", count, config, push.max_open), .fallback = "100", .min = 1, .max = 1000,
     .help = "How many pushes may be under way at once on one connection. A client that permits "
             "fewer gets fewer."},
    {FILLS("request_headers", names, config, push.request_headers), .fallback = "",
     .sample = "cookie authorization",
     .help =
         "Fields of the page's request that are copied into the requests for its assets, "
         "besides `user-agent`, `accept-encoding` and `accept-language`. Name `cookie` here if "
         "your assets need it; nothing private is copied by default. Fields by which proxies tell "
         "who the client is are never copied: the origin gets what it got for the page."},
    {FILLS("retry_after", duration, config, push.retry_after_ms), .fallback = "60s",
     .max = 24 * HOUR,
     .help = "How long an asset is not pushed again after the origin failed to deliver it (404, "
             "410, 5xx or no answer)."},
    {FILLS("max_wait", duration, config, push.max_wait_ms), .fallback = "1s", .min = MS,
     .max = HOUR,
     .help = "How long a push may wait for a connection to the origin before it is given up. The "
             "client then asks for the asset itself when it needs it."},
    {FILLS("explain_from", networks, config, push.explain_from), .fallback = "127.0.0.0/8 ::1",
     .help = "Who may ask with the request field `cf-h2-push-explain` why each link was or was not "
             "pushed. Empty answers nobody."},
};

static const struct option LIMITS[] = {
    {FILLS("header_list", size, config, limits.header_list_bytes), .fallback = "64k", .min = KIB,
     .max = MIB,
     .help = "How large the header fields of a request may be, counted as HTTP/2 does (names, "
             "values, and 32 bytes for each field). A larger request is answered with 431; one of "
             "sixteen times the size, or with a name or a value of over 64 KiB, ends the "
             "connection."},
    {FILLS("origin_header", size, config, limits.origin_header_bytes), .fallback = "64k",
     .min = KIB, .max = MIB,
     .help =
         "How large the head of an origin's response may be. A larger one is a failure of the "
         "origin: the client gets 502. So are informational responses (1xx) that have more than "
         "four times as much together, each counted with 100 bytes more, unless they come "
         "slowly: the same amount is allowed again for every minute."},
    {FILLS("streams", count, config, limits.streams), .fallback = "100", .min = 1, .max = 1000,
     .help = "How many requests a client may have open at once on one connection."},
    {FILLS("connections_per_address", count, config, limits.connections_per_address),
     .fallback = "1000", .max = 1000000,
     .help = "How many connections one address may have open at once; of IPv6, one network of 64 "
             "bits. Further ones are closed as they come. `0` is no limit, for listeners behind a "
             "balancer. Counted in a table of fixed size: a crowd of other addresses may now and "
             "then count for a few more."},
    {FILLS("resets", count, config, limits.resets), .fallback = "500", .min = 1, .max = 1000000,
     .help = "How many requests a client may begin and abandon within ten seconds on one "
             "connection, by its own resets or by those it provokes. More end the connection with "
             "ENHANCE_YOUR_CALM. A request that is answered with 431 counts too, as many times as "
             "its head holds `limits.header_list`. Resets of pushes, and of answers that are "
             "complete, do not count."},
    {FILLS("idle_frames", count, config, limits.idle_frames), .fallback = "2000", .min = 10,
     .max = 1000000,
     .help =
         "How many frames a client may send within ten seconds on one connection that neither "
         "begin a request nor carry bytes of one: PING, SETTINGS, PRIORITY, RST_STREAM, empty "
         "DATA, CONTINUATION, unknown ones; and TLS records without data, such as KeyUpdates. The "
         "bytes of bodies, either way, pay for some more, since clients open windows and probe as "
         "they read. Too many end the connection with ENHANCE_YOUR_CALM."},
    {FILLS("min_rate", count, config, limits.min_rate), .fallback = "50", .max = 1000000,
     .help = "How many bytes a second a client must take or send, over `timeouts.stall`, while a "
             "response or its own body waits for it. While it sends and the response has begun "
             "already, any byte is enough."},
    {FILLS("memory", memory, config, limits.memory), .fallback = "25%", .min = MIB, .max = TIB,
     .help = "How much memory all workers may hold together for connections, for the heads of "
             "requests and responses, and for bodies on their way. `25%` is a quarter of what the "
             "machine has, or of what the process's control group may take (`memory.max`) where "
             "that is less. Beyond it new requests get 503, nothing is pushed, and what has been "
             "held longest for clients that neither take nor send gives way (408, or RST_STREAM "
             "within an answer), until it is enough again; connections without a request are "
             "closed last. `0` sets no limit."},
};

#define TIMEOUT(option, text, least, sentences)                                                    \
    {                                                                                              \
        FILLS(#option, duration, config, timeouts.option##_ms),                                    \
            .fallback = (text), .min = (least), .max = 24 * HOUR, .help = sentences                \
    }

static const struct option TIMEOUTS[] = {
    TIMEOUT(handshake, "10s", MS, "How long a client may take for the TLS handshake."),
    TIMEOUT(header, "10s", MS,
            "How long a client may take to send the head of a request that it has begun."),
    TIMEOUT(idle, "3m", MS,
            "How long a client's connection is kept while no request is open on it, from its start "
            "or the end of the last request on. PING and whatever else is no request do not "
            "prolong it."),
    TIMEOUT(
        stall, "60s", MS,
        "How long a client may leave an answer, or a body of its own, waiting for it, or keep it below `limits.min_rate`."),
    TIMEOUT(
        grace, "3s", 0,
        "How long a client may do so while other requests wait for a connection to the origin and "
        "none is free. Then its connection goes to them: the one that has waited longest for its "
        "client first, pushes before requests. The client gets 408 or, within an answer, "
        "RST_STREAM. Who takes `limits.min_rate`, on the stream or on average on all of its own, "
        "is spared. `0s` sets no end."),
    TIMEOUT(
        connect, "5s", MS,
        "How long connecting to the origin may take: name, all its addresses, and TLS. Then the client "
        "gets 504."),
    TIMEOUT(queue, "10s", MS,
            "How long a request may wait for a free connection to the origin. Then the client gets "
            "503."),
    TIMEOUT(response, "60s", MS,
            "How long the origin may take from the end of the request to the first byte of its "
            "response. Then the client gets 504."),
    TIMEOUT(origin_stall, "60s", MS,
            "How long the origin may pause within a response, or within reading a request."),
    TIMEOUT(
        exchange, "0s", 0,
        "How long a request may take as a whole, from its head until its answer was sent. Then the "
        "client gets 504 or, within an answer, RST_STREAM. `0s`, the default, sets no end, as in "
        "nginx and HAProxy: each side has its time-outs above, and an end for all would cut large "
        "downloads and streams of events. Set it where no answer may take longer."),
    TIMEOUT(
        origin_idle, "60s", MS,
        "How long an unused connection to the origin is kept. Choose less than the origin's own "
        "time-out, so that it does not close a connection just as a request is sent."),
    TIMEOUT(
        drain, "30s", 0,
        "How long running requests may take to finish when the proxy is told to stop. `0s` ends "
        "them at once."),
};

static const struct option LOG[] = {
    {FILLS("access", log, config, log.access), .fallback = "stdout",
     .help =
         "Where the access log goes, one line for each request and each push. A relative path "
         "begins in the folder of this file. No request waits for whoever reads it, or for a disk: "
         "4 MiB of lines wait, more are lost and counted (`headstart_log_lines_lost_total`), and a "
         "message says so. To a FIFO lines go while somebody reads it. With `user`, the file is "
         "given to that user at start; whatever rotates it must leave one that the user may write "
         "to (with logrotate: `create 0640 USER GROUP`), and then send SIGUSR1."},
    {FILLS("format", word, config, log.format), .fallback = "json", .words = LOG_FORMATS,
     .help =
         "The access log's format: one JSON object a line, or the combined format of Apache and "
         "nginx."},
    {FILLS("level", word, config, log.level), .fallback = "info", .words = LOG_LEVELS,
     .help =
         "Which of its own messages the proxy writes to stderr: this level and the graver ones."},
};

static const struct option ADMIN[] = {
    {FILLS("address", address, config, admin.address), .fallback = "", .sample = "127.0.0.1:9443",
     .needs_restart = true,
     .help = "Where the proxy tells of itself over plain HTTP: `/metrics` in the text format of "
             "Prometheus, `/healthz` for load balancers. Whoever can connect can read: keep it on "
             "loopback or on a network of your own. Empty tells nothing."},
    ACCESS(config, admin.access),
    {FILLS("hosts", hosts, config, admin.hosts), .fallback = "",
     .sample = "metrics.internal prometheus",
     .help =
         "The names by which `/metrics` and `/healthz` may be asked for, besides `localhost` and "
         "any address as a number. A request for another `Host` is refused (403), so that no "
         "web page can read them through a browser by a name of its own. Not needed over a "
         "unix socket."},
};

#define OPTIONS(table) .options = (table), .options_len = ARRAY_LEN(table)
#define OBJECTS(array)                                                                             \
    .array_offset = offsetof(struct config, array),                                                \
    .len_offset = offsetof(struct config, array##_len),                                            \
    .object_bytes = sizeof *((struct config *)0)->array

const struct section options_sections[SECTION_COUNT] = {
    [SECTION_GLOBAL] = {.name = "",
                        OPTIONS(GLOBAL),
                        .help = "These stand before the first section."},
    [SECTION_LISTEN] = {.name = "listen",
                        .sample_name = "main",
                        OPTIONS(LISTEN),
                        OBJECTS(listens),
                        .is_sample = true,
                        .help = "An address that clients connect to. At least one."},
    [SECTION_CERTIFICATE] = {.name = "certificate",
                             .sample_name = "main",
                             OPTIONS(CERTIFICATE),
                             OBJECTS(certificates),
                             .is_sample = true,
                             .help = "A certificate. At least one. A client gets the one that is "
                                     "for the name it asks for (SNI), or else the first. Of "
                                     "several for one name, with keys of EC and RSA, it gets one "
                                     "that it can verify, EC where it can verify both."},
    [SECTION_ORIGIN] = {.name = "origin",
                        .sample_name = "app",
                        OPTIONS(ORIGIN),
                        OBJECTS(origins),
                        .is_sample = true,
                        .help = "A server that requests are forwarded to. At least one."},
    [SECTION_ROUTE] = {.name = "route",
                       .sample_name = "api",
                       OPTIONS(ROUTE),
                       OBJECTS(routes),
                       .help = "Which requests go to which origin. With one origin no route is "
                               "needed, and all requests go there; with several every origin needs "
                               "a route. Routes choose, they protect nothing: an origin sees paths "
                               "as the client wrote them."},
    [SECTION_TLS] = {.name = "tls", OPTIONS(TLS), .help = "TLS with clients."},
    [SECTION_PUSH] = {.name = "push",
                      OPTIONS(PUSH),
                      .help =
                          "What becomes of `Link: <...>; rel=preload` in an origin's response."},
    [SECTION_LIMITS] = {.name = "limits", OPTIONS(LIMITS), .help = "How large, and how many."},
    [SECTION_TIMEOUTS] = {.name = "timeouts", OPTIONS(TIMEOUTS), .help = "How long."},
    [SECTION_LOG] = {.name = "log", OPTIONS(LOG), .help = "What is written, and where."},
    [SECTION_ADMIN] = {.name = "admin", OPTIONS(ADMIN), .help = "Looking at the proxy at work."},
};

#define FITS(table) _Static_assert(ARRAY_LEN(table) <= OPTIONS_MAX, "more options than OPTIONS_MAX")
#define HAS_HEAD(type)                                                                             \
    _Static_assert(offsetof(struct type, name) == offsetof(struct section_head, name) &&           \
                       offsetof(struct type, line) == offsetof(struct section_head, line),         \
                   "does not begin as struct section_head")

FITS(ORIGIN);
FITS(PUSH);
FITS(TIMEOUTS);
HAS_HEAD(config_listen);
HAS_HEAD(config_certificate);
HAS_HEAD(config_origin);
HAS_HEAD(config_route);

const struct section *options_section(struct span name)
{
    for (size_t i = SECTION_GLOBAL + 1; i < SECTION_COUNT; i++) {
        if (span_eq(name, span_str(options_sections[i].name)))
            return &options_sections[i];
    }
    return NULL;
}

const struct option *options_find(const struct section *section, struct span name)
{
    for (size_t i = 0; i < section->options_len; i++) {
        if (span_eq(name, span_str(section->options[i].name)))
            return &section->options[i];
    }
    return NULL;
}

size_t options_objects(const struct section *section, const struct config *c)
{
    size_t len = 1;
    if (section->sample_name)
        memcpy(&len, (const char *)c + section->len_offset, sizeof len);
    return len;
}

const void *options_object(const struct section *section, const struct config *c, size_t i)
{
    const char *array;
    if (!section->sample_name)
        return c;
    memcpy(&array, (const char *)c + section->array_offset, sizeof array);
    return array + i * section->object_bytes;
}

void options_allowed(const struct option *option, char *out, size_t room)
{
    if (option->type->describe)
        option->type->describe(option, out, room);
    else
        snprintf(out, room, "%s", option->type->allowed);
}
