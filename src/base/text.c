#include "base/text.h"

#include <assert.h>

enum { U64_DIGITS = 20 };

void text_put_padded(struct text *t, uint64_t n, unsigned digits)
{
    char out[U64_DIGITS];
    assert(digits >= 1 && digits <= sizeof out);
    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
    text_put(t, span_of(out, digits));
}

void text_put_u64(struct text *t, uint64_t n)
{
    char out[U64_DIGITS];
    size_t at = sizeof out;
    do {
        out[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    text_put(t, span_of(out + at, sizeof out - at));
}

void text_put_thousandths(struct text *t, uint64_t n)
{
    text_put_u64(t, n / 1000);
    text_put_char(t, '.');
    text_put_padded(t, n % 1000, 3);
}

void text_put_hex(struct text *t, uint64_t n, unsigned digits)
{
    static const char hex[] = "0123456789abcdef";
    char out[16];
    size_t at = sizeof out;
    assert(digits >= 1 && digits <= sizeof out);
    do {
        out[--at] = hex[n & 0xf];
        n >>= 4;
    } while (n > 0 || sizeof out - at < digits);
    text_put(t, span_of(out + at, sizeof out - at));
}

/* The length of the UTF-8 sequence at the front of `s` (RFC 3629), 0 if there is none. */
static size_t utf8_len(struct span s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    size_t len = c < 0x80                 ? 1
                 : c >= 0xc2 && c <= 0xdf ? 2
                 : (c & 0xf0) == 0xe0     ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4
                                          : 0;
    if (len == 0 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
            return 0;
    }
    unsigned char second = len > 1 ? (unsigned char)s.ptr[1] : 0;
    bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
    bool outside = (c == 0xed && second > 0x9f) || (c == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : len;
}

/* The number of the character at the front of `s`, whose sequence is `len` bytes long. */
static uint32_t utf8_code(struct span s, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)s.ptr[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    return code;
}

/* The character is not text but does something to whoever shows it: Unicode's controls (Cc), which
 * drive terminals, its separators of lines and paragraphs (Zl, Zp), which end a line for some
 * readers, and its Bidi_Control, which puts what follows in another order (CVE-2021-42574). */
static bool is_acting(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* The length of the character at the front of `s`; `*code` is its number where it is one that acts,
 * or a byte that is no UTF-8, and UINT32_MAX where it may be shown as it is. */
static size_t take_character(struct span s, uint32_t *code)
{
    size_t len = utf8_len(s);
    *code = len > 0 ? utf8_code(s, len) : (unsigned char)s.ptr[0];
    if (len > 0 && !is_acting(*code))
        *code = UINT32_MAX;
    return len > 0 ? len : 1;
}

/* The byte stands for itself in a JSON string. */
static bool is_plain(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Appends the character at the front of `s`, which is not plain; returns its length. */
static size_t put_special(struct text *t, struct span s)
{
    uint32_t code;
    size_t len = take_character(s, &code);
    if (code != UINT32_MAX) {
        text_put(t, SPAN("\\u"));
        text_put_hex(t, code, 4); /* all of them have four digits at most */
        return len;
    }
    if (s.ptr[0] == '"' || s.ptr[0] == '\\')
        text_put_char(t, '\\');
    text_put(t, span_of(s.ptr, len));
    return len;
}

void text_put_json(struct text *t, struct span s)
{
    text_put_char(t, '"');
    while (s.len > 0) {
        size_t plain = 0;
        while (plain < s.len && is_plain(s.ptr[plain]))
            plain++;
        text_put(t, span_of(s.ptr, plain));
        s = span_from(s, plain);
        if (s.len > 0)
            s = span_from(s, put_special(t, s));
    }
    text_put_char(t, '"');
}

void text_put_visible(struct text *t, struct span s)
{
    while (s.len > 0) {
        uint32_t code;
        size_t len = take_character(s, &code);
        for (size_t i = 0; code != UINT32_MAX && i < len; i++) {
            text_put(t, SPAN("\\x"));
            text_put_hex(t, (unsigned char)s.ptr[i], 2);
        }
        if (code == UINT32_MAX)
            text_put(t, span_of(s.ptr, len));
        s = span_from(s, len);
    }
}

bool text_place(struct text *t, struct arena *arena)
{
    char *at = arena_text(arena, t->len);
    if (!at)
        return false;
    *t = (struct text){.at = at, .room = t->len};
    return true;
}

struct span text_span(const struct text *t)
{
    return t->at && t->len <= t->room ? span_of(t->at, t->len) : SPAN("");
}
