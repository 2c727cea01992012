#include "bench/work.h"

static const weft_ns alone_ns = 300000;

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
    uint64_t done = 0;
    weft_ns start = weft_now();
    weft_ns end;
    do {
        uint64_t upto = 2 * done + 1; /* so the clock is read a few times only, and is no part of it */
        for (; done < upto; done++) {
            work(arg);
        }
        end = weft_now();
    } while (end - start < alone_ns);
    batch->work_ns = (int64_t)((double)(end - start) / (double)done * calls * (double)batch->units);
}
