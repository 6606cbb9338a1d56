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

/* Sets the authority of `in` from Host where it has none. False where the two differ, where there
 * is neither, or where it is not `host[:port]`. */
static bool settle_authority(struct request *in)
{
    struct span authority = in->authority;
    const struct field *host = fields_get(&in->fields, FIELD_HOST);
    struct url url;
    for (size_t i = 0; i < in->fields.len; i++) {
        if (in->fields.at[i].id == FIELD_HOST && &in->fields.at[i] != host)
            return false;
    }
    if (host && authority.len == 0)
        authority = host->value;
    if (host && !span_ieq(host->value, authority))
        return false;
    if (!url_split_authority(authority, &url) || url.has_userinfo || url.host.len == 0)
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
    if (!settle_authority(in))
        return REQUEST_BAD_AUTHORITY;
    if (!is_target(in))
        return REQUEST_BAD_PATH;
    in->scheme = scheme;
    return REQUEST_FINE;
}
