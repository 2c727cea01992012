/* Goal: groups and pools: the first error cancels, bounds hold, every job is run or accounted for, panics are reported.
 * Method: jobs that count themselves and what is beside them; sums that must come out. After
 * golang.org/x/sync/errgroup's tests. */
#include "conformance.h"

#include <sys/wait.h>
#include <unistd.h>

static const weft_ns ms = 1000000;
static _Atomic(unsigned) inside, most, ran;

static void enter(void)
{
    unsigned now = add_acq_rel(&inside, 1u) + 1;
    unsigned seen = load_relaxed(&most);
    while (now > seen && !cas_weak_relaxed(&most, &seen, now)) {
    }
}

static void leave(void)
{
    sub_acq_rel(&inside, 1u);
    add_release(&ran, 1u);
}

/* --- groups --- */

static int succeed(struct weft_ctx *ctx, void *unused)
{
    (void)unused;
    enter();
    weft_yield();
    CHECK_STATUS(weft_ctx_err(ctx), WEFT_OK);
    leave();
    return 0;
}

static int wait_for_cancel(struct weft_ctx *ctx, void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_recv(weft_ctx_done(ctx), NULL), WEFT_CLOSED);
    leave();
    return 77; /* not the first */
}

static int give_code(struct weft_ctx *ctx, void *code)
{
    (void)ctx;
    weft_yield();
    return *(int *)code;
}

TASK_TEST(a_group_waits_for_all)
{
    struct weft_group *group = weft_group_new(NULL, 0);
    for (int i = 0; i < 50; i++) {
        CHECK_STATUS(weft_group_go(group, succeed, NULL), WEFT_OK);
    }
    CHECK_EQ(weft_group_wait(group), 0);
    CHECK_EQ(ran, 50);
    CHECK_STATUS(weft_ctx_err(weft_group_ctx(group)), WEFT_CANCELED); /* it is done */
    weft_group_free(group);
    weft_group_free(NULL);
}

TASK_TEST(the_first_error_cancels_the_rest)
{
    int code = 5;
    for (size_t i = 0; i < rounds(200); i++) {
        struct weft_ctx *parent = weft_ctx_with_cancel(weft_ctx_background());
        struct weft_group *group = weft_group_new(parent, 0);
        for (int t = 0; t < 10; t++) {
            CHECK_STATUS(weft_group_go(group, t == 3 ? give_code : wait_for_cancel, &code), WEFT_OK);
        }
        CHECK_EQ(weft_group_wait(group), 5);
        CHECK_STATUS(weft_ctx_err(parent), WEFT_OK);
        CHECK(strstr(weft_ctx_cause(weft_group_ctx(group)), "5") != NULL);
        weft_group_free(group);
        weft_ctx_free(parent);
    }
    CHECK_EQ(ran, 9 * rounds(200));
}

TASK_TEST(a_parent_cancels_its_groups)
{
    struct weft_ctx *parent = weft_ctx_with_cancel(weft_ctx_background());
    struct weft_group *group = weft_group_new(parent, 0);
    CHECK_STATUS(weft_group_go(group, wait_for_cancel, NULL), WEFT_OK);
    weft_ctx_cancel(parent, NULL);
    CHECK_EQ(weft_group_wait(group), 77);
    weft_group_free(group);
    weft_ctx_free(parent);
}

TASK_TEST(a_limit_is_kept)
{
    struct weft_group *group = weft_group_new(NULL, 3);
    for (int i = 0; i < 50; i++) {
        if (i % 4 != 0 || !weft_group_try_go(group, succeed, NULL)) {
            CHECK_STATUS(weft_group_go(group, succeed, NULL), WEFT_OK);
        }
    }
    CHECK_EQ(weft_group_wait(group), 0);
    CHECK_EQ(ran, 50);
    CHECK_MSG(most <= 3, "%u at once", most);
    weft_group_free(group);
}

/* --- pools --- */

static void job(void *arg)
{
    enter();
    for (uintptr_t i = 0; i < (uintptr_t)arg % 4; i++) {
        weft_yield();
    }
    leave();
}

struct submitter {
    struct weft_pool *pool;
    size_t jobs;
};

static void submit_jobs(void *arg)
{
    struct submitter *submitter = arg;
    for (size_t i = 0; i < submitter->jobs; i++) {
        if (i % 3 != 0 || weft_pool_try_submit(submitter->pool, job, (void *)i) != WEFT_OK) {
            CHECK_STATUS(weft_pool_submit(submitter->pool, job, (void *)i), WEFT_OK);
        }
    }
}

/* Several submit; never more than the workers run at once; after drain all have run. */
TASK_TEST(a_pool_is_bounded)
{
    static const size_t queues[] = {0, 1, 7, 1000};
    for (int q = 0; q < 4; q++) {
        struct submitter submitter = {.pool = weft_pool_new(3, queues[q]), .jobs = rounds(300)};
        struct crew crew;
        crew_init(&crew);
        ran = most = 0;
        for (int i = 0; i < 4; i++) {
            crew_go(&crew, submit_jobs, &submitter);
        }
        crew_fini(&crew);
        weft_pool_drain(submitter.pool);
        CHECK_EQ(ran, 4 * submitter.jobs);
        CHECK_MSG(most <= 3, "%u at once", most);
        submit_jobs(&submitter);
        weft_pool_free(submitter.pool); /* drains */
        CHECK_EQ(ran, 5 * submitter.jobs);
    }
    CHECK(weft_pool_new(0, 1) == NULL);
    weft_pool_free(NULL);
    CHECK_EQ(weft_check_leaks(-1, 10000 * ms), 0);
}

static void bad_job(void *arg)
{
    if ((uintptr_t)arg % 3 == 0) {
        weft_panic("job %d", (int)(uintptr_t)arg);
    }
    if ((uintptr_t)arg % 3 == 1) {
        weft_exit();
    }
    job(arg);
}

static void count_panic(void *arg, const char *message)
{
    CHECK(strncmp(message, "job ", 4) == 0);
    add_relaxed((_Atomic(unsigned) *)arg, 1u);
}

/* Jobs that panic, or exit their task, are reported and cost no worker. */
TASK_TEST(a_pool_survives_its_jobs)
{
    _Atomic(unsigned) panics = 0;
    struct weft_pool *pool = weft_pool_new(2, 4);
    weft_pool_on_panic(pool, count_panic, &panics);
    for (uintptr_t i = 0; i < 300; i++) {
        CHECK_STATUS(weft_pool_submit(pool, bad_job, (void *)i), WEFT_OK);
    }
    weft_pool_drain(pool);
    CHECK_EQ(ran, 100);
    CHECK_EQ(panics, 100);
    CHECK_EQ(weft_pool_panics(pool), 100);
    weft_pool_free(pool);
}

static struct weft_chan *gate;

static void gated_job(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_recv(gate, NULL), WEFT_CLOSED);
    add_release(&ran, 1u);
}

static void open_gate(void *unused)
{
    (void)unused;
    weft_yield();
    CHECK_STATUS(weft_close(gate), WEFT_OK);
}

/* Shut down while jobs run and others wait: each is either done or counted as dropped. */
TASK_TEST(shutdown_with_jobs_in_the_queue)
{
    gate = make_chan(0, 1);
    struct weft_pool *pool = weft_pool_new(2, 10);
    for (int i = 0; i < 12; i++) {
        CHECK_STATUS(weft_pool_submit(pool, gated_job, NULL), WEFT_OK);
    }
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
    size_t dropped = weft_pool_shutdown(pool);
    CHECK_EQ(ran + dropped, 12);
    CHECK_STATUS(weft_pool_submit(pool, gated_job, NULL), WEFT_CLOSED);
    CHECK_STATUS(weft_pool_try_submit(pool, gated_job, NULL), WEFT_CLOSED);
    CHECK_EQ(weft_pool_shutdown(pool), 0);
    weft_pool_free(pool);
    weft_chan_free(gate);
}

static void report_main(void *unused)
{
    (void)unused;
    struct weft_pool *pool = weft_pool_new(1, 1);
    weft_pool_submit(pool, bad_job, (void *)3);
    weft_pool_free(pool);
    _exit(8);
}

static void crash_pool(void)
{
    struct weft_options options = {.sched = combination.sched, .workers = combination.workers};
    alarm(30);
    weft_run(&options, report_main, NULL);
}

/* Without a handler the report goes to stderr. */
START_TEST(panics_of_jobs_are_reported)
    {
        char text[4096];
        int status = in_child(crash_pool, text, sizeof text);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 8, "%#x: %s", (unsigned)status, text);
        CHECK_MSG(strstr(text, "panicked: job 3") != NULL, "%s", text);
    }
END_TEST

/* --- results --- */

static void *square(void *arg)
{
    uintptr_t n = (uintptr_t)arg;
    for (uintptr_t i = 0; i < n * 7 % 5; i++) {
        weft_yield();
    }
    if (n % 50 == 49) {
        weft_panic("no square of %d", (int)n);
    }
    return (void *)(n * n);
}

struct stream {
    struct weft_results *results;
    size_t jobs;
};

static void feed(void *arg)
{
    struct stream *stream = arg;
    for (uintptr_t i = 0; i < stream->jobs; i++) {
        CHECK_STATUS(weft_results_submit(stream->results, square, (void *)i), WEFT_OK);
    }
    weft_results_close(stream->results);
    CHECK_STATUS(weft_results_submit(stream->results, square, NULL), WEFT_CLOSED);
}

static void check_stream(enum weft_order order, size_t window)
{
    struct weft_pool *pool = weft_pool_new(4, 2);
    struct stream stream = {.results = weft_results_new(pool, order, window), .jobs = rounds(500)};
    unsigned char *seen = calloc(1, stream.jobs);
    struct crew crew;
    CHECK(stream.results != NULL && seen != NULL);
    crew_init(&crew);
    crew_go(&crew, feed, &stream);
    struct weft_result result;
    size_t count = 0;
    for (; weft_results_next(stream.results, &result) == WEFT_OK; count++) {
        CHECK(result.index < stream.jobs && seen[result.index]++ == 0);
        CHECK(order == WEFT_UNORDERED || result.index == count);
        CHECK_EQ(result.panicked, result.index % 50 == 49);
        CHECK(result.panicked ? strncmp(result.message, "no square of", 12) == 0
                              : (uintptr_t)result.value == result.index * result.index);
        CHECK(!result.dropped);
    }
    CHECK_EQ(count, stream.jobs);
    crew_fini(&crew);
    free(seen);
    weft_results_free(stream.results);
    weft_pool_free(pool);
}

TASK_TEST(results_in_order)
{
    check_stream(WEFT_ORDERED, 1);
    check_stream(WEFT_ORDERED, 10);
}

TASK_TEST(results_as_they_come)
{
    check_stream(WEFT_UNORDERED, 1);
    check_stream(WEFT_UNORDERED, 10);
}

static void *gated_value(void *arg)
{
    CHECK_STATUS(weft_recv(gate, NULL), WEFT_CLOSED);
    return arg;
}

/* A pool that is shut down accounts for the jobs that it drops. */
TASK_TEST(dropped_jobs_have_results)
{
    gate = make_chan(0, 1);
    struct weft_pool *pool = weft_pool_new(1, 10);
    struct weft_results *results = weft_results_new(pool, WEFT_ORDERED, 10);
    struct weft_result result;
    size_t dropped = 0;
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(weft_results_submit(results, gated_value, pool), WEFT_OK);
    }
    CHECK_STATUS(weft_go(open_gate, NULL), WEFT_OK);
    size_t expected = weft_pool_shutdown(pool);
    weft_results_close(results);
    for (uint64_t i = 0; i < 5; i++) {
        CHECK_STATUS(weft_results_next(results, &result), WEFT_OK);
        CHECK_EQ(result.index, i);
        dropped += result.dropped;
        CHECK(result.dropped ? result.value == NULL : result.value == pool);
    }
    CHECK_STATUS(weft_results_next(results, &result), WEFT_CLOSED);
    CHECK_EQ(dropped, expected);
    weft_results_free(results);
    weft_pool_free(pool);
    weft_chan_free(gate);
    CHECK(weft_results_new(pool, WEFT_ORDERED, 0) == NULL);
    weft_results_free(NULL);
}

TCase *group_tests(void)
{
    TCase *cases = tcase_create("group");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_group_waits_for_all);
    tcase_add_test(cases, the_first_error_cancels_the_rest);
    tcase_add_test(cases, a_parent_cancels_its_groups);
    tcase_add_test(cases, a_limit_is_kept);
    tcase_add_test(cases, a_pool_is_bounded);
    tcase_add_test(cases, a_pool_survives_its_jobs);
    tcase_add_test(cases, shutdown_with_jobs_in_the_queue);
    tcase_add_test(cases, panics_of_jobs_are_reported);
    tcase_add_test(cases, results_in_order);
    tcase_add_test(cases, results_as_they_come);
    tcase_add_test(cases, dropped_jobs_have_results);
    return cases;
}
