/* The row PingPongHog of the suite `go`: what does a round cost beside a task that never waits?
 *
 *     main --start--> ( ping ) <==> ( pong )     two tasks, and beside them a hog: select { <-stop; default } in a loop
 *
 * Original: runtime/proc_test.go. One worker. All operations begin with task_poll(), as the public functions' do: it is
 * how a task that has had its 10 ms gives way. Go takes its hog off the processor by a signal.
 * One operation is one round: two messages of one byte over rendezvous channels. Timed: from the first send to the
 * close of `stop` behind the last round; the hog's share of the time is part of it.
 * Checked: every operation's status. */
#include "bench/go/go.h"

struct bench_go_hog {
    struct weft_chan *ping, *pong, *stop, *done;
    uint64_t count;
    _Atomic(uint64_t) wrong;
};

static force_inline void bench_go_hog_done(const struct chan_ops *ops, struct bench_go_hog *run, uint64_t wrong)
{
    char yes = 1;
    add_relaxed(&run->wrong, wrong); /* the join orders it */
    ops->send(run->done, &yes);
}

static force_inline void bench_go_hog_spin(const struct chan_ops *ops, struct bench_go_hog *run)
{
    do {
        task_poll();
    } while (ops->try_recv(run->stop, NULL) == WEFT_AGAIN);
    bench_go_hog_done(ops, run, 0);
}

/* Sends on what it receives so many times. */
static force_inline uint64_t bench_go_hog_relay(const struct chan_ops *ops, struct weft_chan *from,
                                                struct weft_chan *to, uint64_t count)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        char value = 0;
        task_poll();
        wrong += ops->recv(from, &value) != WEFT_OK;
        task_poll();
        wrong += ops->send(to, &value) != WEFT_OK || value != 1;
    }
    return wrong;
}

BENCH_LOOP(go_hog)(void *run)
{
    bench_go_hog_spin(BENCH_OPS, run);
}

BENCH_LOOP(go_hog_ping)(void *arg)
{
    struct bench_go_hog *run = arg;
    uint64_t wrong = bench_go_hog_relay(BENCH_OPS, run->ping, run->pong, run->count);
    wrong += weft_close(run->stop) != WEFT_OK;
    bench_go_hog_done(BENCH_OPS, run, wrong);
}

BENCH_LOOP(go_hog_pong)(void *arg)
{
    struct bench_go_hog *run = arg;
    bench_go_hog_done(BENCH_OPS, run, bench_go_hog_relay(BENCH_OPS, run->pong, run->ping, run->count));
}

static bool bench_go_hog_begin(struct bench_go_hog *run)
{
    struct weft_chan **chans[] = {&run->ping, &run->pong, &run->stop, &run->done};
    for (size_t i = 0; i < sizeof chans / sizeof *chans; i++) {
        *chans[i] = bench_chan_make(1, 0);
    }
    if (bench_failure() == NULL &&
        (weft_go(BENCH_LOOP_NAME(go_hog), run) != WEFT_OK || weft_go(BENCH_LOOP_NAME(go_hog_ping), run) != WEFT_OK ||
         weft_go(BENCH_LOOP_NAME(go_hog_pong), run) != WEFT_OK)) {
        bench_fail("spawning a task");
    }
    return bench_failure() == NULL;
}

static void bench_go_hog_batch(struct bench_batch *batch)
{
    enum { TASKS = 3 };
    struct bench_go_hog *run = bench_alloc(sizeof *run);
    char yes = 1;
    run->count = batch->units;
    if (!bench_go_hog_begin(run)) {
        return; /* a task that did start still uses the run */
    }
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    weft_send(run->ping, &yes);
    weft_recv(run->stop, NULL);
    bench_clock_stop(&clock);
    weft_recv(run->ping, NULL); /* the last pong */
    for (int i = 0; i < TASKS; i++) {
        weft_recv(run->done, NULL);
    }
    uint64_t wrong = load_relaxed(&run->wrong); /* behind the join */
    bench_check(wrong == 0, "%" PRIu64 " operations went wrong", wrong);
    weft_chan_free(run->ping);
    weft_chan_free(run->pong);
    weft_chan_free(run->stop);
    weft_chan_free(run->done);
    free(run);
}

static const struct bench_workload bench_go_hog_rows[] = {
    {BENCH_GO("PingPongHog", "spawn"),
     .question = "what does a round between two tasks cost beside one that never waits?", .unit = "round trip",
     .uses_chan = true, .needs = BENCH_NEEDS_RENDEZVOUS | BENCH_NEEDS_ONE_WORKER,
     .batch_min_ns = 200000000, /* the hog's turns at both ends are a good part of a short batch */
     .batch = bench_go_hog_batch},
};
