/* Included at the end of a translation unit that has included one channel variant's file and defined BENCH_VARIANT: the
 * workloads over channels, with that variant's operations inlined. Such a unit defines the variant's table, and so takes
 * the place of the library's own object in weft-bench: it is the same source, and there is one copy of it. */
#include "bench/harness.h"

#define BENCH_OPS (&BENCH_PASTE(BENCH_VARIANT, _ops))

#include "bench/workload/mpmc.c"
#include "bench/workload/ping_pong.c"
#include "bench/workload/select.c"
#include "bench/workload/spsc.c"

extern const struct bench_workload *const BENCH_PASTE(bench_channel_, BENCH_VARIANT)[];
const struct bench_workload *const BENCH_PASTE(bench_channel_, BENCH_VARIANT)[] = {
    &bench_ping_pong, &bench_spsc, &bench_mpmc, &bench_select, NULL,
};
