#include "http/fields.h"

#include <assert.h>
#include <endian.h>

enum { FIRST_CAPACITY = 16, SAME_LENGTH_MAX = 4 };

static const struct span names[FIELD_NAMES_END] = {
#define X(id, text, traits) [FIELD_##id] = {text, sizeof(text) - 1},
    FIELD_NAMES(X)
#undef X
};

/* The known names by their length, so that a lookup compares with a few only. All begin with a
 * letter, whose lower case has the bit 0x20. */
static const uint8_t names_by_length[][SAME_LENGTH_MAX] = {
    [2] = {FIELD_TE},
    [3] = {FIELD_VIA},
    [4] = {FIELD_DATE, FIELD_HOST, FIELD_LINK, FIELD_VARY},
    [6] = {FIELD_ACCEPT, FIELD_COOKIE, FIELD_EXPECT},
    [7] = {FIELD_REFERER, FIELD_TRAILER, FIELD_UPGRADE},
    [9] = {FIELD_FORWARDED, FIELD_X_REAL_IP},
    [10] = {FIELD_CONNECTION, FIELD_KEEP_ALIVE, FIELD_SET_COOKIE, FIELD_USER_AGENT},
    [12] = {FIELD_CF_H2_PUSHED, FIELD_CONTENT_TYPE, FIELD_X_HTTP2_PUSH},
    [14] = {FIELD_CONTENT_LENGTH, FIELD_HTTP2_SETTINGS},
    [15] = {FIELD_ACCEPT_ENCODING, FIELD_ACCEPT_LANGUAGE, FIELD_REFERRER_POLICY,
            FIELD_X_FORWARDED_FOR},
    [16] = {FIELD_PROXY_CONNECTION, FIELD_X_FORWARDED_HOST},
    [17] = {FIELD_TRANSFER_ENCODING, FIELD_X_FORWARDED_PROTO},
    [18] = {FIELD_CF_H2_PUSH_EXPLAIN},
};

void fields_init(struct fields *f, struct arena *arena)
{
    *f = (struct fields){.arena = arena};
}

static bool grow(struct fields *f)
{
    size_t capacity = f->capacity > 0 ? f->capacity * 2 : FIRST_CAPACITY;
    struct field *at = arena_alloc(f->arena, capacity * sizeof *at);
    if (!at)
        return false;
    if (f->len > 0)
        memcpy(at, f->at, f->len * sizeof *at);
    f->at = at;
    f->capacity = capacity;
    return true;
}

/* The place of a new field, or NULL when memory is out. */
static inline struct field *append(struct fields *f)
{
    if (f->len == f->capacity && !grow(f)) {
        f->failed = true;
        return NULL;
    }
    return &f->at[f->len++];
}

void fields_copy(struct fields *f, const struct field *field)
{
    struct field *to = append(f);
    if (to)
        *to = *field;
}

static inline enum field_name lookup(struct span name, bool (*is)(struct span a, struct span b))
{
    if (name.len >= ARRAY_LEN(names_by_length))
        return FIELD_OTHER;
    const uint8_t *ids = names_by_length[name.len];
    for (size_t i = 0; i < SAME_LENGTH_MAX && ids[i] != FIELD_OTHER; i++) {
        struct span known = names[ids[i]];
        if ((name.ptr[0] | 0x20) == known.ptr[0] && is(name, known))
            return (enum field_name)ids[i];
    }
    return FIELD_OTHER;
}

const struct field *fields_add(struct fields *f, struct span name, struct span value)
{
    struct field *to = append(f);
    if (to)
        *to = (struct field){.name = name, .value = value, .id = lookup(name, span_eq)};
    return to;
}

void fields_add_known(struct fields *f, enum field_name id, struct span value)
{
    struct field *to = append(f);
    if (to)
        *to = (struct field){.name = field_text(id), .value = value, .id = id};
}

const struct field *fields_get(const struct fields *f, enum field_name id)
{
    for (size_t i = 0; i < f->len; i++) {
        if (f->at[i].id == id)
            return &f->at[i];
    }
    return NULL;
}

struct span fields_value(const struct fields *f, enum field_name id)
{
    const struct field *field = fields_get(f, id);
    return field ? field->value : SPAN("");
}

void fields_remove(struct fields *f, enum field_name id)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->len; i++) {
        if (f->at[i].id != id)
            f->at[kept++] = f->at[i];
    }
    f->len = kept;
}

enum field_name field_lookup(struct span name)
{
    return lookup(name, span_ieq);
}

struct span field_text(enum field_name id)
{
    assert(id > FIELD_OTHER && id < FIELD_NAMES_END);
    return names[id];
}

bool field_is(enum field_name id, unsigned traits)
{
    static const uint8_t traits_of[FIELD_NAMES_END] = {
#define X(id, text, traits) [FIELD_##id] = (traits),
        FIELD_NAMES(X)
#undef X
    };
    return (traits_of[id] & traits) != 0;
}

/* The bytes of a token (RFC 9110 §5.6.2), in lower case; 0: no token has that byte. */
static const char token_bytes[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`',   ['|'] = '|',
    ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',   ['5'] = '5',
    ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b',   ['c'] = 'c',
    ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i',   ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p',   ['q'] = 'q',
    ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',   ['x'] = 'x',
    ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',   ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',   ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',   ['S'] = 's',
    ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',   ['Z'] = 'z',
};

bool field_name_is_valid(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (token_bytes[(unsigned char)name.ptr[i]] == 0)
            return false;
    }
    return name.len > 0;
}

size_t field_name_to_lower(char *text)
{
    size_t i = 0;
    for (char low; (low = token_bytes[(unsigned char)text[i]]) != 0; i++)
        text[i] = low;
    return i;
}

/* The top bit of each of the eight bytes that is a control byte, a tab too; the first byte is the
 * lowest of the number. */
static inline uint64_t control_bytes(const char *at)
{
    const uint64_t ones = UINT64_MAX / 0xff, tops = ones * 0x80;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    uint64_t low = word & ~tops; /* no sum of two bytes carries into the next */
    uint64_t text = low + ones * (0x80 - ' '), deleted = low + ones;
    return (~text | deleted) & ~word & tops;
}

static bool is_value_byte(char c)
{
    return ((unsigned char)c >= ' ' && c != 0x7f) || c == '\t';
}

/* Eight bytes at a time, but for the last ones of all. */
size_t field_value_end(struct span text, size_t from)
{
    const size_t step = sizeof(uint64_t), words_end = text.len < step ? 0 : text.len - step + 1;
    size_t i = from;
    while (i < words_end) {
        uint64_t found = control_bytes(text.ptr + i);
        if (found == 0) {
            i += step;
            continue;
        }
        i += (size_t)__builtin_ctzll(found) / 8;
        if (text.ptr[i] != '\t')
            return i;
        i++;
    }
    while (i < text.len && is_value_byte(text.ptr[i]))
        i++;
    return i;
}

bool field_value_is_valid(struct span value)
{
    return field_value_end(value, 0) == value.len;
}

bool fields_list_has(const struct fields *f, enum field_name id, struct span item)
{
    for (size_t i = 0; i < f->len; i++) {
        struct span list = f->at[i].value, element;
        while (f->at[i].id == id && span_next_item(&list, &element)) {
            if (span_ieq(element, item))
                return true;
        }
    }
    return false;
}
