/* The suite `calls`: the rows of the suite `go` over channels and spawns, by the public functions, as a program that
 * includes weft.h alone has them: a call through the table of whatever variant serves the run. (In the suite `go` the
 * variant's operations are inlined, which shows what the variant costs and not how it is called.) */
#define BENCH_GO_SUITE "calls"
#define BENCH_VARIANT calls

#include "bench/harness.h"
#include "core/select.h"

static force_inline enum weft_status bench_calls_spawn(const char *name, task_fn fn, void *arg)
{
    (void)name;
    return weft_go(fn, arg);
}

static const struct sched_ops bench_calls_sched = {.spawn = bench_calls_spawn};
#define BENCH_OPS (&bench_calls_sched)
#include "bench/go/spawn.c"
#undef BENCH_OPS

/* What the rows use of a channel's operations. */
static const struct chan_ops bench_calls_chan = {
    .send = weft_send,
    .recv = weft_recv,
    .try_send = weft_try_send,
    .try_recv = weft_try_recv,
};
#define BENCH_OPS (&bench_calls_chan)
#include "bench/go/chan.c"
#include "bench/go/hog.c"
#include "bench/go/make.c"
#include "bench/go/select.c"
#include "bench/go/sync.c"

const struct bench_rows bench_calls[] = {
    BENCH_ROWS(bench_go_spawn_rows),
    BENCH_ROWS(bench_go_make_rows),
    BENCH_ROWS(bench_go_chan_rows),
    BENCH_ROWS(bench_go_sync_rows),
    BENCH_ROWS(bench_go_select_rows),
    BENCH_ROWS(bench_go_hog_rows),
    BENCH_ROWS_END,
};
