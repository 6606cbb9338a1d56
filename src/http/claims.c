#include "http/claims.h"

#include "base/attr.h"

/* Whole names, with all others that begin with one of these and a "-" behind it. */
static const struct span families[] = {
    {"x-forwarded", 11},
    {"x-ssl", 5},
    {"ssl-client", 10},
};

/* docs/security.md lists the same: what servers and frameworks are known to read, RFC 7239 and
 * RFC 9440. */
static const struct span names[] = {
    /* the client's address */
    {"cf-connecting-ip", 16},
    {"cf-connecting-ipv6", 18},
    {"client-ip", 9},
    {"fastly-client-ip", 16},
    {"forwarded", 9},
    {"forwarded-for", 13},
    {"true-client-ip", 14},
    {"x-client-ip", 11},
    {"x-cluster-client-ip", 19},
    {"x-original-forwarded-for", 24},
    {"x-real-ip", 9},
    {"x-remote-addr", 13},
    {"x-remote-ip", 11},
    /* the scheme */
    {"front-end-https", 15},
    {"x-scheme", 8},
    {"x-url-scheme", 12},
    /* what was asked for */
    {"x-original-host", 15},
    {"x-original-uri", 14},
    {"x-original-url", 14},
    {"x-rewrite-url", 13},
    {"x-script-name", 13},
    /* the client's name and certificate */
    {"client-cert", 11},
    {"client-cert-chain", 17},
    {"remote-user", 11},
    {"x-client-cert", 13},
    {"x-remote-user", 13},
};

/* Letters, in lower case, and digits; 0: any other byte, which is as good as "-". */
static const char alphanumerics[256] = {
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
    ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',
    ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',
    ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
    ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
    ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f',
    ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm',
    ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z'};

static char alphanumeric(char c)
{
    return alphanumerics[(unsigned char)c];
}

/* `c`, of a name as it came, is `known`, of a name above. */
static bool is_byte(char c, char known)
{
    return alphanumeric(c) == (known == '-' ? 0 : known);
}

/* Tells most names from claims by their first two bytes. */
static bool may_be_claim(struct span name)
{
    char second = name.len > 1 ? alphanumeric(name.ptr[1]) : 0;
    switch (name.len > 0 ? alphanumeric(name.ptr[0]) : 0) {
    case 'c':
        return second == 'f' || second == 'l';
    case 'f':
        return second == 'a' || second == 'o' || second == 'r';
    case 'p':
    case 't':
        return second == 'r';
    case 'r':
        return second == 'e';
    case 's':
        return second == 's';
    case 'x':
        return second == 0;
    default:
        return false;
    }
}

/* `name` begins with `known`. */
static bool begins(struct span name, struct span known)
{
    size_t i = 0;
    if (name.len < known.len)
        return false;
    while (i < known.len && is_byte(name.ptr[i], known.ptr[i]))
        i++;
    return i == known.len;
}

enum claim claim_of(struct span name)
{
    if (!may_be_claim(name))
        return CLAIM_NONE;
    if (span_ieq(name, SPAN("proxy")))
        return CLAIM_OF_NOBODY;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct span family = families[i];
        if (begins(name, family) && (name.len == family.len || is_byte(name.ptr[family.len], '-')))
            return CLAIM_OF_PROXIES;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (name.len == names[i].len && begins(name, names[i]))
            return CLAIM_OF_PROXIES;
    }
    return CLAIM_NONE;
}

bool claim_is_plain(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '-' && alphanumeric(name.ptr[i]) == 0)
            return false;
    }
    return true;
}
