#include <sys/mman.h>

#include "fixture.h"
#include "h2/memory.h"

/* As nghttp2 asks for them. */
enum {
    MAP_BYTES = 4096,
    FRAME_BYTES = 16394,
    PAGE_BYTES = 4096,
    ROUNDS = 3,
};

static struct rig rig;
static struct h2_cache cache;
static struct h2_memory memory;
static nghttp2_mem mem;

static int open_memory(void **state)
{
    (void)state;
    h2_cache_init(&cache, NULL);
    h2_memory_init(&memory, &cache);
    mem = h2_memory_functions(&memory);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    h2_memory_fini(&memory);
    h2_cache_fini(&cache);
    return 0;
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* How many of the pages at `at` take memory. */
static size_t pages_in(void *at, size_t bytes)
{
    unsigned char in[H2_CACHE_PAGES_BYTES / PAGE_BYTES];
    size_t len = (bytes + PAGE_BYTES - 1) / PAGE_BYTES, n = 0;
    assert_in_range(len, 1, sizeof in);
    assert_int_equal(mincore(at, bytes, in), 0);
    for (size_t i = 0; i < len; i++)
        n += in[i] & 1;
    return n;
}

static char *take_map(void)
{
    char *map = mem.calloc(MAP_BYTES / 16, 16, mem.mem_user_data);
    assert_non_null(map);
    for (size_t i = 0; i < MAP_BYTES; i++)
        assert_int_equal(map[i], 0);
    return map;
}

static char *take_frame(void)
{
    char *frame = mem.malloc(FRAME_BYTES, mem.mem_user_data);
    assert_non_null(frame);
    memset(frame, 'f', FRAME_BYTES);
    return frame;
}

static void an_empty_map_and_a_frame_take_no_memory_at_rest(void **state)
{
    (void)state;
    char *map = take_map(), *frame = take_frame();
    for (int i = 0; i < ROUNDS; i++) {
        memset(map, 'm', MAP_BYTES);
        memset(map, 0, MAP_BYTES);
        memset(frame, 'f', FRAME_BYTES);
        assert_int_equal(pages_in(map, MAP_BYTES), 1);
        assert_int_equal(pages_in(frame, FRAME_BYTES), 5);
        h2_memory_rest(&memory);
        assert_int_equal(pages_in(map, MAP_BYTES), 0);
        assert_int_equal(pages_in(frame, FRAME_BYTES), 0);
        assert_int_equal(map[MAP_BYTES - 1], 0);
    }
}

static void a_map_with_streams_stays_at_rest(void **state)
{
    (void)state;
    char *map = take_map(), *frame = take_frame();
    map[MAP_BYTES - 1] = 'm';
    h2_memory_rest(&memory);
    assert_int_equal(map[MAP_BYTES - 1], 'm');
    assert_int_equal(pages_in(frame, FRAME_BYTES), 0);
}

static void only_the_first_of_their_sizes_are_emptied(void **state)
{
    (void)state;
    take_map();
    take_frame();
    char *map = take_map(), *frame = take_frame();
    h2_memory_rest(&memory);
    assert_int_equal(frame[0], 'f');
    assert_int_equal(frame[FRAME_BYTES - 1], 'f');
    mem.free(map, mem.mem_user_data);
    mem.free(frame, mem.mem_user_data);
}

static void what_was_given_back_is_not_taken_again(void **state)
{
    (void)state;
    char *map = take_map(), *frame = take_frame();
    mem.free(map, mem.mem_user_data);
    mem.free(frame, mem.mem_user_data);
    assert_ptr_not_equal(take_map(), map);
    assert_ptr_not_equal(take_frame(), frame);
}

static void a_resized_frame_keeps_its_bytes(void **state)
{
    (void)state;
    char *frame = mem.realloc(take_frame(), 2 * FRAME_BYTES, mem.mem_user_data);
    assert_non_null(frame);
    assert_int_equal(frame[FRAME_BYTES - 1], 'f');
    h2_memory_rest(&memory);
    assert_int_equal(frame[0], 'f');
}

static void a_map_of_used_pages_is_zero(void **state)
{
    memset(take_map(), 'm', MAP_BYTES);
    h2_memory_fini(&memory);
    open_memory(state);
    take_map();
}

static void nothing_is_emptied_before_anything_is_taken(void **state)
{
    (void)state;
    h2_memory_rest(&memory);
    take_frame();
}

/* The pages of a session that took them from a cache which had no others. */
static void *pages_of_new_session(void)
{
    session_free(rig.session);
    void *pages = rig.cache.pages.free;
    assert_non_null(pages);
    rig.session = h2_session_new(&server_events, &rig, &rig_limits, &rig.cache);
    assert_non_null(rig.session);
    assert_null(rig.cache.pages.free);
    return pages;
}

static void fetch(const char *path, size_t body_len)
{
    size_t n = rig.streams_len;
    int32_t id = get(&rig, path);
    rig_run(&rig);
    assert_int_equal(rig.streams_len, n + 1);
    answer(&rig, &rig.streams[n], pattern(&rig, body_len), STREAM_ENDS);
    rig_run(&rig);
    assert_int_equal(body_of(&rig, id).len, body_len);
    assert_true(rig.streams[n].closed);
}

static void an_idle_session_rests_in_no_page_and_goes_on(void **state)
{
    (void)state;
    void *pages = pages_of_new_session();
    GREET_PLAIN(&rig);
    for (int i = 0; i < ROUNDS; i++) {
        fetch("/a", 1000);
        assert_int_not_equal(pages_in(pages, H2_CACHE_PAGES_BYTES), 0);
        session_doze(rig.session);
        assert_int_equal(pages_in(pages, H2_CACHE_PAGES_BYTES), 0);
    }
}

static void a_session_with_a_stream_rests_and_goes_on(void **state)
{
    (void)state;
    GREET_PLAIN(&rig);
    int32_t id = get(&rig, "/slow");
    rig_run(&rig);
    struct side *s = &rig.streams[0];
    answer(&rig, s, SPAN("ab"), STREAM_LATER);
    rig_run(&rig);
    session_doze(rig.session);
    fetch("/a", 1000);
    session_doze(rig.session);
    s->out = SPAN("cd");
    s->after = STREAM_ENDS;
    stream_resume(&s->h2.base);
    rig_run(&rig);
    assert_int_equal(body_of(&rig, id).len, 4);
    assert_true(s->closed);
}

/* The head does not fit at once: what is left of it is in the frame buffer. */
static void a_frame_that_is_half_sent_is_not_emptied(void **state)
{
    (void)state;
    enum { VALUE_BYTES = 6000 };
    char value[VALUE_BYTES + 1] = "", expected[VALUE_BYTES + 64], line[VALUE_BYTES + 64];
    memset(value, '~', VALUE_BYTES);
    GREET_PLAIN(&rig);
    get(&rig, "/");
    rig_run(&rig);
    log_clear(&rig.saw);
    snprintf(line, sizeof line, "x-a: %s\n", value);
    const struct response head = make_response(&rig, 204, line);
    assert_true(stream_respond(&rig.streams[0].h2.base, &head, false));
    rig.room = 2000;
    while (server_to_client(&rig))
        session_doze(rig.session);
    snprintf(expected, sizeof expected, ":status: 204\nx-a: %s\nHEADERS 1, end\n", value);
    expect_log(&rig.saw, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_map_and_a_frame_take_no_memory_at_rest,
                                        open_memory, close_memory),
        cmocka_unit_test_setup_teardown(a_map_with_streams_stays_at_rest, open_memory,
                                        close_memory),
        cmocka_unit_test_setup_teardown(only_the_first_of_their_sizes_are_emptied, open_memory,
                                        close_memory),
        cmocka_unit_test_setup_teardown(what_was_given_back_is_not_taken_again, open_memory,
                                        close_memory),
        cmocka_unit_test_setup_teardown(a_resized_frame_keeps_its_bytes, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(a_map_of_used_pages_is_zero, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(nothing_is_emptied_before_anything_is_taken, open_memory,
                                        close_memory),
        cmocka_unit_test_setup_teardown(an_idle_session_rests_in_no_page_and_goes_on, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(a_session_with_a_stream_rests_and_goes_on, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(a_frame_that_is_half_sent_is_not_emptied, open_rig,
                                        close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
