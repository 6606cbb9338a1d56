#include "http/request.h"

#include "http/url.h"

static bool is_target_byte(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && c != '#';
}

static bool is_target(const struct request *in)
{
    if (span_eq(in->path, SPAN("*")))
        return span_eq(in->method, SPAN("OPTIONS"));
    for (size_t i = 0; i < in->path.len; i++) {
        if (!is_target_byte(in->path.ptr[i]))
            return false;
    }
    return in->path.len > 0 && in->path.ptr[0] == '/';
}

/* Splits `host[:port]`, the authority of a URL with `scheme`; false where it is none. */
static bool split_site(struct span authority, struct span scheme, struct url *out)
{
    if (!url_split_authority(authority, out) || out->has_userinfo || out->host.len == 0)
        return false;
    out->scheme = scheme;
    return true;
}

/* Sets the authority of `in` from Host where it has none. False where the two stand for different
 * ones (RFC 9113 §8.3.1; RFC 9110 §4.2.3), where there is neither, or where it is not
 * `host[:port]`. */
static bool settle_authority(struct request *in, struct span scheme)
{
    struct span authority = in->authority;
    const struct field *host = fields_get(&in->fields, FIELD_HOST);
    struct url url, other;
    for (size_t i = 0; i < in->fields.len; i++) {
        if (in->fields.at[i].id == FIELD_HOST && &in->fields.at[i] != host)
            return false;
    }
    if (host && authority.len == 0)
        authority = host->value;
    if (!split_site(authority, scheme, &url))
        return false;
    if (host && !span_eq(host->value, authority) &&
        !(split_site(host->value, scheme, &other) && url_same_origin(&url, &other)))
        return false;
    in->authority = authority;
    in->host = url.host;
    return true;
}

enum request_fault request_check(struct request *in, struct span scheme)
{
    if (span_eq(in->method, SPAN("CONNECT")))
        return REQUEST_IS_CONNECT;
    if (!field_name_is_valid(in->method))
        return REQUEST_BAD_METHOD;
    if (!span_ieq(in->scheme, scheme))
        return REQUEST_BAD_SCHEME;
    if (!settle_authority(in, scheme))
        return REQUEST_BAD_AUTHORITY;
    if (!is_target(in))
        return REQUEST_BAD_PATH;
    in->scheme = scheme;
    return REQUEST_FINE;
}
