/* fixture.h - what the tests of this room share: texts that are read as /etc/h/proxy.conf, and what
 * they come to. Fails the test on a fault of its own. */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/options.h"

#define FIXTURE_FILE        "/etc/h/proxy.conf"
#define FIXTURE_LISTEN      "[listen main]\naddress = 127.0.0.1:8443\n"
#define FIXTURE_CERTIFICATE "[certificate main]\nchain = cert.pem\nkey = key.pem\n"
#define FIXTURE_ORIGIN      "[origin app]\nurl = http://127.0.0.1:8080\n"
/* Seven lines: the smallest configuration. */
#define FIXTURE_SMALLEST FIXTURE_LISTEN FIXTURE_CERTIFICATE FIXTURE_ORIGIN

/* The configuration that `text` is; there must be one. */
static inline struct config *fixture_config(const char *text)
{
    struct config_error error = {""};
    struct config *c = config_parse(span_str(text), FIXTURE_FILE, &error);
    if (!c)
        fail_msg("refused: %s\nin: %s", error.text, text);
    return c;
}

/* `text` must be refused with exactly `expected`. */
static inline void fixture_refused(struct span text, const char *expected)
{
    struct config_error error = {""};
    struct config *c = config_parse(text, FIXTURE_FILE, &error);
    if (c)
        fail_msg("accepted, not refused with: %s", expected);
    assert_string_equal(error.text, expected);
}

/* What config_dump() prints; free() it. */
static inline char *fixture_dump(const struct config *c)
{
    enum { ROOM = 1 << 16 };
    char *text = calloc(1, ROOM);
    FILE *out = fmemopen(text, ROOM, "w");
    assert_non_null(text);
    assert_non_null(out);
    config_dump(c, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

#endif
