/* Go's testing.B.RunParallel: as many tasks as workers take iterations, grain by grain, from one shared counter.
 *
 * A grain is what took some 100 us in the batch before (1e5 ns * its iterations / its time), at least one iteration and
 * at most 10,000, so that the counter is not what is measured. Source: the rule is that of src/testing/benchmark.go.
 *
 * The task of a row (bench/go/chan.c has several) is
 *     struct bench_iterations it = bench_iterations(arg);
 *     while (bench_next(&it)) { one operation; }
 *     bench_parallel_leave(&it, wrong);
 * and its batch, between bench_clock_start() and bench_clock_stop(), calls bench_parallel() with that task. Timed, as
 * in Go, are the spawns, the iterations, and the join. */
#ifndef BENCH_PARALLEL_H
#define BENCH_PARALLEL_H

#include "bench/harness.h"

struct bench_parallel {
    void *shared; /* the row's: what all its tasks work on */
    uint64_t count, grain;
    struct weft_waitgroup group;
    _Alignas(CACHE_LINE) _Atomic(uint64_t) next;  /* the first iteration that no task has taken; may exceed count */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) taken; /* by tasks that have left, like the next */
    _Atomic(uint64_t) wrong;
};

/* A task's own. */
struct bench_iterations {
    struct bench_parallel *parallel;
    uint64_t left;  /* of the grain that it has taken */
    uint64_t taken; /* in all */
};

/* By the main task: runs fn(struct bench_parallel *) in as many tasks as there are workers until batch->units
 * iterations are done, and checks that they were and that nothing was wrong. */
void bench_parallel(struct bench_batch *batch, task_fn fn, void *shared);
/* The same in `times` tasks for each worker: Go's SetParallelism(times). */
void bench_parallel_times(struct bench_batch *batch, unsigned times, task_fn fn, void *shared);
/* By each task, last: adds what it found to be wrong. */
void bench_parallel_leave(const struct bench_iterations *it, uint64_t wrong);

static force_inline struct bench_iterations bench_iterations(void *parallel)
{
    return (struct bench_iterations){.parallel = parallel};
}

/* Is there one more? */
static force_inline bool bench_next(struct bench_iterations *it)
{
    if (unlikely(it->left == 0)) {
        struct bench_parallel *parallel = it->parallel;
        uint64_t first = add_relaxed(&parallel->next, parallel->grain); /* relaxed: one takes each grain */
        if (first >= parallel->count) {
            return false;
        }
        uint64_t left = parallel->count - first;
        it->left = left < parallel->grain ? left : parallel->grain;
        it->taken += it->left;
    }
    it->left--;
    return true;
}

#endif
