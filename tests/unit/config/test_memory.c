#include "fixture.h"

#include "base/mem.h"

/* This file stands in for base/mem.c: the allocation that `left` counts down to fails, and all
 * that come after it. */
static size_t left = SIZE_MAX;
static size_t live;

static void *take(size_t count, size_t size)
{
    if (left == 0)
        return NULL;
    left--;
    live++;
    return calloc(count, size);
}

void *mem_alloc(size_t size)
{
    return take(1, size);
}

void *mem_zalloc(size_t count, size_t size)
{
    return take(count, size);
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
    (void)ptr, (void)count, (void)size;
    fail_msg("nobody in this room resizes");
    return NULL;
}

void mem_free(void *ptr)
{
    live -= ptr != NULL;
    free(ptr);
}

/* The path is large enough for an allocation of its own. */
static struct config *parse_large(struct config_error *error)
{
    char text[8192];
    int len = snprintf(text, sizeof text,
                       "%s[listen two]\naddress = unix:/s\n[route r]\nmatch = A/b\n[push]\n"
                       "request_headers = a B\n[log]\naccess = %04000d\n",
                       FIXTURE_SMALLEST, 0);
    return config_parse(span_of(text, (size_t)len), "f", error);
}

static struct config *parse_many(struct config_error *error)
{
    static char text[40000];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", FIXTURE_SMALLEST);
    for (int i = 0; i < 300; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "[route r%d]\nmatch = host%d.example.com/a/b/c\n", i, i);
    return config_parse(span_of(text, len), "f", error);
}

static struct config *quick(struct config_error *error)
{
    return config_quick("http://app", NULL, NULL, NULL, error);
}

static struct config *load(struct config_error *error)
{
    return config_load("/dev/null", error);
}

/* Lets each allocation fail in turn, until `make` gets through; it is to end with `last`. */
static void run_out(struct config *(*make)(struct config_error *error), const char *last)
{
    for (size_t n = 0;; n++) {
        struct config_error error = {""};
        left = n;
        struct config *c = make(&error);
        bool ran_out = left == 0 && !c && strstr(error.text, "out of memory");
        left = SIZE_MAX;
        config_free(c);
        assert_int_equal(live, 0);
        if (!ran_out) {
            assert_string_equal(error.text, last);
            assert_true(n > 0);
            return;
        }
    }
}

static void running_out_of_memory_is_an_error_and_loses_nothing(void **state)
{
    (void)state;
    run_out(parse_large, "");
    run_out(parse_many, "");
    run_out(quick, "");
    run_out(load, "/dev/null: there is no [listen NAME]; at least one is needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_is_an_error_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
