/* Goal: panic, defer, recover and exit do what Go's do.
 * Method: frames that write down in which order things happen; the log is compared with what Go's rules say. What ends
 * the process is tried in children, whose messages are read. The cases are those of Go's test/recover*.go,
 * test/deferprint.go and of runtime/{callers,panic,defer}_test.go, as far as C has them. */
#include "conformance.h"

#include <sys/wait.h>
#include <unistd.h>

/* --- the log --- */

static char text_log[4096];

static void note(const char *word)
{
    CHECK(strlen(text_log) + strlen(word) + 2 < sizeof text_log);
    strcat(text_log, word);
    strcat(text_log, " ");
}

static void expect(const char *words)
{
    CHECK_MSG(strcmp(text_log, words) == 0, "the log is '%s', should be '%s'", text_log, words);
    text_log[0] = '\0';
}

static void say(void *word)
{
    note(word);
}

static void recover_and_say(void *word)
{
    const char *message = weft_recover();
    note(word);
    note(message == NULL ? "(none)" : message);
}

/* --- order --- */

static void three_defers(void *unused)
{
    (void)unused;
    char *word = "two";
    weft_defer(say, "one");
    weft_defer(say, word);
    word = "changed"; /* the argument was fixed by then */
    CHECK(word[0] == 'c');
    weft_defer(say, "three");
    note("body");
    weft_yield();
}

TASK_TEST(defers_run_last_in_first_out)
{
    CHECK(weft_call(three_defers, NULL));
    expect("body three two one ");
}

static void many_defers(void *count)
{
    for (size_t i = 0; i < *(size_t *)count; i++) {
        weft_defer(say, i % 2 == 0 ? "a" : "b");
    }
}

/* More than fit into a frame. */
TASK_TEST(as_many_defers_as_one_likes)
{
    size_t count = 100;
    CHECK(weft_call(many_defers, &count));
    CHECK_EQ(strlen(text_log), 200);
    CHECK(strncmp(text_log, "b a b a", 7) == 0);
}

static void defer_in_defer(void *unused)
{
    (void)unused;
    weft_defer(say, "inner");
    note("outer");
}

static void nested_defers(void *unused)
{
    (void)unused;
    weft_defer(say, "last");
    weft_defer(defer_in_defer, NULL);
}

/* A deferred call is a frame of its own. */
TASK_TEST(a_deferred_call_may_defer)
{
    CHECK(weft_call(nested_defers, NULL));
    expect("outer inner last ");
}

/* --- recover --- */

static void boom(void *message)
{
    weft_panic("%s", (const char *)message);
}

static void panics_and_recovers(void *unused)
{
    (void)unused;
    weft_defer(say, "after");
    weft_defer(recover_and_say, "got");
    weft_defer(say, "before");
    boom("boom");
}

TASK_TEST(recover_stops_a_panic)
{
    CHECK(!weft_call(panics_and_recovers, NULL));
    expect("before got boom after ");
    CHECK(weft_recover() == NULL); /* nothing is panicking any more */
}

static void calls_boom(void *message)
{
    weft_defer(say, "inner");
    weft_call(boom, message);
    note("never");
}

static void recovers_from_below(void *message)
{
    weft_defer(recover_and_say, "got");
    weft_call(calls_boom, message);
    note("never");
}

/* A panic passes through frames that do not recover, running what they deferred. */
TASK_TEST(panics_pass_through_frames)
{
    CHECK(!weft_call(recovers_from_below, "deep"));
    expect("inner got deep ");
}

static void recover_in_call(void *unused)
{
    (void)unused;
    note(weft_recover() == NULL ? "(none)" : "wrong");
}

static void indirect_recover(void *unused)
{
    (void)unused;
    weft_call(recover_in_call, NULL);
    weft_defer(recover_in_call, NULL); /* run by a return, not by the panic */
}

static void recover_twice(void *unused)
{
    recover_and_say("first");
    recover_and_say("second");
    (void)unused;
}

static void recovers_in_wrong_places(void *unused)
{
    (void)unused;
    weft_defer(recover_twice, NULL);
    weft_defer(indirect_recover, NULL);
    boom("x");
}

/* Recover works directly in the deferred call only, and once. */
TASK_TEST(recover_directly_and_once)
{
    CHECK(weft_recover() == NULL);
    CHECK(!weft_call(recovers_in_wrong_places, NULL));
    expect("(none) (none) first x second (none) ");
    CHECK(weft_call(recover_in_call, NULL));
    expect("(none) ");
}

/* --- panics in deferred calls --- */

static void second_panic(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "outer");
    weft_defer(boom, "second");
    boom("first");
}

/* The second takes the place of the first. */
TASK_TEST(a_panic_in_a_deferred_call_replaces)
{
    CHECK(!weft_call(second_panic, NULL));
    expect("outer second ");
}

static void own_affair(void *unused)
{
    (void)unused;
    CHECK(!weft_call(panics_and_recovers, NULL));
}

static void with_own_affair(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "mine");
    weft_defer(own_affair, NULL);
    boom("first");
}

/* A panic that begins and ends within a deferred call leaves the first alone. */
TASK_TEST(a_deferred_call_may_panic_and_recover)
{
    CHECK(!weft_call(with_own_affair, NULL));
    expect("before got boom after mine first ");
}

static void panic_and_recover_here(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "here");
    boom("second");
}

static void recovered_in_deferred_frame(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "mine");
    weft_defer(panic_and_recover_here, NULL);
    boom("first");
}

TASK_TEST(a_deferred_call_recovers_its_own)
{
    CHECK(!weft_call(recovered_in_deferred_frame, NULL));
    expect("here second mine first ");
}

static void recover_then_panic(void *unused)
{
    recover_and_say("first");
    (void)unused;
    boom("again");
}

static void panics_after_recovering(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "outer");
    weft_defer(recover_then_panic, NULL);
    boom("x");
}

TASK_TEST(panic_after_recover)
{
    CHECK(!weft_call(panics_after_recovering, NULL));
    expect("first x outer again ");
}

static void older_frame(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "older");
    weft_call(second_panic, NULL);
    weft_call(calls_boom, "third");
}

/* After a recovery in one frame the caller goes on, and may panic again. */
TASK_TEST(the_caller_goes_on)
{
    CHECK(!weft_call(older_frame, NULL));
    expect("outer second inner older third ");
}

/* --- exit --- */

static _Atomic(unsigned) ended;

static void task_ends(void *unused)
{
    (void)unused;
    add_release(&ended, 1u);
}

static void exits(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "exit");
    weft_exit();
}

static void exit_task(void *unused)
{
    (void)unused;
    weft_defer(task_ends, NULL);
    weft_defer(say, "root");
    weft_call(exits, NULL);
    note("never");
}

static void run_task(void (*fn)(void *))
{
    unsigned before = load_acquire(&ended);
    CHECK_STATUS(weft_go(fn, NULL), WEFT_OK);
    await_at_least(&ended, before + 1);
}

/* Exit runs what all frames deferred, and can't be recovered. */
TASK_TEST(exit_runs_deferred_calls)
{
    run_task(exit_task);
    expect("exit (none) root ");
}

static void exits_in_defer(void *unused)
{
    (void)unused;
    weft_exit();
}

static void panic_then_exit(void *unused)
{
    (void)unused;
    weft_defer(task_ends, NULL);
    weft_defer(recover_and_say, "root");
    weft_defer(exits_in_defer, NULL);
    boom("dropped");
}

/* An exit in a deferred call drops the panic. */
TASK_TEST(exit_drops_a_panic)
{
    run_task(panic_then_exit);
    expect("root (none) ");
}

static void exit_with_panic(void *unused)
{
    (void)unused;
    weft_defer(boom, "in exit");
    weft_exit();
}

static void recovers_older(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "older");
    weft_call(exit_with_panic, NULL);
    note("never");
}

static void exit_goes_on(void *unused)
{
    (void)unused;
    weft_defer(task_ends, NULL);
    weft_defer(recover_and_say, "root");
    weft_call(recovers_older, NULL);
    note("never");
}

/* A panic that comes up during an exit, and is recovered by an older frame, does not stop the exit. */
TASK_TEST(a_recovered_panic_lets_the_exit_go_on)
{
    run_task(exit_goes_on);
    expect("older in exit root (none) ");
}

static void root_recovers(void *unused)
{
    (void)unused;
    weft_defer(task_ends, NULL);
    weft_defer(recover_and_say, "root");
    boom("task");
}

/* The function of a task is a frame too. */
TASK_TEST(a_task_recovers_itself)
{
    for (int i = 0; i < 3; i++) {
        run_task(root_recovers);
        expect("root task ");
    }
}

static void main_recovers(void *unused)
{
    (void)unused;
    weft_defer(recover_and_say, "main");
    boom("x");
}

/* A main task that recovers has returned: the run ends. */
START_TEST(main_recovers_and_returns)
    {
        run_body(main_recovers, NULL);
        expect("main x ");
    }
END_TEST

/* --- many tasks, parks and migrations --- */

struct victim {
    struct dice dice;
    unsigned depth, recovered;
};

static void recover_own(void *arg)
{
    struct victim *victim = arg;
    const char *message = weft_recover();
    CHECK(message != NULL);
    char expected[64];
    snprintf(expected, sizeof expected, "victim %p", arg);
    CHECK_MSG(strcmp(message, expected) == 0, "'%s', should be '%s'", message, expected);
    weft_yield();
    victim->recovered++;
}

static void go_deep(void *arg)
{
    struct victim *victim = arg;
    weft_yield(); /* frames are entered on one worker and left on another */
    if (victim->depth-- == 0) {
        weft_panic("victim %p", arg);
    }
    weft_call(go_deep, arg);
}

static void protect(void *arg)
{
    weft_defer(recover_own, arg);
    go_deep(arg);
}

static void suffer(void *arg)
{
    struct victim *victim = arg;
    size_t count = rounds(200);
    for (size_t i = 0; i < count; i++) {
        victim->depth = dice_below(&victim->dice, 10);
        CHECK(!weft_call(protect, arg));
    }
    CHECK_EQ(victim->recovered, count);
}

static void just_work(void *arg)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < rounds(2000); i++) {
        sum += i;
        weft_yield();
    }
    *(uint64_t *)arg = sum;
}

/* Panics in some tasks do nothing to the others. */
TASK_TEST(panics_stay_in_their_tasks)
{
    enum { TASKS = 20 };
    static struct victim victims[TASKS];
    uint64_t sums[TASKS];
    struct crew crew;
    crew_init(&crew);
    for (uint32_t i = 0; i < TASKS; i++) {
        victims[i] = (struct victim){.dice = dice_new(i)};
        crew_go(&crew, suffer, &victims[i]);
        crew_go(&crew, just_work, &sums[i]);
    }
    crew_fini(&crew);
    uint64_t count = rounds(2000);
    for (uint32_t i = 0; i < TASKS; i++) {
        CHECK_EQ(sums[i], count * (count - 1) / 2);
    }
}

/* --- what ends the process --- */

static struct weft_options child_options(void)
{
    return (struct weft_options){.sched = combination.sched, .workers = combination.workers, .seed = combination.seed};
}

static void run_child(void (*body)(void *))
{
    struct weft_options options = child_options();
    alarm(30);
    weft_run(&options, body, NULL);
}

static void check_dies(void (*child)(void), const char *const *says)
{
    char text[8192];
    int status = in_child(child, text, sizeof text);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
    for (; *says != NULL; says++) {
        CHECK_MSG(strstr(text, *says) != NULL, "'%s' is not in: %s", *says, text);
    }
}

static void two_panics(void *unused)
{
    (void)unused;
    weft_defer(boom, "second");
    boom("first");
}

static void named_main(void *unused)
{
    (void)unused;
    weft_go_named("unlucky", two_panics, NULL);
    for (;;) {
        weft_yield();
    }
}

static void named_child(void)
{
    run_child(named_main);
}

/* All panics are printed, with the task's name and its stack. */
START_TEST(an_unrecovered_panic_ends_the_process)
    {
        check_dies(named_child, (const char *const[]){"panic: first\n\tpanic: second\n", "\"unlucky\"", "[0x", NULL});
    }
END_TEST

static void again_main(void *unused)
{
    (void)unused;
    weft_defer(recover_then_panic, NULL);
    boom("x");
}

static void again_child(void)
{
    run_child(again_main);
}

START_TEST(recovered_ones_are_marked)
    {
        check_dies(again_child, (const char *const[]){"panic: x [recovered]\n\tpanic: again\n", NULL});
    }
END_TEST

static void outside_child(void)
{
    weft_panic("no task here");
}

START_TEST(panic_outside_of_tasks)
    {
        check_dies(outside_child, (const char *const[]){"panic: no task here", "outside of any task", NULL});
    }
END_TEST

static void null_call_main(void *unused)
{
    (void)unused;
    weft_call(NULL, NULL);
}

static void null_call_child(void)
{
    run_child(null_call_main);
}

static void null_defer_main(void *unused)
{
    (void)unused;
    weft_defer(NULL, NULL);
}

static void null_defer_child(void)
{
    run_child(null_defer_main);
}

START_TEST(null_functions_panic)
    {
        check_dies(null_call_child, (const char *const[]){"weft_call of a null function", NULL});
        check_dies(null_defer_child, (const char *const[]){"weft_defer of a null function", NULL});
    }
END_TEST

TCase *panic_tests(void)
{
    TCase *cases = tcase_create("panic");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, defers_run_last_in_first_out);
    tcase_add_test(cases, as_many_defers_as_one_likes);
    tcase_add_test(cases, a_deferred_call_may_defer);
    tcase_add_test(cases, recover_stops_a_panic);
    tcase_add_test(cases, panics_pass_through_frames);
    tcase_add_test(cases, recover_directly_and_once);
    tcase_add_test(cases, a_panic_in_a_deferred_call_replaces);
    tcase_add_test(cases, a_deferred_call_may_panic_and_recover);
    tcase_add_test(cases, a_deferred_call_recovers_its_own);
    tcase_add_test(cases, panic_after_recover);
    tcase_add_test(cases, the_caller_goes_on);
    tcase_add_test(cases, exit_runs_deferred_calls);
    tcase_add_test(cases, exit_drops_a_panic);
    tcase_add_test(cases, a_recovered_panic_lets_the_exit_go_on);
    tcase_add_test(cases, a_task_recovers_itself);
    tcase_add_test(cases, main_recovers_and_returns);
    tcase_add_test(cases, panics_stay_in_their_tasks);
    tcase_add_test(cases, an_unrecovered_panic_ends_the_process);
    tcase_add_test(cases, recovered_ones_are_marked);
    tcase_add_test(cases, panic_outside_of_tasks);
    tcase_add_test(cases, null_functions_panic);
    return cases;
}
