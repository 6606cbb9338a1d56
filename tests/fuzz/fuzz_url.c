/* URLs: what is split lies in the text; what is resolved stays within url_resolve_bytes(), is what
 * RFC 3986 §5.2 literally says, and does not change when it is resolved again. */
#include <stdlib.h>

#include "base/arena.h"
#include "http/url.h"

#include "input.h"

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_split(struct span text, const struct url *url)
{
    assert(lies_in(url->scheme, text) && lies_in(url->host, text));
    assert(lies_in(url->path, text) && lies_in(url->query, text));
    assert(url->port <= 65535);
    assert(url->has_authority || (url->host.len == 0 && url->port == 0 && !url->has_userinfo));
    assert(url->has_query || url->query.len == 0);
    assert(!url->has_authority || url->path.len == 0 || url->path.ptr[0] == '/');
    assert(span_find(url->path, '?') == url->path.len &&
           span_find(url->path, '#') == url->path.len);
    for (size_t i = 0; i < text.len && text.ptr[i] != '#'; i++)
        assert(text.ptr[i] > ' ' && text.ptr[i] < 0x7f);
}

/* An authority by itself is split as it is in a reference. */
static void check_authority(struct span text, struct arena *arena)
{
    struct url alone, within;
    const struct span parts[] = {SPAN("//"), text};
    struct span reference = arena_join(arena, parts, 2);
    bool is_one = url_split_authority(text, &alone);
    if (!is_one)
        return;
    assert(lies_in(alone.host, text) && url_split(reference, &within));
    assert(span_eq(alone.host, within.host) && alone.port == within.port);
    assert(alone.has_userinfo == within.has_userinfo && within.path.len == 0);
}

/* RFC 3986 §5.2.4, letter by letter. */
static struct span without_dots(struct span in, struct arena *arena)
{
    char *out = arena_alloc(arena, in.len);
    size_t len = 0;
    while (in.len > 0) {
        if (span_starts(in, SPAN("../"))) {
            in = span_from(in, 3);
        } else if (span_starts(in, SPAN("./")) || span_starts(in, SPAN("/./"))) {
            in = span_from(in, 2);
        } else if (span_eq(in, SPAN("/."))) {
            in = SPAN("/");
        } else if (span_starts(in, SPAN("/../")) || span_eq(in, SPAN("/.."))) {
            in = in.len == 3 ? SPAN("/") : span_from(in, 3);
            while (len > 0 && out[--len] != '/')
                continue;
        } else if (span_eq(in, SPAN(".")) || span_eq(in, SPAN(".."))) {
            in = SPAN("");
        } else {
            do {
                out[len++] = in.ptr[0];
                in = span_from(in, 1);
            } while (in.len > 0 && in.ptr[0] != '/');
        }
    }
    return span_of(out, len);
}

/* RFC 3986 §5.2.3. */
static struct span merged(const struct url *base, struct span path, struct arena *arena)
{
    struct span before = base->path;
    while (before.len > 0 && before.ptr[before.len - 1] != '/')
        before.len--;
    if (base->has_authority && base->path.len == 0)
        before = SPAN("/");
    const struct span parts[] = {before, path};
    return arena_join(arena, parts, 2);
}

/* The path and query of RFC 3986 §5.2.2. */
static struct span expected_target(const struct url *base, const struct url *ref,
                                   struct arena *arena)
{
    bool own = ref->scheme.len > 0 || ref->has_authority;
    bool own_query = own || ref->path.len > 0 || ref->has_query;
    const struct url *asked = own_query ? ref : base;
    struct span path = ref->path;
    if (!own && ref->path.len == 0)
        path = base->path;
    else if (own || ref->path.ptr[0] == '/')
        path = without_dots(ref->path, arena);
    else
        path = without_dots(merged(base, ref->path, arena), arena);
    if (path.len == 0 && (ref->has_authority || (ref->scheme.len == 0 && base->has_authority)))
        path = SPAN("/");
    const struct span parts[] = {path, asked->has_query ? SPAN("?") : SPAN(""), asked->query};
    return arena_join(arena, parts, 3);
}

/* Resolves into exactly as much room as was promised to be enough. */
static char *resolve(const struct url *base, const struct url *ref, struct url *out,
                     struct span *target)
{
    size_t room = url_resolve_bytes(base, ref);
    char *buffer = malloc(room);
    assert(buffer);
    url_resolve(base, ref, buffer, out, target);
    assert(target->ptr == buffer && target->len <= room);
    return buffer;
}

/* A target that is no network-path reference resolves to itself. */
static void check_again(const struct url *url, struct span target)
{
    struct url ref, out;
    struct span again;
    if (target.ptr[0] != '/' || span_starts(target, SPAN("//")))
        return;
    assert(url_split(target, &ref) && !ref.has_authority);
    char *buffer = resolve(url, &ref, &out, &again);
    assert(span_eq(again, target) && url_same_origin(url, &out));
    free(buffer);
}

static void check_resolve(const struct url *base, const struct url *ref, struct arena *arena)
{
    struct url out;
    struct span target;
    char *buffer = resolve(base, ref, &out, &target);
    assert(span_eq(target, expected_target(base, ref, arena)));
    assert(lies_in(out.path, target) && lies_in(out.query, target));
    assert(!out.has_authority || target.ptr[0] == '/');
    assert(url_same_origin(base, &out) == url_same_origin(&out, base));
    bool is_normal = ref->scheme.len > 0 || ref->has_authority || ref->path.len > 0;
    if (is_normal && out.has_authority)
        check_again(&out, target);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct span base_text = input_line(&in), ref_text = in.rest;
    struct url base, ref;
    struct arena arena;
    arena_init(&arena, NULL);
    bool has_base = url_split(base_text, &base), has_ref = url_split(ref_text, &ref);
    if (has_base)
        check_split(base_text, &base);
    if (has_ref)
        check_split(ref_text, &ref);
    check_authority(ref_text, &arena);
    if (has_base && has_ref && base.scheme.len > 0)
        check_resolve(&base, &ref, &arena);
    assert(!arena.failed);
    arena_fini(&arena);
    return 0;
}
