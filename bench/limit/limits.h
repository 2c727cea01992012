/* What the limits share: two threads that start together, and a batch's bookkeeping. */
#ifndef BENCH_LIMIT_LIMITS_H
#define BENCH_LIMIT_LIMITS_H

#include "bench/harness.h"

/* Before and after the timed part. */
struct limit_clock {
    weft_ns start, cpu;
    int64_t voluntary, involuntary;
};

struct limit_clock limit_start(void);
void limit_stop(struct bench_batch *batch, const struct limit_clock *clock);

/* Several threads that start at once. body(arg, index) is called by each; those above 0 by threads of their own. */
struct limit_team {
    void (*body)(void *arg, unsigned index);
    void *arg;
    unsigned count;
    bool pin; /* the threads to processors, on different cores where there are enough */
};

/* Timed: from the last thread's arrival to the last one's end. False after bench_fail. */
bool limit_run_team(struct bench_batch *batch, const struct limit_team *team);

const char *limit_refuse_nothing(uint64_t param);
const char *limit_refuse_one_processor(uint64_t param);

/* As BENCH_LOOP, for the limits: looked at by the purity test too. */
#define LIMIT_LOOP(name) __attribute__((noinline, used)) static void bench_loop_limit_##name

extern const struct bench_limit limit_empty_loop, limit_faa_uncontended, limit_faa_contended,
    limit_cache_line_round_trip, limit_context_switch, limit_futex_round_trip, limit_thread_create_join;

#endif
