/* Included at the end of a translation unit that has included one scheduler variant's file and defined BENCH_VARIANT:
 * the workloads that spawn, with that variant's spawn inlined. See channel_instance.h. */
#include "bench/harness.h"

#define BENCH_OPS (&BENCH_PASTE(BENCH_VARIANT, _ops))

#include "bench/workload/spawn_chain.c"
#include "bench/workload/spawn_flat.c"

#include "bench/go/context.c"
#include "bench/go/locks.c"
#include "bench/go/panic.c"
#include "bench/go/spawn.c"
#include "bench/go/time.c"
#include "bench/go/waits.c"

extern const struct bench_rows BENCH_PASTE(bench_sched_, BENCH_VARIANT)[];
const struct bench_rows BENCH_PASTE(bench_sched_, BENCH_VARIANT)[] = {
    BENCH_ROW(bench_spawn_chain),    BENCH_ROW(bench_spawn_flat),       BENCH_ROWS(bench_go_panic_rows),
    BENCH_ROWS(bench_go_spawn_rows), BENCH_ROWS(bench_go_context_rows), BENCH_ROWS(bench_go_lock_rows),
    BENCH_ROWS(bench_go_wait_rows),  BENCH_ROWS(bench_go_time_rows),    BENCH_ROWS_END,
};
