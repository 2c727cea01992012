/* Goal: a call that may block its thread costs no thread's wake-up when it is short, and holds up nobody when it is
 * long: neither tasks, nor timers, nor wake-ups from outside, nor the end of the run (core/driver.h, D1 to D5).
 * Method: more calls than workers wait for bytes in pipes that a task, a timer or a thread outside fills; all is done
 * twice, as the second time the functions are known to last. What is in the way of sim, whose calls have 200 ms each,
 * is left out there. */
#include "conformance.h"

#include "core/monitor.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const weft_ns promptly =
    500000000; /* a hundred times as long as it takes; the best of several, as a machine may be busy */

static int ends[2];

static void read_byte(void *arg)
{
    CHECK(read(ends[0], arg, 1) == 1);
}

static void write_bytes(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(write(ends[1], "z", 1) == 1);
    }
}

static void open_pipe(void)
{
    CHECK(pipe(ends) == 0);
}

static void close_pipe(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void wait_for_byte(void *unused)
{
    char byte = 0;
    (void)unused;
    weft_blocking(read_byte, &byte);
    CHECK_EQ(byte, 'z');
}

/* Tasks that wait in calls: so many that each worker has one, and some more. */
static size_t crowd(void)
{
    return combination.workers + 3;
}

static void crowd_go(struct crew *crew)
{
    for (size_t i = 0; i < crowd(); i++) {
        crew_go(crew, wait_for_byte, NULL);
    }
}

/* --- short calls --- */

struct calls {
    pthread_t thread;
    unsigned count, moves;
    struct worker *worker;
};

static void note_thread(void *arg)
{
    struct calls *calls = arg;
    calls->moves += calls->count == 0 || pthread_equal(calls->thread, pthread_self()) ? 0 : 1;
    calls->thread = pthread_self();
    calls->count++;
    calls->worker = worker_self();
}

/* A short call is made by the thread that the task runs on, which goes on with it: no other thread is woken. Some are
 * interrupted, and take long. */
TASK_TEST(short_calls_wake_nobody)
{
    struct calls calls = {0};
    struct sched_counters before, after;
    const unsigned count = SLOWNESS == 1 ? 20000 : 2000;
    if (runtime.sched->look == NULL) {
        skip("scheduler %s makes calls on other threads, or has one for each task", combination.sched);
        return;
    }
    weft_blocking(note_thread, &calls); /* moves worker 0 away from weft_run's caller */
    runtime.sched->counters(&before);
    for (unsigned i = 0; i < count; i++) {
        weft_blocking(note_thread, &calls);
    }
    runtime.sched->counters(&after);
    CHECK_EQ(calls.count, count + 1);
    CHECK(calls.worker == NULL); /* a function that is called is no task */
    CHECK_MSG(calls.moves <= count / 20, "%u of %u calls were made by another thread than the one before", calls.moves,
              count);
    CHECK_MSG(after.futex_calls - before.futex_calls <= count / 10, "%llu calls of futex for %u short calls",
              (unsigned long long)(after.futex_calls - before.futex_calls), count);
}

static _Atomic(bool) quit;

static void do_nothing(void *unused)
{
    (void)unused;
}

static void call_until_quit(void *unused)
{
    (void)unused;
    while (!load_acquire(&quit)) {
        weft_blocking(do_nothing, NULL);
    }
}

/* A task that makes one short call after the other is a hog, and others have their turn; so have timers. */
TASK_TEST(short_calls_starve_nobody)
{
    struct crew crew;
    if (combination.sched_caps->virtual_time) {
        skip("scheduler %s has no hogs", combination.sched);
        return;
    }
    crew_init(&crew);
    store_release(&quit, false);
    for (unsigned i = 0; i < combination.workers; i++) {
        crew_go(&crew, call_until_quit, NULL);
    }
    weft_yield();
    weft_ns best = INT64_MAX;
    for (int i = 0; i < 4; i++) {
        weft_ns began = weft_now();
        weft_sleep(1000000);
        best = weft_now() - began < best ? weft_now() - began : best;
    }
    CHECK_MSG(best < promptly, "a sleep of 1 ms took %lld ns", (long long)best);
    store_release(&quit, true);
    crew_fini(&crew);
}

/* --- long calls --- */

static void answer(void *arg)
{
    struct weft_chan **chans = arg;
    int value;
    while (weft_recv(chans[0], &value) == WEFT_OK) {
        CHECK_STATUS(weft_send(chans[1], &value), WEFT_OK);
    }
}

static void talk_beside_calls(void)
{
    size_t capacity = combination.caps->capacity_min;
    struct weft_chan *chans[] = {make_chan(sizeof(int), capacity), make_chan(sizeof(int), capacity)};
    struct crew readers, partner;
    crew_init(&readers);
    crew_init(&partner);
    crowd_go(&readers);
    crew_go(&partner, answer, chans);
    for (int i = 0; i < 200; i++) {
        int value = -1;
        CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
        CHECK_STATUS(weft_recv(chans[1], &value), WEFT_OK);
        CHECK_EQ(value, i);
    }
    write_bytes(crowd());
    CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
    crew_fini(&partner);
    crew_fini(&readers);
    weft_chan_free(chans[0]);
    weft_chan_free(chans[1]);
}

/* Tasks go on while more calls are out than there are workers. */
TASK_TEST(tasks_go_on_beside_long_calls)
{
    open_pipe();
    talk_beside_calls();
    talk_beside_calls();
    close_pipe();
}

static void sleep_and_write(void *unused)
{
    (void)unused;
    weft_sleep(5000000);
    write_bytes(crowd());
}

/* A timer fires although all tasks but the one that waits for it are in calls: it alone ends them. */
TASK_TEST(timers_fire_beside_long_calls)
{
    weft_ns best = INT64_MAX;
    open_pipe();
    for (int round = 0; round < 4; round++) {
        struct crew crew;
        char byte = 0;
        crew_init(&crew);
        weft_ns began = weft_now();
        crew_go(&crew, sleep_and_write, NULL);
        for (size_t i = 1; i < crowd(); i++) {
            crew_go(&crew, wait_for_byte, NULL);
        }
        weft_blocking(read_byte, &byte);
        best = weft_now() - began < best ? weft_now() - began : best;
        crew_fini(&crew);
    }
    CHECK_MSG(best < promptly, "%lld ns", (long long)best);
    close_pipe();
}

static void write_all(void *unused)
{
    (void)unused;
    write_bytes(crowd());
}

static void *write_from_outside(void *unused)
{
    usleep(20000); /* all calls are out by then, and known to last */
    CHECK_STATUS(weft_go(write_all, NULL), WEFT_OK);
    return unused;
}

static void *write_from_outside_soon(void *unused)
{
    CHECK_STATUS(weft_go(write_all, NULL), WEFT_OK);
    return unused;
}

/* A task that a thread outside makes runs although all others are in calls: it alone ends them. */
TASK_TEST(wake_ups_from_outside_beside_long_calls)
{
    open_pipe();
    for (size_t round = 0; round < rounds(200) + 3; round++) {
        pthread_t thread;
        struct crew crew;
        char byte = 0;
        crew_init(&crew);
        CHECK(pthread_create(&thread, NULL, round < 3 ? write_from_outside : write_from_outside_soon, NULL) == 0);
        for (size_t i = 1; i < crowd(); i++) {
            crew_go(&crew, wait_for_byte, NULL);
        }
        weft_blocking(read_byte, &byte);
        crew_fini(&crew);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    close_pipe();
}

static void spin_for_a_while(void *unused)
{
    (void)unused;
    for (weft_ns until = weft_now() + 200000; weft_now() < until;) {
    }
}

static void work_in_turn(void *arg)
{
    for (int i = 0; i < 5; i++) {
        weft_blocking(do_nothing, NULL);
        spin_for_a_while(NULL);
        weft_yield();
    }
    add_release((_Atomic(unsigned) *)arg, 1u);
}

/* Tasks that stand behind one that has gone into a long call run meanwhile, on whatever worker they are. */
TASK_TEST(nobody_waits_behind_a_long_call)
{
    open_pipe();
    for (int round = 0; round < 3; round++) {
        _Atomic(unsigned) ran = 0;
        struct crew crew;
        char byte = 0;
        crew_init(&crew);
        for (int i = 0; i < 20; i++) {
            crew_go(&crew, work_in_turn, &ran);
        }
        crew_go(&crew, sleep_and_write, NULL);
        for (size_t i = 1; i < crowd(); i++) {
            crew_go(&crew, wait_for_byte, NULL);
        }
        weft_blocking(read_byte, &byte); /* main's worker has tasks behind it */
        crew_fini(&crew);
        CHECK_EQ(load_acquire(&ran), 20);
    }
    close_pipe();
}

/* --- the beginning of a run --- */

static void call_once(void *unused)
{
    (void)unused;
    weft_blocking(do_nothing, NULL);
}

static void *go_from_outside(void *unused)
{
    while (!load_acquire(&quit)) {
        weft_go(call_once, NULL); /* or there is no run */
        usleep(30);
    }
    return unused;
}

static void go_on(void *unused)
{
    (void)unused;
    weft_yield();
}

/* Tasks that come from outside make calls while some of the run's workers have not been started. */
START_TEST(calls_while_a_run_begins)
    {
        pthread_t thread;
        store_release(&quit, false);
        CHECK(pthread_create(&thread, NULL, go_from_outside, NULL) == 0);
        for (size_t round = 0; round < rounds(300); round++) {
            run_body(go_on, NULL);
        }
        store_release(&quit, true);
        CHECK(pthread_join(thread, NULL) == 0);
    }
END_TEST

/* --- the end of a run --- */

static void end_beside_calls(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < crowd(); i++) {
        CHECK_STATUS(weft_go(wait_for_byte, NULL), WEFT_OK);
    }
    settle(crowd());
}

static void end_at_once(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < crowd(); i++) {
        CHECK_STATUS(weft_go(wait_for_byte, NULL), WEFT_OK);
    }
    weft_yield();
}

static void fill_and_call(void *unused)
{
    (void)unused;
    write_bytes(2 * crowd()); /* calls of older runs come back, and find another one */
    for (int i = 0; i < 100; i++) {
        weft_blocking(do_nothing, NULL);
        weft_yield();
    }
    weft_sleep(1000000);
}

/* Runs end while calls are out on all workers, and while they are being made; they come back in later runs, and hurt
 * nobody. */
START_TEST(runs_end_beside_calls)
    {
        for (size_t round = 0; round < rounds(20); round++) {
            open_pipe(); /* some of the old one's bytes may be left, and calls that read them */
            run_body(end_beside_calls, NULL);
            run_body(end_at_once, NULL);
            run_body(fill_and_call, NULL);
        }
    }
END_TEST

/* --- no threads --- */

static void call_without_threads(void *arg)
{
    struct calls *calls = arg;
    for (int i = 0; i < 200; i++) {
        weft_blocking(note_thread, calls);
        weft_yield();
    }
}

static void sleep_in_call(void *unused)
{
    (void)unused;
    usleep(300);
}

static void sleep_without_threads(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        weft_blocking(sleep_in_call, NULL);
    }
}

static void few_threads(void *arg)
{
    struct crew crew;
    static struct calls calls[4];
    memset(calls, 0, sizeof calls);
    fail_threads(*(size_t *)arg);
    crew_init(&crew);
    for (int i = 0; i < 4; i++) {
        crew_go(&crew, call_without_threads, &calls[i]);
        crew_go(&crew, sleep_without_threads, NULL);
    }
    weft_sleep(2000000);
    crew_fini(&crew);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(calls[i].count, 200);
    }
    fail_threads(SIZE_MAX);
}

/* Where no thread can be made, or just a few, calls are made all the same, one after the other if need be. */
START_TEST(calls_without_threads)
    {
        static const size_t few[] = {0, 1, 2, 3};
        if (combination.sched_caps->os_threads) {
            skip("on scheduler %s a task is a thread", combination.sched);
            return;
        }
        for (size_t i = 0; i < sizeof few / sizeof few[0]; i++) {
            run_body(few_threads, (void *)(uintptr_t)&few[i]);
        }
    }
END_TEST

static bool calls_on_own_thread(void)
{
    bool result = runtime.sched->look != NULL;
    if (!result) {
        skip("scheduler %s makes calls on other threads, or has one for each task", combination.sched);
    }
    return result;
}

static _Atomic(unsigned) reading;

static void say_and_read(void *arg)
{
    add_release(&reading, 1u);
    read_byte(arg);
}

static void say_and_wait_for_byte(void *unused)
{
    char byte = 0;
    (void)unused;
    weft_blocking(say_and_read, &byte);
    CHECK_EQ(byte, 'z');
}

/* More of them than there are threads: some calls wait. */
static void say_and_read_all(struct crew *crew)
{
    store_release(&reading, 0u);
    for (size_t i = 0; i < crowd(); i++) {
        crew_go(crew, say_and_wait_for_byte, NULL);
    }
    weft_sleep(20000000); /* until the workers have been taken from those whom the threads sufficed for */
}

/* Calls that wait for a thread, as none could be made, are made as soon as one can, for them or for another call. */
TASK_TEST(calls_wait_until_there_is_a_thread)
{
    struct crew crew;
    if (!calls_on_own_thread()) {
        return;
    }
    open_pipe();
    weft_blocking(do_nothing, NULL); /* there is a spare from now on */
    crew_init(&crew);
    fail_threads(0);
    say_and_read_all(&crew);
    fail_threads(SIZE_MAX);
    for (int i = 0; i < 5000 && load_acquire(&reading) != crowd(); i++) {
        weft_blocking(do_nothing, NULL);
        weft_sleep(1000000);
    }
    CHECK_EQ(load_acquire(&reading), crowd());
    write_bytes(crowd());
    crew_fini(&crew);
    close_pipe();
}

/* And they are also made if nobody makes another one. */
TASK_TEST(calls_wait_for_nobody_but_a_thread)
{
    struct crew crew;
    if (!calls_on_own_thread()) {
        return;
    }
    open_pipe();
    weft_blocking(do_nothing, NULL);
    crew_init(&crew);
    fail_threads(0);
    say_and_read_all(&crew);
    fail_threads(SIZE_MAX);
    for (int i = 0; i < 5000 && load_acquire(&reading) != crowd(); i++) {
        weft_sleep(1000000);
    }
    CHECK_EQ(load_acquire(&reading), crowd());
    write_bytes(crowd());
    crew_fini(&crew);
    close_pipe();
}

static void write_two(void *unused)
{
    (void)unused;
    write_bytes(2);
}

/* The first call on the worker of weft_run's caller, where another one has counted on the only spare thread. */
static void call_on_first_worker(void *caller)
{
    struct crew crew;
    char byte = 0;
    crew_init(&crew);
    fail_threads(1);
    store_release(&reading, 0u);
    crew_go(&crew, say_and_wait_for_byte, NULL);
    while (load_acquire(&reading) == 0) { /* another worker takes it */
    }
    if (!pthread_equal(pthread_self(), *(pthread_t *)caller)) {
        write_bytes(2);
    } else {
        CHECK_STATUS(weft_go(write_two, NULL), WEFT_OK);
    }
    weft_blocking(read_byte, &byte);
    crew_fini(&crew);
    fail_threads(SIZE_MAX);
}

START_TEST(the_last_spare_is_not_taken_for_a_worker_that_moves)
    {
        pthread_t self = pthread_self();
        if (registry_sched(combination.sched)->look == NULL || combination.workers < 2) {
            skip("scheduler %s makes calls on other threads, or has one for each task; or there is one worker",
                 combination.sched);
            return;
        }
        open_pipe();
        run_body(call_on_first_worker, &self);
        close_pipe();
    }
END_TEST

static int older_ends[2];
static _Atomic(unsigned) noted, napping, went_on;

static void read_older_byte(void *unused)
{
    char byte;
    (void)unused;
    add_release(&reading, 1u);
    CHECK(read(older_ends[0], &byte, 1) == 1);
}

static void wait_for_older_byte(void *unused)
{
    weft_blocking(read_older_byte, unused);
}

static void leave_call(void *unused)
{
    store_release(&reading, 0u);
    CHECK_STATUS(weft_go(wait_for_older_byte, unused), WEFT_OK);
    while (load_acquire(&reading) == 0) {
        weft_sleep(1000000);
    }
}

static void note_mask(void *unused)
{
    sigset_t mask;
    (void)unused;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR2) == 1);
    store_release(&noted, 1u);
    while (load_acquire(&napping) == 0) {
        usleep(1000);
    }
    usleep(10000);
}

static void go_on_behind_call(void *unused)
{
    weft_blocking(note_mask, unused);
    weft_yield();
    store_release(&went_on, 1u);
}

static void nap(void *unused)
{
    (void)unused;
    store_release(&napping, 1u);
    usleep(50000);
}

static void use_older_thread(void *unused)
{
    struct crew crew;
    (void)unused;
    store_release(&noted, 0u);
    store_release(&napping, 0u);
    store_release(&went_on, 0u);
    weft_blocking(do_nothing, NULL);
    crew_init(&crew);
    fail_threads(0);
    crew_go(&crew, wait_for_byte, NULL);
    weft_sleep(20000000); /* the spare has its worker now */
    CHECK_STATUS(weft_go(go_on_behind_call, NULL), WEFT_OK);
    weft_sleep(5000000); /* it waits for a thread */
    CHECK(write(older_ends[1], "z", 1) == 1);
    await_at_least(&noted, 1);
    fail_threads(SIZE_MAX);
    weft_blocking(nap, NULL);
    for (int i = 0; i < 5000 && load_acquire(&went_on) == 0; i++) {
        weft_sleep(1000000);
    }
    CHECK_EQ(load_acquire(&went_on), 1);
    write_bytes(1);
    crew_fini(&crew);
}

/* A thread that was left in a call of an older run, of another scheduler, makes one of this run that waited for a
 * thread: with this run's signals, and it drives as this scheduler's threads do. */
START_TEST(threads_of_older_runs_drive_as_others)
    {
        struct weft_options options = {.chan = combination.chan, .workers = combination.workers};
        sigset_t mask, before;
        const char *other = strcmp(combination.sched, "steal") == 0 ? "global" : "steal";
        const struct sched_ops *ops = registry_sched(combination.sched);
        if (ops->look == NULL || registry_sched(other) == NULL) {
            skip("scheduler %s makes calls on other threads, or there is no other that does not", combination.sched);
            return;
        }
        open_pipe();
        CHECK(pipe(older_ends) == 0);
        options.sched = other;
        CHECK_STATUS(run_options(&options, leave_call, NULL), WEFT_OK);
        sigemptyset(&mask);
        sigaddset(&mask, SIGUSR2);
        CHECK(pthread_sigmask(SIG_BLOCK, &mask, &before) == 0);
        options.sched = combination.sched;
        options.workers = 1;
        CHECK_STATUS(run_options(&options, use_older_thread, NULL), WEFT_OK);
        CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
        close_pipe();
    }
END_TEST

/* A thread that an older run has left behind may tell the monitor to look before there is a call: it stops again, and
 * hears of the first one that it ought to look at. */
TASK_TEST(the_monitor_is_told_too_early)
{
    if (!calls_on_own_thread()) {
        return;
    }
    monitor_look_soon();
    for (int i = 0; i < 5000 && load_relaxed(&monitor_soon); i++) {
        weft_sleep(1000000);
    }
    CHECK(!load_relaxed(&monitor_soon));
}

/* --- all at once --- */

enum { CALLERS = 8 };

static void call_for_a_while(void *arg)
{
    usleep(*(unsigned *)arg);
}

struct caller {
    struct weft_chan *chan;
    struct dice dice;
    size_t count;
};

static void call_and_talk(void *arg)
{
    struct caller *caller = arg;
    for (size_t i = 0; i < caller->count; i++) {
        unsigned pause = dice_below(&caller->dice, 150);
        switch (dice_below(&caller->dice, 6)) {
        case 0: weft_blocking(call_for_a_while, &pause); break;
        case 1: weft_sleep(pause * 1000); break;
        case 2: weft_yield(); break;
        default: weft_blocking(do_nothing, NULL);
        }
        CHECK_STATUS(weft_send(caller->chan, &i), WEFT_OK);
    }
}

/* Short calls, long calls, timers and channels, in any order. */
TASK_TEST(ten_thousand_calls)
{
    struct weft_chan *chan = make_chan(sizeof(size_t), combination.caps->capacity_min);
    static struct caller callers[CALLERS];
    struct crew crew;
    size_t count = rounds(combination.sched_caps->virtual_time ? 20 : 10000 / CALLERS);
    crew_init(&crew);
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){chan, dice_new(i), count};
        crew_go(&crew, call_and_talk, &callers[i]);
    }
    for (size_t i = 0; i < CALLERS * count; i++) {
        CHECK_STATUS(weft_recv(chan, NULL), WEFT_OK);
    }
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* --- forks --- */

static void fork_in_call(void *arg)
{
    *(pid_t *)arg = fork();
}

static void fork_main(void *unused)
{
    (void)unused;
    pid_t child = -1;
    alarm(20);
    weft_blocking(fork_in_call, &child); /* in the child, it can't return */
    CHECK(child > 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

static void forking_child(void)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers};
    weft_run(&options, fork_main, NULL);
}

/* The child of a fork in a call has no run to return to. */
START_TEST(forks_do_not_come_back)
    {
        char text[4096];
        if (registry_sched(combination.sched)->look == NULL) {
            skip("scheduler %s makes calls on other threads, or has one for each task", combination.sched);
            return;
        }
        int status = in_child(forking_child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        CHECK_MSG(strstr(text, "child of a fork") != NULL, "%s", text);
    }
END_TEST

static void run_and_fork(void *unused)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers};
    (void)unused;
    store_release(&reading, 1u);
    while (!load_acquire(&quit)) {
        usleep(1000);
    }
    CHECK_STATUS(weft_run(&options, go_on, NULL), WEFT_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        return;
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

static void call_run_and_fork(void *unused)
{
    weft_blocking(run_and_fork, unused);
}

static void leave_fork(void *unused)
{
    CHECK_STATUS(weft_go(call_run_and_fork, unused), WEFT_OK);
    await_at_least(&reading, 1);
}

static void forking_later(void)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers};
    alarm(20);
    store_release(&quit, false);
    store_release(&reading, 0u);
    CHECK_STATUS(weft_run(&options, leave_fork, NULL), WEFT_OK);
    store_release(&quit, true);
    for (;;) {
        pause();
    }
}

/* Nor has it if the run had ended before, and the call itself had had one since. */
START_TEST(forks_in_calls_left_behind_do_not_come_back)
    {
        char text[4096];
        if (registry_sched(combination.sched)->look == NULL) {
            skip("scheduler %s makes calls on other threads, or has one for each task", combination.sched);
            return;
        }
        int status = in_child(forking_later, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%#x: %s", (unsigned)status, text);
        CHECK_MSG(strstr(text, "child of a fork") != NULL, "%s", text);
    }
END_TEST

TCase *calls_tests(void)
{
    TCase *cases = tcase_create("calls");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, short_calls_wake_nobody);
    tcase_add_test(cases, short_calls_starve_nobody);
    tcase_add_test(cases, tasks_go_on_beside_long_calls);
    tcase_add_test(cases, timers_fire_beside_long_calls);
    tcase_add_test(cases, wake_ups_from_outside_beside_long_calls);
    tcase_add_test(cases, nobody_waits_behind_a_long_call);
    tcase_add_test(cases, calls_while_a_run_begins);
    tcase_add_test(cases, runs_end_beside_calls);
    tcase_add_test(cases, calls_without_threads);
    tcase_add_test(cases, calls_wait_until_there_is_a_thread);
    tcase_add_test(cases, calls_wait_for_nobody_but_a_thread);
    tcase_add_test(cases, threads_of_older_runs_drive_as_others);
    tcase_add_test(cases, the_last_spare_is_not_taken_for_a_worker_that_moves);
    tcase_add_test(cases, the_monitor_is_told_too_early);
    tcase_add_test(cases, ten_thousand_calls);
    tcase_add_test(cases, forks_do_not_come_back);
    tcase_add_test(cases, forks_in_calls_left_behind_do_not_come_back);
    return cases;
}
