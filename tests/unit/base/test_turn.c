#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/turn.h"

/* A task that writes its name down and then queues another, if it has one. */
struct job {
    struct turn_task task;
    char name;
    struct job *then;
    enum turn_phase then_phase;
    int repeats;
};

static struct turn turn;
static char ran[64];

static void run_job(struct turn_task *task)
{
    struct job *job = CONTAINER_OF(task, struct job, task);
    ran[strlen(ran)] = job->name;
    if (job->then && job->repeats-- > 0)
        turn_add(&turn, job->then_phase, &job->then->task);
}

static struct job job(char name)
{
    return (struct job){.name = name, .repeats = 1};
}

static void init_job(struct job *j)
{
    turn_task_init(&j->task, run_job);
}

static int make(void **state)
{
    (void)state;
    turn_init(&turn);
    memset(ran, 0, sizeof ran);
    return 0;
}

static void phases_run_in_order_and_tasks_in_that_of_their_queueing(void **state)
{
    (void)state;
    static const enum turn_phase phases[] = {
        TURN_FREE, TURN_WRITE, TURN_READ, TURN_FORWARD, TURN_ACT,
        TURN_FREE, TURN_WRITE, TURN_READ, TURN_ACT,
    };
    struct job jobs[ARRAY_LEN(phases)];
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        jobs[i] = job((char)('1' + i));
        init_job(&jobs[i]);
        turn_add(&turn, phases[i], &jobs[i].task);
    }
    turn_run(&turn);
    assert_string_equal(ran, "594382716");
}

static void an_earlier_phase_goes_first_even_when_queued_by_a_later_one(void **state)
{
    (void)state;
    struct job act = job('a'), write = job('w'), write2 = job('W'), drop = job('f');
    init_job(&act);
    init_job(&write);
    init_job(&write2);
    init_job(&drop);
    write.then = &act;
    write.then_phase = TURN_ACT;
    turn_add(&turn, TURN_FREE, &drop.task);
    turn_add(&turn, TURN_WRITE, &write.task);
    turn_add(&turn, TURN_WRITE, &write2.task);
    turn_run(&turn);
    assert_string_equal(ran, "waWf");
}

static void a_task_is_queued_once(void **state)
{
    (void)state;
    struct job a = job('a');
    init_job(&a);
    turn_add(&turn, TURN_ACT, &a.task);
    turn_add(&turn, TURN_ACT, &a.task);
    turn_add(&turn, TURN_FREE, &a.task);
    turn_run(&turn);
    assert_string_equal(ran, "a");
}

static void a_task_may_queue_itself_again(void **state)
{
    (void)state;
    struct job a = job('a');
    init_job(&a);
    a.then = &a;
    a.then_phase = TURN_WRITE;
    a.repeats = 3;
    turn_add(&turn, TURN_ACT, &a.task);
    turn_run(&turn);
    assert_string_equal(ran, "aaaa");
}

static void a_task_that_was_taken_back_does_not_run(void **state)
{
    (void)state;
    struct job a = job('a'), b = job('b');
    init_job(&a);
    init_job(&b);
    turn_cancel(&a.task);
    turn_add(&turn, TURN_ACT, &a.task);
    turn_add(&turn, TURN_ACT, &b.task);
    turn_cancel(&a.task);
    turn_run(&turn);
    assert_string_equal(ran, "b");
    turn_run(&turn);
    assert_string_equal(ran, "b");
}

static void free_task(struct turn_task *task)
{
    free(task);
    ran[strlen(ran)] = 'x';
}

static void a_task_may_free_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct turn_task *task = calloc(1, sizeof *task);
        assert_non_null(task);
        turn_task_init(task, free_task);
        turn_add(&turn, TURN_FREE, task);
    }
    turn_run(&turn);
    assert_string_equal(ran, "xx");
}

static void a_deferred_task_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct job first = job('a'), later = job('b'), never = job('c');
    init_job(&first);
    init_job(&later);
    init_job(&never);
    turn_begin(&turn);
    turn_defer(&turn, TURN_READ, &later.task);
    turn_defer(&turn, TURN_READ, &later.task);
    turn_defer(&turn, TURN_ACT, &never.task);
    turn_add(&turn, TURN_FREE, &first.task);
    turn_cancel(&never.task);
    assert_true(turn_has_more(&turn));
    assert_false(turn_is_over(&turn));
    turn_run(&turn);
    assert_true(turn_is_over(&turn));
    assert_string_equal(ran, "a");
    turn_begin(&turn);
    assert_false(turn_has_more(&turn));
    assert_false(turn_is_over(&turn));
    turn_add(&turn, TURN_ACT, &first.task);
    turn_run(&turn);
    assert_string_equal(ran, "aab"); /* it waits for its phase as well */
}

/* A turn in which `busy` has something to do, at that time. */
static void run_turn(uint64_t now_ms, struct job *busy)
{
    turn_begin(&turn);
    turn.now_ms = now_ms;
    if (busy)
        turn_add(&turn, TURN_ACT, &busy->task);
    turn_run(&turn);
}

/* A reader that brings `n` bytes, and asks for them to be written. */
struct reader {
    struct turn_task task;
    size_t n;
    struct job write;
};

static void run_reader(struct turn_task *task)
{
    struct reader *r = CONTAINER_OF(task, struct reader, task);
    ran[strlen(ran)] = 'r';
    turn_note_read(&turn, r->n);
    turn_add(&turn, TURN_WRITE, &r->write.task);
}

static void add_readers(struct reader readers[4], size_t n)
{
    for (size_t i = 0; i < 4; i++) {
        readers[i] = (struct reader){.n = n, .write = job('w')};
        turn_task_init(&readers[i].task, run_reader);
        init_job(&readers[i].write);
        turn_add(&turn, TURN_READ, &readers[i].task);
    }
}

static void where_much_was_read_it_is_written_before_more_is_read(void **state)
{
    (void)state;
    static const struct {
        size_t bytes; /* of each of four */
        const char *order;
    } cases[] = {
        {TURN_READ_BYTES / 4 - 1, "rrrrwwww"},
        {TURN_READ_BYTES / 2, "rrwwrrww"},
        {TURN_READ_BYTES / 2 - 1, "rrrwwwrw"},
        {TURN_READ_BYTES, "rwrwrwrw"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader readers[4];
        add_readers(readers, cases[i].bytes);
        turn_run(&turn);
        assert_string_equal(ran, cases[i].order);
        memset(ran, 0, sizeof ran);
        turn_begin(&turn);
    }
}

static void with_many_events_there_may_be_more(void **state)
{
    (void)state;
    assert_true(turn_knows_all(&turn));
    turn_note_events(&turn, 15);
    assert_true(turn_knows_all(&turn));
    turn_note_events(&turn, 16);
    assert_false(turn_knows_all(&turn));
    turn_note_events(&turn, 80);
    assert_false(turn_knows_all(&turn));
    turn_begin(&turn);
    assert_true(turn_knows_all(&turn));
    turn_note_events(&turn, 19); /* of 80 that the loop has told of at once */
    assert_true(turn_knows_all(&turn));
    turn_note_events(&turn, 20);
    assert_false(turn_knows_all(&turn));
}

static void what_is_put_off_waits_for_a_turn_with_nothing_else(void **state)
{
    (void)state;
    struct job busy = job('a'), late = job('b');
    init_job(&busy);
    init_job(&late);
    turn.now_ms = 1000;
    turn_put_off(&turn, &late.task);
    turn_put_off(&turn, &late.task);
    assert_true(turn_is_put_off(&late.task));
    assert_true(turn_has_more(&turn));
    assert_true(turn_is_over(&turn));
    run_turn(1000, &busy);
    run_turn(1000 + TURN_PUT_OFF_MS - 1, &busy);
    assert_string_equal(ran, "aa");
    run_turn(1000 + TURN_PUT_OFF_MS - 1, NULL);
    assert_string_equal(ran, "aab");
    assert_false(turn_is_put_off(&late.task));
    assert_false(turn_has_more(&turn));
    run_turn(2000, NULL);
    assert_string_equal(ran, "aab");
}

static void what_is_put_off_does_not_wait_for_long(void **state)
{
    (void)state;
    struct job busy = job('a'), late = job('b'), later = job('c');
    init_job(&busy);
    init_job(&late);
    init_job(&later);
    turn.now_ms = 1000;
    turn_put_off(&turn, &late.task);
    turn.now_ms = 1001;
    turn_put_off(&turn, &later.task);
    run_turn(1000 + TURN_PUT_OFF_MS, &busy);
    assert_string_equal(ran, "ab"); /* in the write phase, after what acts */
    run_turn(1001 + TURN_PUT_OFF_MS, &busy);
    assert_string_equal(ran, "abac");
}

static void what_is_put_off_can_be_asked_for_at_once_or_taken_back(void **state)
{
    (void)state;
    struct job busy = job('a'), late = job('b'), never = job('c');
    init_job(&busy);
    init_job(&late);
    init_job(&never);
    turn.now_ms = 1000;
    turn_put_off(&turn, &late.task);
    turn_put_off(&turn, &never.task);
    turn_cancel(&never.task);
    assert_false(turn_is_put_off(&never.task));
    turn_add(&turn, TURN_WRITE, &late.task);
    assert_false(turn_is_put_off(&late.task));
    turn_put_off(&turn, &late.task); /* it is queued for this turn already */
    run_turn(1000, &busy);
    assert_string_equal(ran, "ab");
    assert_false(turn_has_more(&turn));
}

static void the_time_stands_still_within_a_turn(void **state)
{
    (void)state;
    uint64_t now = turn_now_ms(&turn);
    assert_true(now > 0);
    turn.now_ms = 1000; /* as if it had been read a while ago */
    turn_run(&turn);
    assert_int_equal(turn_now_ms(&turn), 1000);
    turn_begin(&turn);
    assert_true(turn_now_ms(&turn) >= now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(phases_run_in_order_and_tasks_in_that_of_their_queueing, make),
        cmocka_unit_test_setup(an_earlier_phase_goes_first_even_when_queued_by_a_later_one, make),
        cmocka_unit_test_setup(a_task_is_queued_once, make),
        cmocka_unit_test_setup(a_task_may_queue_itself_again, make),
        cmocka_unit_test_setup(a_task_that_was_taken_back_does_not_run, make),
        cmocka_unit_test_setup(a_task_may_free_itself, make),
        cmocka_unit_test_setup(a_deferred_task_waits_for_the_next_turn, make),
        cmocka_unit_test_setup(where_much_was_read_it_is_written_before_more_is_read, make),
        cmocka_unit_test_setup(with_many_events_there_may_be_more, make),
        cmocka_unit_test_setup(what_is_put_off_waits_for_a_turn_with_nothing_else, make),
        cmocka_unit_test_setup(what_is_put_off_does_not_wait_for_long, make),
        cmocka_unit_test_setup(what_is_put_off_can_be_asked_for_at_once_or_taken_back, make),
        cmocka_unit_test_setup(the_time_stands_still_within_a_turn, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
