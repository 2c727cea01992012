/* The work that Go's benchmarks make up between two operations, by the same instructions: a chain of dependent divisions, or
 * of doublings and halvings, which neither compiler may see through. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/harness.h"

extern _Atomic(int64_t) bench_zero; /* 0, and the compiler does not know */
extern _Atomic(int64_t) bench_sink; /* never written, and the compiler does not know */

/* localWork() of runtime/chan_test.go. Inlined, as gcc would not see that it is the same for every caller. */
static force_inline void bench_divide(uint64_t units)
{
    int64_t foo = load_relaxed(&bench_zero); /* relaxed, like the next: nobody writes it */
    for (uint64_t i = 0; i < units; i++) {
        foo /= foo + 1;
    }
    if (unlikely(foo != 0)) {
        store_relaxed(&bench_sink, foo);
    }
}

/* The work of ChanProdConsWork: foo *= 2; foo /= 2. Go's product wraps, C's must be told to: it would cancel out. */
static force_inline int64_t bench_double_halve(int64_t foo, uint64_t units)
{
    for (uint64_t i = 0; i < units; i++) {
        foo = (int64_t)((uint64_t)foo * 2) / 2;
    }
    return foo;
}

/* Looks at the clock until so much time has passed. */
static force_inline void bench_spin(weft_ns duration)
{
    weft_ns end = weft_now() + duration;
    while (weft_now() < end) {
    }
}

/* Measures work(argument) alone, by the calling task, and says that each unit of the batch holds `calls` of it, one after
 * the other on each of `parallel` workers. Outside of the timed part. */
void bench_work_alone(struct bench_batch *batch, void (*work)(uint64_t), uint64_t argument, double calls);

#endif
