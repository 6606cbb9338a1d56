/* notes.h - what was logged of an origin already, so that all workers together log it once.
 * Made for one configuration; used by all threads at once. */
#ifndef ORIGIN_NOTES_H
#define ORIGIN_NOTES_H

#include "base/attr.h"
#include "config/config.h"

struct notes;

/* Nothing was logged of any origin of `config`. NULL when memory is out. */
NODISCARD struct notes *notes_new(const struct config *config);
/* NULL is fine; no thread may use them any more. */
void notes_free(struct notes *n);
/* Notes `bits` of the origin that has `origin` others before it. Returns those of them that nobody
 * had noted. */
unsigned notes_add(struct notes *n, size_t origin, unsigned bits);

#endif
