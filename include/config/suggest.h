/* suggest.h - "did you mean": the known word that is nearest to one that is not known.
 * Pure. Near means few letters wrong, missing, too many or swapped; case does not count. */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "base/span.h"

struct suggest {
    struct span word;
    const char *best; /* NULL: none of the words offered so far is near */
    size_t distance;  /* of `best`; without one, the first distance that is too far */
};

/* Starts the search for a word like `word` (borrowed). */
void suggest_init(struct suggest *s, struct span word);
/* Offers a known word (borrowed); the nearest stays in s->best, of equals the first. */
void suggest_offer(struct suggest *s, const char *known);

#endif
