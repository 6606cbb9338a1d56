#include "proxy/misdirected.h"

#include "base/log.h"
#include "base/text.h"

enum { WARN_EVERY_MS = 10000, HOST_BYTES = 100, PATH_BYTES = 60, MATCHES_BYTES = 600 };

static struct span cut(struct span s, size_t most)
{
    return span_of(s.ptr, s.len < most ? s.len : most);
}

/* What the routes take, as it is written in the file. */
static void put_matches(struct text *t, const struct config *config)
{
    for (size_t i = 0; i < config->routes_len; i++) {
        const char *match = config->routes[i].match;
        if (t->len + strlen(match) + sizeof ", ..." > t->room) {
            text_put(t, SPAN(", ..."));
            return;
        }
        if (i > 0)
            text_put(t, SPAN(", "));
        text_put(t, span_str(match));
    }
}

void misdirected_warn(struct env *e, const struct request *request)
{
    char matches[MATCHES_BYTES];
    struct text t = {.at = matches, .room = sizeof matches};
    if (!bucket_take(&e->misdirected_said, 1, 1, WARN_EVERY_MS, turn_now_ms(&e->turn)))
        return;
    put_matches(&t, e->config);
    struct span host = cut(request->host, HOST_BYTES);
    struct span path = cut(span_of(request->path.ptr, span_find(request->path, '?')), PATH_BYTES);
    log_warning("no route takes %.*s%.*s, which is answered with 421: there are routes for %.*s",
                SPAN_ARG(host), SPAN_ARG(path), SPAN_ARG(text_span(&t)));
}
