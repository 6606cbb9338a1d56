#include "server/ask.h"

#include "http/fields.h"
#include "http/url.h"

/* The fields that count. */
struct seen {
    struct span host; /* of the field, with its port */
    unsigned hosts;
};

/* Takes a line and its end, CRLF or LF (RFC 9112 §2.2); false where the end has not come. */
static bool take_line(struct span *rest, struct span *line)
{
    size_t len = span_find(*rest, '\n');
    if (len == rest->len)
        return false;
    *line = (struct span){rest->ptr, len};
    *rest = span_from(*rest, len + 1);
    if (line->len > 0 && line->ptr[line->len - 1] == '\r')
        line->len--;
    return true;
}

/* Empty lines before a request are not part of it. */
static struct span skip_empty_lines(struct span text)
{
    while (text.len > 0 && (text.ptr[0] == '\r' || text.ptr[0] == '\n'))
        text = span_from(text, 1);
    return text;
}

static bool is_complete(struct span text)
{
    struct span line;
    while (take_line(&text, &line)) {
        if (line.len == 0)
            return true;
    }
    return false;
}

static bool has_control(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

/* Takes what stands before the next space, and the space. */
static struct span take_word(struct span *line)
{
    size_t len = span_find(*line, ' ');
    struct span word = {line->ptr, len};
    *line = span_from(*line, len < line->len ? len + 1 : len);
    return word;
}

static enum ask_method method_of(struct span word)
{
    if (span_eq(word, SPAN("GET")))
        return ASK_GET;
    return span_eq(word, SPAN("HEAD")) ? ASK_HEAD : ASK_OTHER;
}

static enum ask_result read_field(struct seen *seen, struct span line)
{
    size_t colon = span_find(line, ':');
    struct span name = {line.ptr, colon};
    if (colon == line.len || !field_name_is_valid(name) || has_control(line))
        return ASK_BAD;
    if (span_ieq(name, SPAN("host"))) {
        seen->host = span_trim(span_from(line, colon + 1));
        seen->hosts++;
    }
    return ASK_FINE;
}

/* The target "http://HOST/PATH": its host is the one that counts (RFC 9112 §3.2.2). */
static bool take_absolute(struct span target, struct url *url)
{
    return url_split(target, url) && span_ieq(url->scheme, SPAN("http")) && url->has_authority;
}

static enum ask_result settle(struct ask *out, struct span target, const struct seen *seen)
{
    struct url host = {.port = 0}, absolute;
    out->names_host = seen->hosts > 0;
    if (seen->hosts > 0 && !url_split_authority(seen->host, &host))
        return ASK_BAD;
    out->path = (struct span){target.ptr, span_find(target, '?')};
    if (!span_starts(target, SPAN("/")) && out->method != ASK_OTHER) {
        if (!take_absolute(target, &absolute))
            return ASK_BAD;
        host = absolute;
        out->path = absolute.path.len > 0 ? absolute.path : SPAN("/");
        out->names_host = true;
    }
    out->host = host.host;
    return host.has_userinfo ? ASK_BAD : ASK_FINE;
}

enum ask_result ask_read(struct ask *out, struct span text)
{
    struct ask ask = {.path = SPAN("")};
    struct seen seen = {.hosts = 0};
    struct span line;
    text = skip_empty_lines(text);
    if (!is_complete(text) || !take_line(&text, &line))
        return ASK_MORE;
    if (has_control(line))
        return ASK_BAD;
    struct span method = take_word(&line), target = take_word(&line), version = line;
    if (!field_name_is_valid(method) || target.len == 0)
        return ASK_BAD;
    bool is_1_0 = span_eq(version, SPAN("HTTP/1.0"));
    if (!is_1_0 && !span_eq(version, SPAN("HTTP/1.1")))
        return span_starts(version, SPAN("HTTP/")) ? ASK_VERSION : ASK_BAD;
    ask.method = method_of(method);
    while (take_line(&text, &line) && line.len > 0) {
        if (read_field(&seen, line) != ASK_FINE)
            return ASK_BAD;
    }
    if (seen.hosts > 1 || (seen.hosts == 0 && !is_1_0))
        return ASK_BAD;
    enum ask_result result = settle(&ask, target, &seen);
    if (result == ASK_FINE)
        *out = ask;
    return result;
}
