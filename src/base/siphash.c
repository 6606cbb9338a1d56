#include "base/siphash.h"

#include <endian.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(struct state *s, int n)
{
    while (n-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

/* The next `len` bytes, at most 8, as a little-endian number. */
static uint64_t word(const char *at, size_t len)
{
    uint64_t w = 0;
    if (len > 0)
        memcpy(&w, at, len);
    return le64toh(w);
}

static void absorb(struct state *s, uint64_t w)
{
    s->v3 ^= w;
    rounds(s, 2);
    s->v0 ^= w;
}

uint64_t siphash(const struct siphash_key *key, struct span text)
{
    struct state s = {
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = text.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        absorb(&s, word(text.ptr + i, 8));
    struct span rest = span_from(text, whole);
    absorb(&s, (uint64_t)text.len << 56 | word(rest.ptr, rest.len));
    s.v2 ^= 0xff;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
