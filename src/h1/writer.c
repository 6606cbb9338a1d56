#include "h1/writer.h"

#include <stdio.h>

/* Text that is measured first and written then, by the same code. */
struct text {
    char *at; /* NULL: measure */
    size_t len;
};

static void put(struct text *t, struct span s)
{
    if (t->at && s.len > 0)
        memcpy(t->at + t->len, s.ptr, s.len);
    t->len += s.len;
}

static void put_fields(struct text *t, const struct fields *fields)
{
    for (size_t i = 0; i < fields->len; i++) {
        put(t, fields->at[i].name);
        put(t, SPAN(": "));
        put(t, fields->at[i].value);
        put(t, SPAN("\r\n"));
    }
}

/* A request without a body says so only where its method expects one, or may and its client did. */
static bool says_empty(const struct request *request)
{
    struct span method = request->method;
    if (span_eq(method, SPAN("GET")) || span_eq(method, SPAN("HEAD")))
        return false;
    return span_eq(method, SPAN("POST")) || span_eq(method, SPAN("PUT")) ||
           span_eq(method, SPAN("PATCH")) || fields_get(&request->fields, FIELD_CONTENT_LENGTH);
}

static struct span framing_line(const struct request *request, struct body body, char out[48])
{
    int n = 0;
    switch (body.framing) {
    case BODY_UNKNOWN:
        return SPAN("transfer-encoding: chunked\r\n");
    case BODY_LENGTH:
        n = snprintf(out, 48, "content-length: %llu\r\n", (unsigned long long)body.length);
        return span_of(out, (size_t)n);
    case BODY_NONE:
        break;
    }
    return says_empty(request) ? SPAN("content-length: 0\r\n") : SPAN("");
}

static void put_request(struct text *t, const struct request *request, struct body body,
                        const struct fields *fields)
{
    char framing[48];
    put(t, request->method);
    put(t, SPAN(" "));
    put(t, request->path);
    put(t, SPAN(" HTTP/1.1\r\n"));
    put_fields(t, fields);
    put(t, framing_line(request, body, framing));
    put(t, SPAN("\r\n"));
}

struct span h1_request_head(struct arena *arena, const struct request *request, struct body body,
                            const struct fields *fields)
{
    struct text t = {0};
    put_request(&t, request, body, fields);
    t = (struct text){.at = arena_alloc(arena, t.len)};
    if (!t.at)
        return SPAN("");
    put_request(&t, request, body, fields);
    return span_of(t.at, t.len);
}

struct span h1_chunk_line(char out[H1_CHUNK_LINE_BYTES], size_t len)
{
    int n = snprintf(out, H1_CHUNK_LINE_BYTES, "%zx\r\n", len);
    return span_of(out, (size_t)n);
}

static void put_last_chunk(struct text *t, const struct fields *trailers, bool after)
{
    put(t, after ? SPAN("\r\n0\r\n") : SPAN("0\r\n"));
    put_fields(t, trailers);
    put(t, SPAN("\r\n"));
}

struct span h1_last_chunk(struct arena *arena, const struct fields *trailers, bool after)
{
    struct text t = {0};
    if (!trailers)
        return after ? SPAN("\r\n0\r\n\r\n") : SPAN("0\r\n\r\n");
    put_last_chunk(&t, trailers, after);
    t = (struct text){.at = arena_alloc(arena, t.len)};
    if (!t.at)
        return SPAN("");
    put_last_chunk(&t, trailers, after);
    return span_of(t.at, t.len);
}
