/* mpmc: what does a message cost when many producers and many consumers share one channel?
 *
 *     producer 0 ---\                                  /---> consumer 0
 *     producer 1 ----+--> [ channel of capacity cap ] +----> consumer 1
 *     ...           /                                  \     ...
 *
 * Parameter: cap, the channel's capacity; 0 is a rendezvous. As many producers as workers, but at least two, and as
 * many consumers. One operation is one message of 8 bytes: the producer's index above, its sequence number below.
 * Definition: as runtime/chan_test.go's ChanProdCons: producers claim batches of up to 1000 messages from one counter;
 * in the end each sends one farewell, and each consumer stops at the first farewell that it gets.
 * Timed: all messages, the farewells, the claims, and the wake-up of the tasks at the start line.
 * Checked: each consumer sees the numbers of each producer ascend (so none comes twice to it); all that was sent
 * arrived, by count and by sum; the channel is empty in the end.
 * Not measured: fairness among producers or consumers. */

enum { BENCH_MPMC_CLAIM = 1000, BENCH_MPMC_CLAIMS_MIN = 16, BENCH_MPMC_SHIFT = 48 };
#define BENCH_MPMC_FAREWELL UINT64_MAX

struct bench_mpmc_run {
    struct bench_line line;
    struct weft_chan *chan;
    uint64_t count;
    uint64_t claim;                   /* messages claimed at a time */
    uint32_t sides;                   /* producers, and as many consumers */
    struct bench_mpmc_party *parties; /* producers first */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) claimed;
};

struct bench_mpmc_party {
    _Alignas(CACHE_LINE) struct bench_mpmc_run *run;
    uint64_t index;
    uint64_t messages; /* sent or received */
    uint64_t sum;      /* of sequence numbers, modulo 2^64 */
    uint64_t wrong;
    uint64_t *next; /* a consumer's: by producer, the lowest number that may still come */
};

static force_inline void bench_mpmc_send(const struct chan_ops *ops, struct bench_mpmc_party *self)
{
    struct bench_mpmc_run *run = self->run;
    struct weft_chan *chan = run->chan;
    uint64_t sequence = 0;
    uint64_t sum = 0;
    uint64_t wrong = 0;
    uint64_t first;
    while ((first = add_relaxed(&run->claimed, run->claim)) < run->count) { /* relaxed: one claims each batch */
        uint64_t count = run->count - first < run->claim ? run->count - first : run->claim;
        for (uint64_t i = 0; i < count; i++) {
            uint64_t value = self->index << BENCH_MPMC_SHIFT | sequence;
            wrong += ops->send(chan, &value) != WEFT_OK;
            sum += sequence++;
        }
    }
    uint64_t farewell = BENCH_MPMC_FAREWELL;
    wrong += ops->send(chan, &farewell) != WEFT_OK;
    self->messages = sequence;
    self->sum = sum;
    self->wrong = wrong;
}

static force_inline void bench_mpmc_recv(const struct chan_ops *ops, struct bench_mpmc_party *self)
{
    struct weft_chan *chan = self->run->chan;
    uint64_t *next = self->next;
    uint64_t sides = self->run->sides;
    uint64_t messages = 0;
    uint64_t sum = 0;
    uint64_t wrong = 0;
    for (;;) {
        uint64_t value = BENCH_MPMC_FAREWELL;
        wrong += ops->recv(chan, &value) != WEFT_OK;
        uint64_t producer = value >> BENCH_MPMC_SHIFT;
        if (unlikely(producer >= sides)) {
            wrong += value != BENCH_MPMC_FAREWELL;
            break;
        }
        uint64_t sequence = value & ((UINT64_C(1) << BENCH_MPMC_SHIFT) - 1);
        wrong += sequence < next[producer];
        next[producer] = sequence + 1;
        sum += sequence;
        messages++;
    }
    self->messages = messages;
    self->sum = sum;
    self->wrong = wrong;
}

BENCH_LOOP(mpmc_send)(struct bench_mpmc_party *self)
{
    bench_mpmc_send(BENCH_OPS, self);
}

BENCH_LOOP(mpmc_recv)(struct bench_mpmc_party *self)
{
    bench_mpmc_recv(BENCH_OPS, self);
}

static void bench_mpmc_producer(void *arg)
{
    struct bench_mpmc_party *self = arg;
    bench_line_arrive(&self->run->line);
    BENCH_LOOP_NAME(mpmc_send)(self);
    bench_line_leave(&self->run->line);
}

static void bench_mpmc_consumer(void *arg)
{
    struct bench_mpmc_party *self = arg;
    bench_line_arrive(&self->run->line);
    BENCH_LOOP_NAME(mpmc_recv)(self);
    bench_line_leave(&self->run->line);
}

static void bench_mpmc_verify(const struct bench_mpmc_run *run)
{
    uint64_t sent = 0;
    uint64_t sum = 0;
    uint64_t received = 0;
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < run->sides; i++) {
        const struct bench_mpmc_party *producer = &run->parties[i];
        const struct bench_mpmc_party *consumer = &run->parties[run->sides + i];
        sent += producer->messages;
        received += consumer->messages;
        sum += producer->sum - consumer->sum;
        wrong += producer->wrong + consumer->wrong;
    }
    bench_check(sent == run->count, "%" PRIu64 " of %" PRIu64 " messages were sent", sent, run->count);
    bench_check(received == run->count, "%" PRIu64 " of %" PRIu64 " messages arrived", received, run->count);
    bench_check(wrong == 0, "%" PRIu64 " messages were refused, repeated or out of order", wrong);
    bench_check(sum == 0, "the messages that arrived are not those that were sent");
}

static bool bench_mpmc_spawn(struct bench_mpmc_run *run)
{
    bool spawned = true;
    for (uint32_t i = 0; i < 2 * run->sides && spawned; i++) {
        /* taking turns: a consumer, a producer, a consumer, ... */
        struct bench_mpmc_party *self = &run->parties[i % 2 == 0 ? run->sides + i / 2 : i / 2];
        spawned = bench_line_spawn(&run->line, i % 2 == 0 ? bench_mpmc_consumer : bench_mpmc_producer, self);
    }
    return spawned;
}

static void bench_mpmc_batch(struct bench_batch *batch)
{
    struct bench_mpmc_run *run = bench_alloc(sizeof *run);
    uint32_t sides = batch->cell->workers < 2 ? 2 : batch->cell->workers;
    run->sides = sides;
    run->count = batch->units;
    run->claim = run->count / (BENCH_MPMC_CLAIMS_MIN * sides);
    run->claim = run->claim < 1 ? 1 : run->claim > BENCH_MPMC_CLAIM ? BENCH_MPMC_CLAIM : run->claim;
    run->chan = bench_chan_new(batch, BENCH_OPS, (size_t)batch->cell->param);
    run->parties = bench_alloc(2 * sides * sizeof *run->parties);
    for (uint32_t i = 0; i < 2 * sides; i++) {
        run->parties[i].run = run;
        run->parties[i].index = i;
        run->parties[i].next = i < sides ? NULL : bench_alloc(sides * sizeof(uint64_t));
    }
    bench_line_init(&run->line, batch, 2 * sides);
    if (run->chan == NULL || !bench_mpmc_spawn(run)) {
        return; /* tasks that did start still use the run */
    }
    bench_line_run(&run->line);
    bench_mpmc_verify(run);
    bench_chan_free(run->chan);
    for (uint32_t i = sides; i < 2 * sides; i++) {
        free(run->parties[i].next);
    }
    free(run->parties);
    free(run);
}

static uint64_t bench_mpmc_grain(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *bench_mpmc_refuse(const struct bench_cell *cell)
{
    const struct chan_caps *caps = &cell->chan->caps;
    if (caps->control) {
        return "controls serve spsc only";
    }
    if (!caps->multi_producer || !caps->multi_consumer) {
        return "the channel does not serve many producers and many consumers";
    }
    return bench_refuse_capacity(cell->chan, (size_t)cell->param);
}

static const struct bench_param bench_mpmc_param = {
    .name = "cap", .default_count = 4, .defaults = {0, 1, 64, 4096}, .min = 0, .max = 1 << 20};

static const struct bench_workload bench_mpmc = {
    .name = "mpmc",
    .question = "what does a message cost when many producers and many consumers share one channel?",
    .unit = "message",
    .uses_chan = true,
    .param = &bench_mpmc_param,
    .grain = bench_mpmc_grain,
    .refuse = bench_mpmc_refuse,
    .batch = bench_mpmc_batch,
};
