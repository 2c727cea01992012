/* Rows of the suite `go` that start tasks: what does it cost to start one, and to end one?
 *
 * Originals: runtime/proc_test.go.
 *   CreateGoroutines           f(n) spawns f(n - 1) and ends; f(0) says so on a channel
 *   CreateGoroutinesParallel   P such chains at once, each of N / P
 *   CreateGoroutinesCapture    a wait group, four tasks that mark it, each with what it captures, and the wait
 *   CreateGoroutinesSingle     the main task spawns all N, each marks a wait group; the other workers must steal.
 *                              Before that, untimed, all workers are kept busy for a millisecond
 * Go's closures are on the heap; here what a task captures is in a struct of the spawner's, which outlives it.
 * Timed: the spawns, the tasks, the join. Checked: the scheduler's count of spawns; each chain came to its end.
 * Not measured: stacks deeper than one frame, tasks that wait. */
#include "bench/go/go.h"

enum { BENCH_GO_CAPTURES = 4 };

/* Of the one batch that runs. */
static struct {
    struct weft_chan *done;
    _Atomic(uint32_t) warm; /* tasks of the warm-up that have started */
} bench_go_spawn;

struct bench_go_capture {
    struct weft_waitgroup *group;
    uint64_t index;
};

static void bench_go_spawn_check(const struct bench_clock *clock, uint64_t expected)
{
    struct sched_counters now;
    runtime.sched->counters(&now);
    uint64_t spawns = now.spawns - clock->before.spawns;
    bench_check(spawns == expected, "%" PRIu64 " of %" PRIu64 " tasks were spawned", spawns, expected);
}

static force_inline bool bench_go_spawn_one(const struct sched_ops *ops, task_fn fn, void *arg)
{
    enum weft_status status = ops->spawn(NULL, fn, arg);
    if (unlikely(status != WEFT_OK)) {
        bench_fail("spawning a task: %s", weft_status_name(status));
    }
    return likely(status == WEFT_OK);
}

/* --- chains ----------------------------------------------------------------------------------------- */

static force_inline void bench_go_spawn_link(const struct sched_ops *ops, task_fn next, uintptr_t left)
{
    if (unlikely(left == 0) || unlikely(!bench_go_spawn_one(ops, next, (void *)(left - 1)))) {
        char yes = 1;
        weft_send(bench_go_spawn.done, &yes);
    }
}

BENCH_LOOP(go_create_goroutines)(void *left)
{
    bench_go_spawn_link(BENCH_OPS, BENCH_LOOP_NAME(go_create_goroutines), (uintptr_t)left);
}

static void bench_go_chains(struct bench_batch *batch, unsigned chains)
{
    struct bench_clock clock;
    uint64_t length = batch->units / chains;
    unsigned begun = 0;
    bench_clock_start(&clock, batch);
    bench_go_spawn.done = bench_chan_make(1, 0);
    while (begun < chains && bench_go_spawn.done != NULL &&
           bench_go_spawn_one(BENCH_OPS, BENCH_LOOP_NAME(go_create_goroutines), (void *)(uintptr_t)length)) {
        begun++;
    }
    for (unsigned i = 0; i < begun; i++) {
        weft_recv(bench_go_spawn.done, NULL);
    }
    bench_clock_stop(&clock);
    bench_go_spawn_check(&clock, chains * (length + 1));
    bench_chan_free(bench_go_spawn.done);
}

static void bench_go_create_goroutines_batch(struct bench_batch *batch)
{
    bench_go_chains(batch, 1);
}

static void bench_go_create_goroutines_parallel_batch(struct bench_batch *batch)
{
    bench_go_chains(batch, batch->cell->workers);
}

static uint64_t bench_go_chains_grain(const struct bench_cell *cell)
{
    return cell->workers;
}

/* --- captures --------------------------------------------------------------------------------------- */

static void bench_go_capture(void *arg)
{
    struct bench_go_capture *self = arg;
    if (unlikely(self->index >= BENCH_GO_CAPTURES)) {
        bench_fail("a task found something else than it had captured");
    }
    weft_wg_done(self->group);
}

static force_inline void bench_go_captures(const struct sched_ops *ops, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct weft_waitgroup group = {0};
        struct bench_go_capture captures[BENCH_GO_CAPTURES];
        weft_wg_add(&group, BENCH_GO_CAPTURES);
        for (uint64_t j = 0; j < BENCH_GO_CAPTURES; j++) {
            captures[j] = (struct bench_go_capture){&group, j};
            if (unlikely(!bench_go_spawn_one(ops, bench_go_capture, &captures[j]))) {
                weft_wg_done(&group);
            }
        }
        weft_wg_wait(&group);
    }
}

BENCH_LOOP(go_create_goroutines_capture)(uint64_t count)
{
    bench_go_captures(BENCH_OPS, count);
}

static void bench_go_create_goroutines_capture_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_create_goroutines_capture)(batch->units);
    bench_clock_stop(&clock);
    bench_go_spawn_check(&clock, BENCH_GO_CAPTURES * batch->units);
}

/* --- one producer ----------------------------------------------------------------------------------- */

static void bench_go_spawn_mark(void *group)
{
    weft_wg_done(group);
}

static force_inline void bench_go_spawn_all(const struct sched_ops *ops, uint64_t count)
{
    struct weft_waitgroup group = {0};
    weft_wg_add(&group, (int64_t)count);
    for (uint64_t i = 0; i < count; i++) {
        if (unlikely(!bench_go_spawn_one(ops, bench_go_spawn_mark, &group))) {
            weft_wg_done(&group);
        }
    }
    weft_wg_wait(&group);
}

BENCH_LOOP(go_create_goroutines_single)(uint64_t count)
{
    bench_go_spawn_all(BENCH_OPS, count);
}

/* Go's warmupScheduler(): returns only on a worker of its own, unless the scheduler takes turns at weft_poll(). */
static void bench_go_spawn_warm_up(void *group)
{
    uint32_t all = weft_workers();
    add_relaxed(&bench_go_spawn.warm, 1u); /* relaxed, like the next: a count */
    while (load_relaxed(&bench_go_spawn.warm) < all) {
        weft_poll();
    }
    bench_spin(1000000);
    weft_wg_done(group);
}

static void bench_go_create_goroutines_single_batch(struct bench_batch *batch)
{
    struct weft_waitgroup group = {0};
    store_relaxed(&bench_go_spawn.warm, 0u); /* spawn orders it */
    for (unsigned i = 0; i < batch->cell->workers; i++) {
        weft_wg_add(&group, 1);
        if (!bench_go_spawn_one(BENCH_OPS, bench_go_spawn_warm_up, &group)) {
            return; /* those that have started wait for ever */
        }
    }
    weft_wg_wait(&group);
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_create_goroutines_single)(batch->units);
    bench_clock_stop(&clock);
    bench_go_spawn_check(&clock, batch->units);
}

static const struct bench_workload bench_go_spawn_rows[] = {
    {BENCH_GO("CreateGoroutines", "spawn"), .question = "what does it cost to start a task that starts the next one?",
     .unit = "task", .batch = bench_go_create_goroutines_batch},
    {BENCH_GO("CreateGoroutinesParallel", "spawn"),
     .question = "what does it cost to start a task, in as many chains as there are workers?", .unit = "task",
     .grain = bench_go_chains_grain, .batch = bench_go_create_goroutines_parallel_batch},
    {BENCH_GO("CreateGoroutinesCapture", "spawn"),
     .question = "what does it cost to start four tasks and to wait for them?", .unit = "four tasks",
     .batch = bench_go_create_goroutines_capture_batch},
    {BENCH_GO("CreateGoroutinesSingle", "spawn"),
     .question = "what does a task cost when one producer starts them all and the others must steal?", .unit = "task",
     .batch = bench_go_create_goroutines_single_batch},
};
