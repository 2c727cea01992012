/* futex_round_trip: two threads wake each other through the kernel and sleep in turn, placed as the kernel likes. No
 * two OS threads that block can hand over faster. */
#include "bench/limit/limits.h"
#include "core/futex.h"
#include "core/timer.h"

struct futex_run {
    _Alignas(CACHE_LINE) _Atomic(uint32_t) turn; /* 0: the first thread's, 1: the second's */
    _Alignas(CACHE_LINE) uint64_t count;
    uint64_t done[2]; /* each thread's own */
};

LIMIT_LOOP(futex)(struct futex_run *run, uint32_t mine)
{
    uint64_t done = 0;
    for (uint64_t count = run->count; done < count; done++) {
        while (load_acquire(&run->turn) != mine) { /* pairs with the store below */
            futex_wait(&run->turn, 1 - mine, WEFT_FOREVER);
        }
        store_release(&run->turn, 1 - mine);
        futex_wake(&run->turn, 1);
    }
    run->done[mine] = done;
}

static void futex_body(void *arg, unsigned index)
{
    bench_loop_limit_futex(arg, index);
}

static void futex_batch(struct bench_batch *batch)
{
    struct futex_run *run = bench_alloc(sizeof *run);
    run->count = batch->units;
    struct limit_team team = {.body = futex_body, .arg = run, .count = 2};
    if (limit_run_team(batch, &team)) {
        uint64_t done = run->done[0] + run->done[1];
        bench_check(done == 2 * batch->units, "%" PRIu64 " hand-overs of %" PRIu64, done, 2 * batch->units);
        free(run);
    }
}

const struct bench_limit limit_futex_round_trip = {
    .name = "futex_round_trip",
    .summary = "two threads wake each other through the kernel, there and back",
    .unit = "round trip",
    .refuse = limit_refuse_nothing,
    .batch = futex_batch,
};
