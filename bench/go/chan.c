/* Rows of the suite `go` over one channel: what does an operation cost that does not wait?
 *
 * Originals: runtime/chan_test.go.
 *   ChanNonblocking   all tasks fail to receive from one empty rendezvous channel
 *   ChanUncontended   each task has a channel of capacity 100: fills it, empties it
 *   ChanContended     the same on one channel for all, of capacity 100 a worker
 *   ChanSem           one channel of capacity P without elements as a semaphore: send, receive
 *   ChanClosed        all tasks receive from one closed channel, without waiting
 *   ChanCreation      make a channel of capacity 1, send, receive, and here: free it
 *   ReceiveDataFromClosedChan   the main task receives all N elements, of no bytes, that are left in a closed channel
 * All but the last by Go's RunParallel (bench/parallel.h).
 * Checked: every operation's status; channels are empty in the end.
 * Not measured: tasks that wait, but for ChanContended and ChanSem if the capacity is reached. */
#include "bench/go/go.h"

enum { BENCH_GO_CHAN_COUNT = 100 };

/* Sends so many, then receives as many; how many failed. */
static force_inline uint64_t bench_go_fill_drain(const struct chan_ops *ops, struct weft_chan *chan)
{
    uint64_t wrong = 0;
    uint64_t value = 0;
    for (int i = 0; i < BENCH_GO_CHAN_COUNT; i++) {
        wrong += ops->send(chan, &value) != WEFT_OK;
    }
    for (int i = 0; i < BENCH_GO_CHAN_COUNT; i++) {
        wrong += ops->recv(chan, NULL) != WEFT_OK;
    }
    return wrong;
}

static force_inline void bench_go_chan_try(const struct chan_ops *ops, void *arg, enum weft_status expected)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_chan *chan = it.parallel->shared;
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        wrong += ops->try_recv(chan, NULL) != expected;
    }
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_chan_contended(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        wrong += bench_go_fill_drain(ops, it.parallel->shared);
    }
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_chan_uncontended(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_chan *chan = bench_chan_make(sizeof(uint64_t), BENCH_GO_CHAN_COUNT);
    uint64_t wrong = 0;
    while (chan != NULL && bench_next(&it)) {
        wrong += bench_go_fill_drain(ops, chan);
    }
    bench_chan_free(chan);
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_chan_sem(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_chan *chan = it.parallel->shared;
    uint64_t wrong = 0;
    char nothing = 0; /* an element has no bytes */
    while (bench_next(&it)) {
        wrong += ops->send(chan, &nothing) != WEFT_OK;
        wrong += ops->recv(chan, NULL) != WEFT_OK;
    }
    bench_parallel_leave(&it, wrong);
}

static force_inline void bench_go_chan_creation(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t wrong = 0;
    uint64_t value = 0;
    struct weft_chan *chan;
    while (bench_next(&it) && (chan = bench_chan_make(sizeof value, 1)) != NULL) {
        wrong += ops->send(chan, &value) != WEFT_OK;
        wrong += ops->recv(chan, NULL) != WEFT_OK;
        weft_chan_free(chan);
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_chan_nonblocking)(void *parallel)
{
    bench_go_chan_try(BENCH_OPS, parallel, WEFT_AGAIN);
}

BENCH_LOOP(go_chan_closed)(void *parallel)
{
    bench_go_chan_try(BENCH_OPS, parallel, WEFT_CLOSED);
}

BENCH_LOOP(go_chan_contended)(void *parallel)
{
    bench_go_chan_contended(BENCH_OPS, parallel);
}

BENCH_LOOP(go_chan_uncontended)(void *parallel)
{
    bench_go_chan_uncontended(BENCH_OPS, parallel);
}

BENCH_LOOP(go_chan_sem)(void *parallel)
{
    bench_go_chan_sem(BENCH_OPS, parallel);
}

BENCH_LOOP(go_chan_creation)(void *parallel)
{
    bench_go_chan_creation(BENCH_OPS, parallel);
}

/* Times the tasks over one channel for all, which is made and, where asked, closed in the timed part. */
static void bench_go_chan_shared(struct bench_batch *batch, task_fn fn, size_t elem_size, size_t capacity, bool closed)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    struct weft_chan *chan = bench_chan_make(elem_size, capacity);
    if (closed && chan != NULL) {
        weft_close(chan);
    }
    if (chan != NULL) {
        bench_parallel(batch, fn, chan);
    }
    bench_clock_stop(&clock);
    bench_chan_free(chan);
}

static void bench_go_chan_nonblocking_batch(struct bench_batch *batch)
{
    bench_go_chan_shared(batch, BENCH_LOOP_NAME(go_chan_nonblocking), sizeof(uint64_t), 0, false);
}

/* Go's is a rendezvous channel, which a variant without those can't serve; closed, the capacity makes no difference to
 * a receive, but the row is Go's. */
static void bench_go_chan_closed_batch(struct bench_batch *batch)
{
    bench_go_chan_shared(batch, BENCH_LOOP_NAME(go_chan_closed), 0, 0, true);
}

static void bench_go_chan_contended_batch(struct bench_batch *batch)
{
    size_t capacity = (size_t)BENCH_GO_CHAN_COUNT * batch->cell->workers;
    bench_go_chan_shared(batch, BENCH_LOOP_NAME(go_chan_contended), sizeof(uint64_t), capacity, false);
}

static void bench_go_chan_sem_batch(struct bench_batch *batch)
{
    bench_go_chan_shared(batch, BENCH_LOOP_NAME(go_chan_sem), 0, batch->cell->workers, false);
}

static void bench_go_chan_uncontended_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_chan_uncontended), NULL);
    bench_clock_stop(&clock);
}

static void bench_go_chan_creation_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_chan_creation), NULL);
    bench_clock_stop(&clock);
}

/* --- ReceiveDataFromClosedChan ---------------------------------------------------------------------- */

/* Receives until the channel is drained; how many elements came. */
static force_inline uint64_t bench_go_chan_drain(const struct chan_ops *ops, struct weft_chan *chan)
{
    uint64_t received = 0;
    while (ops->recv(chan, NULL) == WEFT_OK) {
        received++;
    }
    return received;
}

BENCH_LOOP(go_chan_drain)(struct weft_chan *chan, uint64_t *received)
{
    *received = bench_go_chan_drain(BENCH_OPS, chan);
}

static void bench_go_chan_drain_batch(struct bench_batch *batch)
{
    char nothing = 0;
    uint64_t received = 0;
    struct weft_chan *chan = bench_chan_make(0, batch->units);
    if (chan == NULL) {
        return;
    }
    for (uint64_t i = 0; i < batch->units; i++) {
        weft_send(chan, &nothing);
    }
    weft_close(chan);
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_chan_drain)(chan, &received);
    bench_clock_stop(&clock);
    bench_check(received == batch->units, "%" PRIu64 " of %" PRIu64 " elements came", received, batch->units);
    bench_chan_free(chan);
}

static const struct bench_workload bench_go_chan_rows[] = {
    {BENCH_GO("ChanNonblocking", "channel"),
     .question = "what does a receive cost that finds nothing and does not wait?", .unit = "receive", .uses_chan = true,
     .needs = BENCH_NEEDS_RENDEZVOUS, .batch = bench_go_chan_nonblocking_batch},
    {BENCH_GO("ChanUncontended", "channel"),
     .question = "what do 100 sends and 100 receives cost on a channel of the task's own?", .unit = "100 messages",
     .uses_chan = true, .batch = bench_go_chan_uncontended_batch},
    {BENCH_GO("ChanContended", "channel"),
     .question = "what do 100 sends and 100 receives cost on a channel that all tasks share?", .unit = "100 messages",
     .uses_chan = true, .batch = bench_go_chan_contended_batch},
    {BENCH_GO("ChanSem", "channel"), .question = "what does a channel without elements cost as a semaphore?",
     .unit = "acquire and release", .uses_chan = true, .batch = bench_go_chan_sem_batch},
    {BENCH_GO("ChanClosed", "channel"), .question = "what does a receive from a closed channel cost?",
     .unit = "receive", .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS, .batch = bench_go_chan_closed_batch},
    {BENCH_GO("ReceiveDataFromClosedChan", "channel"),
     .question = "what does it cost to receive what is left in a closed channel?", .unit = "receive", .uses_chan = true,
     .batch = bench_go_chan_drain_batch},
    {BENCH_GO("ChanCreation", "channel"), .question = "what does a channel cost that is made for one message?",
     .unit = "channel", .uses_chan = true, .batch = bench_go_chan_creation_batch},
};
