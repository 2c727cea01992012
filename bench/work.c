#include "bench/work.h"

static const weft_ns alone_ns = 300000;

void bench_count_up(uint64_t units)
{
    for (uint64_t i = 0; i < units; i++) {
        bench_forget_memory();
    }
}

double bench_work_parallel(const struct bench_cell *cell, unsigned tasks)
{
    unsigned parallel = bench_processors();
    if (parallel > tasks) {
        parallel = tasks;
    }
    return parallel > cell->workers && !cell->sched->caps.os_threads ? cell->workers : parallel;
}

void bench_work_alone(struct bench_batch *batch, void (*work)(void *arg), void *arg, double calls)
{
    weft_ns duration;
    uint64_t count = 1;
    for (;;) {
        weft_ns start = weft_now();
        for (uint64_t i = 0; i < count; i++) {
            work(arg);
        }
        duration = weft_now() - start;
        if (duration >= alone_ns) {
            break;
        }
        count *= 2;
    }
    batch->work_ns = (int64_t)((double)duration / (double)count * calls * (double)batch->units);
}
