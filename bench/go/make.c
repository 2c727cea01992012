/* Rows of the suite `go`: what does a channel cost that is made and not used?
 *
 * Originals: runtime/chan_test.go, MakeChan/{Byte,Int,Ptr,Struct/0,Struct/32,Struct/40}: make a channel of capacity 8
 * for elements of so many bytes. Freeing it is part of the operation here; Go leaves that to its collector, part of
 * whose time falls between other operations.
 * Timed: weft_chan_new and weft_chan_free, by the main task alone. Checked: that there was memory for each.
 * Not measured: channels made by many tasks at once (ChanCreation). */
#include "bench/go/go.h"

enum { BENCH_GO_MAKE_CAPACITY = 8 };

/* How many could not be made. */
BENCH_LOOP(go_make_chan)(size_t elem_size, uint64_t count, uint64_t *failed)
{
    for (uint64_t i = 0; i < count; i++) {
        struct weft_chan *chan = weft_chan_new(elem_size, BENCH_GO_MAKE_CAPACITY);
        *failed += chan == NULL;
        weft_chan_free(chan);
    }
}

static void bench_go_make_chan_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    uint64_t failed = 0;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_make_chan)(batch->cell->workload->argument, batch->units, &failed);
    bench_clock_stop(&clock);
    bench_check(failed == 0, "%" PRIu64 " channels could not be made", failed);
}

#define BENCH_GO_MAKE(id, go, bytes)                                                                                   \
    {                                                                                                                  \
        BENCH_GO_SUB("MakeChan." id, "MakeChan/" go, "channel"),                                                       \
            .question = "what does it cost to make and free a channel for 8 elements of " #bytes " bytes?",            \
            .unit = "channel", .uses_chan = true, .argument = (bytes), .batch = bench_go_make_chan_batch               \
    }

static const struct bench_workload bench_go_make_rows[] = {
    BENCH_GO_MAKE("Byte", "Byte", 1),
    BENCH_GO_MAKE("Int", "Int", 8),
    BENCH_GO_MAKE("Ptr", "Ptr", 8),
    BENCH_GO_MAKE("Struct.0", "Struct/0", 0),
    BENCH_GO_MAKE("Struct.32", "Struct/32", 32),
    BENCH_GO_MAKE("Struct.40", "Struct/40", 40),
};
