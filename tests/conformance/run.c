/* Goal: a run starts, runs tasks, and ends as core/weft.h says, whatever state its tasks are in.
 * Method: small programs, each in a run of its own; misuse is tried and must be refused. */
#include "conformance.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the main task's argument and return --- */

static void set_flag(void *arg)
{
    *(int *)arg = 42;
}

START_TEST(run_passes_the_argument)
    {
        int flag = 0;
        run_body(set_flag, &flag);
        CHECK_EQ(flag, 42);
        CHECK_EQ(weft_workers(), 0);
        CHECK_EQ(weft_task_count(), 0);
    }
END_TEST

TASK_TEST(run_tells_its_workers)
{
    CHECK_EQ(weft_workers(), combination.workers);
    CHECK(weft_task_count() >= 1);
}

/* --- misuse --- */

static void no_body(void *unused)
{
    (void)unused;
}

static void *run_from_thread(void *unused)
{
    (void)unused;
    struct weft_options options = {.sched = combination.sched};
    CHECK_STATUS(weft_run(&options, no_body, NULL), WEFT_INVALID);
    return NULL;
}

TASK_TEST(a_second_run_is_refused)
{
    CHECK_STATUS(weft_run(NULL, no_body, NULL), WEFT_INVALID);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_from_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(weft_go(NULL, NULL), WEFT_INVALID);
}

START_TEST(go_outside_of_a_run_is_refused)
    {
        CHECK_STATUS(weft_go(no_body, NULL), WEFT_INVALID);
        CHECK_STATUS(weft_run(NULL, NULL, NULL), WEFT_INVALID);
    }
END_TEST

/* --- tasks --- */

static _Atomic(unsigned) counter;

static void count_one(void *unused)
{
    (void)unused;
    add_release(&counter, 1u);
}

TASK_TEST(every_task_runs_once)
{
    enum { TASKS = 300 };
    for (unsigned i = 0; i < TASKS; i++) {
        CHECK_STATUS(weft_go(count_one, NULL), WEFT_OK);
    }
    await_at_least(&counter, TASKS);
    for (int i = 0; i < 100; i++) {
        weft_yield();
    }
    CHECK_EQ(load_acquire(&counter), TASKS);
}

static _Atomic(unsigned) turns[2];

static void take_turns(void *arg)
{
    unsigned me = *(unsigned *)arg;
    for (unsigned i = 1; i <= 100; i++) {
        add_release(&turns[me], 1u);
        await_at_least(&turns[1 - me], i); /* only a yield can let the other go on, with one worker */
    }
}

TASK_TEST(yield_lets_others_run)
{
    unsigned names[2] = {0, 1};
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, take_turns, &names[0]);
    crew_go(&crew, take_turns, &names[1]);
    crew_fini(&crew);
    CHECK_EQ(turns[0], 100);
    CHECK_EQ(turns[1], 100);
}

static _Atomic(unsigned) exited;

static __attribute__((noinline)) unsigned exit_from_depth(volatile unsigned depth)
{
    if (depth == 0) {
        add_release(&exited, 1u);
        weft_exit();
    }
    return depth == 1000 ? 0 : exit_from_depth(depth - 1) + depth; /* + depth: a frame for each call */
}

static void exit_deep(void *unused)
{
    (void)unused;
    exit_from_depth(20);
    test_fail(__FILE__, __LINE__, "weft_exit returned");
}

/* 200 tasks end in the depth of calls; their descriptors and stacks serve the next ones. */
TASK_TEST(exit_ends_the_task)
{
    for (unsigned i = 1; i <= 200; i++) {
        CHECK_STATUS(weft_go(exit_deep, NULL), WEFT_OK);
        if (i % 20 == 0) {
            await_at_least(&exited, i);
        }
    }
    while (weft_task_count() > 1) {
        weft_yield();
    }
}

static void outlive_main(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        weft_sleep(100000);
    }
    _exit(17); /* the run goes on, as nobody returned from the main task */
}

static void exit_main(void *unused)
{
    (void)unused;
    weft_go(outlive_main, NULL);
    weft_exit();
}

static void exit_main_child(void)
{
    run_body(exit_main, NULL);
}

START_TEST(exit_of_main_does_not_end_the_run)
    {
        int status = in_child(exit_main_child, NULL, 0);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 17);
    }
END_TEST

/* --- workers --- */

static struct weft_chan *doorbell;
static _Atomic(unsigned) answered;

static void answer_doorbell(void *unused)
{
    (void)unused;
    while (weft_recv(doorbell, NULL) == WEFT_OK) {
        add_release(&answered, 1u);
    }
}

static void spin_until(_Atomic(unsigned) *flag, unsigned value)
{
    while (load_acquire(flag) < value) {
        cpu_relax(); /* no yield: this worker does nothing else */
    }
}

/* A task that computes holds up only its own worker: another takes what it spawned and what it woke. */
TASK_TEST(idle_workers_take_work)
{
    if (combination.workers == 1 && !combination.sched_caps->os_threads) {
        skip("one worker");
        return;
    }
    struct crew crew;
    crew_init(&crew);
    doorbell = make_chan(0, 1);
    for (unsigned i = 1; i <= 20; i++) {
        CHECK_STATUS(weft_go(count_one, NULL), WEFT_OK);
        spin_until(&counter, i);
    }
    crew_go(&crew, answer_doorbell, NULL);
    for (unsigned i = 1; i <= 20; i++) {
        settle(1);
        CHECK_STATUS(weft_send(doorbell, NULL), WEFT_OK);
        spin_until(&answered, i);
    }
    weft_close(doorbell);
    crew_fini(&crew);
    weft_chan_free(doorbell);
}

/* --- sleep --- */

static void sleep_and_look(void *arg)
{
    weft_ns duration = *(weft_ns *)arg;
    weft_ns before = weft_now();
    weft_sleep(duration);
    weft_ns slept = weft_now() - before;
    CHECK_MSG(slept >= duration, "slept %lld ns instead of %lld", (long long)slept, (long long)duration);
}

TASK_TEST(sleep_is_never_short)
{
    weft_ns durations[] = {INT64_MIN, -1, 0, 1, 1000, 50000, 1000000, 3000000, 2000000, 10000000};
    struct crew crew;
    crew_init(&crew);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
            crew_go(&crew, sleep_and_look, &durations[i]);
        }
        crew_wait(&crew);
    }
    crew_fini(&crew);
}

TASK_TEST(clock_does_not_go_back)
{
    weft_ns last = weft_now();
    for (int i = 0; i < 1000; i++) {
        weft_ns now = weft_now();
        CHECK(now >= last);
        last = now;
        weft_yield();
    }
}

/* --- the end of a run --- */

static struct weft_chan *never; /* nobody sends or receives on it */
static struct weft_chan *full;
static _Atomic(unsigned) started;

static void wait_recv(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    weft_recv(never, NULL);
    test_fail(__FILE__, __LINE__, "an abandoned task went on");
}

static void wait_send(void *unused)
{
    (void)unused;
    int value = 0;
    add_release(&started, 1u);
    weft_send(full, &value);
    test_fail(__FILE__, __LINE__, "an abandoned task went on");
}

static void wait_select(void *unused)
{
    (void)unused;
    int value = 0;
    struct weft_case cases[] = {{.chan = never, .op = WEFT_RECV}, {.chan = full, .op = WEFT_SEND, .value = &value}};
    add_release(&started, 1u);
    weft_select(cases, 2);
    test_fail(__FILE__, __LINE__, "an abandoned task went on");
}

static void wait_deadline(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    weft_recv_until(never, NULL, weft_now() + 3600000000000);
    test_fail(__FILE__, __LINE__, "an abandoned task went on");
}

static void wait_asleep(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    weft_sleep(3600000000000);
    test_fail(__FILE__, __LINE__, "an abandoned task went on");
}

static void wait_for_ever(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    weft_recv(NULL, NULL);
}

static void wait_without_cases(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    weft_select(NULL, 0);
}

static void wait_runnable(void *unused)
{
    (void)unused;
    add_release(&started, 1u);
    for (;;) {
        weft_yield();
    }
}

static void leave_tasks(void *arg)
{
    static void (*const states[])(void *) = {wait_recv,   wait_send,     wait_select,        wait_deadline,
                                             wait_asleep, wait_for_ever, wait_without_cases, wait_runnable};
    enum { STATES = sizeof states / sizeof states[0] };
    unsigned round = *(unsigned *)arg;
    int value = 0;
    never = make_chan(sizeof value, 1);
    full = make_chan(sizeof value, 1);
    CHECK_STATUS(weft_send(full, &value), WEFT_OK);
    started = 0;
    for (unsigned i = 0; i < STATES; i++) {
        CHECK_STATUS(weft_go(states[i], NULL), WEFT_OK);
    }
    if (round % 2 == 0) { /* else some of them are in the middle of it */
        await_at_least(&started, STATES);
    }
    for (unsigned i = 0; i < round % 5; i++) {
        CHECK_STATUS(weft_go(wait_asleep, NULL), WEFT_OK); /* most likely not started when the run ends */
    }
}

/* A hundred runs, each abandoning tasks that wait in every way, are runnable, or have not begun. */
START_TEST(run_ends_whatever_its_tasks_do)
    {
        for (unsigned round = 0; round < 100; round++) {
            run_body(leave_tasks, &round);
            CHECK_EQ(weft_task_count(), 0);
            weft_chan_free(never);
            weft_chan_free(full);
        }
    }
END_TEST

/* A channel may outlive a run, with what is in it. */
static struct weft_chan *kept;

static void put_three(void *unused)
{
    (void)unused;
    for (int i = 1; i <= 3; i++) {
        CHECK_STATUS(weft_send(kept, &i), WEFT_OK);
    }
}

static void take_three(void *unused)
{
    (void)unused;
    for (int i = 1; i <= 3; i++) {
        int value = 0;
        CHECK_STATUS(weft_recv(kept, &value), WEFT_OK);
        CHECK_EQ(value, i);
    }
}

START_TEST(channel_outlives_a_run)
    {
        kept = make_chan(sizeof(int), 3);
        run_body(put_three, NULL);
        CHECK_EQ(weft_chan_len(kept), 3);
        run_body(take_three, NULL);
        weft_chan_free(kept);
    }
END_TEST

/* --- stacks in use --- */

static void use_stack(void *arg)
{
    enum { BYTES = 100000 };
    volatile unsigned char bytes[BYTES];
    unsigned char mark = *(unsigned char *)arg;
    for (size_t i = 0; i < BYTES; i += 64) {
        bytes[i] = mark;
    }
    for (int i = 0; i < 10; i++) {
        weft_yield();
    }
    for (size_t i = 0; i < BYTES; i += 64) {
        CHECK_EQ(bytes[i], mark);
    }
}

/* Each of 30 tasks keeps 100 kB of its own on its stack while the others do the same. */
TASK_TEST(stacks_are_apart)
{
    unsigned char marks[30];
    struct crew crew;
    crew_init(&crew);
    for (unsigned char i = 0; i < 30; i++) {
        marks[i] = i;
        crew_go(&crew, use_stack, &marks[i]);
    }
    crew_fini(&crew);
}

TCase *run_tests(void)
{
    TCase *cases = tcase_create("run");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, run_passes_the_argument);
    tcase_add_test(cases, run_tells_its_workers);
    tcase_add_test(cases, a_second_run_is_refused);
    tcase_add_test(cases, go_outside_of_a_run_is_refused);
    tcase_add_test(cases, every_task_runs_once);
    tcase_add_test(cases, yield_lets_others_run);
    tcase_add_test(cases, exit_ends_the_task);
    tcase_add_test(cases, exit_of_main_does_not_end_the_run);
    tcase_add_test(cases, idle_workers_take_work);
    tcase_add_test(cases, sleep_is_never_short);
    tcase_add_test(cases, clock_does_not_go_back);
    tcase_add_test(cases, run_ends_whatever_its_tasks_do);
    tcase_add_test(cases, channel_outlives_a_run);
    tcase_add_test(cases, stacks_are_apart);
    return cases;
}
