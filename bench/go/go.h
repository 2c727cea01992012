/* The suite `go`: Go's own benchmarks, operation for operation. The rows stand in bench/go/, one theme a file, and are
 * instantiated like the workloads: those over channels by each channel variant (channel_instance.h), the others by each
 * scheduler variant (sched_instance.h).
 *
 * To add a row
 *   1. Write static void bench_go_NAME_batch(struct bench_batch *batch), which the main task calls. What Go does before
 *      b.ResetTimer() comes first; then
 *          struct bench_clock clock;
 *          bench_clock_start(&clock, batch);
 *          ... what Go times: making channels and tasks, batch->units operations (Go's b.N), the join ...
 *          bench_clock_stop(&clock);
 *      then checks (bench_check) and frees. Channels in the timed part come from bench_chan_make(), of Go's size of an
 *      element: 8 for int, 1 for bool, 0 for struct{}. For b.RunParallel see bench/parallel.h, for made-up work
 *      bench/work.h; a row that makes up work calls bench_work_alone() behind the timed part.
 *   2. Put the loop that is timed into a function declared by BENCH_LOOP(go_NAME), over a force_inline body that gets
 *      BENCH_OPS (of the instance's kind): tests/purity looks at it. Public functions are called there as they are.
 *   3. Put an entry into the file's array of rows:
 *          {BENCH_GO("Name", "group"), .question = ..., .unit = ..., .batch = bench_go_NAME_batch},
 *      with .uses_chan, .needs, .grain, .refuse, .argument where needed (bench.h says what they are). The name of a row
 *      is "go." and Go's name, where a sub-benchmark says BENCH_GO_SUB("Name.20us", "Name/20µs", "group"): a cell's
 *      name has no other slashes than its own. Both are of the package runtime; BENCH_GO_OF is of another one.
 *   4. Name a new file and its array in channel_instance.h or sched_instance.h, and the number of its timed loops in
 *      tests/purity/CMakeLists.txt.
 * tests/suite runs every row on every variant; bench/matrix/go.toml measures them.
 *
 * The rows over channels and spawns exist once more, as the suite `calls` (bench/calls.c): there BENCH_OPS are the
 * public functions. */
#ifndef BENCH_GO_GO_H
#define BENCH_GO_GO_H

#include "bench/parallel.h"
#include "bench/work.h"
#include "core/select.h"

#ifndef BENCH_GO_SUITE
#define BENCH_GO_SUITE "go"
/* A select that waits, over the instance's operations. */
#define bench_go_select(ops, cases, count) select_until(ops, cases, count, WEFT_FOREVER)
#else
#define bench_go_select(ops, cases, count) ((void)(ops), weft_select(cases, count))
#endif

#define BENCH_GO_OF(package, id, go, in)                                                                               \
    .name = BENCH_GO_SUITE "." id, .suite = BENCH_GO_SUITE, .group = (in), .go_name = (go), .go_package = (package)
#define BENCH_GO_SUB(id, go, in) BENCH_GO_OF("runtime", id, go, in)
#define BENCH_GO(id, in) BENCH_GO_SUB(id, id, in)

#endif
