#include "bench/work.h"

_Atomic(int64_t) bench_zero;
_Atomic(int64_t) bench_sink;

static const weft_ns alone_ns = 300000; /* long enough for the clock to be no part of it */

void bench_work_alone(struct bench_batch *batch, void (*work)(uint64_t), uint64_t argument, double calls)
{
    weft_ns start = weft_now();
    weft_ns end;
    uint64_t done = 0;
    do {
        work(argument);
        done++;
        end = weft_now();
    } while (end - start < alone_ns);
    batch->work_ns = (int64_t)((double)(end - start) / (double)done * calls * (double)batch->units);
}
