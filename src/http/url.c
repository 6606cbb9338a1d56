#include "http/url.h"

#include "base/attr.h"
#include "http/host.h"

#define BIT(c) (UINT64_C(1) << ((c)&63))

/* Sets of bytes, a bit for each: those that may stand in a URI reference at all (RFC 3986 §2), and
 * those of a registered name (unreserved, sub-delims, "%"). */
enum { SET_WORDS = 256 / 64 };
static const uint64_t uri_bytes[SET_WORDS] = {
    ~(BIT('!') - 1) & ~(BIT('"') | BIT('<') | BIT('>')),
    ~(BIT('\\') | BIT('^') | BIT('`') | BIT('{') | BIT('|') | BIT('}') | BIT(0x7f)),
};
static const uint64_t not_name_bytes[SET_WORDS] = {
    BIT('#') | BIT('/') | BIT(':') | BIT('?'),
    BIT('@') | BIT('[') | BIT(']'),
};

static bool is_in(const uint64_t set[SET_WORDS], char c)
{
    unsigned byte = (unsigned char)c;
    return (set[byte / 64] >> (byte & 63) & 1) != 0;
}

static bool is_uri_byte(char c)
{
    return is_in(uri_bytes, c);
}

static bool is_name_byte(char c)
{
    return is_in(uri_bytes, c) && !is_in(not_name_bytes, c);
}

static bool is_name_byte_or_colon(char c)
{
    return c == ':' || is_name_byte(c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

static bool is_hex_digit(char c)
{
    return is_digit(c) || (span_lower(c) >= 'a' && span_lower(c) <= 'f');
}

static bool is_ipv6_byte(char c)
{
    return c == ':' || c == '.' || is_hex_digit(c);
}

static bool is_scheme_byte(char c)
{
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

static inline bool all_are(bool (*is)(char), struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is(text.ptr[i]))
            return false;
    }
    return true;
}

static struct span first_bytes(struct span text, size_t len)
{
    return (struct span){text.ptr, len};
}

/* What stands between the brackets of an IP literal (RFC 3986 §3.2.2); not whether the groups of an
 * IPv6 address are well-formed. */
static bool is_ip_literal(struct span text)
{
    if (text.len > 0 && span_lower(text.ptr[0]) == 'v') {
        struct span version = span_from(text, 1);
        size_t dot = span_find(version, '.');
        return dot > 0 && dot + 1 < version.len &&
               all_are(is_hex_digit, first_bytes(version, dot)) &&
               all_are(is_name_byte_or_colon, span_from(version, dot + 1));
    }
    return span_find(text, ':') < text.len && all_are(is_ipv6_byte, text);
}

static bool take_host(struct span *text, struct span *host)
{
    bool is_literal = text->len > 0 && text->ptr[0] == '[';
    size_t len = span_find(*text, is_literal ? ']' : ':');
    if (is_literal) {
        if (len == text->len || !is_ip_literal((struct span){text->ptr + 1, len - 1}))
            return false;
        len++;
    } else if (!all_are(is_name_byte, first_bytes(*text, len))) {
        return false;
    }
    *host = first_bytes(*text, len);
    *text = span_from(*text, len);
    return true;
}

/* Reads what stands behind a host: nothing, ":" or ":PORT". */
static bool take_port(struct span text, unsigned *port)
{
    uint64_t n;
    if (text.len == 0 || span_eq(text, SPAN(":")))
        return true;
    if (text.ptr[0] != ':' || !span_to_u64(span_from(text, 1), 65535, &n) || n == 0)
        return false;
    *port = (unsigned)n;
    return true;
}

static bool take_authority(struct span text, struct url *url)
{
    size_t at = span_find(text, '@');
    url->has_authority = true;
    if (text.len == 0)
        return true;
    if (at < text.len) {
        url->has_userinfo = true;
        if (!all_are(is_name_byte_or_colon, first_bytes(text, at)))
            return false;
        text = span_from(text, at + 1);
    }
    return take_host(&text, &url->host) && take_port(text, &url->port);
}

/* Takes "SCHEME:" off the front. False where a first segment with a colon is no scheme: such a
 * reference is none (RFC 3986 §4.2). */
static bool take_scheme(struct span *text, struct url *url)
{
    for (size_t i = 0; i < text->len; i++) {
        char c = text->ptr[i];
        if (c == '/' || c == '?')
            return true;
        if (c == ':') {
            url->scheme = first_bytes(*text, i);
            *text = span_from(*text, i + 1);
            return i > 0 && is_letter(url->scheme.ptr[0]) && all_are(is_scheme_byte, url->scheme);
        }
    }
    return true;
}

static void take_target(struct span text, struct url *url)
{
    size_t path = span_find(text, '?');
    url->path = first_bytes(text, path);
    url->has_query = path < text.len;
    if (url->has_query)
        url->query = span_from(text, path + 1);
}

bool url_split(struct span text, struct url *out)
{
    struct url url = {.port = 0};
    if (!all_are(is_uri_byte, text))
        return false;
    text.len = span_find(text, '#');
    if (!take_scheme(&text, &url))
        return false;
    if (span_starts(text, SPAN("//"))) {
        text = span_from(text, 2);
        size_t len = 0;
        while (len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?')
            len++;
        if (!take_authority(first_bytes(text, len), &url))
            return false;
        text = span_from(text, len);
    }
    take_target(text, &url);
    *out = url;
    return true;
}

bool url_host_is_under(struct span host, struct span wildcard)
{
    struct span end = span_from(wildcard, 1);
    return host.len > end.len && span_ieq(span_from(host, host.len - end.len), end);
}

bool url_split_authority(struct span text, struct url *out)
{
    struct url url = {.port = 0};
    if (!take_authority(text, &url))
        return false;
    *out = url;
    return true;
}

void url_split_target(struct span target, struct url *out)
{
    *out = (struct url){.port = 0};
    take_target(target, out);
}

unsigned url_default_port(struct span scheme)
{
    if (span_ieq(scheme, SPAN("https")))
        return 443;
    return span_ieq(scheme, SPAN("http")) ? 80 : 0;
}

unsigned url_port(const struct url *url)
{
    return url->port != 0 ? url->port : url_default_port(url->scheme);
}

/* What was resolved has most often the very bytes of its base. */
static bool is_very(struct span a, struct span b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->has_authority && b->has_authority &&
           (is_very(a->scheme, b->scheme) || span_ieq(a->scheme, b->scheme)) &&
           (a->port == b->port || url_port(a) == url_port(b)) &&
           (is_very(a->host, b->host) || host_is_same(a->host, b->host));
}

size_t url_resolve_bytes(const struct url *base, const struct url *ref)
{
    size_t query = base->query.len > ref->query.len ? base->query.len : ref->query.len;
    return base->path.len + ref->path.len + query + sizeof "/?";
}

static size_t append(char *buffer, size_t len, struct span text)
{
    if (text.len > 0)
        memcpy(buffer + len, text.ptr, text.len);
    return len + text.len;
}

/* Takes the last segment and the slash before it off the path. */
static size_t without_last_segment(const char *path, size_t len)
{
    while (len > 0) {
        len--;
        if (path[len] == '/')
            break;
    }
    return len;
}

/* Whether remove_dot_segments() would change anything: seldom, and this is quickly seen. */
static bool has_dot_segments(struct span path)
{
    size_t at = 0;
    while (at < path.len) {
        at += span_find(span_from(path, at), '.');
        if (at < path.len && (at == 0 || path.ptr[at - 1] == '/'))
            return true;
        at++;
    }
    return false;
}

/* RFC 3986 §5.2.4, in place: what is written never overtakes what is read. Linear: a byte is
 * written once and taken back once at the most. Returns the new length. */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t written = 0, read = 0;
    while (read < len) {
        bool slash = path[read] == '/';
        size_t name = read + (slash ? 1 : 0), end = name;
        while (end < len && path[end] != '/')
            end++;
        struct span segment = span_of(path + name, end - name);
        bool up = span_eq(segment, SPAN(".."));
        if (!up && !span_eq(segment, SPAN("."))) {
            memmove(path + written, path + read, end - read);
            written += end - read;
            read = end;
            continue;
        }
        if (up && slash)
            written = without_last_segment(path, written);
        if (slash && end == len)
            path[written++] = '/';
        read = !slash && end < len ? end + 1 : end;
    }
    return written;
}

/* The base's path up to its last slash, to which a relative path is appended (§5.2.3). */
static struct span base_directory(const struct url *base)
{
    size_t len = base->path.len;
    if (len == 0)
        return base->has_authority ? SPAN("/") : SPAN("");
    while (len > 0 && base->path.ptr[len - 1] != '/')
        len--;
    return first_bytes(base->path, len);
}

void url_resolve(const struct url *base, const struct url *ref, char *buffer, struct url *out,
                 struct span *target)
{
    bool absolute = ref->scheme.len > 0 || ref->has_authority;
    struct url url = absolute ? *ref : *base;
    bool same_path = !absolute && ref->path.len == 0;
    size_t len = 0;
    if (ref->scheme.len == 0)
        url.scheme = base->scheme;
    if (!same_path || ref->has_query) {
        url.query = ref->query;
        url.has_query = ref->has_query;
    }
    if (same_path) {
        len = append(buffer, len, base->path);
    } else {
        if (!absolute && ref->path.ptr[0] != '/')
            len = append(buffer, len, base_directory(base));
        len = append(buffer, len, ref->path);
        if (has_dot_segments(span_of(buffer, len)))
            len = remove_dot_segments(buffer, len);
    }
    if (len == 0 && url.has_authority)
        len = append(buffer, len, SPAN("/"));
    url.path = span_of(buffer, len);
    if (url.has_query) {
        len = append(buffer, len, SPAN("?"));
        size_t query = len;
        len = append(buffer, len, url.query);
        url.query = span_of(buffer + query, len - query);
    }
    *out = url;
    *target = span_of(buffer, len);
}
