#include "config/type.h"

#include <stdarg.h>

bool type_why(struct type_context *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(ctx->why, sizeof ctx->why, fmt, args);
    va_end(args);
    return false;
}

bool type_is_left_out(const struct option *option, struct span text)
{
    return text.len == 0 && option->fallback && option->fallback[0] == '\0';
}

const char *type_copy(struct type_context *ctx, struct span s)
{
    return arena_printf(&ctx->config->arena, "%.*s", SPAN_ARG(s)).ptr;
}

const char *type_absolute(struct type_context *ctx, struct span path)
{
    if (span_starts(path, SPAN("/")))
        return type_copy(ctx, path);
    return arena_printf(&ctx->config->arena, "%s/%.*s", ctx->folder, SPAN_ARG(path)).ptr;
}

struct span type_lower(struct arena *arena, struct span s)
{
    char *out = arena_alloc(arena, s.len);
    for (size_t i = 0; out && i < s.len; i++)
        out[i] = span_lower(s.ptr[i]);
    return span_of(out, out ? s.len : 0);
}

bool type_is_made_of(struct span s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = span_lower(s.ptr[i]);
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return true;
}

bool type_next_word(struct span *list, struct span *word)
{
    *list = span_trim(*list);
    size_t len = 0;
    while (len < list->len && list->ptr[len] != ' ' && list->ptr[len] != '\t')
        len++;
    *word = (struct span){list->ptr, len};
    *list = span_from(*list, len);
    return len > 0;
}

size_t type_words(struct span list)
{
    struct span word;
    size_t n = 0;
    while (type_next_word(&list, &word))
        n++;
    return n;
}
