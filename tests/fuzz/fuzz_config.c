/* proxy.conf: any text is a configuration, or gets one line that says why not; a configuration that
 * is dumped reads back as the same. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#include "input.h"

static const char FILE_NAME[] = "/etc/h/proxy.conf";

static void check_error(const struct config_error *error)
{
    size_t len = strnlen(error->text, sizeof error->text);
    assert(len > sizeof FILE_NAME && len < sizeof error->text);
    assert(strncmp(error->text, "/etc/h/proxy.conf:", sizeof FILE_NAME) == 0);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)error->text[i] >= ' ' && error->text[i] != 0x7f);
}

/* What config_dump() prints; free() it. */
static struct span dump(const struct config *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert(out);
    config_dump(c, out);
    assert(fclose(out) == 0 && text);
    return span_of(text, len);
}

static void check_routes(const struct config *c)
{
    assert(c->listens_len > 0 && c->certificates_len > 0 && c->origins_len > 0 &&
           c->routes_len > 0);
    for (size_t i = 0; i < c->routes_len; i++) {
        const struct config_route *route = &c->routes[i];
        assert(route->origin >= c->origins && route->origin < c->origins + c->origins_len);
        assert(route->prefix.len > 0 && route->prefix.ptr[0] == '/');
        /* Its own host and prefix are matched, by it or by one that is as exact. */
        if (!span_starts(route->host, SPAN("*."))) {
            const struct config_route *found = config_route(c, route->host, route->prefix);
            assert(found && found->prefix.len >= route->prefix.len);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_error error = {""};
    struct config *c = config_parse(span_of(data, size), FILE_NAME, &error);
    if (!c) {
        check_error(&error);
        return 0;
    }
    check_routes(c);
    struct span first = dump(c);
    struct config *again = config_parse(first, FILE_NAME, &error);
    if (!again) {
        fprintf(stderr, "what was dumped is refused: %s\n%.*s", error.text, SPAN_ARG(first));
        abort();
    }
    struct span second = dump(again);
    assert(span_eq(first, second));
    free((char *)first.ptr);
    free((char *)second.ptr);
    config_free(again);
    config_free(c);
    return 0;
}
