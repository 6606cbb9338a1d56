#include "hostile.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ask.h"
#include "dice.h"
#include "hpack.h"

enum {
    FLOOD = 2500, /* frames: more than any limit of the daemon */
    HELD_MS = 1500,
    PAUSE_MS = 60,
    IDLE_CONNECTIONS = 20,
    HELD_STREAMS = 40,
};

struct attack {
    struct soak_site *site;
    struct dice dice;
};

/* Fields of a request; valid until the next one of the same attack. */
struct fields {
    char text[512];
};

static const char *attack_fields(struct attack *a, struct fields *f, enum ask_kind kind,
                                 uint64_t bytes)
{
    const struct ask ask = {.kind = kind,
                            .flapping = dice_once_in(&a->dice, 4),
                            .bytes = bytes,
                            .from = dice_below(&a->dice, 1000),
                            .links = kind == ASK_PAGE ? 30 : 0};
    char *target = ask_target(&ask);
    /* A literal of frames.h holds 126 bytes. */
    snprintf(f->text, sizeof(f->text),
             ":method: %s\n:scheme: https\n:authority: example.com\n:path: %s\n", ask_method(&ask),
             target);
    free(target);
    return f->text;
}

/* Keeps the connection for a while, drops what comes if it `reads`, and then leaves. */
static void attack_hold(struct attack *a, struct frames *f, bool reads)
{
    (void)!wire_write(f->wire, f->out.ptr, f->out.len);
    bytes_clear(&f->out);
    unsigned ms = (unsigned)dice_below(&a->dice, HELD_MS);
    if (reads)
        wire_ends(f->wire, ms);
    else
        poll(NULL, 0, (int)ms);
    if (dice_once_in(&a->dice, 2))
        channel_reset(&f->wire->channel);
    frames_close(f);
}

static void put_request(struct attack *a, struct frames *f, uint32_t stream, enum ask_kind kind,
                        uint64_t bytes, uint8_t flags)
{
    struct fields fields;
    const char *lines = attack_fields(a, &fields, kind, bytes);
    FRAMES_PUT(f, HEADERS(stream, flags, lines));
}

static void rapid_reset(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    for (uint32_t id = 1; id < 2 * 700; id += 2) {
        put_request(a, f, id, ASK_LENGTH, 100000, END_BOTH);
        FRAMES_PUT(f, CANCEL(id));
    }
    attack_hold(a, f, true);
}

static void flood(struct attack *a)
{
    static const struct frame floods[] = {
        PING(0, 0, "12345678"),      SETTINGS(""),
        PRIORITY(3, "\0\0\0\0\20"),  WINDOW_UPDATE(0, "\0\0\0\1"),
        FRAME(0xbb, 0, 0, "nobody"), RST_STREAM(1, "\0\0\0\10"),
    };
    struct frames *f = frames_greet(a->site->rig);
    const struct frame *frame = &floods[dice_below(&a->dice, CHECK_LEN(floods))];
    put_request(a, f, 1, ASK_EMPTY, 0, END_BOTH);
    for (unsigned n = 0; n < FLOOD; n++)
        frames_put(f, frame);
    attack_hold(a, f, dice_once_in(&a->dice, 2));
}

static void header_bomb(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    struct bytes block = {0};
    static const char entry[] = "\x40\1x\x7f\xa1\x1e"; /* "x", and 4,000 bytes: kept as 62 */
    char value[4000];
    struct fields fields;
    put_request(a, f, 1, ASK_LENGTH, 10, END_STREAM);
    memset(value, 0x61, sizeof(value));
    bytes_add(&block, entry, sizeof(entry) - 1);
    bytes_add(&block, value, sizeof(value));
    for (unsigned n = 0; n < 8000; n++)
        bytes_add(&block, "\xbe", 1);
    const struct frame bomb = {
        FRAME_SEND, NGHTTP2_CONTINUATION, END_HEADERS, 1, block.ptr, block.len, NULL, 0};
    frames_put(f, &bomb);
    bytes_fini(&block);
    FRAMES_PUT(f, HEADERS(3, 0, attack_fields(a, &fields, ASK_LENGTH, 10)));
    for (unsigned n = 0; n < 50; n++)
        FRAMES_PUT(f, CONTINUATION(3, 0, "x: y\n"));
    attack_hold(a, f, true);
}

/* A head of 64 KiB for a few bytes, on each of as many streams as there may be, and no window. */
static void heads_out_of_hpack(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    FRAMES_PUT(f, SETTINGS("\0\4\0\0\0\0"));
    for (uint32_t n = 0; n < 100; n++) {
        struct fields fields;
        const char *lines = attack_fields(a, &fields, ASK_LENGTH, 50000);
        hpack_put_lines(f, 2 * n + 1, lines, n == 0, HPACK_FULL_FIELDS - 1);
    }
    attack_hold(a, f, dice_once_in(&a->dice, 2));
}

/* Heads that are too large, until the connection is ended. */
static void heads_that_are_too_large(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    for (uint32_t n = 0; n < 700; n++) {
        struct fields fields;
        const char *lines = attack_fields(a, &fields, ASK_LENGTH, 10);
        hpack_put_lines(f, 2 * n + 1, lines, n == 0, HPACK_FULL_FIELDS + 1);
        if (n % 50 == 49)
            frames_send(f);
    }
    attack_hold(a, f, true);
}

/* Asks for much, and takes none of it. */
static void zero_window(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    FRAMES_PUT(f, SETTINGS("\0\4\0\0\0\0"));
    for (uint32_t id = 1; id < 2 * HELD_STREAMS; id += 2)
        put_request(a, f, id, ASK_LENGTH, 1000000, END_BOTH);
    attack_hold(a, f, dice_once_in(&a->dice, 2));
}

static void unread_pushes(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    for (uint32_t id = 1; id < 10; id += 2)
        put_request(a, f, id, ASK_PAGE, 50000, END_BOTH);
    attack_hold(a, f, false);
}

static void upload_that_stops(struct attack *a)
{
    static const struct frame piece = FILLED(NGHTTP2_DATA, 0, 1, 9000);
    struct frames *f = frames_greet(a->site->rig);
    /* An origin that checks what it gets is not asked. */
    put_request(a, f, 1, ASK_ECHO, 100000, END_HEADERS);
    for (uint64_t n = dice_below(&a->dice, 6); n > 0; n--)
        frames_put(f, &piece);
    attack_hold(a, f, dice_once_in(&a->dice, 2));
}

/* Everything at once, cut at any place. */
static void abrupt_end(struct attack *a)
{
    struct frames *f = frames_greet(a->site->rig);
    for (uint32_t id = 1; id < 20; id += 2) {
        bool uploads = dice_once_in(&a->dice, 4);
        enum ask_kind kind = uploads ? ASK_ECHO : (enum ask_kind)dice_below(&a->dice, ASK_ASSET);
        if (kind == ASK_DIGEST)
            kind = ASK_HINTED;
        put_request(a, f, id, kind, dice_below(&a->dice, 300000), uploads ? END_HEADERS : END_BOTH);
        if (uploads)
            FRAMES_PUT(f, FILLED(NGHTTP2_DATA, 0, id, 5000));
    }
    (void)!wire_write(f->wire, f->out.ptr, (size_t)dice_below(&a->dice, f->out.len + 1));
    wire_ends(f->wire, (unsigned)dice_below(&a->dice, 100));
    channel_reset(&f->wire->channel);
    frames_close(f);
}

/* New keys again and again, each with a request for new ones in return, while a body is on its way;
 * false when the daemon takes no more of it. */
static bool update_keys(struct frames *f)
{
    SSL *ssl = f->wire->channel.ssl;
    return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

static void key_updates(struct attack *a, bool reads)
{
    struct frames *f = frames_greet(a->site->rig);
    char dropped[4096];
    FRAMES_PUT(f, SETTINGS("\0\4\0\x20\0\0"));
    FRAMES_PUT(f, WINDOW_UPDATE(0, "\0\x20\0\0"));
    put_request(a, f, 1, ASK_LENGTH, 1000000, END_BOTH);
    (void)!wire_write(f->wire, f->out.ptr, f->out.len);
    bytes_clear(&f->out);
    for (uint64_t n = dice_below(&a->dice, 2 * FLOOD); n > 0 && update_keys(f); n--)
        if (reads && n % 16 == 0)
            (void)!wire_read(f->wire, dropped, sizeof(dropped), 0);
    attack_hold(a, f, reads);
}

static void key_updates_with_reading(struct attack *a)
{
    key_updates(a, true);
}

static void key_updates_without_reading(struct attack *a)
{
    key_updates(a, false);
}

static struct wire *attack_connect(struct attack *a)
{
    return wire_connect(&(struct wire_options){.port = a->site->port, .sni = "example.com"});
}

static void half_handshake(struct attack *a)
{
    static const char hello[] = "\x16\3\1\2\0\1\0\1\xfc\3\3 and no more";
    struct wire *w = attack_connect(a);
    size_t n = (size_t)dice_between(&a->dice, 1, sizeof(hello));
    (void)!send(w->channel.fd, hello, n, MSG_NOSIGNAL);
    wire_ends(w, (unsigned)dice_below(&a->dice, HELD_MS));
    wire_free(w);
}

static void garbage_bytes(struct attack *a)
{
    char noise[3000];
    struct wire *w = attack_connect(a);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)dice_below(&a->dice, 256);
    switch (dice_below(&a->dice, 3)) {
    case 0:
        (void)!send(w->channel.fd, noise, sizeof(noise), MSG_NOSIGNAL);
        break;
    case 1:
        if (wire_handshake(w))
            (void)!wire_write(w, noise, sizeof(noise));
        break;
    default:
        if (wire_handshake(w) &&
            wire_write(w, NGHTTP2_CLIENT_MAGIC, sizeof(NGHTTP2_CLIENT_MAGIC) - 1))
            (void)!wire_write(w, noise, sizeof(noise));
        break;
    }
    wire_ends(w, HELD_MS);
    wire_free(w);
}

static void silent_connections(struct attack *a)
{
    struct wire *wires[IDLE_CONNECTIONS];
    for (size_t i = 0; i < IDLE_CONNECTIONS; i++) {
        wires[i] = attack_connect(a);
        if (i % 2 == 0)
            (void)!wire_handshake(wires[i]);
    }
    wire_ends(wires[0], (unsigned)dice_below(&a->dice, HELD_MS));
    for (size_t i = 0; i < IDLE_CONNECTIONS; i++) {
        if (i % 3 == 0)
            channel_reset(&wires[i]->channel);
        wire_free(wires[i]);
    }
    soak_count(SOAK_HOSTILE, IDLE_CONNECTIONS - 1);
}

static void (*const attacks[])(struct attack *) = {
    rapid_reset,
    flood,
    header_bomb,
    heads_out_of_hpack,
    heads_that_are_too_large,
    zero_window,
    unread_pushes,
    upload_that_stops,
    abrupt_end,
    half_handshake,
    garbage_bytes,
    silent_connections,
    key_updates_with_reading,
    key_updates_without_reading,
};

void *hostile_run(void *arg)
{
    const struct hostile *hostile = arg;
    struct attack a = {hostile->site, dice_of(hostile->site->seed, hostile->lane)};
    for (uint64_t n = hostile->lane; !atomic_load(&a.site->stopping); n++) {
        attacks[n % CHECK_LEN(attacks)](&a);
        soak_count(SOAK_HOSTILE, 1);
        poll(NULL, 0, (int)dice_below(&a.dice, PAUSE_MS));
    }
    return NULL;
}
