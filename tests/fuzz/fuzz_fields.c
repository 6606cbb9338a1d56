/* What a proxy writes: whatever a request says of itself, the origin reads one request with one
 * framing; neither side gets what belongs to a connection or to us. */
#include "h1/head.h"
#include "h1/writer.h"
#include "http/claims.h"
#include "http/forward.h"
#include "http/request.h"

#include "input.h"

/* The fields that the next lines say, "name: value" each, up to an empty one. HTTP/2 and the reader
 * of HTTP/1.1 let no others through, and only names in lower case. */
static void read_fields(struct input *in, struct fields *fields, struct arena *arena)
{
    for (struct span line = input_line(in); line.len > 0; line = input_line(in)) {
        struct span name = {line.ptr, span_find(line, ':')};
        struct span value = name.len < line.len ? span_from(line, name.len + 1) : SPAN("");
        char *lower = (char *)arena_dup(arena, name).ptr;
        value = span_trim(value);
        if (!field_name_is_valid(name) || !field_value_is_valid(value))
            continue;
        for (size_t i = 0; i < name.len; i++)
            lower[i] = span_lower(lower[i]);
        fields_add(fields, span_of(lower, name.len), value);
    }
}

static size_t count(const struct fields *fields, enum field_name id)
{
    size_t n = 0;
    for (size_t i = 0; i < fields->len; i++)
        n += fields->at[i].id == id;
    return n;
}

/* Lines that end in CRLF, the last of them empty, and no other CR, LF or NUL; `before`: bytes that
 * end a chunk may come first. */
static void check_lines(struct span text, bool before)
{
    size_t lines = 0, from = before ? 2 : 0;
    for (size_t at = from; at < text.len; lines++) {
        struct span line = {text.ptr + at, span_find(span_from(text, at), '\r')};
        assert(span_find(line, '\n') == line.len && span_find(line, '\0') == line.len);
        at += line.len + 2;
        assert(at <= text.len && text.ptr[at - 1] == '\n');
        assert((line.len == 0) == (at == text.len));
    }
    assert(lines >= 2);
}

/* No field of `in` that Connection names is in `out`, but for those that we write ourselves;
 * "close" is reserved, nobody has a field of that name (RFC 9110 §18.4). */
static void check_named(const struct fields *in, const struct fields *out)
{
    for (size_t i = 0; i < out->len; i++) {
        const struct field *f = &out->at[i];
        if (f->id == FIELD_OTHER && !span_eq(f->name, SPAN("close")))
            assert(!fields_list_has(in, FIELD_CONNECTION, f->name));
    }
}

static void check_request_fields(const struct request *request, const struct fields *out,
                                 const struct forward_rules *rules)
{
    assert(out->at[0].id == FIELD_HOST && count(out, FIELD_HOST) == 1);
    assert(count(out, FIELD_TRANSFER_ENCODING) == 0 && count(out, FIELD_CONTENT_LENGTH) == 0);
    assert(count(out, FIELD_COOKIE) <= 1 && count(out, FIELD_VIA) == 1);
    assert(count(out, FIELD_X_FORWARDED_PROTO) == 1 && count(out, FIELD_X_FORWARDED_HOST) == 1);
    assert(count(out, FIELD_X_FORWARDED_FOR) <= 1 && count(out, FIELD_FORWARDED) <= 1);
    assert(count(out, FIELD_X_HTTP2_PUSH) == (rules->pushed ? 1 : 0));
    for (size_t i = 0; i < out->len; i++) {
        const struct field *f = &out->at[i];
        assert(field_name_is_valid(f->name) && field_value_is_valid(f->value));
        if (f->id == FIELD_CONNECTION)
            assert(span_eq(f->value, SPAN("TE")));
        else if (f->id == FIELD_TE)
            assert(span_eq(f->value, SPAN("trailers")));
        else
            assert(!field_is(f->id, FIELD_IS_HOP_BY_HOP) && f->id != FIELD_CF_H2_PUSH_EXPLAIN);
        if (f->id == FIELD_OTHER && claim_of(f->name) != CLAIM_NONE)
            assert(rules->append && claim_is_plain(f->name));
        assert(rules->underscores || span_find(f->name, '_') == f->name.len);
    }
    check_named(&request->fields, out);
}

/* The lines behind the first one read as the fields that were written, and the framing, which the
 * reader of trailers passes over. */
static void check_parse(struct span head, const struct fields *written, struct arena *arena)
{
    struct h1_quirks strict = {.strict = true};
    struct fields fields;
    size_t start = span_find(head, '\n') + 1;
    struct span lines = arena_dup(arena, span_from(head, start));
    fields_init(&fields, arena);
    assert(!h1_head_parse_trailers(&fields, &strict, (char *)lines.ptr, lines.len));
    size_t n = 0;
    for (size_t i = 0; i < written->len; i++) {
        const struct field *f = &written->at[i];
        if (f->id == FIELD_TRAILER)
            continue;
        assert(n < fields.len && span_eq(fields.at[n].name, f->name));
        assert(span_eq(fields.at[n].value, f->value));
        n++;
    }
    assert(n == fields.len);
}

static size_t count_lines(struct span text, struct span start)
{
    size_t n = 0;
    for (size_t at = 0; at < text.len; at += span_find(span_from(text, at), '\n') + 1)
        n += span_starts(span_from(text, at), start);
    return n;
}

static void check_head(const struct request *request, struct span head)
{
    struct span line = {head.ptr, span_find(head, '\r')};
    struct span rest = span_from(line, request->method.len + 1);
    check_lines(head, false);
    assert(span_starts(line, request->method) && rest.ptr[-1] == ' ');
    assert(span_starts(rest, request->path));
    assert(span_eq(span_from(rest, request->path.len), SPAN(" HTTP/1.1")));
    assert(span_find(span_from(rest, request->path.len + 1), ' ') == sizeof "HTTP/1.1" - 1);
    size_t chunked = count_lines(head, SPAN("transfer-encoding:"));
    size_t lengths = count_lines(head, SPAN("content-length:"));
    assert(chunked == (request->body.framing == BODY_UNKNOWN ? 1 : 0));
    assert(lengths <= 1 && chunked + lengths <= 1);
    assert(request->body.framing != BODY_LENGTH || lengths == 1);
    assert(count_lines(head, SPAN("host:")) == 1);
}

static void forward_a_request(struct input *in, struct arena *arena)
{
    static const struct span peers[] = {{"127.0.0.1", 9}, {"2001:db8::1", 11}, {"", 0}};
    struct request request = {.body.framing = (enum body_framing)input_below(in, 3)};
    struct forward_rules rules = {.peer = peers[input_below(in, 3)], .via_protocol = SPAN("2")};
    struct fields out;
    rules.append = input_flip(in);
    rules.underscores = input_flip(in);
    rules.pushed = input_flip(in);
    rules.host = input_flip(in) ? SPAN("app.example") : SPAN("");
    if (request.body.framing == BODY_LENGTH)
        request.body.length = input_below(in, 3);
    request.method = input_line(in);
    request.scheme = input_line(in);
    request.authority = input_line(in);
    request.path = input_line(in);
    fields_init(&request.fields, arena);
    read_fields(in, &request.fields, arena);
    if (request_check(&request, SPAN("https")) != REQUEST_FINE)
        return;
    assert(span_eq(request.scheme, SPAN("https")) && request.authority.len > 0);
    fields_init(&out, arena);
    forward_request(&out, &request, &rules);
    assert(!out.failed);
    check_request_fields(&request, &out, &rules);
    struct span head = h1_request_head(arena, &request, request.body, &out);
    check_head(&request, head);
    check_parse(head, &out, arena);
}

static void check_for_client(const struct fields *out)
{
    for (size_t i = 0; i < out->len; i++) {
        enum field_name id = out->at[i].id;
        assert(!field_is(id, FIELD_IS_HOP_BY_HOP) && id != FIELD_CF_H2_PUSHED);
        assert(id != FIELD_CF_H2_PUSH_EXPLAIN && id != FIELD_X_HTTP2_PUSH);
    }
}

static void forward_a_response(struct input *in, struct arena *arena)
{
    static const unsigned statuses[] = {200, 204, 304, 103, 100, 404};
    struct response response = {.status = statuses[input_below(in, ARRAY_LEN(statuses))]};
    struct fields out;
    fields_init(&response.fields, arena);
    fields_init(&out, arena);
    read_fields(in, &response.fields, arena);
    forward_response(&out, &response, SPAN("1.1"), SPAN("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert(!out.failed);
    check_for_client(&out);
    check_named(&response.fields, &out);
    if (response.status < 200 || response.status == 204)
        assert(count(&out, FIELD_CONTENT_LENGTH) == 0);
    if (response.status >= 200)
        assert(count(&out, FIELD_VIA) == 1 && count(&out, FIELD_DATE) >= 1);
    else
        assert(out.len <= response.fields.len);
}

static void forward_some_trailers(struct input *in, struct arena *arena)
{
    struct fields trailers, out;
    bool after = input_flip(in);
    fields_init(&trailers, arena);
    fields_init(&out, arena);
    read_fields(in, &trailers, arena);
    forward_trailers(&out, &trailers);
    assert(!out.failed && out.len <= trailers.len);
    check_for_client(&out);
    assert(count(&out, FIELD_CONTENT_LENGTH) == 0 && count(&out, FIELD_HOST) == 0);
    struct span last = h1_last_chunk(arena, &out, after);
    assert(span_starts(span_from(last, after ? 2 : 0), SPAN("0\r\n")));
    check_lines(last, after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    struct arena arena;
    arena_init(&arena, NULL);
    forward_a_request(&in, &arena);
    forward_a_response(&in, &arena);
    forward_some_trailers(&in, &arena);
    assert(!arena.failed);
    arena_fini(&arena);
    return 0;
}
