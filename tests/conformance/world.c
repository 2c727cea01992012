/* Goal: what reaches into a run from the world around it: threads that spawn, calls that block their thread, tasks that
 * compute without end, signals, forks.
 * Method: pthreads beside the run, pipes that only another task fills, a hog beside a pair that talks, a signal storm,
 * children. */
#include "conformance.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- threads outside --- */

enum { OUTSIDERS = 4, SPAWNS = 200 };
static _Atomic(unsigned) ran;

static void count_run(void *unused)
{
    (void)unused;
    add_release(&ran, 1u);
}

static void *spawn_from_outside(void *unused)
{
    (void)unused;
    for (int i = 0; i < SPAWNS; i++) {
        CHECK_STATUS(weft_go(count_run, NULL), WEFT_OK);
    }
    return NULL;
}

/* Every task that a thread outside makes runs once, also while all workers sleep. */
TASK_TEST(go_from_outside)
{
    pthread_t threads[OUTSIDERS];
    for (int i = 0; i < OUTSIDERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, spawn_from_outside, NULL) == 0);
    }
    while (load_acquire(&ran) < OUTSIDERS * SPAWNS) {
        weft_sleep(50000); /* lets the workers fall asleep */
    }
    for (int i = 0; i < OUTSIDERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_EQ(load_acquire(&ran), OUTSIDERS * SPAWNS);
}

static struct weft_chan *gate;

static void open_gate(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_send(gate, NULL), WEFT_OK);
}

static void *open_from_outside(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
    return NULL;
}

/* All tasks wait, and only a thread outside can help: that is no deadlock. */
TASK_TEST(an_outside_thread_ends_the_wait)
{
    gate = make_chan(0, 1);
    for (size_t i = 0; i < rounds(200); i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, open_from_outside, NULL) == 0);
        CHECK_STATUS(weft_recv(gate, NULL), WEFT_OK);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    weft_chan_free(gate);
}

static _Atomic(bool) quit;

static void *spawn_until_quit(void *unused)
{
    (void)unused;
    while (!load_acquire(&quit)) {
        enum weft_status status = weft_go(count_run, NULL);
        CHECK(status == WEFT_OK || status == WEFT_INVALID); /* INVALID: between two runs */
    }
    return NULL;
}

static void short_run(void *unused)
{
    (void)unused;
    weft_yield();
}

/* A thread spawns all the time while runs begin and end. */
START_TEST(runs_end_while_others_spawn)
    {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, spawn_until_quit, NULL) == 0);
        for (size_t i = 0; i < rounds(100); i++) {
            run_body(short_run, NULL);
        }
        store_release(&quit, true);
        CHECK(pthread_join(thread, NULL) == 0);
    }
END_TEST

/* --- blocking calls --- */

static int ends[2];

static void read_byte(void *arg)
{
    CHECK(read(ends[0], arg, 1) == 1);
}

static void write_byte(void *arg)
{
    CHECK(write(ends[1], arg, 1) == 1);
}

static void write_later(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        weft_yield();
    }
    write_byte("x");
}

/* A task reads from a pipe that only another task fills: on one worker that works only if the call blocks nobody
 * else. */
TASK_TEST(blocking_lets_others_run)
{
    CHECK(pipe(ends) == 0);
    size_t count = combination.sched_caps->virtual_time
                       ? 20
                       : 200; /* sim gives each call 200 ms to come back, which this one does not */
    for (size_t i = 0; i < rounds(count); i++) {
        char byte = 0;
        CHECK_STATUS(weft_go(write_later, NULL), WEFT_OK);
        weft_blocking(read_byte, &byte);
        CHECK_EQ(byte, 'x');
    }
    close(ends[0]);
    close(ends[1]);
}

static void reader(void *arg)
{
    char byte = 0;
    weft_blocking(read_byte, &byte);
    CHECK_EQ(byte, 'y');
    add_relaxed((_Atomic(unsigned) *)arg, 1u);
}

/* Many calls at once, each of which has a thread of its own. */
TASK_TEST(many_calls_block_at_once)
{
    enum { READERS = 30 };
    _Atomic(unsigned) done = 0;
    struct crew crew;
    CHECK(pipe(ends) == 0);
    crew_init(&crew);
    for (int i = 0; i < READERS; i++) {
        crew_go(&crew, reader, &done);
    }
    settle(READERS);
    for (int i = 0; i < READERS; i++) {
        weft_blocking(write_byte, "y");
    }
    crew_fini(&crew);
    CHECK_EQ(done, READERS);
    close(ends[0]);
    close(ends[1]);
}

static void wait_for_byte(void *unused)
{
    char byte;
    (void)unused;
    weft_blocking(read_byte, &byte);
}

static void leave_behind(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(weft_go(wait_for_byte, NULL), WEFT_OK);
    }
    settle(3);
}

static void mark_stack(void *unused)
{
    (void)unused;
    volatile char bytes[20000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 7;
    }
    weft_blocking(write_byte, "abc"); /* the calls that were left behind return now, and write to their stacks */
    weft_blocking(write_byte, "abc");
    weft_blocking(write_byte, "abc");
    weft_sleep(2000000);
    for (size_t i = 0; i < sizeof bytes; i++) {
        CHECK_EQ(bytes[i], 7);
    }
}

/* A run ends while calls are out; they return during the next one, and hurt nobody. */
START_TEST(calls_are_left_behind)
    {
        CHECK(pipe(ends) == 0);
        run_body(leave_behind, NULL);
        run_body(mark_stack, NULL);
        run_body(short_run, NULL);
    }
END_TEST

static _Atomic(bool) churns;

static void *churn(void *unused)
{
    while (load_acquire(&churns)) {
        weft_chan_free(make_chan(sizeof(int), combination.caps->capacity_min));
    }
    return unused;
}

static void return_soon(void *unused)
{
    (void)unused;
    weft_yield();
}

/* A thread outside frees channels while runs begin and end. */
START_TEST(channels_are_freed_outside)
    {
        pthread_t thread;
        store_release(&churns, true);
        CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
        for (size_t round = 0; round < rounds(500); round++) {
            run_body(return_soon, NULL);
        }
        store_release(&churns, false);
        CHECK(pthread_join(thread, NULL) == 0);
    }
END_TEST

static void spawn_in_call(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
}

/* Inside of a call one may spawn. */
TASK_TEST(blocking_may_spawn)
{
    gate = make_chan(0, 1);
    weft_blocking(spawn_in_call, NULL);
    CHECK_STATUS(weft_recv(gate, NULL), WEFT_OK);
    weft_chan_free(gate);
}

/* --- hogs --- */

static struct weft_chan *ping, *pong;
static _Atomic(bool) hog_quit;

static void hog(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_quit)) {
        weft_poll();
    }
}

static void answer(void *unused)
{
    int value;
    (void)unused;
    while (weft_recv(ping, &value) == WEFT_OK) {
        CHECK_STATUS(weft_send(pong, &value), WEFT_OK);
    }
}

/* On one worker: a hog that polls, and a pair that talks. Without preemption the pair would never go on. */
TASK_TEST(hog_and_pair_make_progress)
{
    size_t capacity = combination.caps->capacity_min;
    struct crew crew;
    crew_init(&crew);
    ping = make_chan(sizeof(int), capacity);
    pong = make_chan(sizeof(int), capacity);
    crew_go(&crew, answer, NULL);
    crew_go(&crew, hog, NULL);
    for (int i = 0; i < 20; i++) {
        int value = 0;
        CHECK_STATUS(weft_send(ping, &i), WEFT_OK);
        CHECK_STATUS(weft_recv(pong, &value), WEFT_OK);
        CHECK_EQ(value, i);
    }
    store_release(&hog_quit, true);
    CHECK_STATUS(weft_close(ping), WEFT_OK);
    crew_fini(&crew);
    weft_chan_free(ping);
    weft_chan_free(pong);
}

/* A loop of selects with a default never parks; the tasks beside it run all the same. */
TASK_TEST(a_polling_select_lets_others_run)
{
    struct weft_chan *done = make_chan(0, 1);
    gate = done;
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
    struct weft_case two[] = {{.chan = done, .op = WEFT_RECV}, {.chan = NULL}};
    while (weft_try_select(two, 2) < 0) {
    }
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
    while (weft_try_recv(done, NULL) == WEFT_AGAIN) {
    }
    while (weft_task_count() > 1) {
        weft_yield();
    }
    weft_chan_free(done);
}

/* Who yields in a loop waits for a sleeper: its timer must fire although the worker is never idle. */
static void sleep_a_little(void *unused)
{
    (void)unused;
    weft_sleep(1000000);
    add_release(&ran, 1u);
}

TASK_TEST(sleepers_wake_while_others_yield)
{
    CHECK_STATUS(weft_go(sleep_a_little, NULL), WEFT_OK);
    await_at_least(&ran, 1);
}

/* --- signals --- */

static _Atomic(unsigned) alarms;

static void on_alarm(int number)
{
    (void)number;
    add_relaxed(&alarms, 1u);
}

/* Signals interrupt tasks in the middle of everything; nothing is lost. */
TASK_TEST(signals_do_no_harm)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval often = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}}, never = {0};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    size_t capacity = combination.caps->capacity_min;
    ping = make_chan(sizeof(int), capacity);
    pong = make_chan(sizeof(int), capacity);
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, answer, NULL);
    for (int i = 0; i < 1000 || load_relaxed(&alarms) < 10; i++) {
        int value = 0;
        CHECK_STATUS(weft_send(ping, &i), WEFT_OK);
        CHECK_STATUS(weft_recv(pong, &value), WEFT_OK);
        CHECK_EQ(value, i);
        if (i % 100 == 0) {
            weft_sleep(100000);
        }
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK_STATUS(weft_close(ping), WEFT_OK);
    crew_fini(&crew);
    weft_chan_free(ping);
    weft_chan_free(pong);
}

/* --- fork --- */

/* A child of a task may exec or _exit; a weft_go there is refused; the parent goes on. */
TASK_TEST(fork_in_a_task)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        bool refused = weft_go(count_run, NULL) == WEFT_INVALID && weft_run(NULL, short_run, NULL) == WEFT_INVALID &&
                       weft_task_count() == 0;
        _exit(refused ? 7 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK_STATUS(weft_go(count_run, NULL), WEFT_OK);
    await_at_least(&ran, 1);
}

static void receive_in_child(void *unused)
{
    (void)unused;
    if (fork() == 0) {
        weft_recv(NULL, NULL);
    }
    int status;
    wait(&status);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void return_in_child(void *unused)
{
    (void)unused;
    if (fork() == 0) {
        return;
    }
    int status;
    wait(&status);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void run_forker(void (*body)(void *))
{
    struct weft_options options = {.sched = combination.sched, .workers = combination.workers};
    weft_run(&options, body, NULL);
}

static void receiving_child(void)
{
    run_forker(receive_in_child);
}

static void returning_child(void)
{
    run_forker(return_in_child);
}

/* What a child may not do ends it with a message. */
START_TEST(fork_misused)
    {
        char text[4096];
        int status = in_child(receiving_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        CHECK_MSG(strstr(text, "outside of any task") != NULL, "%s", text);
        status = in_child(returning_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        CHECK_MSG(strstr(text, "child of a fork") != NULL, "%s", text);
    }
END_TEST

TCase *world_tests(void)
{
    TCase *cases = tcase_create("world");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, go_from_outside);
    tcase_add_test(cases, an_outside_thread_ends_the_wait);
    tcase_add_test(cases, runs_end_while_others_spawn);
    tcase_add_test(cases, blocking_lets_others_run);
    tcase_add_test(cases, many_calls_block_at_once);
    tcase_add_test(cases, calls_are_left_behind);
    tcase_add_test(cases, channels_are_freed_outside);
    tcase_add_test(cases, blocking_may_spawn);
    tcase_add_test(cases, hog_and_pair_make_progress);
    tcase_add_test(cases, a_polling_select_lets_others_run);
    tcase_add_test(cases, sleepers_wake_while_others_yield);
    tcase_add_test(cases, signals_do_no_harm);
    tcase_add_test(cases, fork_in_a_task);
    tcase_add_test(cases, fork_misused);
    return cases;
}
