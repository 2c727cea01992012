/* Goal: a deadlock is reported, with each task's name and what it waits for, and nothing else is taken for one; tasks
 * that are left over can be listed, counted, and asked for by SIGQUIT.
 * Method: child processes that lock themselves up in every way, or only seem to; their stderr and exit status are
 * read. */
#include "conformance.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct weft_options options(void)
{
    return (struct weft_options){
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers, .seed = combination.seed};
}

static struct weft_chan *full, *empty;

static void stuck_in_send(void *unused)
{
    int value = 0;
    (void)unused;
    weft_send(full, &value);
}

static void stuck_in_select(void *unused)
{
    int value = 0;
    (void)unused;
    struct weft_case two[] = {{.chan = empty, .op = WEFT_RECV}, {.chan = full, .op = WEFT_SEND, .value = &value}};
    weft_select(two, 2);
}

static void stuck_for_ever(void *unused)
{
    (void)unused;
    weft_recv(NULL, NULL);
}

static void stuck_main(void *unused)
{
    int value = 0;
    (void)unused;
    full = weft_chan_new(sizeof value, 1);
    empty = weft_chan_new(sizeof value, 1);
    weft_send(full, &value);
    weft_go_named("sender", stuck_in_send, NULL);
    weft_go_named("selector", stuck_in_select, NULL);
    weft_go_named("hermit", stuck_for_ever, NULL);
    weft_sleep(1000000); /* the timer is what keeps it alive; then */
    weft_recv(empty, &value);
}

/* Where the system does not tell how many threads a process has (emulators), Weft can't know that there are no others:
 * it is told so. */
static void tell_that_there_are_no_others(void)
{
    int threads = 0;
    FILE *stat = fopen("/proc/self/stat", "r"); /* the 20th field; the second is in parentheses */
    CHECK(stat != NULL);
    int found =
        fscanf(stat, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %d", &threads);
    fclose(stat);
    if (found != 1 || threads == 0) {
        setenv("WEFT_DEADLOCK", "always", 1);
    }
}

static void stuck_child(void)
{
    struct weft_options chosen = options();
    tell_that_there_are_no_others();
    alarm(30);
    weft_run(&chosen, stuck_main, NULL);
}

static void check_says(const char *text, const char *what)
{
    CHECK_MSG(strstr(text, what) != NULL, "'%s' is not in: %s", what, text);
}

START_TEST(a_deadlock_names_its_tasks)
    {
        char text[8192];
        int status = in_child(stuck_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        check_says(text, "all tasks are asleep");
        check_says(text, "\"main\"");
        check_says(text, "\"sender\"");
        check_says(text, "\"selector\"");
        check_says(text, "\"hermit\"");
        check_says(text, "selects");
        check_says(text, "null channel");
        check_says(text, ", for ");
    }
END_TEST

static void exit_main(void *unused)
{
    (void)unused;
    weft_exit();
}

static void exit_child(void)
{
    struct weft_options chosen = options();
    tell_that_there_are_no_others();
    alarm(30);
    weft_run(&chosen, exit_main, NULL);
}

/* Main is gone, and so is everybody else: the run could never end. */
START_TEST(nobody_is_left)
    {
        char text[4096];
        int status = in_child(exit_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        check_says(text, "no tasks are left");
    }
END_TEST

/* --- what is no deadlock --- */

static void nap(void *unused)
{
    (void)unused;
    usleep(250000); /* more than the monitor's longest pause */
}

static void wait_in_many_ways(void *unused)
{
    (void)unused;
    empty = weft_chan_new(0, 1);
    weft_sleep(250000000);
    CHECK_STATUS(weft_recv_until(empty, NULL, weft_now() + 250000000), WEFT_TIMEOUT);
    weft_blocking(nap, NULL);
    weft_chan_free(empty);
    _exit(5);
}

static void waiting_child(void)
{
    struct weft_options chosen = options();
    alarm(30);
    weft_run(&chosen, wait_in_many_ways, NULL);
}

START_TEST(waiting_for_time_is_no_deadlock)
    {
        char text[4096];
        int status = in_child(waiting_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 5, "%#x: %s", (unsigned)status, text);
    }
END_TEST

static void send_something(void *unused)
{
    (void)unused;
    weft_send(empty, NULL);
}

static void *help_later(void *unused)
{
    (void)unused;
    usleep(250000);
    weft_go(send_something, NULL);
    return NULL;
}

static void wait_for_help(void *unused)
{
    pthread_t thread;
    (void)unused;
    empty = weft_chan_new(0, 1);
    pthread_create(&thread, NULL, help_later, NULL);
    weft_recv(empty, NULL);
    pthread_join(thread, NULL);
    _exit(6);
}

static void helped_child(void)
{
    struct weft_options chosen = options();
    alarm(30);
    weft_run(&chosen, wait_for_help, NULL);
}

START_TEST(a_thread_outside_may_help)
    {
        char text[4096];
        int status = in_child(helped_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 6, "%#x: %s", (unsigned)status, text);
    }
END_TEST

static _Atomic(bool) left, helped;

static void wait_for_outside(void *unused)
{
    (void)unused;
    weft_recv(empty, NULL);
    store_release(&helped, true);
}

static void run_later(void *unused)
{
    struct weft_options chosen = options();
    (void)unused;
    store_release(&left, true);
    usleep(50000); /* the run that it was called in has ended */
    weft_run(&chosen, wait_for_outside, NULL);
}

static void call_run_later(void *unused)
{
    weft_blocking(run_later, unused);
}

static void leave_run_later(void *unused)
{
    weft_go(call_run_later, unused);
    while (!load_acquire(&left)) {
        weft_sleep(1000000);
    }
}

static void helping_child(void)
{
    struct weft_options chosen = options();
    alarm(30);
    empty = weft_chan_new_as("mutex", 0, 1);
    weft_run(&chosen, leave_run_later, NULL);
    usleep(600000);
    weft_go(send_something, NULL);
    while (!load_acquire(&helped)) {
        usleep(1000);
    }
    _exit(6);
}

/* A call that an older run has left behind has a run of its own: its thread is not counted twice, and the one of the
 * older run's caller is outside. */
START_TEST(the_caller_of_an_older_run_may_help)
    {
        char text[4096];
#ifdef SANITIZE_THREAD
        skip("the thread sanitizer's threads can't be told from those that are there before a run");
        return;
#endif
        if (registry_sched(combination.sched)->look == NULL) {
            skip("scheduler %s makes calls on other threads, or has one for each task", combination.sched);
            return;
        }
        int status = in_child(helping_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 6, "%#x: %s", (unsigned)status, text);
    }
END_TEST

/* --- leaks and dumps --- */

static void finish_soon(void *unused)
{
    (void)unused;
    weft_yield();
}

/* Tasks that are about to end are no leak; those that wait are, and are listed. */
TASK_TEST(leaks_are_counted)
{
    int ends[2];
    char text[8192];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 10; i++) {
        CHECK_STATUS(weft_go(finish_soon, NULL), WEFT_OK);
    }
    CHECK_EQ(weft_check_leaks(-1, 10000000000), 0);
    empty = make_chan(0, 1);
    CHECK_STATUS(weft_send(empty, NULL), WEFT_OK);
    CHECK_STATUS(weft_go_named("left over", send_something, NULL), WEFT_OK); /* it is full */
    CHECK_STATUS(weft_go_named("forgotten", stuck_for_ever, NULL), WEFT_OK);
    CHECK_EQ(weft_check_leaks(ends[1], 1000000), 2);
    close(ends[1]);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    CHECK(length > 0);
    text[length] = '\0';
    check_says(text, "forgotten");
    check_says(text, "left over");
    close(ends[0]);
}

static void nap_long(void *unused)
{
    (void)unused;
    usleep(1500000); /* longer than what makes two of one */
}

static void quit_main(void *unused)
{
    (void)unused;
    weft_go_named("hermit", stuck_for_ever, NULL);
    settle(1);
    kill(getpid(), SIGQUIT);
    weft_blocking(nap_long, NULL); /* by the real clock, on every scheduler */
    CHECK(write(STDERR_FILENO, "lives\n", 6) == 6);
    for (;;) { /* signals may be late: the alarm limits it */
        kill(getpid(), SIGQUIT);
        weft_blocking(nap, NULL);
    }
}

static void quit_child(void)
{
    struct weft_options chosen = options();
    signal(SIGQUIT, SIG_DFL);
    alarm(30);
    weft_run(&chosen, quit_main, NULL);
}

/* SIGQUIT lists the tasks and lets the process go on; the second one within a second ends it. */
START_TEST(quit_lists_the_tasks)
    {
        char text[8192];
        int status = in_child(quit_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        check_says(text, "SIGQUIT");
        check_says(text, "hermit");
        check_says(text, "lives");
    }
END_TEST

TCase *deadlock_tests(void)
{
    TCase *cases = tcase_create("deadlock");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_deadlock_names_its_tasks);
    tcase_add_test(cases, nobody_is_left);
    tcase_add_test(cases, leaks_are_counted);
    if (!brief()) {
        tcase_add_test(cases, waiting_for_time_is_no_deadlock);
        tcase_add_test(cases, a_thread_outside_may_help);
        tcase_add_test(cases, the_caller_of_an_older_run_may_help);
    }
    if (!brief() &&
        SLOWNESS < 20) { /* the thread sanitizer holds signals back until the thread calls something that it knows */
        tcase_add_test(cases, quit_lists_the_tasks);
    }
    return cases;
}
