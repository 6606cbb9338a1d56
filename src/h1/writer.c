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

/* A request without a body says so only where its method expects one. */
static bool says_empty(const struct request *request)
{
    return span_eq(request->method, SPAN("POST")) || span_eq(request->method, SPAN("PUT")) ||
           span_eq(request->method, SPAN("PATCH"));
}

static struct span framing_line(const struct request *request, char out[48])
{
    int n = 0;
    switch (request->body.framing) {
    case BODY_UNKNOWN:
        return SPAN("transfer-encoding: chunked\r\n");
    case BODY_LENGTH:
        n = snprintf(out, 48, "content-length: %llu\r\n", (unsigned long long)request->body.length);
        return span_of(out, (size_t)n);
    case BODY_NONE:
        break;
    }
    return says_empty(request) ? SPAN("content-length: 0\r\n") : SPAN("");
}

static void put_request(struct text *t, const struct request *request, const struct fields *fields)
{
    char framing[48];
    put(t, request->method);
    put(t, SPAN(" "));
    put(t, request->path);
    put(t, SPAN(" HTTP/1.1\r\n"));
    put_fields(t, fields);
    put(t, framing_line(request, framing));
    put(t, SPAN("\r\n"));
}

struct span h1_request_head(struct arena *arena, const struct request *request,
                            const struct fields *fields)
{
    struct text t = {0};
    put_request(&t, request, fields);
    t = (struct text){.at = arena_alloc(arena, t.len)};
    if (!t.at)
        return SPAN("");
    put_request(&t, request, fields);
    return span_of(t.at, t.len);
}

struct span h1_chunk_line(char out[H1_CHUNK_LINE_BYTES], size_t len, bool after)
{
    int n = snprintf(out, H1_CHUNK_LINE_BYTES, "%s%zx\r\n", after ? "\r\n" : "", len);
    return span_of(out, (size_t)n);
}

static void put_last_chunk(struct text *t, const struct fields *trailers, bool after)
{
    put(t, after ? SPAN("\r\n0\r\n") : SPAN("0\r\n"));
    if (trailers)
        put_fields(t, trailers);
    put(t, SPAN("\r\n"));
}

struct span h1_last_chunk(struct arena *arena, const struct fields *trailers, bool after)
{
    struct text t = {0};
    put_last_chunk(&t, trailers, after);
    t = (struct text){.at = arena_alloc(arena, t.len)};
    if (!t.at)
        return SPAN("");
    put_last_chunk(&t, trailers, after);
    return span_of(t.at, t.len);
}
