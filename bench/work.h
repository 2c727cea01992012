/* The work that Go's benchmarks make up between two operations.
 *
 * What Go runs is not what stands in its source. localWork() divides (foo /= foo + 1) and the producers and consumers
 * of ChanProdConsWork double and halve (foo *= 2; foo /= 2), but foo begins as 0, and Go's compiler (seen in 1.26, by
 * `go tool objdump`) propagates that: what is left of a unit is the loop around it, one increment, one comparison and
 * one branch. So that is a unit here too, and neither compiler takes it away. A toolchain that does divide does more
 * work than this. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/harness.h"

/* Not inlined: so small a loop takes up to twice as long where it lies badly, and should lie alike for everybody. */
void bench_count_up(uint64_t units);

static force_inline void bench_count(uint64_t units)
{
    if (units != 0) {
        bench_count_up(units);
    }
}

/* Looks at the clock until so much time has passed. */
static force_inline void bench_spin(weft_ns duration)
{
    weft_ns end = weft_now() + duration;
    while (weft_now() < end) {
    }
}

/* On how many processors work of so many tasks can go on at once in this cell. */
double bench_work_parallel(const struct bench_cell *cell, unsigned tasks);

/* Measures work(arg) alone, by the calling task, and says that the made-up work of each unit takes `calls` times as
 * long: one behind the other, as many calls as there are if what may run at the same time does. Outside of the timed
 * part. */
void bench_work_alone(struct bench_batch *batch, void (*work)(void *arg), void *arg, double calls);

#endif
