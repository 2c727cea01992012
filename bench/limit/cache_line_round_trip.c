/* cache_line_round_trip: a cache line handed from one processor to another and back, by stores alone: two pinned
 * threads take turns. No message between two processors can be faster. */
#include "bench/limit/limits.h"

struct line_run {
    _Alignas(CACHE_LINE) _Atomic(uint64_t) turn; /* the number of hand-overs so far; even: the first thread's turn */
    _Alignas(CACHE_LINE) uint64_t count;
};

LIMIT_LOOP(cache_line)(struct line_run *run, uint64_t first)
{
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t mine = 2 * i + first;
        while (load_acquire(&run->turn) != mine) { /* pairs with the store below */
            cpu_relax();
        }
        store_release(&run->turn, mine + 1); /* the other thread's turn */
    }
}

static void line_body(void *arg, unsigned index)
{
    bench_loop_limit_cache_line(arg, index);
}

static void line_batch(struct bench_batch *batch)
{
    struct line_run *run = bench_alloc(sizeof *run);
    run->count = batch->units;
    struct limit_team team = {.body = line_body, .arg = run, .count = 2, .pin = true};
    if (limit_run_team(batch, &team)) {
        uint64_t turns = load_acquire(&run->turn); /* the threads have ended */
        bench_check(turns == 2 * batch->units, "%" PRIu64 " hand-overs of %" PRIu64, turns, 2 * batch->units);
        free(run);
    }
}

const struct bench_limit limit_cache_line_round_trip = {
    .name = "cache_line_round_trip",
    .summary = "a cache line to another processor and back",
    .unit = "round trip",
    .refuse = limit_refuse_one_processor,
    .batch = line_batch,
};
