#include "push/link.h"

#include "base/attr.h"

/* The parameters that matter here. */
#define PARAMS(X)                                                                                  \
    X(REL, "rel")                                                                                  \
    X(AS, "as")                                                                                    \
    X(ANCHOR, "anchor")                                                                            \
    X(MEDIA, "media")                                                                              \
    X(IMAGESRCSET, "imagesrcset")                                                                  \
    X(REFERRERPOLICY, "referrerpolicy")                                                            \
    X(NOPUSH, "nopush")                                                                            \
    X(PUSH_ONLY, "x-http2-push-only")

enum param_name {
#define X(id, text) PARAM_##id,
    PARAMS(X)
#undef X
        PARAM_OTHER
};

struct param {
    struct span name;
    struct link_value value;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The bytes that end a parameter's name or an unquoted value. */
static bool is_end(char c)
{
    switch (c) {
    case ' ':
    case '\t':
    case ',':
    case ';':
        return true;
    default:
        return false;
    }
}

static void skip(struct span *text, size_t n)
{
    *text = span_from(*text, n);
}

static void skip_blanks(struct span *text)
{
    while (text->len > 0 && is_blank(text->ptr[0]))
        skip(text, 1);
}

static bool next_is(struct span text, char c)
{
    return text.len > 0 && text.ptr[0] == c;
}

/* Case does not count; but nearly all is in lower case, which is quicker seen. */
static bool is_same(struct span text, struct span word)
{
    return text.len == word.len && (span_eq(text, word) || span_ieq(text, word));
}

static enum param_name param_lookup(struct span name)
{
    static const struct span names[] = {
#define X(id, text) {text, sizeof(text) - 1},
        PARAMS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_same(name, names[i]))
            return (enum param_name)i;
    }
    return PARAM_OTHER;
}

/* Takes a quoted string, whose opening quote is next. False where it is left open. */
static bool take_quoted(struct span *text, struct link_value *value)
{
    size_t i = 1, escapes = 0;
    while (i < text->len && text->ptr[i] != '"') {
        if (text->ptr[i] == '\\') {
            escapes++;
            i++;
        }
        i++;
    }
    if (i >= text->len)
        return false;
    *value = (struct link_value){.text = {text->ptr + 1, i - 1}, .escapes = escapes};
    skip(text, i + 1);
    return true;
}

static void take_unquoted(struct span *text, struct link_value *value)
{
    size_t i = 0;
    while (i < text->len && !is_end(text->ptr[i]))
        i++;
    *value = (struct link_value){.text = {text->ptr, i}};
    skip(text, i);
}

/* Takes the parameter behind a ";"; there may be none. */
static bool take_param(struct span *text, struct param *param)
{
    skip_blanks(text);
    size_t i = 0;
    while (i < text->len && text->ptr[i] != '=' && !is_end(text->ptr[i]))
        i++;
    *param = (struct param){.name = {text->ptr, i}};
    skip(text, i);
    skip_blanks(text);
    if (!next_is(*text, '='))
        return true;
    skip(text, 1);
    skip_blanks(text);
    if (next_is(*text, '"'))
        return take_quoted(text, &param->value);
    take_unquoted(text, &param->value);
    return true;
}

/* The list of relation types holds "preload": a word of it, once its escapes are gone. */
static bool has_preload(struct link_value rel)
{
    static const char word[] = "preload";
    enum { WORD_LEN = sizeof word - 1, NO_MATCH };
    if (rel.escapes == 0 && rel.text.len <= WORD_LEN)
        return is_same(rel.text, span_of(word, WORD_LEN));
    size_t matched = 0;
    for (size_t i = 0; i < rel.text.len; i++) {
        if (rel.escapes > 0 && rel.text.ptr[i] == '\\')
            i++;
        char c = rel.text.ptr[i];
        if (is_blank(c)) {
            if (matched == WORD_LEN)
                return true;
            matched = 0;
        } else if (matched < WORD_LEN && span_lower(c) == word[matched]) {
            matched++;
        } else {
            matched = NO_MATCH;
        }
    }
    return matched == WORD_LEN;
}

/* Notes a parameter in `link`; `*met` holds a bit for each name that was there already. */
static void note_param(struct link *link, const struct param *param, unsigned *met)
{
    enum param_name name = param_lookup(param->name);
    unsigned bit = 1u << name;
    if (name == PARAM_OTHER || (*met & bit) != 0)
        return;
    *met |= bit;
    switch (name) {
    case PARAM_REL:
        link->preload = has_preload(param->value);
        break;
    case PARAM_AS:
        link->as = param->value;
        break;
    case PARAM_ANCHOR:
        link->has_anchor = true;
        link->anchor = param->value;
        break;
    case PARAM_MEDIA:
    case PARAM_IMAGESRCSET:
        link->conditional = link->conditional || param->value.text.len > 0;
        break;
    case PARAM_REFERRERPOLICY:
        link->policy = param->value;
        break;
    case PARAM_NOPUSH:
        link->nopush = true;
        break;
    case PARAM_PUSH_ONLY:
        link->push_only = true;
        break;
    case PARAM_OTHER:
        break;
    }
}

static bool take_target(struct span *text, struct span *target)
{
    size_t end = span_find(*text, '>');
    if (text->ptr[0] != '<' || end == text->len)
        return false;
    *target = (struct span){text->ptr + 1, end - 1};
    skip(text, end + 1);
    return true;
}

/* Takes the parameters, up to the comma or the end behind them. */
static bool take_params(struct span *text, struct link *link)
{
    unsigned met = 0;
    for (;;) {
        struct param param;
        skip_blanks(text);
        if (text->len == 0 || text->ptr[0] == ',')
            return true;
        if (text->ptr[0] != ';')
            return false;
        skip(text, 1);
        if (!take_param(text, &param))
            return false;
        note_param(link, &param, &met);
    }
}

void link_start(struct link_reader *r, struct span line)
{
    r->rest = line;
}

enum link_result link_next(struct link_reader *r, struct link *out)
{
    while (r->rest.len > 0 && (is_blank(r->rest.ptr[0]) || r->rest.ptr[0] == ','))
        skip(&r->rest, 1);
    if (r->rest.len == 0)
        return LINK_END;
    struct span start = r->rest, text = start;
    *out = (struct link){.element = start};
    if (!take_target(&text, &out->target) || !take_params(&text, out)) {
        *out = (struct link){.element = start};
        skip(&r->rest, start.len);
        return LINK_MALFORMED;
    }
    out->element = span_trim((struct span){start.ptr, start.len - text.len});
    r->rest = text;
    return LINK_ELEMENT;
}

struct span link_value_plain(struct link_value value, struct arena *arena)
{
    if (value.escapes == 0)
        return value.text;
    char *plain = arena_text(arena, value.text.len - value.escapes);
    size_t len = 0;
    for (size_t i = 0; plain && i < value.text.len; i++) {
        if (value.text.ptr[i] == '\\')
            i++;
        plain[len++] = value.text.ptr[i];
    }
    return plain ? span_of(plain, len) : SPAN("");
}
