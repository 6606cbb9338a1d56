#include "http/date.h"

enum { DAY_SECONDS = 86400 };

/* The last second that four digits of a year can show. */
static const uint64_t last_second = UINT64_C(253402300799);

struct day {
    unsigned year, month, day; /* the month counts from 0 */
};

/* The day of the Gregorian calendar, `days` after 1970-01-01. Counts in years that begin in March,
 * so that the leap day comes last, and in eras of 400 years, which are all equally long. */
static struct day day_of(uint64_t days)
{
    uint64_t since_year_0 = days + 719468;
    unsigned era = (unsigned)(since_year_0 / 146097);
    unsigned of_era = (unsigned)(since_year_0 % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    unsigned month = (march_month + 2) % 12;
    return (struct day){
        .year = era * 400 + year_of_era + (month < 2 ? 1 : 0),
        .month = month,
        .day = of_year - (153 * march_month + 2) / 5 + 1,
    };
}

static char *put_text(char *at, struct span text)
{
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_number(char *at, unsigned n, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + n % 10);
        n /= 10;
    }
    return at + digits;
}

struct span date_format(char out[DATE_BYTES], uint64_t seconds)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (seconds > last_second)
        seconds = last_second;
    uint64_t days = seconds / DAY_SECONDS;
    unsigned of_day = (unsigned)(seconds % DAY_SECONDS);
    struct day d = day_of(days);
    char *at = put_text(out, span_of(weekdays + days % 7 * 3, 3));
    at = put_text(at, SPAN(", "));
    at = put_number(at, d.day, 2);
    at = put_text(at, SPAN(" "));
    at = put_text(at, span_of(months + d.month * (size_t)3, 3));
    at = put_text(at, SPAN(" "));
    at = put_number(at, d.year, 4);
    at = put_text(at, SPAN(" "));
    at = put_number(at, of_day / 3600, 2);
    at = put_text(at, SPAN(":"));
    at = put_number(at, of_day / 60 % 60, 2);
    at = put_text(at, SPAN(":"));
    at = put_number(at, of_day % 60, 2);
    at = put_text(at, SPAN(" GMT"));
    return span_of(out, (size_t)(at - out));
}
