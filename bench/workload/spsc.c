/* spsc: what does a message cost from one producer to one consumer?
 *
 *     producer --0, 1, 2, ...--> [ channel of capacity cap ] --> consumer
 *
 * Parameter: cap, the channel's capacity; 0 is a rendezvous. One operation is one message: a send and a receive of 8
 * bytes. Definition: as runtime/chan_test.go's ChanProdCons with one producer and one consumer.
 * Timed: all sends and receives, and the wake-up of the two tasks at the start line.
 * Checked: the consumer sees exactly 0, 1, 2, ... in this order; every send and receive returns OK; the channel is
 * empty in the end.
 * Not measured: contention among producers or consumers, latency of one message, large elements.
 * Controls (null, faa): no channels, so one task sends and receives in turn: the harness's own floor, and two atomic
 * read-modify-writes a message. */

struct bench_spsc_run {
    struct bench_line line;
    struct weft_chan *chan;
    uint64_t count;
    _Alignas(CACHE_LINE) uint64_t refused;  /* the producer's: sends that did not return OK */
    _Alignas(CACHE_LINE) uint64_t received; /* the consumer's, from here on */
    uint64_t differs;                       /* 0, or bits in which a value was not the next one */
    uint64_t value;                         /* the control's */
};

static force_inline void bench_spsc_send(const struct chan_ops *ops, struct bench_spsc_run *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t refused = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t value = i;
        refused += ops->send(chan, &value) != WEFT_OK;
    }
    run->refused = refused;
}

static force_inline void bench_spsc_recv(const struct chan_ops *ops, struct bench_spsc_run *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t received = 0;
    uint64_t differs = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t value = UINT64_MAX;
        received += ops->recv(chan, &value) == WEFT_OK;
        differs |= value ^ i;
    }
    run->received = received;
    run->differs = differs;
}

/* The value lives in memory and the compiler knows nothing of it, as with a real channel. */
static force_inline void bench_spsc_alone(const struct chan_ops *ops, struct bench_spsc_run *run)
{
    struct weft_chan *chan = run->chan;
    uint64_t received = 0;
    uint64_t differs = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        run->value = i;
        received += ops->send(chan, &run->value) == WEFT_OK;
        bench_forget_memory();
        received += ops->recv(chan, &run->value) == WEFT_OK;
        differs |= run->value ^ i;
    }
    run->received = received / 2;
    run->differs = differs;
}

BENCH_LOOP(spsc_send)(struct bench_spsc_run *run)
{
    bench_spsc_send(BENCH_OPS, run);
}

BENCH_LOOP(spsc_recv)(struct bench_spsc_run *run)
{
    bench_spsc_recv(BENCH_OPS, run);
}

BENCH_LOOP(spsc_alone)(struct bench_spsc_run *run)
{
    bench_spsc_alone(BENCH_OPS, run);
}

static void bench_spsc_producer(void *arg)
{
    struct bench_spsc_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(spsc_send)(run);
    bench_line_leave(&run->line);
}

static void bench_spsc_consumer(void *arg)
{
    struct bench_spsc_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(spsc_recv)(run);
    bench_line_leave(&run->line);
}

static void bench_spsc_control(void *arg)
{
    struct bench_spsc_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(spsc_alone)(run);
    bench_line_leave(&run->line);
}

static void bench_spsc_batch(struct bench_batch *batch)
{
    bool control = BENCH_OPS->caps.control;
    struct bench_spsc_run *run = bench_alloc(sizeof *run);
    run->count = batch->units;
    run->chan = bench_chan_new(batch, BENCH_OPS, (size_t)batch->cell->param);
    bench_line_init(&run->line, batch, control ? 1 : 2);
    if (run->chan == NULL || !bench_line_spawn(&run->line, control ? bench_spsc_control : bench_spsc_consumer, run) ||
        (!control && !bench_line_spawn(&run->line, bench_spsc_producer, run))) {
        return; /* a task that did start still uses the run */
    }
    bench_line_run(&run->line);
    bench_check(run->refused == 0, "%" PRIu64 " sends did not return OK", run->refused);
    bench_check(run->received == run->count, "%" PRIu64 " of %" PRIu64 " messages arrived", run->received, run->count);
    bench_check(run->differs == 0, "messages were lost, repeated or out of order");
    bench_chan_free(run->chan);
    free(run);
}

static uint64_t bench_spsc_grain(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *bench_spsc_refuse(const struct bench_cell *cell)
{
    return bench_refuse_capacity(cell->chan, (size_t)cell->param);
}

static const struct bench_param bench_spsc_param = {
    .name = "cap", .default_count = 4, .defaults = {0, 1, 64, 4096}, .min = 0, .max = 1 << 20};

static const struct bench_workload bench_spsc = {
    .name = "spsc",
    .question = "what does a message cost from one producer to one consumer?",
    .unit = "message",
    .uses_chan = true,
    .param = &bench_spsc_param,
    .grain = bench_spsc_grain,
    .refuse = bench_spsc_refuse,
    .batch = bench_spsc_batch,
};
