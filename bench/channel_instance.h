/* Included at the end of a translation unit that has included one channel variant's file and defined BENCH_VARIANT: the
 * workloads over channels, with that variant's operations inlined. Such a unit defines the variant's table, and so
 * takes the place of the library's own object in weft-bench: it is the same source, and there is one copy of it. */
#include "bench/harness.h"

#define BENCH_OPS (&BENCH_PASTE(BENCH_VARIANT, _ops))

#include "bench/workload/mpmc.c"
#include "bench/workload/ping_pong.c"
#include "bench/workload/select.c"
#include "bench/workload/spsc.c"

#if !BENCH_CONTROL /* the rows of the suites are for channels */
#include "bench/go/chan.c"
#include "bench/go/hog.c"
#include "bench/go/make.c"
#include "bench/go/matmult.c"
#include "bench/go/select.c"
#include "bench/go/sync.c"
#include "bench/go/wake.c"
#endif

extern const struct bench_rows BENCH_PASTE(bench_channel_, BENCH_VARIANT)[];
const struct bench_rows BENCH_PASTE(bench_channel_, BENCH_VARIANT)[] = {
    BENCH_ROW(bench_ping_pong),
    BENCH_ROW(bench_spsc),
    BENCH_ROW(bench_mpmc),
    BENCH_ROW(bench_select),
#if !BENCH_CONTROL
    BENCH_ROWS(bench_go_make_rows),
    BENCH_ROWS(bench_go_chan_rows),
    BENCH_ROWS(bench_go_sync_rows),
    BENCH_ROWS(bench_go_select_rows),
    BENCH_ROWS(bench_go_hog_rows),
    BENCH_ROWS(bench_go_wake_rows),
    BENCH_ROWS(bench_go_matmult_rows),
#endif
    BENCH_ROWS_END,
};
