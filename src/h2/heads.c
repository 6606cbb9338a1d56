#include "heads.h"

/* A head of so many times header_list_bytes ends the connection, and so do as many that are not
 * kept of what is received at once. */
enum { H2_WASTE_FACTOR = 16 };

/* A pseudo-field has its place in the request; nghttp2 lets only known ones pass. */
static void set_pseudo(struct request *request, struct span name, struct span value)
{
    if (span_eq(name, SPAN(":method")))
        request->method = value;
    else if (span_eq(name, SPAN(":scheme")))
        request->scheme = value;
    else if (span_eq(name, SPAN(":authority")))
        request->authority = value;
    else if (span_eq(name, SPAN(":path")))
        request->path = value;
}

static void add_field(struct fields *to, struct span name, struct span value)
{
    enum field_name id = field_lookup(name);
    struct span text = id != FIELD_OTHER ? field_text(id) : arena_dup(to->arena, name);
    fields_copy(to, &(struct field){.name = text, .value = value, .id = id});
}

/* A few bytes on the wire can stand for megabytes, and nghttp2 looks at each of these, also when
 * they are not kept: fields that can only be meant to keep us busy end the connection. */
static bool waste(struct h2_session *s, const struct h2_stream *stream, size_t bytes)
{
    const size_t most = s->header_list_bytes * H2_WASTE_FACTOR;
    s->base.waste_bytes += bytes;
    if (s->base.waste_bytes <= most && stream->head_bytes <= most)
        return true;
    streams_end_all(s, H2_ENHANCE_YOUR_CALM);
    return false;
}

bool heads_add(struct h2_session *s, struct h2_stream *stream, struct span name, struct span value,
               bool trailer)
{
    const size_t overhead = 32; /* RFC 9113 §6.5.2 */
    struct request *request = stream->base.request;
    stream->head_bytes += name.len + value.len + overhead;
    if (stream->head_bytes > s->header_list_bytes) {
        if (stream->base.fault == REQUEST_FINE)
            stream->base.fault = REQUEST_TOO_LARGE;
        return waste(s, stream, name.len + value.len + overhead);
    }
    if (stream->base.fault == REQUEST_NO_ROOM && !span_starts(name, SPAN(":")))
        return true;
    struct span copy = arena_dup(request->fields.arena, value);
    if (name.len > 0 && name.ptr[0] == ':')
        set_pseudo(request, name, copy);
    else
        add_field(trailer ? stream->base.trailers : &request->fields, name, copy);
    return true;
}

void heads_complete(struct h2_stream *stream, bool end)
{
    struct request *request = stream->base.request;
    const struct field *length = fields_get(&request->fields, FIELD_CONTENT_LENGTH);
    request->body = (struct body){end ? BODY_NONE : BODY_UNKNOWN, 0};
    if (!end && length && span_to_u64(length->value, INT64_MAX, &request->body.length))
        request->body.framing = BODY_LENGTH;
}
