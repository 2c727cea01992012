/* Goal: the scheduler sim does the same again for the same seed, something else for another, and finds a bug that needs
 * a certain order.
 * Method: a program whose outcome depends on order is run in children, so that nothing of one process can leak into the
 * next; traces and outcomes are compared. Two planted bugs are looked for by both strategies. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

static uint64_t seed;
static _Atomic(unsigned) outcome;
static struct weft_chan *chan;
static struct weft_mutex mutex;

static void mix(unsigned number)
{
    store_relaxed(&outcome, load_relaxed(&outcome) * 31 + number);
}

static void talk(void *arg)
{
    unsigned name = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < 20; i++) {
        int value = (int)name;
        struct weft_case cases[] = {{.chan = chan, .op = WEFT_SEND, .value = &value},
                                    {.chan = chan, .op = WEFT_RECV, .value = &value}};
        weft_select_until(cases, 2, weft_now() + 500);
        weft_lock(&mutex);
        mix(name + (unsigned)value);
        weft_unlock(&mutex);
        if (i % 5 == name % 5) {
            weft_sleep(100);
        }
    }
}

static void work_in_call(void *unused)
{
    (void)unused;
    usleep(100);
}

static void tangle(void *trace)
{
    struct sched_counters counters;
    struct weft_waitgroup group = {0};
    chan = weft_chan_new(sizeof(int), 1);
    for (uintptr_t i = 0; i < 8; i++) {
        weft_wg_go(&group, talk, (void *)i);
    }
    weft_blocking(work_in_call, NULL);
    weft_wg_wait(&group);
    weft_chan_free(chan);
    runtime.sched->counters(&counters);
    *(uint64_t *)trace = counters.trace;
}

static void print_tangle(void)
{
    uint64_t trace = 0;
    struct weft_options options = {.sched = "sim", .seed = seed};
    weft_run(&options, tangle, &trace);
    dprintf(STDERR_FILENO, "%llx %x", (unsigned long long)trace, outcome);
}

START_TEST(the_same_seed_does_the_same)
    {
        char first[100], second[100], all[40][100];
        unsigned same = 0;
        for (unsigned i = 0; i < 40; i++) {
            seed = 1 + i;
            in_child(print_tangle, first, sizeof first);
            in_child(print_tangle, second, sizeof second);
            CHECK_MSG(strlen(first) > 3 && strcmp(first, second) == 0, "seed %u: '%s', then '%s'", i + 1, first,
                      second);
            strcpy(all[i], first);
            for (unsigned j = 0; j < i; j++) {
                same += strcmp(all[i], all[j]) == 0;
            }
        }
        CHECK_MSG(same == 0, "%u pairs of seeds did the same", same);
    }
END_TEST

/* --- planted bugs --- */

static int shared;

static void lose_update(void *unused)
{
    (void)unused;
    int seen = shared;
    weft_poll(); /* another one may come between */
    shared = seen + 1;
}

static void lost_update(void *lost)
{
    struct weft_waitgroup group = {0};
    shared = 0;
    for (int i = 0; i < 3; i++) {
        weft_wg_go(&group, lose_update, NULL);
    }
    weft_wg_wait(&group);
    *(bool *)lost = shared != 3;
}

static unsigned order[3], arrived;

static void arrive(void *arg)
{
    for (uintptr_t i = 0; i < 3; i++) {
        weft_poll();
    }
    order[arrived++] = (unsigned)(uintptr_t)arg;
}

/* The bug: it relies on an order that only one schedule in several breaks. */
static void wrong_order(void *lost)
{
    struct weft_waitgroup group = {0};
    arrived = 0;
    for (uintptr_t i = 0; i < 3; i++) {
        weft_wg_go(&group, arrive, (void *)i);
    }
    weft_wg_wait(&group);
    *(bool *)lost = order[0] == 2 && order[1] == 1 && order[2] == 0;
}

static bool bug_under(void (*program)(void *), uint64_t with_seed)
{
    bool lost = false;
    struct weft_options options = {.sched = "sim", .seed = with_seed};
    CHECK_STATUS(run_options(&options, program, &lost), WEFT_OK);
    return lost;
}

START_TEST(planted_bugs_are_found_again)
    {
        static const char *const strategies[] = {"random", "pct"};
        void (*const programs[])(void *) = {lost_update, wrong_order};
        for (int s = 0; s < 2; s++) {
            setenv("WEFT_SIM", strategies[s], 1);
            for (int p = 0; p < 2; p++) {
                uint64_t found = 1;
                while (found < 2000 && !bug_under(programs[p], found)) {
                    found++;
                }
                CHECK_MSG(found < 2000, "%s does not find bug %d", strategies[s], p);
                for (int again = 0; again < 10; again++) {
                    CHECK(bug_under(programs[p], found));
                }
            }
        }
    }
END_TEST

static void long_sleep(void *woke)
{
    weft_ns began = weft_now();
    weft_sleep(24 * 3600 * (weft_ns)1000000000);
    *(bool *)woke = weft_now() - began >= 24 * 3600 * (weft_ns)1000000000;
    CHECK_EQ(weft_workers(), 1);
}

START_TEST(a_day_is_nothing)
    {
        bool woke = false;
        struct weft_options options = {.sched = "sim", .workers = 4};
        CHECK_STATUS(run_options(&options, long_sleep, &woke), WEFT_OK);
        CHECK(woke);
    }
END_TEST

TCase *sim_tests(void)
{
    TCase *tests = tcase_create("sim");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_same_seed_does_the_same);
    tcase_add_test(tests, planted_bugs_are_found_again);
    tcase_add_test(tests, a_day_is_nothing);
    return tests;
}
