/* Rows of the suite `go` in which two tasks could run at the same time: how soon does a task run that was woken?
 *
 *     task 0:  work d + 5 us, send ping | work d, receive pong        d = 0, 1, 2, 5, 10, 20, 50, 100 us
 *     task 1:  work d, receive ping     | work d + 5 us, send pong
 *
 * Originals: runtime/proc_test.go, WakeupParallelSpinning (work: looking at the clock) and WakeupParallelSyscall (a
 * blocking nanosleep; here through weft_blocking, as Go's leaves its processor). Channels without elements and without
 * a buffer. One operation is one round: two messages. One behind the other the tasks' work is 4 d + 10 us a round, side
 * by side 2 d + 10 us: what is more than that is the price of waking (work_ns is reported beside the time).
 * Timed: from the start of task 0, which waits for it, to the end of both. On one worker the tasks' work is never side
 * by side; `go test -cpu 1` reports it too, unless the machine has one processor only.
 * Checked: every operation's status. Not measured: what the work costs on a processor that sleeps. */
#include "bench/go/go.h"

#include <errno.h>
#include <time.h>

enum { BENCH_GO_WAKE_SYSCALL = 1 }; /* added to the row's argument, the delay in ns */
static const weft_ns bench_go_wake_ns = 5000;

struct bench_go_wake {
    struct weft_chan *ping, *pong, *start, *done;
    uint64_t count;
    weft_ns delay;
    bool syscall;
    _Atomic(uint64_t) wrong;
};

static void bench_go_nanosleep(void *arg)
{
    struct timespec *left = arg;
    while (nanosleep(left, left) != 0 && errno == EINTR) {
    }
}

static force_inline void bench_go_wake_work(bool syscall, weft_ns duration)
{
    if (syscall) {
        struct timespec left = {.tv_nsec = duration};
        weft_blocking(bench_go_nanosleep, &left);
    } else {
        bench_spin(duration);
    }
}

static force_inline void bench_go_wake_done(const struct chan_ops *ops, struct bench_go_wake *run, uint64_t wrong)
{
    char nothing = 0;
    add_relaxed(&run->wrong, wrong); /* the join orders it */
    ops->send(run->done, &nothing);
}

static force_inline void bench_go_wake_first(const struct chan_ops *ops, struct bench_go_wake *run)
{
    uint64_t wrong = ops->recv(run->start, NULL) != WEFT_OK;
    char nothing = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        bench_go_wake_work(run->syscall, run->delay + bench_go_wake_ns);
        wrong += ops->send(run->ping, &nothing) != WEFT_OK;
        bench_go_wake_work(run->syscall, run->delay);
        wrong += ops->recv(run->pong, NULL) != WEFT_OK;
    }
    bench_go_wake_done(ops, run, wrong);
}

static force_inline void bench_go_wake_second(const struct chan_ops *ops, struct bench_go_wake *run)
{
    uint64_t wrong = 0;
    char nothing = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        bench_go_wake_work(run->syscall, run->delay);
        wrong += ops->recv(run->ping, NULL) != WEFT_OK;
        bench_go_wake_work(run->syscall, run->delay + bench_go_wake_ns);
        wrong += ops->send(run->pong, &nothing) != WEFT_OK;
    }
    bench_go_wake_done(ops, run, wrong);
}

BENCH_LOOP(go_wake_first)(void *run)
{
    bench_go_wake_first(BENCH_OPS, run);
}

BENCH_LOOP(go_wake_second)(void *run)
{
    bench_go_wake_second(BENCH_OPS, run);
}

static bool bench_go_wake_begin(struct bench_go_wake *run)
{
    struct weft_chan **chans[] = {&run->ping, &run->pong, &run->start, &run->done};
    for (size_t i = 0; i < sizeof chans / sizeof *chans; i++) {
        *chans[i] = bench_chan_make(0, 0);
    }
    if (bench_failure() == NULL && (weft_go(BENCH_LOOP_NAME(go_wake_first), run) != WEFT_OK ||
                                    weft_go(BENCH_LOOP_NAME(go_wake_second), run) != WEFT_OK)) {
        bench_fail("spawning a task");
    }
    return bench_failure() == NULL;
}

static void bench_go_wake_alone_for(const struct bench_go_wake *run, weft_ns duration)
{
    if (run->syscall) {
        bench_go_nanosleep(&(struct timespec){.tv_nsec = duration});
    } else {
        bench_spin(duration);
    }
}

/* A sender's work, half of a round: the receiver's is done beside it. */
static void bench_go_wake_beside(void *arg)
{
    const struct bench_go_wake *run = arg;
    bench_go_wake_alone_for(run, run->delay + bench_go_wake_ns);
}

/* The same where there is one processor. */
static void bench_go_wake_behind(void *arg)
{
    const struct bench_go_wake *run = arg;
    bench_go_wake_alone_for(run, run->delay + bench_go_wake_ns);
    bench_go_wake_alone_for(run, run->delay);
}

static void bench_go_wake_batch(struct bench_batch *batch)
{
    struct bench_go_wake *run = bench_alloc(sizeof *run);
    weft_ns argument = (weft_ns)batch->cell->workload->argument;
    char nothing = 0;
    run->count = batch->units;
    run->syscall = argument % 2 == BENCH_GO_WAKE_SYSCALL;
    run->delay = argument - argument % 2;
    if (!bench_go_wake_begin(run)) {
        return; /* a task that did start still uses the run */
    }
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    weft_send(run->start, &nothing);
    weft_recv(run->done, NULL);
    weft_recv(run->done, NULL);
    bench_clock_stop(&clock);
    uint64_t wrong = load_relaxed(&run->wrong); /* behind the join */
    bench_check(wrong == 0, "%" PRIu64 " operations went wrong", wrong);
    bool beside = run->syscall || bench_work_parallel(batch->cell, 2) > 1;
    bench_work_alone(batch, beside ? bench_go_wake_beside : bench_go_wake_behind, run, 2);
    weft_chan_free(run->ping);
    weft_chan_free(run->pong);
    weft_chan_free(run->start);
    weft_chan_free(run->done);
    free(run);
}

#define BENCH_GO_WAKE(kind, id, go, does, ns)                                                                          \
    {                                                                                                                  \
        BENCH_GO_SUB("WakeupParallel" kind "." id, "WakeupParallel" kind "/" go, "wake"),                              \
            .question = "how soon does a woken task run, both of them " does " for " id " in between?",                \
            .unit = "round", .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS, .argument = (ns),                     \
            .batch = bench_go_wake_batch                                                                               \
    }
#define BENCH_GO_WAKES(id, go, ns)                                                                                     \
    BENCH_GO_WAKE("Spinning", id, go, "at work", ns), BENCH_GO_WAKE("Syscall", id, go, "asleep", ns + 1)

static const struct bench_workload bench_go_wake_rows[] = {
    BENCH_GO_WAKES("0s", "0s", 0),         BENCH_GO_WAKES("1us", "1µs", 1000),
    BENCH_GO_WAKES("2us", "2µs", 2000),    BENCH_GO_WAKES("5us", "5µs", 5000),
    BENCH_GO_WAKES("10us", "10µs", 10000), BENCH_GO_WAKES("20us", "20µs", 20000),
    BENCH_GO_WAKES("50us", "50µs", 50000), BENCH_GO_WAKES("100us", "100µs", 100000),
};
