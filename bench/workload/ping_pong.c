/* ping_pong: what does a hand-over between two tasks cost, there and back?
 *
 *     ping --i--> ( rendezvous "there" ) --i--> pong
 *     ping <-- ~i ( rendezvous "back"  ) <-- ~i pong
 *
 * No parameters: two channels of capacity 0. One operation is one round trip: two messages, and on one worker two
 * switches of tasks. Definition: two goroutines over two unbuffered channels.
 * Timed: all round trips, and the wake-up of the two tasks at the start line.
 * Checked: each of ping's numbers comes back inverted, in its turn.
 * Not measured: anything that runs in parallel; at any moment one of the two tasks waits. */

struct bench_ping_pong_run {
    struct bench_line line;
    struct weft_chan *there, *back;
    uint64_t count;
    _Alignas(CACHE_LINE) uint64_t ping_wrong;
    _Alignas(CACHE_LINE) uint64_t pong_wrong;
};

static force_inline void bench_ping_pong_ping(const struct chan_ops *ops, struct bench_ping_pong_run *run)
{
    struct weft_chan *there = run->there;
    struct weft_chan *back = run->back;
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t value = i;
        wrong += ops->send(there, &value) != WEFT_OK;
        wrong += ops->recv(back, &value) != WEFT_OK;
        wrong += value != ~i;
    }
    run->ping_wrong = wrong;
}

static force_inline void bench_ping_pong_pong(const struct chan_ops *ops, struct bench_ping_pong_run *run)
{
    struct weft_chan *there = run->there;
    struct weft_chan *back = run->back;
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t value = UINT64_MAX;
        wrong += ops->recv(there, &value) != WEFT_OK;
        wrong += value != i;
        value = ~value;
        wrong += ops->send(back, &value) != WEFT_OK;
    }
    run->pong_wrong = wrong;
}

BENCH_LOOP(ping_pong_ping)(struct bench_ping_pong_run *run)
{
    bench_ping_pong_ping(BENCH_OPS, run);
}

BENCH_LOOP(ping_pong_pong)(struct bench_ping_pong_run *run)
{
    bench_ping_pong_pong(BENCH_OPS, run);
}

static void bench_ping_pong_pinger(void *arg)
{
    struct bench_ping_pong_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(ping_pong_ping)(run);
    bench_line_leave(&run->line);
}

static void bench_ping_pong_ponger(void *arg)
{
    struct bench_ping_pong_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(ping_pong_pong)(run);
    bench_line_leave(&run->line);
}

static void bench_ping_pong_batch(struct bench_batch *batch)
{
    struct bench_ping_pong_run *run = bench_alloc(sizeof *run);
    run->count = batch->units;
    run->there = bench_chan_new(batch, BENCH_OPS, 0);
    run->back = bench_chan_new(batch, BENCH_OPS, 0);
    bench_line_init(&run->line, batch, 2);
    if (run->there == NULL || run->back == NULL || !bench_line_spawn(&run->line, bench_ping_pong_ponger, run) ||
        !bench_line_spawn(&run->line, bench_ping_pong_pinger, run)) {
        return; /* a task that did start still uses the run */
    }
    bench_line_run(&run->line);
    bench_check(run->pong_wrong == 0, "%" PRIu64 " messages there were wrong or refused", run->pong_wrong);
    bench_check(run->ping_wrong == 0, "%" PRIu64 " messages back were wrong or refused", run->ping_wrong);
    bench_chan_free(run->there);
    bench_chan_free(run->back);
    free(run);
}

static uint64_t bench_ping_pong_grain(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *bench_ping_pong_refuse(const struct bench_cell *cell)
{
    return cell->chan->caps.control ? "controls serve spsc only" : bench_refuse_capacity(cell->chan, 0);
}

static const struct bench_workload bench_ping_pong = {
    .name = "ping_pong",
    .question = "what does a hand-over between two tasks cost, there and back?",
    .unit = "round trip",
    .uses_chan = true,
    .grain = bench_ping_pong_grain,
    .refuse = bench_ping_pong_refuse,
    .batch = bench_ping_pong_batch,
};
