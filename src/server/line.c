#include "server/line.h"

#include "base/text.h"

/* A key of the line, which needs no escaping, and what stands before its value. */
#define KEY(name) SPAN(",\"" name "\":")

static void put_str(struct text *t, const char *s)
{
    text_put(t, span_str(s));
}

static void put_member(struct text *t, struct span key, struct span value)
{
    text_put(t, key);
    text_put_json(t, value);
}

/* Appends the second of `wall_ms` as `format` writes it. */
static void put_time(struct text *t, struct line_time *time, uint64_t wall_ms, const char *format)
{
    time_t second = (time_t)(wall_ms / 1000);
    if (time->len == 0 || time->second != second || time->format != format) {
        struct tm tm;
        gmtime_r(&second, &tm);
        time->len = strftime(time->text, sizeof time->text, format, &tm);
        time->second = second;
        time->format = format;
    }
    text_put(t, span_of(time->text, time->len));
}

static void put_links(struct text *t, const struct report *r)
{
    bool first = true;
    text_put(t, KEY("links"));
    text_put_char(t, '{');
    for (int v = 0; v < PLAN_VERDICTS_END; v++) {
        if (r->verdicts[v] == 0)
            continue;
        text_put(t, first ? SPAN("\"") : SPAN(",\""));
        put_str(t, plan_verdict_text((enum plan_verdict)v));
        text_put(t, SPAN("\":"));
        text_put_u64(t, r->verdicts[v]);
        first = false;
    }
    text_put_char(t, '}');
}

static void put_pushed(struct text *t, const struct report *r)
{
    text_put(t, KEY("pushed"));
    text_put_char(t, '[');
    for (size_t i = 0; i < r->pushed_len; i++) {
        if (i > 0)
            text_put_char(t, ',');
        text_put_json(t, r->pushed[i].target);
    }
    text_put_char(t, ']');
}

static void put_push(struct text *t, const struct report *r)
{
    if (r->is_push)
        text_put(t, SPAN(",\"push\":true"));
    if (!r->planned)
        return;
    put_pushed(t, r);
    put_links(t, r);
    if (r->push_off != PLAN_ON)
        put_member(t, KEY("push_off"), span_str(plan_off_text(r->push_off)));
}

static void put_origin(struct text *t, const struct report *r)
{
    if (!r->origin)
        return;
    put_member(t, KEY("origin"), span_str(r->origin->name));
    if (r->origin_us > 0) {
        text_put(t, KEY("origin_ms"));
        text_put_thousandths(t, r->origin_us);
        text_put(t, r->reused ? SPAN(",\"reused\":true") : SPAN(",\"reused\":false"));
    }
}

static void write_json(struct text *t, const struct report *r, uint64_t wall_ms,
                       struct line_time *time)
{
    const struct request *q = r->request;
    text_put(t, SPAN("{\"time\":\""));
    put_time(t, time, wall_ms, "%Y-%m-%dT%H:%M:%S.");
    text_put_padded(t, wall_ms % 1000, 3);
    text_put(t, SPAN("Z\""));
    put_member(t, KEY("client"), span_str(r->peer));
    put_member(t, KEY("protocol"), span_str(r->protocol->name));
    put_member(t, KEY("method"), q->method);
    put_member(t, KEY("scheme"), q->scheme);
    put_member(t, KEY("authority"), q->authority);
    put_member(t, KEY("path"), q->path);
    text_put(t, KEY("status"));
    text_put_u64(t, r->status);
    text_put(t, KEY("bytes"));
    text_put_u64(t, r->bytes);
    text_put(t, KEY("duration_ms"));
    text_put_thousandths(t, r->duration_us);
    put_origin(t, r);
    if (r->failure != FAIL_NONE)
        put_member(t, KEY("failure"), span_str(failure_word(r->failure)));
    put_push(t, r);
    put_member(t, KEY("tls"), span_str(r->tls_version));
    put_member(t, KEY("user_agent"), fields_value(&q->fields, FIELD_USER_AGENT));
    put_member(t, KEY("referer"), fields_value(&q->fields, FIELD_REFERER));
    text_put(t, SPAN("}\n"));
}

/* The byte stands for itself in the combined format. */
static bool is_plain(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* As nginx and Apache write it: what could end the string or the line is "\xNN". */
static void put_quoted(struct text *t, struct span s)
{
    static const char hex[] = "0123456789ABCDEF";
    while (s.len > 0) {
        size_t plain = 0;
        while (plain < s.len && is_plain(s.ptr[plain]))
            plain++;
        text_put(t, span_of(s.ptr, plain));
        if (plain == s.len)
            return;
        unsigned char c = (unsigned char)s.ptr[plain];
        text_put(t, SPAN("\\x"));
        text_put_char(t, hex[c >> 4]);
        text_put_char(t, hex[c & 0xf]);
        s = span_from(s, plain + 1);
    }
}

static struct span or_dash(struct span s)
{
    return s.len > 0 ? s : SPAN("-");
}

static void write_combined(struct text *t, const struct report *r, uint64_t wall_ms,
                           struct line_time *time)
{
    const struct request *q = r->request;
    text_put(t, or_dash(span_str(r->peer)));
    put_time(t, time, wall_ms, " - - [%d/%b/%Y:%H:%M:%S +0000] \"");
    put_quoted(t, q->method);
    text_put_char(t, ' ');
    put_quoted(t, q->path);
    text_put(t, SPAN(" HTTP/"));
    put_str(t, r->protocol->version);
    text_put(t, SPAN("\" "));
    text_put_u64(t, r->status);
    text_put_char(t, ' ');
    text_put_u64(t, r->bytes);
    text_put(t, SPAN(" \""));
    put_quoted(t, or_dash(fields_value(&q->fields, FIELD_REFERER)));
    text_put(t, SPAN("\" \""));
    put_quoted(t, or_dash(fields_value(&q->fields, FIELD_USER_AGENT)));
    text_put(t, SPAN("\" \""));
    for (size_t i = 0; i < r->pushed_len; i++) {
        if (i > 0)
            text_put_char(t, ',');
        put_quoted(t, r->pushed[i].target);
    }
    text_put(t, r->pushed_len == 0 ? SPAN("-\"\n") : SPAN("\"\n"));
}

size_t line_write(char *out, size_t room, enum config_log_format format,
                  const struct report *report, uint64_t wall_ms, struct line_time *time)
{
    struct text t = {.at = out, .room = room};
    if (format == CONFIG_LOG_JSON)
        write_json(&t, report, wall_ms, time);
    else
        write_combined(&t, report, wall_ms, time);
    return t.len;
}
