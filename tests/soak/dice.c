#include "dice.h"

/* splitmix64 */
static uint64_t dice_next(struct dice *d)
{
    uint64_t x = d->state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

struct dice dice_of(uint64_t seed, uint64_t lane)
{
    struct dice d = {seed};
    d.state = dice_next(&d) ^ lane * 0xff51afd7ed558ccdu;
    return d;
}

uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_next(d) % n;
}

uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high)
{
    return low + dice_below(d, high - low);
}

bool dice_once_in(struct dice *d, uint64_t n)
{
    return dice_below(d, n) == 0;
}
