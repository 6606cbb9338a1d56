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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_codes_have_their_phrase),
        cmocka_unit_test(other_codes_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
