/* faa_uncontended, faa_contended: one sequentially consistent fetch-and-add, by one thread on a line of its own, and by
 * several threads, spread
 * over the processors, on one line. No shared counter, ticket or position can be faster. */
#include "bench/limit/limits.h"

struct faa_line {
    _Alignas(CACHE_LINE) _Atomic(uint64_t) counter;
    _Alignas(CACHE_LINE) uint64_t each; /* additions of one thread */
};

LIMIT_LOOP(faa)(_Atomic(uint64_t) *counter, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        add_seq_cst(counter, 1u); /* what is measured */
    }
}

static void faa_check(struct bench_batch *batch, struct faa_line *line)
{
    uint64_t sum = load_seq_cst(&line->counter); /* the threads have ended */
    bench_check(sum == batch->units, "%" PRIu64 " of %" PRIu64 " additions counted", sum, batch->units);
    free(line);
}

static void faa_uncontended_batch(struct bench_batch *batch)
{
    struct faa_line *line = bench_alloc(sizeof *line);
    struct limit_clock clock = limit_start();
    bench_loop_limit_faa(&line->counter, batch->units);
    limit_stop(batch, &clock);
    faa_check(batch, line);
}

static void faa_body(void *arg, unsigned index)
{
    struct faa_line *line = arg;
    (void)index;
    bench_loop_limit_faa(&line->counter, line->each);
}

static void faa_contended_batch(struct bench_batch *batch)
{
    struct faa_line *line = bench_alloc(sizeof *line);
    unsigned threads = (unsigned)batch->cell->param;
    line->each = (batch->units + threads - 1) / threads;
    uint64_t units = batch->units;
    batch->units = line->each * threads;
    struct limit_team team = {.body = faa_body, .arg = line, .count = threads, .pin = true};
    if (limit_run_team(batch, &team)) {
        faa_check(batch, line);
        /* the shim counts the units that it asked for */
        batch->wall_ns = (int64_t)((double)batch->wall_ns * (double)units / (double)batch->units);
        batch->units = units;
    }
}

static const struct bench_param faa_param = {.name = "threads", .min = 2, .max = 256};

const struct bench_limit limit_faa_uncontended = {
    .name = "faa_uncontended",
    .summary = "one fetch-and-add on a cache line of one's own",
    .unit = "operation",
    .refuse = limit_refuse_nothing,
    .batch = faa_uncontended_batch,
};

const struct bench_limit limit_faa_contended = {
    .name = "faa_contended",
    .summary = "one fetch-and-add on a cache line that all threads want",
    .unit = "operation",
    .param = &faa_param,
    .refuse = limit_refuse_nothing,
    .batch = faa_contended_batch,
};
