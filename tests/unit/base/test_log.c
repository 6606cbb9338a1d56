#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char text[16384];

/* Runs `say` with stderr in a pipe; what was written is in `text`. */
static void listen_to(void (*say)(void))
{
    int fds[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    say();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fds[0]);
}

static int make(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static void say_all(void)
{
    log_error("one");
    log_warning("two %d", 2);
    log_info("three");
    log_debug("four");
}

static void messages_above_the_level_are_dropped(void **state)
{
    (void)state;
    listen_to(say_all);
    assert_string_equal(text, "headstart: error: one\nheadstart: warning: two 2\n"
                              "headstart: info: three\n");
    log_set_level(LOG_LEVEL_ERROR);
    listen_to(say_all);
    assert_string_equal(text, "headstart: error: one\n");
}

static void the_journal_gets_its_priorities(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_DEBUG);
    setenv("JOURNAL_STREAM", "8:1", 1);
    listen_to(say_all);
    assert_string_equal(text, "<3>one\n<4>two 2\n<6>three\n<7>four\n");
    unsetenv("JOURNAL_STREAM");
}

static void say_controls(void)
{
    log_error("a\nheadstart: error: forged\x1b[2J\x7f\xc3\xa9");
}

static void control_bytes_cannot_forge_a_line(void **state)
{
    (void)state;
    listen_to(say_controls);
    assert_string_equal(text,
                        "headstart: error: a\\x0aheadstart: error: forged\\x1b[2J\\x7f\xc3\xa9\n");
}

static void say_what_acts(void)
{
    log_error("%s", "\xc2\x85 \xc2\x9b"
                    "2J \xe2\x80\xa8 \xe2\x80\xae \xe2\x81\xa7 \x9b"
                    "1m \xe2\x82");
    log_error("%s", "\xc2\xa0 \xe2\x82\xac \xf0\x9f\x98\x80");
}

/* NEL, CSI, LINE SEPARATOR, RIGHT-TO-LEFT OVERRIDE, RIGHT-TO-LEFT ISOLATE; a CSI of one byte, and a
 * character that was cut. */
static void characters_that_act_on_a_terminal_are_shown_as_their_bytes(void **state)
{
    (void)state;
    listen_to(say_what_acts);
    assert_string_equal(text, "headstart: error: \\xc2\\x85 \\xc2\\x9b2J \\xe2\\x80\\xa8 "
                              "\\xe2\\x80\\xae \\xe2\\x81\\xa7 \\x9b1m \\xe2\\x82\n"
                              "headstart: error: \xc2\xa0 \xe2\x82\xac \xf0\x9f\x98\x80\n");
}

static void say_too_much(void)
{
    static char much[5000];
    memset(much, '\n', sizeof much - 1);
    log_error("%s", much);
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
    (void)state;
    listen_to(say_too_much);
    assert_in_range(strlen(text), 1900, 2000);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_above_the_level_are_dropped, make),
        cmocka_unit_test_setup(the_journal_gets_its_priorities, make),
        cmocka_unit_test_setup(control_bytes_cannot_forge_a_line, make),
        cmocka_unit_test_setup(characters_that_act_on_a_terminal_are_shown_as_their_bytes, make),
        cmocka_unit_test_setup(a_long_message_is_cut_and_stays_one_line, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
