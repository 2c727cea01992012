#include "bench/parallel.h"

enum { GRAIN_NS = 100000, GRAIN_MAX = 10000 };

static uint64_t grain_of(const struct bench_batch *batch)
{
    if (batch->previous_wall_ns <= 0) {
        return 1;
    }
    uint64_t grain = GRAIN_NS * batch->previous_units / (uint64_t)batch->previous_wall_ns;
    return grain < 1 ? 1 : grain > GRAIN_MAX ? GRAIN_MAX : grain;
}

void bench_parallel_times(struct bench_batch *batch, unsigned times, task_fn fn, void *shared)
{
    struct bench_parallel parallel = {.shared = shared, .count = batch->units, .grain = grain_of(batch)};
    unsigned tasks = times * batch->cell->workers;
    weft_wg_add(&parallel.group, tasks);
    for (unsigned i = 0; i < tasks; i++) {
        enum weft_status status = weft_go(fn, &parallel);
        if (unlikely(status != WEFT_OK)) {
            bench_fail("spawning a task: %s", weft_status_name(status));
            weft_wg_done(&parallel.group);
        }
    }
    weft_wg_wait(&parallel.group);
    uint64_t taken = load_relaxed(&parallel.taken); /* behind the join, like the next */
    uint64_t wrong = load_relaxed(&parallel.wrong);
    bench_check(taken == batch->units, "%" PRIu64 " of %" PRIu64 " iterations were taken", taken, batch->units);
    bench_check(wrong == 0, "%" PRIu64 " operations went wrong", wrong);
}

void bench_parallel(struct bench_batch *batch, task_fn fn, void *shared)
{
    bench_parallel_times(batch, 1, fn, shared);
}

void bench_parallel_leave(const struct bench_iterations *it, uint64_t wrong)
{
    add_relaxed(&it->parallel->taken, it->taken); /* the join orders it, and the next */
    add_relaxed(&it->parallel->wrong, wrong);
    weft_wg_done(&it->parallel->group);
}
