#include "heads.h"

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

bool heads_add(struct h2_session *s, struct h2_stream *stream, struct span name, struct span value,
               bool trailer)
{
    const size_t overhead = 32; /* RFC 9113 §6.5.2 */
    struct request *request = stream->base.request;
    stream->head_bytes += name.len + value.len + overhead;
    if (stream->head_bytes > s->bomb_bytes) {
        streams_end_all(s, H2_ENHANCE_YOUR_CALM);
        return false;
    }
    if (stream->head_bytes > s->header_list_bytes) {
        stream->base.fault = REQUEST_TOO_LARGE;
        return true;
    }
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
