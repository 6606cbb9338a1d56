/* page.h - a page with a Link field, and what was pushed for it. */
#ifndef PAGE_H
#define PAGE_H

#include "rig.h"

/* Steps: a whole page with this Link value; an asset with this status line's rest ("200 OK"). */
#define PAGE(link)                                                                                 \
    SEND("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nLink: " link                               \
         "\r\nContent-Length: 4\r\n\r\npage")
#define ASSET(status) SEND("HTTP/1.1 " status "\r\nContent-Length: 5\r\n\r\nasset")

/* Fails the test unless these paths ("/a /b") were promised on `p`, in this order, since the
 * `before`-th promise. */
#define page_pushes(p, before, paths) page_pushes_at(p, before, paths, __FILE__, __LINE__)
void page_pushes_at(struct peer *p, size_t before, const char *paths, const char *file, int line);
/* Fails the test unless the response's Link lines, joined by " | ", and its cf-h2-pushed are
 * these; NULL: there is none. */
#define page_fields(s, link, pushed) page_fields_at(s, link, pushed, __FILE__, __LINE__)
void page_fields_at(const struct peer_stream *s, const char *link, const char *pushed,
                    const char *file, int line);
/* Fails the test unless the asset was pushed and delivered with this status. */
#define page_delivered(p, path, status) page_delivered_at(p, path, status, __FILE__, __LINE__)
void page_delivered_at(struct peer *p, const char *path, unsigned status, const char *file,
                       int line);
/* Fails the test unless the push of `path` ended with RST_STREAM and this error. */
#define page_denied(p, path, error) page_denied_at(p, path, error, __FILE__, __LINE__)
void page_denied_at(struct peer *p, const char *path, uint32_t error, const char *file, int line);
/* The access log's "failure" of `path` is this word. */
void page_log_failure(struct rig *rig, const char *path, const char *word);

#endif
