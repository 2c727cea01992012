/* What the harness gives to workloads and limits.
 *
 * A batch: the main task of the run makes channels and tasks; the tasks meet at the start line; the main task reads the
 * clock, lets them go and sleeps; the last one to cross the finish line reads the clock. So the timed part is from the
 * moment just before the first task is let go to the moment in which the last one is done, in the same run and with
 * workers that are awake. What belongs to neither is outside: making channels and tasks, checking, freeing.
 *
 * The loops. The functions that are timed are written as always_inline bodies over a pointer to a const table of
 * operations and instantiated by BENCH_LOOP in the translation unit that includes the variant itself
 * (channel_instance.h, sched_instance.h). `flatten` then inlines the variant's fast path; tests/purity disassembles
 * every function named bench_loop_* and fails on an indirect call or jump. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include "bench/bench.h"
#include "core/registry.h"

#include <inttypes.h>
#include <stdlib.h>

#define BENCH_PASTE_2(a, b) a##b
#define BENCH_PASTE(a, b) BENCH_PASTE_2(a, b)
/* The name of a timed function of this instance: bench_loop_spsc_send_ring. */
#define BENCH_LOOP_NAME(name) BENCH_PASTE(BENCH_PASTE(bench_loop_##name, _), BENCH_VARIANT)
/* Declares it. used, noinline: the purity test must find it, whole and under its name. */
#define BENCH_LOOP(name) __attribute__((flatten, noinline, used)) static void BENCH_LOOP_NAME(name)

/* Declares a list of workloads for an instance: of one workload, or of an array of them. */
#define BENCH_ROW(row)                                                                                                 \
    {                                                                                                                  \
        &(row), 1                                                                                                      \
    }
#define BENCH_ROWS(array)                                                                                              \
    {                                                                                                                  \
        array, sizeof(array) / sizeof *(array)                                                                         \
    }
#define BENCH_ROWS_END                                                                                                 \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

/* What a batch costs, between two moments of its main task. */
struct bench_clock {
    struct bench_batch *batch;
    struct sched_counters before;
    int64_t cpu_before;
    int64_t voluntary_before, involuntary_before;
    weft_ns start, end;
};

enum bench_word { BENCH_NOT_YET, BENCH_NOW };

/* Start line and finish line of one batch. */
struct bench_line {
    struct bench_clock clock; /* its end is written by the last party to leave */
    uint32_t parties;
    _Alignas(CACHE_LINE) _Atomic(uint32_t) arrived;
    _Atomic(uint32_t) all_here;                /* the main task waits on it */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) go; /* the parties wait on it */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) left;
    _Atomic(uint32_t) all_left; /* the main task waits on it */
};

/* Records why the cell failed; the first call wins. Any thread. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same unless the condition holds. */
#define bench_check(condition, ...) ((condition) ? (void)0 : bench_fail(__VA_ARGS__))

/* By the main task. start reads the clock last, stop reads it first and fills in the batch. */
void bench_clock_start(struct bench_clock *clock, struct bench_batch *batch);
void bench_clock_stop(struct bench_clock *clock);

/* By the main task: a batch of that many parties. */
void bench_line_init(struct bench_line *line, struct bench_batch *batch, uint32_t parties);
/* Starts a party; false, after bench_fail, if there is no task to be had. */
bool bench_line_spawn(struct bench_line *line, task_fn fn, void *arg);
/* By the main task: waits until all parties have arrived. */
void bench_line_await(struct bench_line *line);
/* The same, then lets them go, waits for all to leave, fills in the batch. */
void bench_line_run(struct bench_line *line);
/* The two halves of it, for workloads that spawn in the timed part. */
void bench_line_start(struct bench_line *line);
void bench_line_finish(struct bench_line *line);
/* By each party, first and last. */
void bench_line_arrive(struct bench_line *line);
void bench_line_leave(struct bench_line *line);

/* A channel of this variant, controls included, for elements of 8 bytes; its size goes into the batch. NULL after
 * bench_fail. */
struct weft_chan *bench_chan_new(struct bench_batch *batch, const struct chan_ops *ops, size_t capacity);
/* One of the run's variant, by the public function, for use in a timed part. NULL after bench_fail. */
struct weft_chan *bench_chan_make(size_t elem_size, size_t capacity);
/* Checks that it is empty; NULL is allowed. */
void bench_chan_free(struct weft_chan *chan);

/* Zeroed memory in cache lines of its own, or an abort: the harness asks for little. */
void *bench_alloc(size_t size);

/* Bytes that the calling thread has allocated less those that it has freed; -1: the allocator does not say. Compare two
 * results on one thread, with no park in between. */
int64_t bench_allocated(void);
int64_t bench_resident_kib(void);
weft_ns bench_cpu_now(void);
void bench_switches(int64_t *voluntary, int64_t *involuntary);

/* Why this channel can't serve elements of 8 bytes at this capacity; NULL: it can. */
const char *bench_refuse_capacity(const struct chan_ops *ops, size_t capacity);

/* Makes the compiler forget what it knows of memory, at the cost of no instruction: a loop that does nothing must still
 * be gone round, and one atomic operation must not be moved out of it. */
static force_inline void bench_forget_memory(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* How many processors this process may use. */
unsigned bench_processors(void);

extern const struct bench_limit *const bench_limits[]; /* ends in NULL */
extern const struct bench_rows bench_calls[];          /* of no variant: those of calls.c */

#endif
