#include "h1/quirk.h"

static const struct {
    const char *what, *reading;
} texts[] = {
#define X(id, what, reading) [H1_QUIRK_##id] = {what, reading},
    H1_QUIRKS(X)
#undef X
};

_Static_assert(H1_QUIRKS_END <= 32, "more quirks than bits");

const char *h1_quirk_what(enum h1_quirk quirk)
{
    return texts[quirk].what;
}

const char *h1_quirk_reading(enum h1_quirk quirk)
{
    return texts[quirk].reading;
}
