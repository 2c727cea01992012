/* Goal: without memory there is an error or a panic that names it, and nothing is lost: what was there before works as
 * before.
 * Method: the allocations of the program and of Weft can be made to fail (tests/harness.h): in each place on purpose,
 * and then the n-th of a whole scenario for every n. */
#include "conformance.h"

#include <sys/wait.h>
#include <unistd.h>

static void no_task(void *unused)
{
    (void)unused;
}

static int no_member(struct weft_ctx *ctx, void *unused)
{
    (void)ctx;
    (void)unused;
    return 0;
}

static void *no_result(void *unused)
{
    return unused;
}

TASK_TEST(makers_return_null)
{
    struct weft_ctx *background = weft_ctx_background();
    struct weft_pool *pool = weft_pool_new(1, 1);
    fail_allocations(0, SIZE_MAX / 2);
    bool all = weft_chan_new(8, 3) == NULL && weft_chan_new_as(combination.chan, 100, 1) == NULL &&
               weft_after(1) == NULL && weft_timer_new(1) == NULL && weft_ticker_new(1) == NULL &&
               weft_timer_func(1, no_task, NULL) == NULL && weft_ctx_with_cancel(background) == NULL &&
               weft_ctx_with_timeout(background, 1) == NULL && weft_ctx_with_value(background, &pool, pool) == NULL &&
               weft_ctx_without_cancel(background) == NULL && weft_ctx_after_func(background, no_task, NULL) == NULL &&
               weft_group_new(NULL, 0) == NULL && weft_pool_new(1, 1) == NULL &&
               weft_results_new(pool, WEFT_ORDERED, 1) == NULL;
    fail_allocations(0, 0);
    CHECK(all);
    weft_pool_free(pool);
}

static _Atomic(unsigned) ran;

static void count_run(void *unused)
{
    (void)unused;
    add_release(&ran, 1u);
}

/* A spawn that fails has done nothing; all tasks that were made before and after run. */
TASK_TEST(spawn_says_no_memory)
{
    unsigned made = 0;
    enum weft_status status = WEFT_OK;
    size_t most = combination.sched_caps->os_threads ? 300 : 100000;
    for (size_t i = 0; i < most && status == WEFT_OK; i++) {
        fail_allocations(0, SIZE_MAX / 2);
        status = weft_go(count_run, NULL); /* what is in the pools is used up first */
        fail_allocations(0, 0);
        made += status == WEFT_OK;
    }
    CHECK_STATUS(status, WEFT_NOMEM);
    for (int i = 0; i < 10; i++) {
        CHECK_STATUS(weft_go(count_run, NULL), WEFT_OK);
    }
    await_at_least(&ran, made + 10);
    CHECK_EQ(weft_check_leaks(-1, 10000000000), 0);
    CHECK_EQ(ran, made + 10);
    struct weft_waitgroup members = {0};
    fail_allocations(0, SIZE_MAX / 2);
    status = weft_wg_go(&members, count_run, NULL);
    fail_allocations(0, 0);
    CHECK_STATUS(status, WEFT_NOMEM);
    weft_wg_wait(&members); /* nobody to wait for */
    struct weft_group *group = weft_group_new(NULL, 1);
    fail_allocations(0, SIZE_MAX / 2);
    status = weft_group_go(group, no_member, NULL);
    fail_allocations(0, 0);
    CHECK_STATUS(status, WEFT_NOMEM);
    CHECK_STATUS(weft_group_go(group, no_member, NULL), WEFT_OK); /* its place was given back */
    weft_group_free(group);
}

/* --- panics ----------------------------------------------------------------------------------------- */

static const char *expected;

static void recover_expected(void *unused)
{
    (void)unused;
    fail_allocations(0, 0);
    const char *message = weft_recover();
    CHECK_MSG(message != NULL && strstr(message, expected) != NULL, "'%s' is not in '%s'", expected,
              message == NULL ? "" : message);
}

enum { MANY = 100 };
static struct weft_chan *chans[MANY];

static void select_many(void *unused)
{
    struct weft_case cases[MANY];
    uint64_t value = 3;
    (void)unused;
    weft_defer(recover_expected, NULL);
    for (int i = 0; i < MANY; i++) {
        cases[i] = (struct weft_case){.chan = chans[i], .op = WEFT_SEND, .value = &value};
    }
    fail_allocations(0, 1);
    weft_select(cases, MANY);
}

/* A large select panics, by name, before it has touched a channel. */
TASK_TEST(a_large_select_panics)
{
    uint64_t value;
    for (int i = 0; i < MANY; i++) {
        chans[i] = make_chan(8, 1);
    }
    expected = "no memory";
    CHECK(!weft_call(select_many, NULL));
    CHECK(!weft_call(select_many, NULL));
    for (int i = 0; i < MANY; i++) {
        CHECK_STATUS(weft_try_recv(chans[i], &value), WEFT_AGAIN);
        CHECK_EQ(chans[i]->sendq.count, 0);
        CHECK_STATUS(weft_send(chans[i], &value), WEFT_OK);
        weft_chan_free(chans[i]);
    }
}

static void defer_many(void *unused)
{
    (void)unused;
    weft_defer(recover_expected, NULL);
    for (int i = 0; i < 7; i++) {
        weft_defer(count_run, NULL);
    }
    fail_allocations(0, 1);
    weft_defer(count_run, NULL);
}

/* A deferred call that can't be kept is a panic; those that were registered run. */
TASK_TEST(defer_panics)
{
    expected = "no memory";
    CHECK(!weft_call(defer_many, NULL));
    CHECK_EQ(ran, 7);
}

/* --- later than it should --------------------------------------------------------------------------- */

/* No memory for the task of a timer, or of a hook, at the moment when it is due: it runs a little later. */
TASK_TEST(functions_that_are_due_are_not_lost)
{
    if (combination.sched_caps->os_threads) {
        skip("threads allocate in the C library");
        return;
    }
    struct weft_ctx *ctx = weft_ctx_with_cancel(weft_ctx_background());
    struct weft_timer *timer = weft_timer_func(1000000, count_run, NULL);
    CHECK(weft_ctx_after_func(ctx, count_run, NULL) != NULL);
    while (true) { /* use up the pool */
        fail_allocations(0, SIZE_MAX / 2);
        enum weft_status status = weft_go(no_task, NULL);
        if (status != WEFT_OK) {
            break;
        }
    }
    weft_ctx_cancel(ctx, NULL);
    weft_ns until = weft_now() + 5000000;
    while (weft_now() < until) {
        weft_poll();
    }
    fail_allocations(0, 0);
    await_at_least(&ran, 2);
    weft_timer_free(timer);
    weft_ctx_free(ctx);
}

/* --- every allocation ------------------------------------------------------------------------------- */

static void sum_up(void *unused)
{
    (void)unused;
    add_release(&ran, 1u);
}

static void forget_panic(void *unused)
{
    (void)unused;
    weft_recover();
}

/* Uses nearly everything; what can't be made is left out. */
static void scenario(void *unused)
{
    (void)unused;
    weft_defer(forget_panic, NULL);
    uint64_t value = 1;
    struct weft_chan *chan = weft_chan_new_as(combination.chan, 8, 2);
    struct weft_ctx *ctx = weft_ctx_with_timeout(weft_ctx_background(), 1000);
    struct weft_waitgroup members = {0};
    struct weft_pool *pool = weft_pool_new(2, 2);
    struct weft_results *results = pool == NULL ? NULL : weft_results_new(pool, WEFT_ORDERED, 2);
    struct weft_group *group = weft_group_new(NULL, 2);
    struct weft_timer *timer = weft_timer_new(1000);
    for (int i = 0; i < 3; i++) {
        weft_wg_go(&members, sum_up, NULL);
    }
    if (group != NULL) {
        weft_group_go(group, no_member, NULL);
        weft_group_free(group);
    }
    if (results != NULL) {
        struct weft_result result;
        if (weft_results_submit(results, no_result, &value) == WEFT_OK) {
            weft_results_next(results, &result);
        }
        weft_results_free(results);
    }
    weft_pool_free(pool);
    if (timer != NULL) {
        weft_recv(weft_timer_chan(timer), NULL);
        weft_timer_free(timer);
    }
    if (ctx != NULL) {
        weft_recv(weft_ctx_done(ctx), NULL);
        weft_ctx_free(ctx);
    }
    if (chan != NULL) {
        weft_send(chan, &value);
        weft_recv(chan, &value);
        weft_chan_free(chan);
    }
    weft_wg_wait(&members);
}

static bool scenario_ran;

static void run_scenario(void *unused)
{
    (void)unused;
    weft_call(scenario, NULL);
    scenario_ran = true;
}

/* The n-th allocation of a run fails, for every n: the run is refused, or comes to its end. */
START_TEST(the_nth_allocation_fails)
    {
        size_t before = allocations();
        struct weft_options options = {.sched = combination.sched,
                                       .chan = combination.chan,
                                       .workers = combination.workers,
                                       .seed = combination.seed};
        CHECK_STATUS(run_options(&options, run_scenario, NULL), WEFT_OK);
        size_t most = allocations() - before + 10;
        for (size_t n = 0; n < most; n++) {
            scenario_ran = false;
            fail_allocations(n, 1);
            enum weft_status status = run_options(&options, run_scenario, NULL);
            fail_allocations(0, 0);
            CHECK_MSG(status == WEFT_OK || status == WEFT_NOMEM, "allocation %zu of %zu: %s", n, most,
                      weft_status_name(status));
            CHECK_EQ(scenario_ran, status == WEFT_OK);
        }
    }
END_TEST

static _Atomic(unsigned) done_tasks;

static void count_one(void *unused)
{
    (void)unused;
    weft_yield();
    add_relaxed(&done_tasks, 1u); /* statistic */
}

static void run_crowd(void *unused)
{
    unsigned accepted = 0;
    (void)unused;
    store_relaxed(&done_tasks, 0u); /* no other task yet */
    for (int i = 0; i < 40; i++) {
        accepted += weft_go(count_one, NULL) == WEFT_OK;
    }
    while (load_relaxed(&done_tasks) < accepted) { /* statistic */
        weft_yield();
    }
    scenario_ran = true;
}

/* The n-th thread of a run, and all after it, can't be created: the run is refused, or what it accepts is run by those
 * that there are. */
START_TEST(the_nth_thread_can_not_be_created)
    {
        struct weft_options options = {.sched = combination.sched,
                                       .chan = combination.chan,
                                       .workers = combination.workers,
                                       .seed = combination.seed};
        for (size_t n = 1; n < combination.workers + 4; n++) { /* the first one is the watchdog */
            scenario_ran = false;
            fail_threads(n);
            enum weft_status status = run_options(&options, run_crowd, NULL);
            fail_threads(SIZE_MAX);
            CHECK_MSG(status == WEFT_OK || status == WEFT_NOMEM, "thread %zu: %s", n, weft_status_name(status));
            CHECK_EQ(scenario_ran, status == WEFT_OK);
        }
    }
END_TEST

TCase *memory_tests(void)
{
    TCase *cases = tcase_create("memory");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, makers_return_null);
    tcase_add_test(cases, spawn_says_no_memory);
    tcase_add_test(cases, a_large_select_panics);
    tcase_add_test(cases, defer_panics);
    tcase_add_test(cases, functions_that_are_due_are_not_lost);
    tcase_add_test(cases, the_nth_allocation_fails);
    tcase_add_test(cases, the_nth_thread_can_not_be_created);
    return cases;
}
