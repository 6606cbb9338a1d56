#include "page.h"

#include <stdlib.h>
#include <string.h>

static void page_join(struct bytes *to, const char *text, const char *between)
{
    if (to->len > 0)
        bytes_add(to, between, strlen(between));
    bytes_add(to, text, strlen(text));
}

void page_pushes_at(struct peer *p, size_t before, const char *paths, const char *file, int line)
{
    struct bytes seen = {0};
    const struct peer_stream *s;
    for (size_t n = before; (s = peer_push(p, n)); n++)
        page_join(&seen, fieldset_get(&s->promise, ":path"), " ");
    bool same = strcmp(bytes_text(&seen), paths) == 0;
    if (!same)
        print_error("pushed:   %s\nexpected: %s\n", bytes_text(&seen), paths);
    bytes_fini(&seen);
    if (!same)
        _fail(file, line);
}

void page_fields_at(const struct peer_stream *s, const char *link, const char *pushed,
                    const char *file, int line)
{
    struct bytes lines = {0};
    size_t n = fieldset_count(&s->head, "link");
    for (size_t i = 0; i < n; i++)
        page_join(&lines, fieldset_nth(&s->head, "link", i), " | ");
    char *joined = check_copy(bytes_text(&lines), lines.len);
    bytes_fini(&lines);
    check_text_at(n ? joined : NULL, link, file, line);
    free(joined);
    assert_in_range(fieldset_count(&s->head, "cf-h2-pushed"), 0, 1);
    check_text_at(fieldset_get(&s->head, "cf-h2-pushed"), pushed, file, line);
}

static const struct peer_stream *page_push(struct peer *p, const char *path, const char *file,
                                           int line)
{
    const struct peer_stream *s = peer_pushed(p, path);
    if (!s) {
        print_error("%s was not pushed\n", path);
        peer_print(p);
        _fail(file, line);
    }
    return peer_until_closed_at(p, s->id, file, line);
}

void page_delivered_at(struct peer *p, const char *path, unsigned status, const char *file,
                       int line)
{
    const struct peer_stream *s = page_push(p, path, file, line);
    check_text_at(fieldset_get(&s->head, "x-http2-push"), "pushed", file, line);
    if (s->status == status && s->error == 0 && s->ended)
        return;
    print_error("%s: status %u, error %u\n", path, s->status, s->error);
    _fail(file, line);
}

void page_denied_at(struct peer *p, const char *path, uint32_t error, const char *file, int line)
{
    const struct peer_stream *s = page_push(p, path, file, line);
    if (s->reset && s->error == error)
        return;
    print_error("%s: status %u, error %u\n", path, s->status, s->error);
    _fail(file, line);
}

void page_log_failure(struct rig *rig, const char *path, const char *word)
{
    json_t *log = daemon_log_of(rig->daemon, path);
    check_text(json_string_value(json_object_get(log, "failure")), word);
    json_decref(log);
}
