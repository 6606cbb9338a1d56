#include "rig.h"

#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cert.h"

static char rig_dir[256];

int rig_group_setup(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(rig_dir, sizeof(rig_dir), "%s/headstart-test-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(rig_dir))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    cert_make_ca(rig_dir, "ca");
    cert_make(rig_dir, "ca", "main", "DNS:example.com,DNS:localhost,IP:127.0.0.1");
    cert_make(rig_dir, "ca", "other", "DNS:other.example,DNS:*.wild.example");
    return 0;
}

static int rig_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

int rig_group_teardown(void **state)
{
    (void)state;
    return nftw(rig_dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
}

int rig_setup(void **state)
{
    struct rig *rig = check_alloc(sizeof(*rig));
    rig->dir = rig_dir;
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < rig->peers_len; i++)
        peer_close(rig->peers[i]);
    struct daemon *daemon = rig->daemon;
    /* Stubs go first: a script at a closed gate must not make the daemon wait. */
    for (size_t i = 0; i < rig->stubs_len; i++)
        stub_stop(rig->stubs[i]);
    for (size_t i = 0; i < rig->texts_len; i++)
        free(rig->texts[i]);
    free(rig);
    daemon_stop(daemon);
    return 0;
}

const char *rig_text(struct rig *rig, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = check_vprintf(fmt, args);
    va_end(args);
    assert_true(rig->texts_len < RIG_TEXTS);
    rig->texts[rig->texts_len++] = text;
    return text;
}

struct stub *rig_stub(struct rig *rig, const struct stub_options *options)
{
    assert_true(rig->stubs_len < RIG_STUBS);
    return rig->stubs[rig->stubs_len++] = stub_start(options);
}

void rig_daemon(struct rig *rig, const struct daemon_setup *setup)
{
    rig->daemon = daemon_start(rig->dir, setup);
}

const char *rig_url(struct rig *rig, struct stub *stub)
{
    return rig_text(rig, "url = http://127.0.0.1:%u\n", stub_port(stub));
}

static struct stub *rig_start_with(struct rig *rig, const char *top, const char *conf)
{
    struct stub *stub = rig_stub(rig, NULL);
    const char *all = rig_text(rig, "[origin app]\n%s%s", rig_url(rig, stub), conf);
    rig_daemon(rig, &(struct daemon_setup){.top = top, .conf = all});
    return stub;
}

struct stub *rig_start(struct rig *rig, const char *conf)
{
    return rig_start_with(rig, NULL, conf);
}

struct stub *rig_start_alone(struct rig *rig, const char *conf)
{
    return rig_start_with(rig, "workers = 1", conf);
}

struct peer *rig_peer(struct rig *rig, const struct peer_options *options)
{
    struct peer_options filled = options ? *options : (struct peer_options){0};
    if (filled.wire.port == 0)
        filled.wire.port = daemon_port(rig->daemon, 0);
    if (!filled.wire.sni)
        filled.wire.sni = "example.com";
    assert_true(rig->peers_len < RIG_PEERS);
    return rig->peers[rig->peers_len++] = peer_open(&filled);
}

void rig_close_peer(struct rig *rig, struct peer *p)
{
    for (size_t i = 0; i < rig->peers_len; i++)
        if (rig->peers[i] == p)
            rig->peers[i] = rig->peers[--rig->peers_len];
    peer_close(p);
}

void rig_stop_daemon(struct rig *rig)
{
    struct daemon *daemon = rig->daemon;
    rig->daemon = NULL;
    daemon_stop(daemon);
}

unsigned rig_closed_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(*fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &len) < 0)
        fail_msg("cannot take a port");
    return ntohs(address.sin_port);
}

void rig_check_failure(struct rig *rig, const char *path, const char *word)
{
    json_t *line = daemon_log_of(rig->daemon, path);
    check_text(json_string_value(json_object_get(line, "failure")), word);
    json_decref(line);
}
