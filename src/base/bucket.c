#include "base/bucket.h"

bool bucket_take(struct bucket *b, uint64_t n, uint64_t burst, uint64_t refill_ms, uint64_t now_ms)
{
    double refilled = (double)burst * (double)(now_ms - b->looked_ms) / (double)refill_ms;
    b->spent = b->spent > refilled ? b->spent - refilled : 0;
    b->looked_ms = now_ms;
    if (b->spent + (double)n > (double)burst)
        return false;
    b->spent += (double)n;
    return true;
}
