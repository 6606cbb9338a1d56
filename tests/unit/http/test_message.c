#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "http/message.h"

static void registered_codes_have_their_phrase(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *reason;
    } cases[] = {
        {100, "Continue"},
        {103, "Early Hints"},
        {200, "OK"},
        {204, "No Content"},
        {304, "Not Modified"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {504, "Gateway Timeout"},
        {511, "Network Authentication Required"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(status_reason(cases[i].status), cases[i].reason);
}

static void other_codes_have_none(void **state)
{
    (void)state;
    static const unsigned cases[] = {0, 99, 104, 299, 306, 418, 512, 599, 600, UINT_MAX};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(status_reason(cases[i]), "");
}

static void only_content_can_be_waited_for(void **state)
{
    (void)state;
    static const struct {
        struct body body;
        const char *expect;
        bool has_content, awaits;
    } cases[] = {
        {{BODY_NONE, 0}, "100-continue", false, false},
        {{BODY_LENGTH, 0}, "100-continue", false, false},
        {{BODY_LENGTH, 1}, "100-continue", true, true},
        {{BODY_UNKNOWN, 0}, "100-Continue", true, true},
        {{BODY_UNKNOWN, 0}, "a, 100-continue", true, true},
        {{BODY_UNKNOWN, 0}, "100-continues", true, false},
        {{BODY_UNKNOWN, 0}, "", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field field = {SPAN("expect"), span_str(cases[i].expect), FIELD_EXPECT};
        const struct request request = {.fields = {.at = &field, .len = 1}, .body = cases[i].body};
        assert_int_equal(request_has_content(&request), cases[i].has_content);
        assert_int_equal(request_awaits_continue(&request), cases[i].awaits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_codes_have_their_phrase),
        cmocka_unit_test(other_codes_have_none),
        cmocka_unit_test(only_content_can_be_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
