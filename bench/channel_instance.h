/* Included at the end of a translation unit that has included one channel variant's file and defined BENCH_VARIANT: the
 * workloads over channels, with that variant's operations inlined. Such a unit defines the variant's table, and so takes
 * the place of the library's own object in weft-bench: it is the same source, and there is one copy of it. */
#include "bench/harness.h"

#define BENCH_OPS (&BENCH_PASTE(BENCH_VARIANT, _ops))

#include "bench/workload/mpmc.c"
#include "bench/workload/ping_pong.c"
#include "bench/workload/select.c"
#include "bench/workload/spsc.c"

#if !BENCH_CONTROL /* the rows of the suites are for channels */
#include "bench/go/chan.c"
#endif

extern const struct bench_rows BENCH_PASTE(bench_channel_, BENCH_VARIANT)[];
const struct bench_rows BENCH_PASTE(bench_channel_, BENCH_VARIANT)[] = {
    BENCH_ROW(bench_ping_pong), BENCH_ROW(bench_spsc), BENCH_ROW(bench_mpmc), BENCH_ROW(bench_select),
#if !BENCH_CONTROL
    BENCH_ROWS(bench_go_chan),
#endif
    BENCH_ROWS_END,
};
