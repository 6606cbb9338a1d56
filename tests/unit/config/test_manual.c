#include "fixture.h"

#ifndef SOURCE_DIR
#define SOURCE_DIR "."
#endif

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *read_file(const char *path)
{
    enum { ROOM = 1 << 16 };
    char *text = malloc(ROOM);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    if (!file)
        fail_msg("%s cannot be read", path);
    size_t len = fread(text, 1, ROOM - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

static void assert_fresh(const char *path, void (*print)(FILE *out))
{
    char *ours = printed(print), *theirs = read_file(path);
    if (strcmp(ours, theirs) != 0)
        fail_msg("%s is not what the table of options says: generate it anew", path);
    free(ours);
    free(theirs);
}

static void example_in_the_tree_is_fresh(void **state)
{
    (void)state;
    assert_fresh(SOURCE_DIR "/conf/proxy.conf", config_print_example);
}

static void reference_in_the_tree_is_fresh(void **state)
{
    (void)state;
    assert_fresh(SOURCE_DIR "/docs/configuration.md", config_print_reference);
}

static void example_is_the_smallest_configuration(void **state)
{
    (void)state;
    char *text = printed(config_print_example);
    struct config *c = fixture_config(text);
    struct config *smallest = fixture_config(
        "[listen main]\naddress = *:443\n[certificate main]\nchain = /etc/headstart/cert.pem\n"
        "key = /run/credentials/headstart.service/key.pem\n" FIXTURE_ORIGIN);
    char *ours = fixture_dump(c), *theirs = fixture_dump(smallest);
    assert_string_equal(ours, theirs);
    free(ours);
    free(theirs);
    free(text);
    config_free(c);
    config_free(smallest);
}

/* A comment that looks like an option or a section is one: without its "#" it must be right. */
static void every_commented_option_of_the_example_is_right(void **state)
{
    (void)state;
    char *text = printed(config_print_example);
    for (char *at = text; (at = strstr(at, "\n#")); at++) {
        if (at[2] != ' ' && at[2] != '\n')
            at[1] = ' ';
    }
    struct config *c = fixture_config(text);
    assert_string_equal(c->routes[0].match, "example.com/api");
    assert_string_equal(c->user, "headstart");
    assert_int_equal(c->timeouts.drain_ms, 30000);
    config_free(c);
    free(text);
}

static void every_option_is_in_example_and_reference(void **state)
{
    (void)state;
    char *example = printed(config_print_example), *reference = printed(config_print_reference);
    char *in_example = example, *in_reference = reference;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        for (size_t j = 0; j < options_sections[i].options_len; j++) {
            const char *name = options_sections[i].options[j].name;
            char heading[64], line[64];
            snprintf(heading, sizeof heading, "\n### `%s`\n", name);
            snprintf(line, sizeof line, "%s = ", name);
            in_reference = strstr(in_reference, heading);
            in_example = strstr(in_example, line);
            if (!in_reference || !in_example)
                fail_msg("[%s] %s is missing or not in its place", options_sections[i].name, name);
            in_reference++;
            in_example++;
        }
    }
    free(example);
    free(reference);
}

static void lines_have_a_hundred_columns_at_most(void **state)
{
    (void)state;
    void (*const prints[])(FILE *) = {config_print_example, config_print_reference};
    for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
        char *text = printed(prints[i]);
        for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
            assert_in_range(strcspn(at, "\n"), 0, 100);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_in_the_tree_is_fresh),
        cmocka_unit_test(reference_in_the_tree_is_fresh),
        cmocka_unit_test(example_is_the_smallest_configuration),
        cmocka_unit_test(every_commented_option_of_the_example_is_right),
        cmocka_unit_test(every_option_is_in_example_and_reference),
        cmocka_unit_test(lines_have_a_hundred_columns_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
