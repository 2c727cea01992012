/* rows: the channel rows in which a second worker must not hurt.
 *
 *   ping_pong         two tasks, two rendezvous channels; ns a round trip
 *   chan_sync         two tasks, one rendezvous channel; batches of 1000 claimed by a shared counter, in even ones the
 *                     task receives and then sends, in odd ones the other way round; ns a message
 *   prod_cons_C       P producers, P consumers (P: workers), one channel of capacity C = 0, 10, 100; batches of 1000
 *                     claimed by a shared counter; ns a message
 *   prod_cons_work_C  the same with 100 times (x *= 2, x /= 2) before each send and after each receive
 *
 * The shapes are those of BenchmarkChanSync and BenchmarkChanProdCons (runtime/chan_test.go of Go). Timed: from before
 * the first task is let go until the last has ended; making channels and tasks is inside, as there. Values: NAME_ns.
 * Checked: number and sum of the messages that arrived. */
#include "bench/scale/tools.h"

#include <stdio.h>

enum { CLAIM = 1000, WORK = 100 };

static const size_t capacities[] = {0, 10, 100};

static struct {
    unsigned workers;
    unsigned work;
    struct weft_chan *there, *back;
    struct weft_waitgroup left;
    _Atomic(int64_t) claims; /* left to be claimed */
    _Atomic(uint64_t) received, sum;
} rows;

/* Takes one batch of CLAIM messages; negative: there is none left. */
static int64_t rows_claim(void)
{
    return add_relaxed(&rows.claims, (int64_t)-1) - 1; /* a count, no data behind it */
}

/* What arrived, once a task: a count, ordered by the group. */
static void rows_leave(uint64_t received, uint64_t sum)
{
    add_relaxed(&rows.received, received);
    add_relaxed(&rows.sum, sum);
    weft_wg_done(&rows.left);
}

static void rows_check(const char *name, uint64_t received, uint64_t sum)
{
    uint64_t got = load_relaxed(&rows.received); /* both: all tasks have left */
    uint64_t got_sum = load_relaxed(&rows.sum);
    scale_check(got == received && got_sum == sum,
                "%s: %" PRIu64 " messages with the sum %" PRIu64 ", not %" PRIu64 " with %" PRIu64, name, got, got_sum,
                received, sum);
    store_relaxed(&rows.received, 0u);
    store_relaxed(&rows.sum, 0u);
}

/* --- ping_pong -------------------------------------------------------------------------------------- */

static void rows_pong(void *unused)
{
    (void)unused;
    uint64_t value;
    uint64_t received = 0;
    uint64_t sum = 0;
    while (weft_recv(rows.there, &value) == WEFT_OK) {
        received++;
        sum += value;
        weft_send(rows.back, &value);
    }
    rows_leave(received, sum);
}

static weft_ns rows_ping_pong(void *unused, uint64_t units)
{
    (void)unused;
    rows.there = scale_chan(0);
    rows.back = scale_chan(0);
    weft_wg_add(&rows.left, 1);
    weft_ns begin = scale_now();
    scale_go(rows_pong, NULL);
    for (uint64_t i = 0; i < units; i++) {
        uint64_t value;
        weft_send(rows.there, &i);
        weft_recv(rows.back, &value);
        scale_check(value == i, "ping_pong: %" PRIu64 " came back as %" PRIu64, i, value);
    }
    weft_ns took = scale_now() - begin;
    weft_close(rows.there);
    weft_wg_wait(&rows.left);
    rows_check("ping_pong", units, units * (units - 1) / 2);
    weft_chan_free(rows.there);
    weft_chan_free(rows.back);
    return took;
}

/* --- chan_sync -------------------------------------------------------------------------------------- */

static void rows_sync_task(void *unused)
{
    (void)unused;
    uint64_t received = 0;
    uint64_t sum = 0;
    for (int64_t claim = rows_claim(); claim >= 0; claim = rows_claim()) {
        for (uint64_t i = 1; i <= CLAIM; i++) {
            uint64_t value;
            if (claim % 2 == 0) {
                weft_recv(rows.there, &value);
                weft_send(rows.there, &i);
            } else {
                weft_send(rows.there, &i);
                weft_recv(rows.there, &value);
            }
            received++;
            sum += value;
        }
    }
    rows_leave(received, sum);
}

/* units: messages, in multiples of 2 CLAIM, so that each task gets as many batches of either kind as its partner. */
static weft_ns rows_chan_sync(void *unused, uint64_t units)
{
    (void)unused;
    rows.there = scale_chan(0);
    store_relaxed(&rows.claims, (int64_t)(units / CLAIM)); /* spawn orders it */
    weft_wg_add(&rows.left, 2);
    weft_ns begin = scale_now();
    scale_go(rows_sync_task, NULL);
    scale_go(rows_sync_task, NULL);
    weft_wg_wait(&rows.left);
    weft_ns took = scale_now() - begin;
    rows_check("chan_sync", units, units / CLAIM * CLAIM * (CLAIM + 1) / 2);
    weft_chan_free(rows.there);
    return took;
}

/* --- prod_cons -------------------------------------------------------------------------------------- */

static void rows_work(unsigned *seed)
{
    unsigned x = *seed;
    for (unsigned i = 0; i < rows.work; i++) {
        x *= 2;
        x /= 2;
        atomic_signal_fence(memory_order_relaxed);
        __asm__ volatile("" : "+r"(x)); /* or both would be folded into nothing */
    }
    *seed = x;
}

static void rows_producer(void *unused)
{
    (void)unused;
    unsigned seed = 1;
    while (rows_claim() >= 0) {
        for (uint64_t i = 1; i <= CLAIM; i++) {
            rows_work(&seed);
            weft_send(rows.there, &i);
        }
    }
    uint64_t farewell = 0; /* one for each consumer */
    weft_send(rows.there, &farewell);
    rows_leave(0, 0);
}

static void rows_consumer(void *unused)
{
    (void)unused;
    unsigned seed = 1;
    uint64_t received = 0;
    uint64_t sum = 0;
    for (;;) {
        uint64_t value;
        weft_recv(rows.there, &value);
        if (value == 0) {
            break;
        }
        rows_work(&seed);
        received++;
        sum += value;
    }
    rows_leave(received, sum);
}

static weft_ns rows_prod_cons(void *arg, uint64_t units)
{
    const size_t *capacity = arg;
    rows.there = scale_chan(*capacity);
    store_relaxed(&rows.claims, (int64_t)(units / CLAIM)); /* spawn orders it */
    weft_wg_add(&rows.left, 2 * (int64_t)rows.workers);
    weft_ns begin = scale_now();
    for (unsigned i = 0; i < rows.workers; i++) {
        scale_go(rows_producer, NULL);
        scale_go(rows_consumer, NULL);
    }
    weft_wg_wait(&rows.left);
    weft_ns took = scale_now() - begin;
    rows_check("prod_cons", units, units / CLAIM * CLAIM * (CLAIM + 1) / 2);
    weft_chan_free(rows.there);
    return took;
}

static void rows_main(void *arg)
{
    struct scale_sample *sample = arg;
    rows.workers = sample->workers;
    scale_value(sample, scale_per_unit(sample, 1, rows_ping_pong, NULL), "ping_pong_ns");
    scale_value(sample, scale_per_unit(sample, (uint64_t)2 * CLAIM, rows_chan_sync, NULL), "chan_sync_ns");
    for (unsigned work = 0; work <= WORK; work += WORK) {
        rows.work = work;
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            size_t capacity = capacities[i];
            double each = scale_per_unit(sample, CLAIM, rows_prod_cons, &capacity);
            scale_value(sample, each, "prod_cons_%s%zu_ns", work == 0 ? "" : "work_", capacity);
        }
    }
}

static void rows_measure(struct scale_sample *sample)
{
    scale_run(sample->workers, rows_main, sample);
}

const struct scale_figure scale_rows = {
    .name = "rows",
    .question = "channel rows in which a second worker must not hurt?",
    .size_of = "nothing: loops go by time",
    .size = 1,
    .size_min = 1,
    .size_max = 1,
    .measure = rows_measure,
};
