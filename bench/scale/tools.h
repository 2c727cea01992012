/* What the figures share. Failing is ending the process: a figure that is wrong is none. */
#ifndef BENCH_SCALE_TOOLS_H
#define BENCH_SCALE_TOOLS_H

#include "bench/scale/scale.h"
#include "core/atomic.h"
#include "core/weft.h"

#include <inttypes.h>

/* Prints what is wrong and ends the process with status 1. Any thread. */
void scale_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define scale_check(condition, ...) ((condition) ? (void)0 : scale_fail(__VA_ARGS__))

/* Adds a value under a name. */
void scale_value(struct scale_sample *sample, double value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sorts the durations, keeps them as a histogram of that name, and adds NAME_p50_ns, _p90_, _p99_, _p999_ and _max_.
 * The sample keeps the array. */
void scale_durations(struct scale_sample *sample, const char *name, int64_t *durations_ns, size_t count);
/* The median; sorts. */
double scale_median(double *values, size_t count);

/* A run of fn(arg) with that many workers; everything else is the environment's or a default. */
void scale_run(unsigned workers, void (*fn)(void *), void *arg);
/* The same with stacks of that size; 0: the default. */
void scale_run_stacks(unsigned workers, size_t stack_size, void (*fn)(void *), void *arg);
/* weft_go, which must succeed. */
void scale_go(void (*fn)(void *), void *arg);
/* A channel for uint64_t of the default variant. */
struct weft_chan *scale_chan(size_t capacity);
/* Zeroed memory, all of it touched. */
void *scale_alloc(size_t count, size_t size);

/* ns per unit: batches that grow until one takes long enough, then the median of five that take loop_ns together. A
 * batch does `units` units (a multiple of grain) and returns the time that they took. The first ones warm up. */
double scale_per_unit(const struct scale_sample *sample, uint64_t grain, weft_ns (*batch)(void *arg, uint64_t units),
                      void *arg);

/* Of this process, in bytes and in lines of /proc/self/maps. */
struct scale_memory {
    int64_t resident;    /* VmRSS */
    int64_t page_tables; /* VmPTE */
    int64_t mappings;
};
struct scale_memory scale_memory_now(void);
/* Pages in memory of the stack that the address is in: those without a gap around its page, at most 63 below and 7
 * above. */
unsigned scale_stack_pages(uintptr_t address);

/* CLOCK_MONOTONIC, in ns. Any thread, also one that is left when a run ends: weft_now() reads what the run's end
 * clears. */
weft_ns scale_now(void);
/* Processor time of all threads of this process so far, in ns. */
int64_t scale_cpu_now(void);
/* Sleeps, the thread. */
void scale_sleep_thread(weft_ns duration);

static inline uint64_t scale_random(uint64_t *state)
{
    /* splitmix64: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 */
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

#endif
