#include "wire.h"

#include "base/mem.h"

/* This file stands in for base/mem.c: the allocation that `left` counts down to fails, and all
 * that come after it. */
static size_t left = SIZE_MAX;

void *mem_alloc(size_t size)
{
    return left > 0 ? (left--, malloc(size)) : NULL;
}

void *mem_zalloc(size_t count, size_t size)
{
    return left > 0 ? (left--, calloc(count, size)) : NULL;
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
    return left > 0 ? (left--, reallocarray(ptr, count, size)) : NULL;
}

void mem_free(void *ptr)
{
    free(ptr);
}

/* Feeds `in` byte by byte, so that heads and trailers are collected. */
static enum h1_result read_bytes(struct span in)
{
    enum h1_result result = H1_OK;
    struct h1_fed fed = {0};
    struct arena arena, interim;
    struct h1_reader *reader = h1_reader_new(HEAD_BYTES, false);
    if (!reader)
        return H1_NO_MEMORY;
    arena_init(&arena, NULL);
    arena_init(&interim, NULL);
    h1_reader_start(reader, SPAN("GET"), &arena, &interim);
    for (size_t i = 0; i < in.len && result == H1_OK; i++) {
        char byte = in.ptr[i];
        assert_int_equal(fed.events & H1_END, 0);
        result = h1_reader_feed(reader, &byte, 1, &byte, &fed);
    }
    assert_true(result != H1_OK || (fed.events & H1_END));
    h1_reader_free(reader);
    arena_fini(&arena);
    arena_fini(&interim);
    return result;
}

static void without_memory_it_is_said_so(void **state)
{
    (void)state;
    struct span in =
        SPAN("HTTP/1.1 103 E\r\na: b\r\n\r\n" CHUNKED "1\r\na\r\n0\r\na: b\r\nc: d\r\n\r\n");
    size_t allowed = 0;
    enum h1_result result = H1_NO_MEMORY;
    while (result != H1_OK) {
        left = allowed++;
        result = read_bytes(in);
        left = SIZE_MAX;
        assert_true(result == H1_OK || result == H1_NO_MEMORY);
    }
    assert_in_range(allowed, 5, 50);
}

/* Many fields: the list of them grows. */
static void without_memory_for_a_large_head_it_is_said_so(void **state)
{
    (void)state;
    char fields[HEAD_BYTES], text[HEAD_BYTES + 64];
    size_t len = 0;
    for (int i = 0; i < 60; i++)
        len += (size_t)snprintf(fields + len, sizeof fields - len, "a%d:\r\n", i);
    snprintf(text, sizeof text, "HTTP/1.1 204 N\r\n%s\r\n", fields);
    size_t allowed = 0;
    enum h1_result result = H1_NO_MEMORY;
    while (result != H1_OK) {
        left = allowed++;
        result = read_bytes(span_str(text));
        left = SIZE_MAX;
        assert_true(result == H1_OK || result == H1_NO_MEMORY);
    }
    assert_in_range(allowed, 5, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_is_said_so),
        cmocka_unit_test(without_memory_for_a_large_head_it_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
