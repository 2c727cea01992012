/* Rows of the suite `go` over selects: what does a select cost?
 *
 * Originals: runtime/chan_test.go.
 *   SelectUncontended     each task has two channels of capacity 1 and one token: a select of two receives, then a send
 *                         to the other channel
 *   SelectAsyncContended  the same over two channels of capacity P for all, into which each task puts a token
 *   SelectSyncContended   three rendezvous channels for all: a select of three receives. Each task has first started a
 *                         sender, which loops on a select of three sends and a receive from `done`
 *   SelectNonblock        four selects of one case and a default: receive and send on two rendezvous channels, receive
 *                         and send on two channels of capacity 1, all of them for all. Go compiles such a select to a
 *                         try, and so it is one here
 *   ChanPopular           1000 tasks, each in selects of two receives, from a channel that is never ready and is for
 *                         all, and from its own: an operation is 1000 sends, one to each task's
 * All but the last by Go's RunParallel (bench/parallel.h). The cases stand ready outside of the loops; Go builds them
 * anew for each select.
 * Timed: making channels and tasks, the operations, the join; of SelectSyncContended the close of `done`, not the
 * senders' end.
 * Checked: which case was chosen, every status, the tokens, as many sends as receives. */
#include "bench/go/go.h"

enum { BENCH_GO_SELECT_CHANS = 4, BENCH_GO_POPULAR = 1000 };

struct bench_go_select {
    struct weft_chan *chans[BENCH_GO_SELECT_CHANS];
    struct weft_waitgroup senders;
    _Atomic(uint64_t) sent; /* by senders that have ended */
};

/* --- two channels and tokens ------------------------------------------------------------------------ */

/* Puts a token into the first channel, then moves one at a time from either to the other. */
static force_inline void bench_go_tokens(const struct chan_ops *ops, struct bench_iterations *it,
                                         struct weft_chan *const *chans)
{
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV}, {.chan = chans[1], .op = WEFT_RECV}};
    uint64_t value = 0;
    uint64_t wrong = ops->send(chans[0], &value) != WEFT_OK;
    while (bench_next(it)) {
        int chosen = bench_go_select(ops, cases, sizeof cases / sizeof *cases);
        wrong += cases[chosen].status != WEFT_OK;
        wrong += ops->send(chans[1 - chosen], &value) != WEFT_OK;
    }
    bench_parallel_leave(it, wrong);
}

static force_inline void bench_go_select_uncontended(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_chan *chans[] = {bench_chan_make(sizeof(uint64_t), 1), bench_chan_make(sizeof(uint64_t), 1)};
    if (chans[0] == NULL || chans[1] == NULL) {
        bench_parallel_leave(&it, 1);
        return;
    }
    bench_go_tokens(ops, &it, chans);
    weft_chan_free(chans[0]);
    weft_chan_free(chans[1]);
}

BENCH_LOOP(go_select_uncontended)(void *parallel)
{
    bench_go_select_uncontended(BENCH_OPS, parallel);
}

BENCH_LOOP(go_select_async_contended)(void *parallel)
{
    struct bench_iterations it = bench_iterations(parallel);
    struct bench_go_select *run = it.parallel->shared;
    bench_go_tokens(BENCH_OPS, &it, run->chans);
}

static void bench_go_select_uncontended_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_select_uncontended), NULL);
    bench_clock_stop(&clock);
}

/* Makes the first channels of the run, of these capacities; false: there is no memory. */
static bool bench_go_select_make(struct bench_go_select *run, const size_t *capacities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run->chans[i] = bench_chan_make(sizeof(uint64_t), capacities[i]);
    }
    return bench_failure() == NULL;
}

static void bench_go_select_free(struct bench_go_select *run)
{
    for (size_t i = 0; i < BENCH_GO_SELECT_CHANS; i++) {
        weft_chan_free(run->chans[i]);
    }
}

static void bench_go_select_async_contended_batch(struct bench_batch *batch)
{
    struct bench_go_select run = {0};
    struct bench_clock clock;
    size_t workers = batch->cell->workers;
    bench_clock_start(&clock, batch);
    if (bench_go_select_make(&run, (const size_t[]){workers, workers}, 2)) {
        bench_parallel(batch, BENCH_LOOP_NAME(go_select_async_contended), &run);
    }
    bench_clock_stop(&clock);
    size_t tokens = weft_chan_len(run.chans[0]) + weft_chan_len(run.chans[1]);
    bench_check(tokens == workers, "%zu tokens are left of %zu", tokens, workers);
    bench_go_select_free(&run);
}

/* --- three rendezvous channels ---------------------------------------------------------------------- */

static force_inline void bench_go_select_send(const struct chan_ops *ops, struct bench_go_select *run)
{
    enum { DONE = 3 };
    uint64_t value = 0;
    uint64_t sent = 0;
    struct weft_case cases[] = {{.chan = run->chans[0], .op = WEFT_SEND, .value = &value},
                                {.chan = run->chans[1], .op = WEFT_SEND, .value = &value},
                                {.chan = run->chans[2], .op = WEFT_SEND, .value = &value},
                                {.chan = run->chans[DONE], .op = WEFT_RECV}};
    while (bench_go_select(ops, cases, sizeof cases / sizeof *cases) != DONE) {
        sent++;
    }
    add_relaxed(&run->sent, sent); /* the wait group orders it */
    weft_wg_done(&run->senders);
}

BENCH_LOOP(go_select_sync_send)(void *run)
{
    bench_go_select_send(BENCH_OPS, run);
}

static force_inline void bench_go_select_recv(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_select *run = it.parallel->shared;
    struct weft_case cases[] = {{.chan = run->chans[0], .op = WEFT_RECV},
                                {.chan = run->chans[1], .op = WEFT_RECV},
                                {.chan = run->chans[2], .op = WEFT_RECV}};
    uint64_t wrong = 0;
    weft_wg_add(&run->senders, 1);
    if (weft_go(BENCH_LOOP_NAME(go_select_sync_send), run) != WEFT_OK) {
        bench_fail("spawning a sender"); /* the other tasks' senders serve */
        weft_wg_done(&run->senders);
    }
    while (bench_next(&it)) {
        int chosen = bench_go_select(ops, cases, sizeof cases / sizeof *cases);
        wrong += cases[chosen].status != WEFT_OK;
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_select_sync_recv)(void *parallel)
{
    bench_go_select_recv(BENCH_OPS, parallel);
}

static void bench_go_select_sync_contended_batch(struct bench_batch *batch)
{
    struct bench_go_select run = {0};
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    if (bench_go_select_make(&run, (const size_t[BENCH_GO_SELECT_CHANS]){0}, BENCH_GO_SELECT_CHANS)) {
        bench_parallel(batch, BENCH_LOOP_NAME(go_select_sync_recv), &run);
        weft_close(run.chans[3]);
    }
    bench_clock_stop(&clock);
    weft_wg_wait(&run.senders);
    uint64_t sent = load_relaxed(&run.sent); /* behind the senders' end */
    bench_check(sent == batch->units, "%" PRIu64 " elements were sent, %" PRIu64 " received", sent, batch->units);
    bench_go_select_free(&run);
}

/* --- default ---------------------------------------------------------------------------------------- */

static force_inline void bench_go_select_nonblock(const struct chan_ops *ops, void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_select *run = it.parallel->shared;
    uint64_t value = 0;
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        wrong += ops->try_recv(run->chans[0], NULL) != WEFT_AGAIN;
        wrong += ops->try_send(run->chans[1], &value) != WEFT_AGAIN;
        wrong += ops->try_recv(run->chans[2], NULL) != WEFT_AGAIN;
        wrong += ops->try_send(run->chans[3], &value) == WEFT_CLOSED; /* the first one succeeds */
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_select_nonblock)(void *parallel)
{
    bench_go_select_nonblock(BENCH_OPS, parallel);
}

static void bench_go_select_nonblock_batch(struct bench_batch *batch)
{
    struct bench_go_select run = {0};
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    if (bench_go_select_make(&run, (const size_t[]){0, 0, 1, 1}, BENCH_GO_SELECT_CHANS)) {
        bench_parallel(batch, BENCH_LOOP_NAME(go_select_nonblock), &run);
    }
    bench_clock_stop(&clock);
    bench_check(weft_chan_len(run.chans[3]) == 1, "nothing was sent");
    bench_go_select_free(&run);
}

/* --- ChanPopular ------------------------------------------------------------------------------------ */

struct bench_go_popular {
    struct weft_chan *common; /* never ready */
    struct weft_chan *own[BENCH_GO_POPULAR];
    uint64_t count;
    struct weft_waitgroup group;
    _Atomic(uint32_t) begun; /* tasks: each takes the next of the channels */
    _Atomic(uint64_t) wrong;
};

static force_inline void bench_go_popular_recv(const struct chan_ops *ops, struct bench_go_popular *run)
{
    struct weft_chan *own = run->own[add_relaxed(&run->begun, 1u)]; /* relaxed: one takes each */
    struct weft_case cases[] = {{.chan = run->common, .op = WEFT_RECV}, {.chan = own, .op = WEFT_RECV}};
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        int chosen = bench_go_select(ops, cases, sizeof cases / sizeof *cases);
        wrong += chosen != 1 || cases[1].status != WEFT_OK;
    }
    add_relaxed(&run->wrong, wrong); /* the wait group orders it */
    weft_wg_done(&run->group);
}

static force_inline uint64_t bench_go_popular_send(const struct chan_ops *ops, struct bench_go_popular *run)
{
    char yes = 1;
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        for (int j = 0; j < BENCH_GO_POPULAR; j++) {
            wrong += ops->send(run->own[j], &yes) != WEFT_OK;
        }
    }
    return wrong;
}

BENCH_LOOP(go_chan_popular_recv)(void *run)
{
    bench_go_popular_recv(BENCH_OPS, run);
}

BENCH_LOOP(go_chan_popular_send)(struct bench_go_popular *run)
{
    add_relaxed(&run->wrong, bench_go_popular_send(BENCH_OPS, run)); /* the wait group orders it */
}

/* Makes the channels and their receivers; false: that failed. */
static bool bench_go_popular_begin(struct bench_go_popular *run)
{
    run->common = bench_chan_make(1, 0);
    weft_wg_add(&run->group, BENCH_GO_POPULAR);
    for (int i = 0; i < BENCH_GO_POPULAR && bench_failure() == NULL; i++) {
        run->own[i] = bench_chan_make(1, 0);
        enum weft_status status = weft_go(BENCH_LOOP_NAME(go_chan_popular_recv), run);
        bench_check(status == WEFT_OK, "spawning a task: %s", weft_status_name(status));
    }
    return bench_failure() == NULL;
}

static void bench_go_chan_popular_batch(struct bench_batch *batch)
{
    struct bench_go_popular *run = bench_alloc(sizeof *run);
    struct bench_clock clock;
    run->count = batch->units;
    bench_clock_start(&clock, batch);
    if (!bench_go_popular_begin(run)) {
        return; /* tasks that did start still use the run */
    }
    BENCH_LOOP_NAME(go_chan_popular_send)(run);
    weft_wg_wait(&run->group);
    bench_clock_stop(&clock);
    uint64_t wrong = load_relaxed(&run->wrong); /* behind the join */
    bench_check(wrong == 0, "%" PRIu64 " operations went wrong", wrong);
    for (int i = 0; i < BENCH_GO_POPULAR; i++) {
        weft_chan_free(run->own[i]);
    }
    weft_chan_free(run->common);
    free(run);
}

static const struct bench_workload bench_go_select_rows[] = {
    {BENCH_GO("SelectUncontended", "select"),
     .question = "what does a select of two receives cost, one of which is ready, on the task's own channels?",
     .unit = "select and send", .uses_chan = true, .needs = BENCH_NEEDS_SELECT,
     .batch = bench_go_select_uncontended_batch},
    {BENCH_GO("SelectSyncContended", "select"),
     .question = "what does a select of three receives cost at three rendezvous for all?", .unit = "select",
     .uses_chan = true, .needs = BENCH_NEEDS_SELECT | BENCH_NEEDS_RENDEZVOUS,
     .batch = bench_go_select_sync_contended_batch},
    {BENCH_GO("SelectAsyncContended", "select"),
     .question = "what does a select of two receives cost, on channels with room that are for all?",
     .unit = "select and send", .uses_chan = true, .needs = BENCH_NEEDS_SELECT,
     .batch = bench_go_select_async_contended_batch},
    {BENCH_GO("SelectNonblock", "select"), .question = "what do four operations cost that do not wait, and fail?",
     .unit = "four selects", .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS,
     .batch = bench_go_select_nonblock_batch},
    {BENCH_GO("ChanPopular", "select"),
     .question = "what do 1000 sends cost to tasks that all wait for one other channel too?", .unit = "1000 messages",
     .uses_chan = true, .needs = BENCH_NEEDS_SELECT | BENCH_NEEDS_RENDEZVOUS, .batch = bench_go_chan_popular_batch},
};
