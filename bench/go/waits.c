/* Rows of the suite `go` over conditions, wait groups and once: what does it cost to wait for others?
 *
 * Originals: sync/{cond,waitgroup,once}_test.go. All but Cond by RunParallel.
 *   Cond{N}               N + 1 tasks; of each N + 1 that come, N wait and the last one wakes them. An operation is one
 *   round
 *                         of each task
 *   WaitGroupUncontended  each task has a group: add, done, wait
 *   WaitGroupAddDone      one group for all: add, done; -Work: with 100 units of work between them
 *   WaitGroupWait         one group for all, which nobody adds to: wait; -Work: and 100 units of work
 *   WaitGroupActuallyWait a group, a task that marks it, and the wait
 *   Once                  one for all, done long since
 * Rows with work are of the group `work`. Go compiles it to nothing but the loop (bench/work.h).
 * Checked: that conditions and groups let go at all is seen by the join. */
#include "bench/go/go.h"

enum { BENCH_GO_WAIT_WORK = 100 };

/* --- condition -------------------------------------------------------------------------------------- */

struct bench_go_cond {
    struct weft_mutex mutex;
    struct weft_cond cond;
    int64_t id, waiters; /* id: under the mutex; -1: a task is through */
    uint64_t count;
    struct weft_chan *done;
};

static force_inline void bench_go_cond_rounds(struct bench_go_cond *run)
{
    for (uint64_t i = 0; i < run->count; i++) {
        weft_lock(&run->mutex);
        if (run->id == -1) {
            weft_unlock(&run->mutex);
            break;
        }
        if (++run->id == run->waiters + 1) {
            run->id = 0;
            weft_cond_broadcast(&run->cond);
        } else {
            weft_cond_wait(&run->cond, &run->mutex);
        }
        weft_unlock(&run->mutex);
    }
    weft_lock(&run->mutex);
    run->id = -1;
    weft_cond_broadcast(&run->cond);
    weft_unlock(&run->mutex);
    char yes = 1;
    weft_send(run->done, &yes);
}

BENCH_LOOP(go_cond)(void *run)
{
    bench_go_cond_rounds(run);
}

static void bench_go_cond_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    struct bench_go_cond run = {.waiters = (int64_t)batch->cell->workload->argument, .count = batch->units};
    run.done = bench_chan_make(1, 0);
    int64_t begun = 0;
    while (run.done != NULL && begun <= run.waiters && weft_go(BENCH_LOOP_NAME(go_cond), &run) == WEFT_OK) {
        begun++;
    }
    bench_check(begun == run.waiters + 1, "no memory for a task"); /* those there are then wait for ever */
    for (int64_t i = 0; i < begun; i++) {
        weft_recv(run.done, NULL);
    }
    bench_clock_stop(&clock);
    bench_check(run.id == -1, "no task came to its end");
    bench_chan_free(run.done);
}

/* --- wait group, once ------------------------------------------------------------------------------- */

/* What all tasks of a row share, or what one has for its own. */
struct bench_go_waits {
    _Alignas(CACHE_LINE) struct weft_waitgroup group;
    _Alignas(CACHE_LINE) struct weft_once once;
    uint64_t work; /* units, at a time */
};

static void bench_go_wait_work(void *unused)
{
    (void)unused;
    bench_count(BENCH_GO_WAIT_WORK);
}

/* Times the tasks over what they share. */
static void bench_go_waits_run(struct bench_batch *batch, struct bench_go_waits *shared, task_fn fn)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, fn, shared);
    bench_clock_stop(&clock);
    if (shared->work != 0) {
        double parallel = bench_work_parallel(batch->cell, batch->cell->workers);
        bench_work_alone(batch, bench_go_wait_work, NULL, 1 / parallel);
    }
}

static void bench_go_mark(void *group)
{
    weft_wg_done(group);
}

static force_inline void bench_go_group_own(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_waits *own = bench_alloc(sizeof *own);
    while (bench_next(&it)) {
        weft_wg_add(&own->group, 1);
        weft_wg_done(&own->group);
        weft_wg_wait(&own->group);
    }
    free(own);
    bench_parallel_leave(&it, 0);
}

static force_inline void bench_go_group_add(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_waits *shared = it.parallel->shared;
    while (bench_next(&it)) {
        weft_wg_add(&shared->group, 1);
        bench_count(shared->work);
        weft_wg_done(&shared->group);
    }
    bench_parallel_leave(&it, 0);
}

static force_inline void bench_go_group_wait(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_waits *shared = it.parallel->shared;
    while (bench_next(&it)) {
        weft_wg_wait(&shared->group);
        bench_count(shared->work);
    }
    bench_parallel_leave(&it, 0);
}

static force_inline void bench_go_group_actually(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_waitgroup group = {0};
        weft_wg_add(&group, 1);
        if (unlikely(weft_go(bench_go_mark, &group) != WEFT_OK)) {
            weft_wg_done(&group);
            wrong++;
        }
        weft_wg_wait(&group);
    }
    bench_parallel_leave(&it, wrong);
}

static void bench_go_nothing(void *unused)
{
    (void)unused;
}

static force_inline void bench_go_once(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_waits *shared = it.parallel->shared;
    while (bench_next(&it)) {
        weft_once_do(&shared->once, bench_go_nothing, NULL);
    }
    bench_parallel_leave(&it, 0);
}

BENCH_LOOP(go_group_own)(void *parallel)
{
    bench_go_group_own(parallel);
}

BENCH_LOOP(go_group_add)(void *parallel)
{
    bench_go_group_add(parallel);
}

BENCH_LOOP(go_group_wait)(void *parallel)
{
    bench_go_group_wait(parallel);
}

BENCH_LOOP(go_group_actually)(void *parallel)
{
    bench_go_group_actually(parallel);
}

BENCH_LOOP(go_once)(void *parallel)
{
    bench_go_once(parallel);
}

static void bench_go_group_own_batch(struct bench_batch *batch)
{
    bench_go_waits_run(batch, &(struct bench_go_waits){0}, BENCH_LOOP_NAME(go_group_own));
}

/* The argument of the next two: units of work. */
static void bench_go_group_add_batch(struct bench_batch *batch)
{
    struct bench_go_waits shared = {.work = batch->cell->workload->argument};
    bench_go_waits_run(batch, &shared, BENCH_LOOP_NAME(go_group_add));
}

static void bench_go_group_wait_batch(struct bench_batch *batch)
{
    struct bench_go_waits shared = {.work = batch->cell->workload->argument};
    bench_go_waits_run(batch, &shared, BENCH_LOOP_NAME(go_group_wait));
}

static void bench_go_group_actually_batch(struct bench_batch *batch)
{
    bench_go_waits_run(batch, &(struct bench_go_waits){0}, BENCH_LOOP_NAME(go_group_actually));
}

static void bench_go_once_batch(struct bench_batch *batch)
{
    bench_go_waits_run(batch, &(struct bench_go_waits){0}, BENCH_LOOP_NAME(go_once));
}

#define BENCH_GO_WAIT(id) BENCH_GO_OF("sync", id, id, "sync")
#define BENCH_GO_WAIT_AND_WORK(id) BENCH_GO_OF("sync", id, id, "work")
#define BENCH_GO_COND(n)                                                                                               \
    {                                                                                                                  \
        BENCH_GO_WAIT("Cond" #n), .question = "what does a condition cost that " #n " wait for?",                      \
                                  .unit = "round of each task", .argument = (n), .batch = bench_go_cond_batch          \
    }

static const struct bench_workload bench_go_wait_rows[] = {
    BENCH_GO_COND(1),
    BENCH_GO_COND(2),
    BENCH_GO_COND(4),
    BENCH_GO_COND(8),
    BENCH_GO_COND(16),
    BENCH_GO_COND(32),
    {BENCH_GO_WAIT("WaitGroupUncontended"), .question = "what does a wait group cost that nobody else knows?",
     .unit = "add, done, wait", .batch = bench_go_group_own_batch},
    {BENCH_GO_WAIT("WaitGroupAddDone"), .question = "what do add and done cost on a group for all?",
     .unit = "add and done", .batch = bench_go_group_add_batch},
    {BENCH_GO_WAIT_AND_WORK("WaitGroupAddDoneWork"),
     .question = "what do add and done cost on a group for all, with work between them?", .unit = "add and done",
     .argument = BENCH_GO_WAIT_WORK, .batch = bench_go_group_add_batch},
    {BENCH_GO_WAIT("WaitGroupWait"), .question = "what does a wait cost that need not wait?", .unit = "wait",
     .batch = bench_go_group_wait_batch},
    {BENCH_GO_WAIT_AND_WORK("WaitGroupWaitWork"),
     .question = "what does a wait cost that need not wait, with work behind it?", .unit = "wait",
     .argument = BENCH_GO_WAIT_WORK, .batch = bench_go_group_wait_batch},
    {BENCH_GO_WAIT("WaitGroupActuallyWait"), .question = "what does it cost to start a task and to wait for it?",
     .unit = "task", .batch = bench_go_group_actually_batch},
    {BENCH_GO_WAIT("Once"), .question = "what does it cost to see that something has been done?", .unit = "call",
     .batch = bench_go_once_batch},
};
