/* context_switch: core's switch between two contexts of one thread, with nothing else: no queue, no park. No M:N
 * scheduler can hand over faster. Its indirect jump is the switch itself, so this loop is none of the purity test's. */
#include "bench/limit/limits.h"

enum { SWITCH_STACK = 64 * 1024 };

static struct {
    struct context here, there;
    uint64_t answered;
} switches;

no_race_check static void switch_there(struct context *from, struct context *self, struct worker *worker)
{
    (void)from;
    (void)self;
    context_started();
    for (;;) {
        switches.answered++;
        worker = context_switch(&switches.there, &switches.here, worker, false);
    }
}

no_race_check static __attribute__((noinline)) void switch_loop(uint64_t round_trips)
{
    struct worker *worker = NULL;
    for (uint64_t i = 0; i < round_trips; i++) {
        worker = context_switch(&switches.here, &switches.there, worker, false);
    }
}

static void switch_batch(struct bench_batch *batch)
{
    char *stack = bench_alloc(SWITCH_STACK);
    context_init_thread(&switches.here);
    context_init(&switches.there, stack, SWITCH_STACK, switch_there);
#ifndef WEFT_UCONTEXT
    switches.here.float_control = float_control_read();
#endif
    switches.answered = 0;
    uint64_t round_trips = (batch->units + 1) / 2;
    struct limit_clock clock = limit_start();
    switch_loop(round_trips);
    limit_stop(batch, &clock);
    bench_check(switches.answered == round_trips, "%" PRIu64 " of %" PRIu64 " switches", switches.answered,
                round_trips);
    context_fini(&switches.there);
    free(stack);
}

const struct bench_limit limit_context_switch = {
    .name = "context_switch",
    .summary = "a switch between two stacks of one thread",
    .unit = "switch",
    .refuse = limit_refuse_nothing,
    .batch = switch_batch,
};
