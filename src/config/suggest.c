#include "config/suggest.h"

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The optimal string alignment distance, with three rows of its table at a time. */
static size_t distance(struct span a, struct span b)
{
    size_t rows[3][LONGEST + 1];
    size_t *two_ago = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        two_ago[j] = last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = span_lower(a.ptr[i - 1]), y = span_lower(b.ptr[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (x != y));
            bool swapped =
                i > 1 && j > 1 && x == span_lower(b.ptr[j - 2]) && span_lower(a.ptr[i - 2]) == y;
            if (swapped)
                row[j] = least(row[j], two_ago[j - 2] + 1);
        }
        size_t *oldest = two_ago;
        two_ago = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

void suggest_init(struct suggest *s, struct span word)
{
    *s = (struct suggest){.word = word, .distance = word.len / 3 + 1};
    if (s->distance < 2)
        s->distance = 2;
}

void suggest_offer(struct suggest *s, const char *known)
{
    struct span k = span_str(known);
    if (s->word.len == 0 || s->word.len > LONGEST || k.len > LONGEST)
        return;
    size_t d = distance(s->word, k);
    if (d < s->distance) {
        s->best = known;
        s->distance = d;
    }
}
