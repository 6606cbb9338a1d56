/* text.h - writes text into room that may be too small, or into none at all.
 * What does not fit is cut but counted, so that the same code measures a text and writes it: once
 * with no room for its length, then with room of that length. Numbers are written without printf.
 * Borrows the room. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/span.h"

struct text {
    char *at;    /* NULL where there is no room */
    size_t room; /* bytes at `at` */
    size_t len;  /* of the whole text; over `room`: it was cut */
};

/* Appends `s`. */
static inline void text_put(struct text *t, struct span s)
{
    size_t left = t->len < t->room ? t->room - t->len : 0;
    if (s.len <= left && s.len > 0)
        memcpy(t->at + t->len, s.ptr, s.len);
    else if (left > 0 && s.len > 0)
        memcpy(t->at + t->len, s.ptr, left);
    t->len += s.len;
}

/* Appends one byte. */
static inline void text_put_char(struct text *t, char c)
{
    if (t->len < t->room)
        t->at[t->len] = c;
    t->len++;
}

/* Appends `n` in decimal digits. */
void text_put_u64(struct text *t, uint64_t n);
/* Appends the last `digits` (1 to 20) decimal digits of `n`, zeros in front where it has fewer. */
void text_put_padded(struct text *t, uint64_t n, unsigned digits);
/* Appends `n` thousandths as a number with three decimals: 12345 is "12.345". */
void text_put_thousandths(struct text *t, uint64_t n);
/* Appends `n` in lower case hexadecimal digits, at least `digits` (1 to 16) of them. */
void text_put_hex(struct text *t, uint64_t n, unsigned digits);
/* Appends `s` as a JSON string (RFC 8259 §7) in its quotes. Characters that act on whoever shows
 * them (controls, separators of lines, bidirectional controls) are "\uNNNN"; a byte that is not
 * UTF-8 is shown as the character of that number. */
void text_put_json(struct text *t, struct span s);
/* Appends `s` for a terminal and for a log of one line a message: every byte of such characters,
 * and every byte that is not UTF-8, is "\xNN". */
void text_put_visible(struct text *t, struct span s);

/* Makes room in `arena` for the text that `t` measured, and begins it anew there. False, and
 * arena->failed, when memory is out; `t` measures on then. */
NODISCARD bool text_place(struct text *t, struct arena *arena);
/* The text that was written; empty where it was cut, or only measured. */
struct span text_span(const struct text *t);

#endif
