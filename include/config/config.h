/* config.h - the effective configuration, immutable once it is made.
 * A config owns all that hangs on it; config_free() frees it whole. Shared by all threads, read
 * only. Reading proxy.conf does no other I/O than reading that file (and asking for the working
 * directory): whether a certificate exists is found out by who loads it. Paths are absolute.
 * One thread at a time may read: inih's settings are variables of the process. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"
#include "net/address.h"

/* Where a listener is. "*:443" and ":443" are [::]:443, which is meant for IPv4 too: whoever opens
 * it turns IPV6_V6ONLY off. */
struct config_address {
    const char *text; /* as it was written, "*:443"; "unix:/run/x.sock" with the whole path */
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Blocks of addresses, "127.0.0.0/8". */
struct config_networks {
    struct network *at;
    size_t len;
};

struct config_names {
    struct span *at;
    size_t len;
};

enum config_forwarded {
    CONFIG_FORWARDED_REPLACE,
    CONFIG_FORWARDED_APPEND,
};

enum config_underscores {
    CONFIG_UNDERSCORES_DROP,
    CONFIG_UNDERSCORES_KEEP,
};

/* Who may connect to a unix socket. */
struct config_access {
    unsigned mode;     /* permissions, 0 to 0777 */
    const char *group; /* name or number of the group that has the file; NULL: the process's */
};

struct config_listen {
    const char *name;
    unsigned line; /* of the section in its file; 0: not from a file */
    struct config_address address;
    struct config_access access; /* counts for a unix socket */
    unsigned forwarded;          /* enum config_forwarded */
    unsigned underscores;        /* enum config_underscores, of fields in whose names they are */
};

struct config_certificate {
    const char *name;
    unsigned line;
    const char *chain; /* path of a PEM file; NULL: self-signed, made at start */
    const char *key;   /* path of a PEM file */
};

struct config_url {
    const char *text;      /* as it was written; of a unix socket with the whole path */
    const char *host;      /* without brackets; NULL for a unix socket */
    unsigned port;         /* 1-65535 */
    const char *unix_path; /* NULL: over TCP */
    bool tls;
};

struct config_origin {
    const char *name;
    unsigned line;
    struct config_url url;
    const char *ca;   /* path of a PEM file with the authorities to trust; NULL: the system's */
    bool verify;      /* of an https origin's certificate */
    const char *host; /* sent as Host; NULL: what the client sent */
    bool via;         /* requests say in Via that they came through this proxy */
    bool strict;      /* refuse every response that is not to the letter */
    uint64_t max_connections; /* of one worker */
};

struct config_route {
    const char *name;
    unsigned line;
    const char *match;  /* as it was written: HOST/PREFIX */
    struct span host;   /* lower case; "*.example.com": any name under it; empty: any host */
    struct span prefix; /* begins with "/" */
    const struct config_origin *origin;
    bool push;
};

/* How much memory: a number of bytes, or a share of what the machine has. Both 0: no limit. */
struct config_memory {
    uint64_t bytes;
    unsigned percent; /* 0: `bytes` are meant */
};

enum config_log_format {
    CONFIG_LOG_JSON,
    CONFIG_LOG_COMBINED,
};

struct config {
    struct arena arena; /* holds everything below */
    const char *file;   /* the name to use in messages; "command line" where there is no file */

    uint64_t workers;     /* 0: one for each CPU */
    uint64_t coalesce_ms; /* 0: never */
    const char *user;     /* NULL: stay who we are */

    struct config_listen *listens;
    size_t listens_len;
    struct config_certificate *certificates; /* the first is the default */
    size_t certificates_len;
    struct config_origin *origins;
    size_t origins_len;
    struct config_route *routes; /* never empty once loaded */
    size_t routes_len;

    struct {
        unsigned min_version; /* 2: TLS 1.2, 3: TLS 1.3 */
        bool session_tickets;
    } tls;
    struct {
        bool enabled;
        uint64_t max_per_page;
        uint64_t max_per_connection; /* 0: no limit */
        uint64_t max_open;
        struct config_names request_headers; /* lower case */
        uint64_t retry_after_ms;
        uint64_t max_wait_ms;
        struct config_networks explain_from;
    } push;
    struct {
        uint64_t header_list_bytes;       /* of a request */
        uint64_t origin_header_bytes;     /* of a response */
        uint64_t streams;                 /* of a connection, open at once */
        uint64_t connections_per_address; /* of all workers, at once; 0: no limit */
        uint64_t resets;                  /* of a connection, in ten seconds */
        uint64_t idle_frames;             /* of a connection, in ten seconds */
        uint64_t min_rate;                /* bytes a second, of a client that is awaited */
        struct config_memory memory;      /* of all workers */
    } limits;
    struct {
        uint64_t handshake_ms;
        uint64_t header_ms;
        uint64_t idle_ms;
        uint64_t stall_ms;
        uint64_t grace_ms; /* 0: for ever */
        uint64_t connect_ms;
        uint64_t queue_ms;
        uint64_t response_ms;
        uint64_t origin_stall_ms;
        uint64_t exchange_ms; /* 0: no end */
        uint64_t origin_idle_ms;
        uint64_t drain_ms;
    } timeouts;
    struct {
        const char *access; /* a path, "stdout" or "off" */
        unsigned format;    /* enum config_log_format */
        unsigned level;     /* enum log_level */
    } log;
    struct {
        struct config_address address; /* len 0: none */
        struct config_access access;   /* counts for a unix socket */
        struct config_names hosts;     /* lower case */
    } admin;
};

enum { CONFIG_ERROR_BYTES = 512 };

/* Why there is no configuration: one whole line without its newline, "FILE:LINE: what is wrong and
 * what is allowed". */
struct config_error {
    char text[CONFIG_ERROR_BYTES];
};

/* Reads the text of a proxy.conf. `file` names it in messages; relative paths in it are relative to
 * the folder of `file`. Returns NULL and fills `error` where it is not right. */
NODISCARD struct config *config_parse(struct span text, const char *file,
                                      struct config_error *error);
/* Reads the file `path`; the rest is as with config_parse(). */
NODISCARD struct config *config_load(const char *path, struct config_error *error);
/* Makes the configuration of `--origin URL`: one listener (127.0.0.1:8443 where `listen` is NULL),
 * one origin, one certificate (self-signed where `chain` is NULL), all else by default. Relative
 * paths are relative to the working directory. Errors begin with "command line: ". */
NODISCARD struct config *config_quick(const char *origin_url, const char *listen, const char *chain,
                                      const char *key, struct config_error *error);
/* Whether `next` may take the place of `running` in a process that goes on: all that only a restart
 * can change is the same in both. False fills `error`. */
NODISCARD bool config_may_follow(const struct config *running, const struct config *next,
                                 struct config_error *error);
/* Frees `c` and all it holds; NULL is fine. */
void config_free(struct config *c);

/* Prints the effective configuration as a proxy.conf that config_parse() reads back (but for a
 * self-signed certificate, which no file can ask for: a comment stands in its place). */
void config_dump(const struct config *c, FILE *out);
/* Prints the commented example, conf/proxy.conf. */
void config_print_example(FILE *out);
/* Prints the reference of all options as Markdown, docs/configuration.md. */
void config_print_reference(FILE *out);

/* The listener of that name, or NULL. */
const struct config_listen *config_listen_named(const struct config *c, const char *name);
/* The route of a request: the most exact host first (the name itself, then the longest wildcard,
 * then any), then the longest prefix of the path. NULL: none matches. `host` is without port, in
 * any spelling (http/host.h); `target` is "/path?query", or "*", which stands for "/". */
const struct config_route *config_route(const struct config *c, struct span host,
                                        struct span target);
/* The address is in one of the networks; a unix socket's is in none. */
bool config_networks_have(const struct config_networks *n, const struct address *a);

#endif
