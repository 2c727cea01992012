/* select: what does it cost to receive from whichever of n channels is ready?
 *
 *              /--> [ channel 0, capacity 1 ] ---\
 *     sender -+---> [ channel 1, capacity 1 ] ----+--> receiver: select over all n
 *              \--> ...                      ----/
 *
 * Parameter: n, the number of channels, all of them active: the sender goes round robin, with plain sends. One
 * operation is one select that receives 8 bytes, and the send that it answers.
 * Capacity 1, so that the receiver finds anything between no channel and all of them ready: it searches, and it waits
 * on all n at once, which is what select is for. With deep buffers every channel would be ready, and this would be spsc
 * with a random number.
 * Timed: all sends and selects, and the wake-up of the two tasks at the start line.
 * Checked: the numbers that come out of each channel are those that were sent into it, in order; the channels are empty
 * in the end.
 * Not measured: selects that send, default, deadlines, several selects on the same channels. */
#include "core/select.h"

struct bench_select_run {
    struct bench_line line;
    struct weft_chan **chans;
    size_t n;
    uint64_t count;
    _Alignas(CACHE_LINE) uint64_t refused;  /* the sender's */
    _Alignas(CACHE_LINE) uint64_t received; /* the receiver's, from here on */
    uint64_t wrong;
    uint64_t *next; /* by channel: the number that must come out of it next */
    struct weft_case *cases;
    uint64_t value;
};

static force_inline void bench_select_send(const struct chan_ops *ops, struct bench_select_run *run)
{
    struct weft_chan **chans = run->chans;
    size_t n = run->n;
    size_t turn = 0;
    uint64_t refused = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        uint64_t value = i;
        refused += ops->send(chans[turn], &value) != WEFT_OK;
        turn = turn + 1 == n ? 0 : turn + 1;
    }
    run->refused = refused;
}

static force_inline void bench_select_recv(const struct chan_ops *ops, struct bench_select_run *run)
{
    struct weft_case *cases = run->cases;
    uint64_t *next = run->next;
    size_t n = run->n;
    uint64_t received = 0;
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = run->count; i < count; i++) {
        int chosen = select_until(ops, cases, n, WEFT_FOREVER);
        received += cases[chosen].status == WEFT_OK;
        wrong += run->value != next[chosen];
        next[chosen] += n;
    }
    run->received = received;
    run->wrong = wrong;
}

BENCH_LOOP(select_send)(struct bench_select_run *run)
{
    bench_select_send(BENCH_OPS, run);
}

BENCH_LOOP(select_recv)(struct bench_select_run *run)
{
    bench_select_recv(BENCH_OPS, run);
}

static void bench_select_sender(void *arg)
{
    struct bench_select_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(select_send)(run);
    bench_line_leave(&run->line);
}

static void bench_select_receiver(void *arg)
{
    struct bench_select_run *run = arg;
    bench_line_arrive(&run->line);
    BENCH_LOOP_NAME(select_recv)(run);
    bench_line_leave(&run->line);
}

static bool bench_select_channels(struct bench_select_run *run, struct bench_batch *batch)
{
    for (size_t i = 0; i < run->n; i++) {
        run->chans[i] = bench_chan_new(batch, BENCH_OPS, 1);
        if (run->chans[i] == NULL) {
            return false;
        }
        run->next[i] = i;
        run->cases[i] = (struct weft_case){.chan = run->chans[i], .op = WEFT_RECV, .value = &run->value};
    }
    return true;
}

static void bench_select_batch(struct bench_batch *batch)
{
    struct bench_select_run *run = bench_alloc(sizeof *run);
    run->n = (size_t)batch->cell->param;
    run->count = batch->units;
    run->chans = bench_alloc(run->n * sizeof *run->chans);
    run->next = bench_alloc(run->n * sizeof *run->next);
    run->cases = bench_alloc(run->n * sizeof *run->cases);
    bench_line_init(&run->line, batch, 2);
    if (!bench_select_channels(run, batch) || !bench_line_spawn(&run->line, bench_select_receiver, run) ||
        !bench_line_spawn(&run->line, bench_select_sender, run)) {
        return; /* a task that did start still uses the run */
    }
    bench_line_run(&run->line);
    bench_check(run->refused == 0, "%" PRIu64 " sends did not return OK", run->refused);
    bench_check(run->received == run->count, "%" PRIu64 " of %" PRIu64 " messages arrived", run->received, run->count);
    bench_check(run->wrong == 0, "%" PRIu64 " messages were lost, repeated or out of order", run->wrong);
    for (size_t i = 0; i < run->n; i++) {
        bench_chan_free(run->chans[i]);
    }
    free(run->cases);
    free(run->next);
    free(run->chans);
    free(run);
}

static uint64_t bench_select_grain(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *bench_select_refuse(const struct bench_cell *cell)
{
    const struct chan_caps *caps = &cell->chan->caps;
    if (caps->control) {
        return "controls serve spsc only";
    }
    return caps->select ? bench_refuse_capacity(cell->chan, 1) : "the channel may not stand in a select";
}

static const struct bench_param bench_select_param = {
    .name = "n", .default_count = 4, .defaults = {1, 2, 8, 64}, .min = 1, .max = 4096};

static const struct bench_workload bench_select = {
    .name = "select",
    .question = "what does it cost to receive from whichever of n channels is ready?",
    .unit = "select",
    .uses_chan = true,
    .param = &bench_select_param,
    .grain = bench_select_grain,
    .refuse = bench_select_refuse,
    .batch = bench_select_batch,
};
