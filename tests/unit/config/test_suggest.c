#include "fixture.h"

#include "config/suggest.h"

struct suggestion {
    const char *word, *expected;
};

static void near_words_are_suggested_and_far_ones_not(void **state)
{
    (void)state;
    static const char *const known[] = {"address", "forwarded", "log",
                                        "tls",     "max_open",  "max_per_page"};
    static const struct suggestion cases[] = {
        {"adress", "address"},
        {"ADDRESS", "address"},
        {"addresss", "address"},
        {"adderss", "address"},
        {"max-per-page", "max_per_page"},
        {"lgo", "log"},
        {"logs", "log"},
        {"ssl", NULL},
        {"max_opne", "max_open"},
        {"forward", "forwarded"},
        {"x", NULL},
        {"", NULL},
        {"completely_else", NULL},
        {"address_address_address_address_address_x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct suggest s;
        suggest_init(&s, span_str(cases[i].word));
        for (size_t j = 0; j < ARRAY_LEN(known); j++)
            suggest_offer(&s, known[j]);
        assert_int_equal(!s.best, !cases[i].expected);
        if (s.best)
            assert_string_equal(s.best, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_words_are_suggested_and_far_ones_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
