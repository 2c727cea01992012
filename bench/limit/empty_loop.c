/* empty_loop: one turn of a loop that does nothing: what every figure of the harness contains. */
#include "bench/limit/limits.h"

LIMIT_LOOP(empty)(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        bench_forget_memory();
    }
}

static void empty_loop_batch(struct bench_batch *batch)
{
    struct limit_clock clock = limit_start();
    bench_loop_limit_empty(batch->units);
    limit_stop(batch, &clock);
}

const struct bench_limit limit_empty_loop = {
    .name = "empty_loop",
    .summary = "one turn of an empty loop",
    .unit = "iteration",
    .refuse = limit_refuse_nothing,
    .batch = empty_loop_batch,
};
