#include "server/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Text that is cut where the room ends, but measured to its end. */
struct text {
    char *at;
    size_t room, len;
};

static void put(struct text *t, struct span s)
{
    if (t->len < t->room && s.len > 0) {
        size_t left = t->room - t->len;
        memcpy(t->at + t->len, s.ptr, s.len < left ? s.len : left);
    }
    t->len += s.len;
}

static void put_str(struct text *t, const char *s)
{
    put(t, span_str(s));
}

static void putf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void putf(struct text *t, const char *fmt, ...)
{
    char piece[128];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    put(t, span_of(piece, (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1));
}

/* The length of the UTF-8 sequence at the front of `s` (RFC 3629), 0 if there is none. */
static size_t utf8_len(struct span s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    size_t len = c < 0x80                 ? 1
                 : c >= 0xc2 && c <= 0xdf ? 2
                 : (c & 0xf0) == 0xe0     ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4
                                          : 0;
    if (len == 0 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
            return 0;
    }
    unsigned char second = len > 1 ? (unsigned char)s.ptr[1] : 0;
    bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
    bool outside = (c == 0xed && second > 0x9f) || (c == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : len;
}

/* A JSON string; a byte that is no UTF-8 is shown as the character of that number. */
static void put_json(struct text *t, struct span s)
{
    put(t, SPAN("\""));
    while (s.len > 0) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t len = utf8_len(s);
        if (c < 0x20 || c == 0x7f || len == 0) {
            putf(t, "\\u%04x", c);
            len = 1;
        } else {
            if (c == '"' || c == '\\')
                put(t, SPAN("\\"));
            put(t, span_of(s.ptr, len));
        }
        s = span_from(s, len);
    }
    put(t, SPAN("\""));
}

static void put_key(struct text *t, const char *key)
{
    putf(t, ",\"%s\":", key);
}

static void put_member(struct text *t, const char *key, struct span value)
{
    put_key(t, key);
    put_json(t, value);
}

static void put_time(struct text *t, uint64_t wall_ms, const char *format)
{
    char piece[64];
    struct tm tm;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &tm);
    put(t, span_of(piece, strftime(piece, sizeof piece, format, &tm)));
}

static void put_links(struct text *t, const struct record *r)
{
    bool first = true;
    put_key(t, "links");
    put(t, SPAN("{"));
    for (int v = 0; v < PLAN_VERDICTS_END; v++) {
        if (r->verdicts[v] == 0)
            continue;
        putf(t, "%s\"%s\":%u", first ? "" : ",", plan_verdict_text((enum plan_verdict)v),
             r->verdicts[v]);
        first = false;
    }
    put(t, SPAN("}"));
}

static void put_pushed(struct text *t, const struct record *r)
{
    put_key(t, "pushed");
    put(t, SPAN("["));
    for (size_t i = 0; i < r->pushed_len; i++) {
        if (i > 0)
            put(t, SPAN(","));
        put_json(t, r->pushed[i].target);
    }
    put(t, SPAN("]"));
}

static void put_push(struct text *t, const struct record *r)
{
    if (r->is_push)
        put_str(t, ",\"push\":true");
    if (!r->planned)
        return;
    put_pushed(t, r);
    put_links(t, r);
    if (r->push_off != PLAN_ON)
        put_member(t, "push_off", span_str(plan_off_text(r->push_off)));
}

static void put_origin(struct text *t, const struct record *r)
{
    if (!r->origin)
        return;
    put_member(t, "origin", span_str(r->origin->name));
    if (r->origin_us > 0) {
        putf(t, ",\"origin_ms\":%.3f,\"reused\":%s", (double)r->origin_us / 1000,
             r->reused ? "true" : "false");
    }
}

static void write_json(struct text *t, const struct record *r, uint64_t wall_ms)
{
    const struct request *q = r->request;
    put_str(t, "{\"time\":\"");
    put_time(t, wall_ms, "%Y-%m-%dT%H:%M:%S");
    putf(t, ".%03uZ\"", (unsigned)(wall_ms % 1000));
    put_member(t, "client", span_str(r->peer));
    put_str(t, ",\"protocol\":\"HTTP/2\"");
    put_member(t, "method", q->method);
    put_member(t, "scheme", q->scheme);
    put_member(t, "authority", q->authority);
    put_member(t, "path", q->path);
    putf(t, ",\"status\":%u,\"bytes\":%llu,\"duration_ms\":%.3f", r->status,
         (unsigned long long)r->bytes, (double)r->duration_us / 1000);
    put_origin(t, r);
    if (r->failure != FAIL_NONE)
        put_member(t, "failure", span_str(failure_word(r->failure)));
    put_push(t, r);
    put_member(t, "tls", span_str(r->tls_version));
    put_member(t, "user_agent", fields_value(&q->fields, FIELD_USER_AGENT));
    put_member(t, "referer", fields_value(&q->fields, FIELD_REFERER));
    put_str(t, "}\n");
}

/* As nginx and Apache write it: what could end the string or the line is "\xNN". */
static void put_quoted(struct text *t, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            putf(t, "\\x%02X", c);
        else
            put(t, span_of(&s.ptr[i], 1));
    }
}

static struct span or_dash(struct span s)
{
    return s.len > 0 ? s : SPAN("-");
}

static void write_combined(struct text *t, const struct record *r, uint64_t wall_ms)
{
    const struct request *q = r->request;
    put(t, or_dash(span_str(r->peer)));
    put_time(t, wall_ms, " - - [%d/%b/%Y:%H:%M:%S +0000] \"");
    put_quoted(t, q->method);
    put(t, SPAN(" "));
    put_quoted(t, q->path);
    putf(t, " HTTP/2.0\" %u %llu \"", r->status, (unsigned long long)r->bytes);
    put_quoted(t, or_dash(fields_value(&q->fields, FIELD_REFERER)));
    put(t, SPAN("\" \""));
    put_quoted(t, or_dash(fields_value(&q->fields, FIELD_USER_AGENT)));
    put(t, SPAN("\" \""));
    for (size_t i = 0; i < r->pushed_len; i++) {
        if (i > 0)
            put(t, SPAN(","));
        put_quoted(t, r->pushed[i].target);
    }
    if (r->pushed_len == 0)
        put(t, SPAN("-"));
    put_str(t, "\"\n");
}

size_t line_write(char *out, size_t room, enum config_log_format format,
                  const struct record *record, uint64_t wall_ms)
{
    struct text t = {.at = out, .room = room};
    if (format == CONFIG_LOG_JSON)
        write_json(&t, record, wall_ms);
    else
        write_combined(&t, record, wall_ms);
    return t.len;
}
