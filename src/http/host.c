#include "http/host.h"

#include "net/address.h"

/* The value of a hexadecimal digit; 16 for any other byte. */
static unsigned hex_value(char c)
{
    char low = span_lower(c);
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return low >= 'a' && low <= 'f' ? (unsigned)(low - 'a') + 10 : 16;
}

/* The bytes that stand for themselves wherever they stand (RFC 3986 §2.3). */
static bool is_unreserved(char c)
{
    char low = span_lower(c);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* Takes a byte off the front of `*text`, decoded where that changes nothing but the spelling. */
static char take_byte(struct span *text)
{
    if (text->ptr[0] == '%' && text->len > 2) {
        unsigned high = hex_value(text->ptr[1]), low = hex_value(text->ptr[2]);
        char byte = (char)(high << 4 | low);
        if (high < 16 && low < 16 && is_unreserved(byte)) {
            *text = span_from(*text, 3);
            return byte;
        }
    }
    char byte = text->ptr[0];
    *text = span_from(*text, 1);
    return byte;
}

static struct span decoded(struct span host, char room[HOST_BYTES])
{
    struct span rest = host;
    size_t len = 0;
    while (rest.len > 0) {
        if (len == HOST_BYTES)
            return host;
        room[len++] = take_byte(&rest);
    }
    return span_of(room, len);
}

/* An IPv6 address in brackets; what is none stays as it is. */
static struct span abbreviated(struct span host, char room[HOST_BYTES])
{
    struct address address;
    struct span inner = {host.ptr + 1, host.len - 2};
    if (host.len < 2 || span_find(inner, ':') == inner.len || !address_parse_ip(&address, inner))
        return host;
    room[0] = '[';
    address_print_ip(&address, room + 1);
    size_t len = strlen(room);
    room[len++] = ']';
    return span_of(room, len);
}

struct span host_normal(struct span host, char room[HOST_BYTES])
{
    if (host.len > 0 && host.ptr[0] == '[')
        return abbreviated(host, room);
    return span_find(host, '%') < host.len ? decoded(host, room) : host;
}

bool host_is_same(struct span a, struct span b)
{
    char room_a[HOST_BYTES], room_b[HOST_BYTES];
    return span_ieq(a, b) || span_ieq(host_normal(a, room_a), host_normal(b, room_b));
}
