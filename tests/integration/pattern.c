#include "pattern.h"

#include <pthread.h>
#include <string.h>

enum { PATTERN_PERIOD = 65521 };

static char pattern[PATTERN_PERIOD + PATTERN_PIECE];

static void pattern_make(void)
{
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < sizeof(pattern); i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        pattern[i] = i < PATTERN_PERIOD ? (char)(x & 0x7f) : pattern[i - PATTERN_PERIOD];
    }
}

const char *pattern_at(uint64_t offset)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, pattern_make);
    return pattern + offset % PATTERN_PERIOD;
}

bool pattern_matches(uint64_t offset, const void *bytes, size_t n)
{
    const char *rest = bytes;
    while (n > 0) {
        size_t piece = n < PATTERN_PIECE ? n : PATTERN_PIECE;
        if (memcmp(rest, pattern_at(offset), piece) != 0)
            return false;
        rest += piece;
        offset += piece;
        n -= piece;
    }
    return true;
}
