#include "server/demo_assets.h"

#include "base/attr.h"

/* Label, path, file, content type; the page comes first. The assembler finds the files from the
 * repository's root, where the build runs. */
#define ASSETS(X)                                                                                  \
    X(page, "/", "index.html", "text/html; charset=utf-8")                                         \
    X(style, "/assets/css/screen.css", "screen.css", "text/css; charset=utf-8")                    \
    X(theme, "/assets/js/theme.js", "theme.js", "text/javascript; charset=utf-8")                  \
    X(app, "/assets/js/app.js", "app.js", "text/javascript; charset=utf-8")                        \
    X(baton, "/assets/img/baton.svg", "baton.svg", "image/svg+xml")                                \
    X(track, "/assets/img/track.svg", "track.svg", "image/svg+xml")                                \
    X(lanes, "/assets/img/lanes.svg", "lanes.svg", "image/svg+xml")                                \
    X(sunrise, "/assets/img/sunrise.png", "sunrise.png", "image/png")

/* clang-format off */
#define X(label, path, file, type)                                                                 \
    __asm__(".pushsection .rodata\n"                                                               \
            ".globl demo_asset_" #label "\n"                                                       \
            ".globl demo_asset_" #label "_end\n"                                                   \
            ".hidden demo_asset_" #label "\n"                                                      \
            ".hidden demo_asset_" #label "_end\n"                                                  \
            "demo_asset_" #label ":\n"                                                             \
            ".incbin \"src/server/demo/" file "\"\n"                                               \
            "demo_asset_" #label "_end:\n"                                                         \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern __attribute__((visibility("hidden"))) const char demo_asset_##label[];                  \
    extern __attribute__((visibility("hidden"))) const char demo_asset_##label##_end[];
ASSETS(X)
#undef X
/* clang-format on */

static const struct demo_asset files[] = {
#define X(label, path, file, type) {SPAN(path), type, demo_asset_##label, demo_asset_##label##_end},
    ASSETS(X)
#undef X
};

const struct demo_asset *demo_assets_page(void)
{
    return &files[0];
}

const struct demo_asset *demo_assets_find(struct span path)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (span_eq(files[i].path, path))
            return &files[i];
    }
    return NULL;
}
