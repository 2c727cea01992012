/* Rows of the suite `go` over frames: what does a deferred call cost, and a panic that is recovered?
 *
 * Originals: runtime/runtime_test.go. A function of Go's that defers is a weft_call() here.
 *   Defer          a function that defers one call; the call looks for a panic and at its three arguments
 *   Defer10        a function that defers ten such calls; an operation is one of them
 *   DeferMany      one function that defers all N, which run when it returns
 *   PanicRecover   a function that defers a call and panics; the call recovers
 * Timed: all of it; N deferred calls of DeferMany are run within the timed part, as in Go.
 * Checked: the number of deferred calls that ran, their arguments, whether there was a panic.
 * Not measured: deep stacks between the panic and the frame that recovers. */
#include "bench/go/go.h"

enum { BENCH_GO_DEFERS = 10 };

/* What the deferred calls are given; their one task's. */
struct bench_go_defer {
    int64_t x, y, z;
    uint64_t count; /* the row's, of DeferMany */
    uint64_t ran;   /* deferred calls */
    uint64_t wrong;
};

static void bench_go_deferred(void *arg)
{
    struct bench_go_defer *self = arg;
    if (unlikely(weft_recover() != NULL || self->x != 1 || self->y != 2 || self->z != 3)) {
        self->wrong++;
    }
    self->ran++;
}

static void bench_go_deferred_recover(void *arg)
{
    struct bench_go_defer *self = arg;
    if (unlikely(weft_recover() == NULL)) {
        self->wrong++;
    }
    self->ran++;
}

static void bench_go_defer_one(void *arg)
{
    weft_defer(bench_go_deferred, arg);
}

static void bench_go_defer_ten(void *arg)
{
    for (int i = 0; i < BENCH_GO_DEFERS; i++) {
        weft_defer(bench_go_deferred, arg);
    }
}

static void bench_go_defer_all(void *arg)
{
    struct bench_go_defer *self = arg;
    for (uint64_t i = 0, count = self->count; i < count; i++) {
        weft_defer(bench_go_deferred, self);
    }
}

static void bench_go_panic(void *arg)
{
    weft_defer(bench_go_deferred_recover, arg);
    weft_panic("hi");
}

/* Calls fn so many times; how often that did not end as it should. */
static force_inline uint64_t bench_go_calls(task_fn fn, struct bench_go_defer *arg, uint64_t count, bool returns)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        wrong += weft_call(fn, arg) != returns;
    }
    return wrong;
}

BENCH_LOOP(go_defer)(struct bench_go_defer *self)
{
    self->wrong += bench_go_calls(bench_go_defer_one, self, self->count, true);
}

BENCH_LOOP(go_defer10)(struct bench_go_defer *self)
{
    self->wrong += bench_go_calls(bench_go_defer_ten, self, self->count / BENCH_GO_DEFERS, true);
}

BENCH_LOOP(go_defer_many)(struct bench_go_defer *self)
{
    self->wrong += bench_go_calls(bench_go_defer_all, self, 1, true);
}

BENCH_LOOP(go_panic_recover)(struct bench_go_defer *self)
{
    self->wrong += bench_go_calls(bench_go_panic, self, self->count, false);
}

/* By Go's name, which the rows differ in; each loop runs batch->units deferred calls. */
static void bench_go_panic_batch(struct bench_batch *batch)
{
    static void (*const loops[])(struct bench_go_defer *) = {BENCH_LOOP_NAME(go_defer), BENCH_LOOP_NAME(go_defer10),
                                                             BENCH_LOOP_NAME(go_defer_many),
                                                             BENCH_LOOP_NAME(go_panic_recover)};
    struct bench_go_defer self = {.x = 1, .y = 2, .z = 3, .count = batch->units};
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    loops[batch->cell->workload->argument](&self);
    bench_clock_stop(&clock);
    bench_check(self.ran == batch->units, "%" PRIu64 " of %" PRIu64 " deferred calls ran", self.ran, batch->units);
    bench_check(self.wrong == 0, "%" PRIu64 " calls found or left something wrong", self.wrong);
}

static uint64_t bench_go_defer10_grain(const struct bench_cell *cell)
{
    (void)cell;
    return BENCH_GO_DEFERS;
}

static const struct bench_workload bench_go_panic_rows[] = {
    {BENCH_GO("Defer", "panic"), .question = "what does a call cost that defers one?", .unit = "call", .argument = 0,
     .batch = bench_go_panic_batch},
    {BENCH_GO("Defer10", "panic"), .question = "what does a deferred call cost, in a function that defers ten?",
     .unit = "deferred call", .argument = 1, .grain = bench_go_defer10_grain, .batch = bench_go_panic_batch},
    {BENCH_GO("DeferMany", "panic"), .question = "what does a deferred call cost, in a function that defers them all?",
     .unit = "deferred call", .argument = 2, .batch = bench_go_panic_batch},
    {BENCH_GO("PanicRecover", "panic"), .question = "what does a panic cost that is recovered?", .unit = "panic",
     .argument = 3, .batch = bench_go_panic_batch},
};
