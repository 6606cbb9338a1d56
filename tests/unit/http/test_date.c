#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/attr.h"
#include "http/date.h"

static void known_instants_are_written_as_imf_fixdate(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {1, "Thu, 01 Jan 1970 00:00:01 GMT"},
        {68169599, "Mon, 28 Feb 1972 23:59:59 GMT"},
        {68169600, "Tue, 29 Feb 1972 00:00:00 GMT"},
        {68256000, "Wed, 01 Mar 1972 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {946684799, "Fri, 31 Dec 1999 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
        {1467216577, "Wed, 29 Jun 2016 16:09:37 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[DATE_BYTES];
        struct span date = date_format(out, cases[i].seconds);
        assert_ptr_equal(date.ptr, out);
        assert_int_equal(date.len, DATE_BYTES);
        assert_memory_equal(out, cases[i].text, DATE_BYTES);
    }
}

static void every_day_of_four_centuries_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (time_t day = 0; day < 400 * 366; day++) {
        char ours[DATE_BYTES], theirs[DATE_BYTES + 1];
        time_t seconds = day * 86400 + day % 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        date_format(ours, (uint64_t)seconds);
        assert_memory_equal(ours, theirs, DATE_BYTES);
    }
}

static void a_year_of_five_digits_is_never_written(void **state)
{
    (void)state;
    char out[DATE_BYTES];
    date_format(out, UINT64_MAX);
    assert_memory_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT", DATE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants_are_written_as_imf_fixdate),
        cmocka_unit_test(every_day_of_four_centuries_agrees_with_the_c_library),
        cmocka_unit_test(a_year_of_five_digits_is_never_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
