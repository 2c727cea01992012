/* Rows of the suite `go` over time: what do timers cost?
 *
 * Originals: time/{sleep,tick}_test.go. All but ParallelTimerLatency by RunParallel, while 32,768 other timers of an
 * hour, for each worker, are armed by as many tasks as there are workers.
 *   After               a channel of a nanosecond's time: made, received from, freed
 *   Stop/impl=chan      a timer of a second: made, stopped, freed
 *   Stop/impl=func      the same of one that runs a function, which would send to a channel of capacity 1, made and
 *   freed too Reset/impl=chan     a timer for each task: reset to an hour
 *   StartStop1000       a thousand functions for an hour later: made, then stopped and freed
 *   SimultaneousAfterFunc1000  a thousand functions for now, each marks a wait group, and the wait
 *   Sleep1000           a thousand tasks, each of which sleeps for a nanosecond and marks a wait group, and the wait
 *   TickerReset         a ticker for each task: reset to two nanoseconds
 *   ParallelTimerLatency  P - 1 functions for a millisecond later are armed by a task that then computes until all have
 *                       begun; each computes until all have, too. After each round a millisecond of computing. What is
 *                       compared is how late they begin, on average (Go's avg-late-ns), and not the time of a round
 * Go leaves timers to its collector; here they are freed, in the timed part, as far as they are made in it.
 * Checked: every operation's status; none of the others fired; nobody was early.
 * Not measured: how late timers are on a machine that has something else to do. */
#include "bench/go/go.h"

enum { BENCH_GO_GARBAGE = 1 << 15, BENCH_GO_MANY = 1000 };
static const weft_ns bench_go_millisecond = 1000000, bench_go_second = 1000000000, bench_go_later = 3600000000000;

static _Atomic(uint64_t) bench_go_fired; /* functions that should not run */

static void bench_go_misfire(void *unused)
{
    (void)unused;
    add_relaxed(&bench_go_fired, 1u); /* a count */
}

/* --- the others ------------------------------------------------------------------------------------- */

/* Those of one task. */
struct bench_go_garbage {
    struct weft_waitgroup *group;
    struct weft_timer *timers[BENCH_GO_GARBAGE];
};

static void bench_go_garbage_make(void *arg)
{
    struct bench_go_garbage *self = arg;
    for (int i = 0; i < BENCH_GO_GARBAGE; i++) {
        self->timers[i] = weft_timer_func(bench_go_later, bench_go_misfire, NULL);
        bench_check(self->timers[i] != NULL, "no memory for a timer");
    }
    weft_wg_done(self->group);
}

/* Go's benchmark(): times the tasks while others' timers are armed. */
static void bench_go_among_garbage(struct bench_batch *batch, task_fn fn)
{
    unsigned tasks = batch->cell->workers;
    struct weft_waitgroup group = {0};
    struct bench_go_garbage *garbage = bench_alloc(tasks * sizeof *garbage);
    weft_wg_add(&group, tasks);
    for (unsigned i = 0; i < tasks; i++) {
        garbage[i].group = &group;
        if (weft_go(bench_go_garbage_make, &garbage[i]) != WEFT_OK) {
            bench_fail("no memory for a task");
            weft_wg_done(&group);
        }
    }
    weft_wg_wait(&group);
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, fn, NULL);
    bench_clock_stop(&clock);
    for (unsigned i = 0; i < tasks; i++) {
        for (int j = 0; j < BENCH_GO_GARBAGE; j++) {
            weft_timer_free(garbage[i].timers[j]);
        }
    }
    free(garbage);
    bench_check(load_relaxed(&bench_go_fired) == 0, "timers fired that should not");
}

/* --- one timer -------------------------------------------------------------------------------------- */

static force_inline void bench_go_after(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        weft_ns when = 0;
        struct weft_chan *chan = weft_after(1);
        wrong += chan == NULL || weft_recv(chan, &when) != WEFT_OK || when == 0;
        weft_chan_free(chan);
    }
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_stop_chan(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_timer *timer = weft_timer_new(bench_go_second);
        wrong += timer == NULL || !weft_timer_stop(timer);
        weft_timer_free(timer);
    }
    bench_parallel_leave(&it, wrong);
}

static void bench_go_send_now(void *chan)
{
    weft_send(chan, &(weft_ns){weft_now()});
}

static force_inline void bench_go_stop_func(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_chan *chan = bench_chan_make(sizeof(weft_ns), 1);
        struct weft_timer *timer = weft_timer_func(bench_go_second, bench_go_send_now, chan);
        wrong += timer == NULL || !weft_timer_stop(timer);
        weft_timer_free(timer);
        weft_chan_free(chan);
    }
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_reset(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_timer *timer = weft_timer_new(bench_go_later);
    uint64_t wrong = timer == NULL;
    while (timer != NULL && bench_next(&it)) {
        wrong += !weft_timer_reset(timer, bench_go_later);
    }
    weft_timer_free(timer);
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_ticker_reset(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_timer *ticker = weft_ticker_new(1);
    uint64_t wrong = ticker == NULL;
    while (ticker != NULL && bench_next(&it)) {
        wrong += !weft_timer_reset(ticker, 2); /* a ticker is armed, always */
    }
    weft_timer_free(ticker);
    bench_parallel_leave(&it, wrong);
}

/* --- many ------------------------------------------------------------------------------------------- */

/* A thousand of them, in memory that is taken in the timed part, as Go's is. */
static force_inline struct weft_timer **bench_go_make_many(weft_ns delay, task_fn fn, void *arg, uint64_t *wrong)
{
    struct weft_timer **timers = bench_alloc(BENCH_GO_MANY * sizeof(struct weft_timer *));
    for (int i = 0; i < BENCH_GO_MANY; i++) {
        timers[i] = weft_timer_func(delay, fn, arg);
        *wrong += timers[i] == NULL;
    }
    return timers;
}

static force_inline void bench_go_start_stop(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_timer **timers = bench_go_make_many(bench_go_later, bench_go_misfire, NULL, &wrong);
        for (int i = 0; i < BENCH_GO_MANY; i++) {
            wrong += timers[i] != NULL && !weft_timer_stop(timers[i]);
            weft_timer_free(timers[i]);
        }
        free(timers);
    }
    bench_parallel_leave(&it, wrong);
}

static void bench_go_time_mark(void *group)
{
    weft_wg_done(group);
}

static force_inline void bench_go_at_once(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (wrong == 0 && bench_next(&it)) {
        struct weft_waitgroup group = {0};
        weft_wg_add(&group, BENCH_GO_MANY);
        struct weft_timer **timers = bench_go_make_many(0, bench_go_time_mark, &group, &wrong);
        weft_wg_add(&group, -(int64_t)wrong);
        weft_wg_wait(&group);
        for (int i = 0; i < BENCH_GO_MANY; i++) {
            weft_timer_free(timers[i]);
        }
        free(timers);
    }
    bench_parallel_leave(&it, wrong);
}

static void bench_go_sleep_and_mark(void *group)
{
    weft_sleep(1);
    weft_wg_done(group);
}

static force_inline void bench_go_sleeps(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_waitgroup group = {0};
        weft_wg_add(&group, BENCH_GO_MANY);
        for (int i = 0; i < BENCH_GO_MANY; i++) {
            if (unlikely(weft_go(bench_go_sleep_and_mark, &group) != WEFT_OK)) {
                wrong++;
                weft_wg_done(&group);
            }
        }
        weft_wg_wait(&group);
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_after)(void *parallel)
{
    bench_go_after(parallel);
}

BENCH_LOOP(go_stop_chan)(void *parallel)
{
    bench_go_stop_chan(parallel);
}

BENCH_LOOP(go_stop_func)(void *parallel)
{
    bench_go_stop_func(parallel);
}

BENCH_LOOP(go_reset)(void *parallel)
{
    bench_go_reset(parallel);
}

BENCH_LOOP(go_ticker_reset)(void *parallel)
{
    bench_go_ticker_reset(parallel);
}

BENCH_LOOP(go_start_stop)(void *parallel)
{
    bench_go_start_stop(parallel);
}

BENCH_LOOP(go_at_once)(void *parallel)
{
    bench_go_at_once(parallel);
}

BENCH_LOOP(go_sleeps)(void *parallel)
{
    bench_go_sleeps(parallel);
}

static void bench_go_after_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_after));
}

static void bench_go_stop_chan_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_stop_chan));
}

static void bench_go_stop_func_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_stop_func));
}

static void bench_go_reset_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_reset));
}

static void bench_go_ticker_reset_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_ticker_reset));
}

static void bench_go_start_stop_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_start_stop));
}

static void bench_go_at_once_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_at_once));
}

static void bench_go_sleeps_batch(struct bench_batch *batch)
{
    bench_go_among_garbage(batch, BENCH_LOOP_NAME(go_sleeps));
}

/* --- lateness --------------------------------------------------------------------------------------- */

/* Of the one batch that runs. */
struct bench_go_late {
    struct weft_waitgroup group;
    uint32_t timers;
    weft_ns expected[BENCH_GO_MANY]; /* of each timer, before it is armed */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) begun;
    _Alignas(CACHE_LINE) _Atomic(int64_t) late; /* the sum */
    _Atomic(uint64_t) early;
};
static struct bench_go_late bench_go_late;

/* What Go's doWork() and its loops that wait are: the processor is kept, whatever the scheduler wants. */
static force_inline void bench_go_until_all_begun(void)
{
    while (load_acquire(&bench_go_late.begun) < bench_go_late.timers) { /* acquire: as Go's, it may stand for more */
    }
}

static void bench_go_late_begin(void *expected)
{
    weft_ns late = weft_now() - *(weft_ns *)expected;
    add_relaxed(&bench_go_late.late, late);       /* relaxed: the join orders it */
    add_relaxed(&bench_go_late.early, late < 0u); /* the same */
    add_acq_rel(&bench_go_late.begun, 1u);        /* -> bench_go_until_all_begun */
    bench_go_until_all_begun();
    weft_wg_done(&bench_go_late.group);
}

BENCH_LOOP(go_late_round)(struct weft_timer **timers)
{
    weft_wg_add(&bench_go_late.group, bench_go_late.timers);
    store_relaxed(&bench_go_late.begun, 0u); /* arming orders it */
    for (uint32_t i = 0; i < bench_go_late.timers; i++) {
        bench_go_late.expected[i] = weft_now() + bench_go_millisecond;
        timers[i] = weft_timer_func(bench_go_millisecond, bench_go_late_begin, &bench_go_late.expected[i]);
        if (unlikely(timers[i] == NULL)) {
            bench_fail("no memory for a timer");
            add_relaxed(&bench_go_late.begun, 1u);
            weft_wg_done(&bench_go_late.group);
        }
    }
    bench_go_until_all_begun();
    weft_wg_wait(&bench_go_late.group);
    bench_spin(bench_go_millisecond);
    for (uint32_t i = 0; i < bench_go_late.timers; i++) {
        weft_timer_free(timers[i]);
    }
}

/* Go's warmupScheduler(), as in bench/go/spawn.c: each returns only when every worker runs one. */
static void bench_go_late_warm_up(void *group)
{
    add_relaxed(&bench_go_late.begun, 1u); /* relaxed: a count */
    while (load_relaxed(&bench_go_late.begun) <= bench_go_late.timers) {
        weft_poll();
    }
    bench_spin(bench_go_millisecond);
    weft_wg_done(group);
}

static bool bench_go_late_prepare(void)
{
    struct weft_waitgroup group = {0};
    store_relaxed(&bench_go_late.begun, 0u); /* spawn orders it */
    for (uint32_t i = 0; i <= bench_go_late.timers; i++) {
        weft_wg_add(&group, 1);
        if (weft_go(bench_go_late_warm_up, &group) != WEFT_OK) {
            bench_fail("no memory for a task");
            return false; /* those that have started wait for ever */
        }
    }
    weft_wg_wait(&group);
    bench_spin(30 * bench_go_millisecond);
    return true;
}

static void bench_go_late_batch(struct bench_batch *batch)
{
    struct weft_timer *timers[BENCH_GO_MANY];
    bench_go_late = (struct bench_go_late){.timers = batch->cell->workers - 1};
    if (!bench_go_late_prepare()) {
        return;
    }
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    for (uint64_t i = 0; i < batch->units; i++) {
        BENCH_LOOP_NAME(go_late_round)(timers);
    }
    bench_clock_stop(&clock);
    batch->instead_ns = load_relaxed(&bench_go_late.late) / bench_go_late.timers; /* both: behind the join */
    bench_check(load_relaxed(&bench_go_late.early) == 0, "timers fired too early");
}

static const char *bench_go_late_refuse(const struct bench_cell *cell)
{
    if (cell->workers < 2) {
        return "the original skips one processor";
    }
    return cell->workers > bench_processors() || cell->workers > BENCH_GO_MANY
               ? "the original skips more processors than there are"
               : NULL;
}

#define BENCH_GO_TIME_SUB(id, go) BENCH_GO_OF("time", id, go, "time")
#define BENCH_GO_TIME(id) BENCH_GO_TIME_SUB(id, id)

static const struct bench_workload bench_go_time_rows[] = {
    {BENCH_GO_TIME("After"), .question = "what does it cost to wait for a moment that has come?", .unit = "timer",
     .batch = bench_go_after_batch},
    {BENCH_GO_TIME_SUB("Stop.chan", "Stop/impl=chan"),
     .question = "what does a timer with a channel cost that is stopped?", .unit = "timer",
     .batch = bench_go_stop_chan_batch},
    {BENCH_GO_TIME_SUB("Stop.func", "Stop/impl=func"),
     .question = "what does a timer with a function cost that is stopped?", .unit = "timer and channel",
     .batch = bench_go_stop_func_batch},
    {BENCH_GO_TIME_SUB("Reset.chan", "Reset/impl=chan"), .question = "what does it cost to put a timer off?",
     .unit = "reset", .batch = bench_go_reset_batch},
    {BENCH_GO_TIME("StartStop1000"), .question = "what do a thousand timers cost that are stopped?",
     .unit = "1000 timers", .batch = bench_go_start_stop_batch},
    {BENCH_GO_TIME("SimultaneousAfterFunc1000"), .question = "what do a thousand functions cost whose time has come?",
     .unit = "1000 timers", .batch = bench_go_at_once_batch},
    {BENCH_GO_TIME("Sleep1000"), .question = "what do a thousand tasks cost that sleep for a moment?",
     .unit = "1000 tasks", .batch = bench_go_sleeps_batch},
    {BENCH_GO_TIME("TickerReset"), .question = "what does it cost to change a ticker that ticks all the time?",
     .unit = "reset", .batch = bench_go_ticker_reset_batch},
    {BENCH_GO_TIME("ParallelTimerLatency"), .question = "how late is a timer that was armed on a worker which is kept?",
     .unit = "timer's lateness", .go_metric = "avg-late-ns", .refuse = bench_go_late_refuse,
     .batch = bench_go_late_batch},
};
