#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/siphash.h"

/* The reference implementation's vectors: key 00 01 .. 0f, input 00 01 .. of each length; that of
 * 15 bytes is the paper's own, appendix A. */
static const uint64_t vectors[] = {
    UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
    UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
    UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
    UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
    UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
    UINT64_C(0xa129ca6149be45e5), UINT64_C(0x3f2acc7f57c29bdb),
};

static const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

static void hashes_are_those_of_the_reference(void **state)
{
    (void)state;
    unsigned char input[ARRAY_LEN(vectors)];
    for (size_t len = 0; len < ARRAY_LEN(vectors); len++) {
        input[len] = (unsigned char)len;
        assert_true(siphash(&key, span_of(input, len)) == vectors[len]);
    }
}

static void no_text_hashes_like_an_empty_one(void **state)
{
    (void)state;
    assert_true(siphash(&key, (struct span){0}) == vectors[0]);
}

static void the_key_and_bytes_over_127_count(void **state)
{
    (void)state;
    const struct siphash_key other = {key.k0, key.k1 ^ 1};
    assert_true(siphash(&key, SPAN("x")) != siphash(&other, SPAN("x")));
    assert_true(siphash(&key, SPAN("\x80")) != siphash(&key, SPAN("\x80\xff")));
    assert_true(siphash(&key, SPAN("\xff")) != siphash(&key, SPAN("\x7f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_reference),
        cmocka_unit_test(no_text_hashes_like_an_empty_one),
        cmocka_unit_test(the_key_and_bytes_over_127_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
