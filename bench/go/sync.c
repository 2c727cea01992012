/* Rows of the suite `go` in which tasks pass messages: what does a message cost?
 *
 * Originals: runtime/chan_test.go.
 *   ChanSync               two tasks, one rendezvous channel. They claim batches of 1000 from one counter; in an even
 *                          batch a task receives and then sends, in an odd one it sends and then receives
 *   ChanSyncWork           the same with 1000 units of made-up work after each send and each receive
 *   ChanProdCons{C}        P producers, P consumers, one channel of capacity C. Producers claim batches of 1000 from
 *                          one counter; at the end each sends a 0, and a consumer stops at the first that it gets
 *   ChanProdConsWork{C}    the same with 100 units of work before each send and after each receive
 *   SelectProdCons         the same with capacity 128, and instead of sends and receives selects of three cases: the
 *                          channel, a timer of one hour of the task's own, a channel for all that is never closed. They
 *                          are of more than one variant, so that weft_select() goes through the channels' tables
 * One operation is one message of 8 bytes. Timed: making the channels and the tasks, all messages, the claims, the join
 * over a channel of capacity 2 or 2 P.
 * Checked: every operation's status; as many messages arrived as were sent.
 * Not measured: the made-up work, which is reported beside the time (work_ns). */
#include "bench/go/go.h"

enum { BENCH_GO_CLAIM = 1000, BENCH_GO_SYNC_TASKS = 2, BENCH_GO_SYNC_WORK = 1000, BENCH_GO_PRODCONS_WORK = 100 };
static const weft_ns bench_go_hour = 3600000000000;

struct bench_go_sync {
    struct weft_chan *chan;
    struct weft_chan *done;                       /* a task sends to it as its last act */
    struct weft_chan *never;                      /* SelectProdCons: nobody sends to it */
    uint64_t work;                                /* units, at a time */
    _Alignas(CACHE_LINE) _Atomic(int32_t) claims; /* batches that are left */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) wrong;
    _Atomic(uint64_t) received;
};

/* The next batch, or a negative number. */
static force_inline int32_t bench_go_claim(struct bench_go_sync *run)
{
    return add_relaxed(&run->claims, -1) - 1; /* relaxed: one claims each batch */
}

static force_inline void bench_go_sync_done(const struct chan_ops *ops, struct bench_go_sync *run, uint64_t wrong,
                                            uint64_t received)
{
    char yes = 1;
    add_relaxed(&run->wrong, wrong);       /* the join orders it */
    add_relaxed(&run->received, received); /* the same */
    ops->send(run->done, &yes);
}

/* --- ChanSync --------------------------------------------------------------------------------------- */

static force_inline void bench_go_sync_task(const struct chan_ops *ops, struct bench_go_sync *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t work = run->work;
    uint64_t wrong = 0;
    uint64_t value = 0;
    int32_t claim;
    while ((claim = bench_go_claim(run)) >= 0) {
        for (int i = 0; i < BENCH_GO_CLAIM; i++) {
            if (claim % 2 == 0) {
                wrong += ops->recv(chan, NULL) != WEFT_OK;
                bench_count(work);
                wrong += ops->send(chan, &value) != WEFT_OK;
                bench_count(work);
            } else {
                wrong += ops->send(chan, &value) != WEFT_OK;
                bench_count(work);
                wrong += ops->recv(chan, NULL) != WEFT_OK;
                bench_count(work);
            }
        }
    }
    bench_go_sync_done(ops, run, wrong, 0);
}

BENCH_LOOP(go_chan_sync)(void *run)
{
    bench_go_sync_task(BENCH_OPS, run);
}

/* --- ChanProdCons ----------------------------------------------------------------------------------- */

static force_inline void bench_go_produce(const struct chan_ops *ops, struct bench_go_sync *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t work = run->work;
    uint64_t wrong = 0;
    uint64_t value = 1;
    while (bench_go_claim(run) >= 0) {
        for (int i = 0; i < BENCH_GO_CLAIM; i++) {
            bench_count(work);
            wrong += ops->send(chan, &value) != WEFT_OK;
        }
    }
    value = 0;
    wrong += ops->send(chan, &value) != WEFT_OK;
    bench_go_sync_done(ops, run, wrong, 0);
}

static force_inline void bench_go_consume(const struct chan_ops *ops, struct bench_go_sync *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t work = run->work;
    uint64_t received = 0;
    for (;;) {
        uint64_t value = 0;
        ops->recv(chan, &value);
        if (value == 0) {
            break;
        }
        bench_count(work);
        received += value;
    }
    bench_go_sync_done(ops, run, 0, received);
}

BENCH_LOOP(go_produce)(void *run)
{
    bench_go_produce(BENCH_OPS, run);
}

BENCH_LOOP(go_consume)(void *run)
{
    bench_go_consume(BENCH_OPS, run);
}

/* --- SelectProdCons --------------------------------------------------------------------------------- */

BENCH_LOOP(go_select_produce)(void *arg)
{
    struct bench_go_sync *run = arg;
    struct weft_chan *timer = weft_after(bench_go_hour);
    uint64_t wrong = timer == NULL;
    uint64_t value = 1;
    struct weft_case cases[] = {{.chan = run->chan, .op = WEFT_SEND, .value = &value},
                                {.chan = timer, .op = WEFT_RECV},
                                {.chan = run->never, .op = WEFT_RECV}};
    while (bench_go_claim(run) >= 0) {
        for (int i = 0; i < BENCH_GO_CLAIM; i++) {
            bench_count(BENCH_GO_PRODCONS_WORK);
            wrong += weft_select(cases, sizeof cases / sizeof *cases) != 0;
        }
    }
    value = 0;
    wrong += weft_send(run->chan, &value) != WEFT_OK;
    weft_chan_free(timer);
    bench_go_sync_done(BENCH_OPS, run, wrong, 0);
}

BENCH_LOOP(go_select_consume)(void *arg)
{
    struct bench_go_sync *run = arg;
    struct weft_chan *timer = weft_after(bench_go_hour);
    uint64_t wrong = timer == NULL;
    uint64_t received = 0;
    uint64_t value = 1;
    struct weft_case cases[] = {{.chan = run->chan, .op = WEFT_RECV, .value = &value},
                                {.chan = timer, .op = WEFT_RECV},
                                {.chan = run->never, .op = WEFT_RECV}};
    for (;;) {
        wrong += weft_select(cases, sizeof cases / sizeof *cases) != 0;
        if (value == 0) {
            break;
        }
        bench_count(BENCH_GO_PRODCONS_WORK);
        received += value;
    }
    weft_chan_free(timer);
    bench_go_sync_done(BENCH_OPS, run, wrong, received);
}

/* --- batches ---------------------------------------------------------------------------------------- */

/* Two kinds of tasks and what they share. */
struct bench_go_sync_shape {
    task_fn even, odd; /* of the tasks by their index */
    unsigned tasks;
    size_t capacity;
    uint64_t work;
    bool select;
};

static void bench_go_sync_timed(struct bench_batch *batch, struct bench_go_sync *run,
                                const struct bench_go_sync_shape *shape)
{
    struct bench_clock clock;
    unsigned spawned = 0;
    bench_clock_start(&clock, batch);
    run->done = bench_chan_make(1, shape->tasks);
    run->chan = bench_chan_make(sizeof(uint64_t), shape->capacity);
    run->never = shape->select ? bench_chan_make(1, 0) : NULL;
    while (spawned < shape->tasks && bench_failure() == NULL) {
        enum weft_status status = weft_go(spawned % 2 == 0 ? shape->even : shape->odd, run);
        bench_check(status == WEFT_OK, "spawning a task: %s", weft_status_name(status));
        spawned++;
    }
    for (unsigned i = 0; i < spawned && bench_failure() == NULL; i++) {
        weft_recv(run->done, NULL);
    }
    bench_clock_stop(&clock);
}

static void bench_go_sync_work(void *units)
{
    bench_count(*(uint64_t *)units);
}

/* Runs the tasks of a shape, whose operations hold two pieces of work each. */
static void bench_go_sync_run(struct bench_batch *batch, const struct bench_go_sync_shape *shape)
{
    struct bench_go_sync *run = bench_alloc(sizeof *run);
    run->work = shape->work;
    store_relaxed(&run->claims, (int32_t)(batch->units / BENCH_GO_CLAIM)); /* spawn orders it */
    bench_go_sync_timed(batch, run, shape);
    if (bench_failure() != NULL) {
        return; /* tasks that did start still use the run */
    }
    uint64_t wrong = load_relaxed(&run->wrong); /* behind the join, like the next */
    uint64_t received = load_relaxed(&run->received);
    bench_check(wrong == 0, "%" PRIu64 " operations went wrong", wrong);
    bench_check(shape->even == shape->odd || received == batch->units, "%" PRIu64 " of %" PRIu64 " messages arrived",
                received, batch->units); /* where tasks take turns none counts */
    bench_chan_free(run->chan);
    bench_chan_free(run->done);
    bench_chan_free(run->never);
    if (shape->work != 0) {
        bench_work_alone(batch, bench_go_sync_work, &run->work, 2 / bench_work_parallel(batch->cell, shape->tasks));
    }
    free(run);
}

/* argument: the units of work. */
static void bench_go_chan_sync_batch(struct bench_batch *batch)
{
    struct bench_go_sync_shape shape = {.even = BENCH_LOOP_NAME(go_chan_sync),
                                        .odd = BENCH_LOOP_NAME(go_chan_sync),
                                        .tasks = BENCH_GO_SYNC_TASKS,
                                        .work = batch->cell->workload->argument};
    bench_go_sync_run(batch, &shape);
}

/* argument: the capacity; with work, behind BENCH_GO_WITH_WORK. */
enum { BENCH_GO_WITH_WORK = 1 << 16 };

static void bench_go_prodcons_batch(struct bench_batch *batch)
{
    uint64_t argument = batch->cell->workload->argument;
    struct bench_go_sync_shape shape = {.even = BENCH_LOOP_NAME(go_produce),
                                        .odd = BENCH_LOOP_NAME(go_consume),
                                        .tasks = 2 * batch->cell->workers,
                                        .capacity = argument % BENCH_GO_WITH_WORK,
                                        .work = argument < BENCH_GO_WITH_WORK ? 0 : BENCH_GO_PRODCONS_WORK};
    bench_go_sync_run(batch, &shape);
}

static void bench_go_select_prodcons_batch(struct bench_batch *batch)
{
    struct bench_go_sync_shape shape = {.even = BENCH_LOOP_NAME(go_select_produce),
                                        .odd = BENCH_LOOP_NAME(go_select_consume),
                                        .tasks = 2 * batch->cell->workers,
                                        .capacity = 128,
                                        .work = BENCH_GO_PRODCONS_WORK,
                                        .select = true};
    bench_go_sync_run(batch, &shape);
}

static uint64_t bench_go_sync_grain(const struct bench_cell *cell)
{
    (void)cell;
    return (uint64_t)BENCH_GO_SYNC_TASKS * BENCH_GO_CLAIM;
}

static uint64_t bench_go_prodcons_grain(const struct bench_cell *cell)
{
    (void)cell;
    return BENCH_GO_CLAIM;
}

#define BENCH_GO_SYNC(id, in, asks, units)                                                                             \
    {                                                                                                                  \
        BENCH_GO(id, in), .question = asks, .unit = "message", .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS,     \
                          .argument = (units), .grain = bench_go_sync_grain, .batch = bench_go_chan_sync_batch         \
    }

#define BENCH_GO_PRODCONS(id, in, asks, capacity, work)                                                                \
    {                                                                                                                  \
        BENCH_GO(id, in), .question = asks, .unit = "message", .uses_chan = true,                                      \
                          .needs = (capacity) == 0 ? BENCH_NEEDS_RENDEZVOUS : 0, .argument = (capacity) + (work),      \
                          .grain = bench_go_prodcons_grain, .batch = bench_go_prodcons_batch                           \
    }

static const struct bench_workload bench_go_sync_rows[] = {
    BENCH_GO_SYNC("ChanSync", "channel", "what does a message cost when two tasks take turns at a rendezvous?", 0),
    BENCH_GO_SYNC("ChanSyncWork", "work", "what does it cost if they work in between?", BENCH_GO_SYNC_WORK),
    BENCH_GO_PRODCONS("ChanProdCons0", "channel", "what does a message cost from many to many without a buffer?", 0, 0),
    BENCH_GO_PRODCONS("ChanProdCons10", "channel", "what does it cost with 10 places?", 10, 0),
    BENCH_GO_PRODCONS("ChanProdCons100", "channel", "what does it cost with 100 places?", 100, 0),
    BENCH_GO_PRODCONS("ChanProdConsWork0", "work", "what does a message cost from many to many that also work?", 0,
                      BENCH_GO_WITH_WORK),
    BENCH_GO_PRODCONS("ChanProdConsWork10", "work", "what does it cost with 10 places?", 10, BENCH_GO_WITH_WORK),
    BENCH_GO_PRODCONS("ChanProdConsWork100", "work", "what does it cost with 100 places?", 100, BENCH_GO_WITH_WORK),
    {BENCH_GO("SelectProdCons", "work"),
     .question = "what does a message cost from many to many that work, select, and could be stopped?",
     .unit = "message", .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS | BENCH_NEEDS_SELECT,
     .grain = bench_go_prodcons_grain, .batch = bench_go_select_prodcons_batch},
};
