/* popular: does a channel on which many wait, in selects that something else wakes, make that dear?
 *
 *   main --d_i--> task i: select over { popular, d_i }, again and again       popular: shared by all, never ready
 *
 * As Go's BenchmarkChanPopular (runtime/chan_test.go), there with 1000 tasks, here with size / 1000, / 100, / 10 and
 * size. Each select enters the queue of the shared channel and leaves it again from wherever it is in it. tasks_N_ns:
 * per send, wall time from the first send until all tasks have received all theirs, over N and over the rounds. Linear
 * in the number of tasks: a send costs the same.
 * Checked: each task receives each of its messages, in order, and none from the shared channel. */
#include "bench/scale/tools.h"

#include <stdlib.h>

enum { POPULAR_LEVELS = 4 };

static const weft_ns popular_settle_ns = 5000000;

struct popular_task {
    struct weft_chan *own;
};

static struct {
    struct weft_chan *shared;
    struct popular_task *tasks;
    uint64_t count;
    uint64_t rounds; /* of the batch */
    struct weft_waitgroup ready, left;
} popular;

static void popular_task(void *arg)
{
    struct popular_task *task = arg;
    uint64_t value = 0;
    struct weft_case cases[2] = {
        {.chan = popular.shared, .op = WEFT_RECV},
        {.chan = task->own, .op = WEFT_RECV, .value = &value},
    };
    weft_wg_done(&popular.ready);
    for (uint64_t i = 0; i < popular.rounds; i++) {
        int chosen = weft_select(cases, 2);
        scale_check(chosen == 1 && value == i, "popular: case %d, value %" PRIu64 " for %" PRIu64, chosen, value, i);
    }
    weft_wg_done(&popular.left);
}

static weft_ns popular_batch(void *unused, uint64_t units)
{
    (void)unused;
    popular.rounds = units / popular.count;
    weft_wg_add(&popular.ready, (int64_t)popular.count);
    weft_wg_add(&popular.left, (int64_t)popular.count);
    for (uint64_t i = 0; i < popular.count; i++) {
        scale_go(popular_task, &popular.tasks[i]);
    }
    weft_wg_wait(&popular.ready);
    weft_sleep(popular_settle_ns);
    weft_ns begin = scale_now();
    for (uint64_t round = 0; round < popular.rounds; round++) {
        for (uint64_t i = 0; i < popular.count; i++) {
            weft_send(popular.tasks[i].own, &round);
        }
    }
    weft_wg_wait(&popular.left);
    return scale_now() - begin;
}

static void popular_main(void *arg)
{
    struct scale_sample *sample = arg;
    popular.shared = scale_chan(0);
    popular.tasks = scale_alloc(sample->size, sizeof *popular.tasks);
    for (uint64_t i = 0; i < sample->size; i++) {
        popular.tasks[i].own = scale_chan(0);
    }
    uint64_t divisor = 1000;
    for (int level = 0; level < POPULAR_LEVELS; level++, divisor /= 10) {
        popular.count = sample->size / divisor;
        double each = scale_per_unit(sample, popular.count, popular_batch, NULL);
        scale_value(sample, each, "tasks_%" PRIu64 "_ns", popular.count);
    }
    for (uint64_t i = 0; i < sample->size; i++) {
        weft_chan_free(popular.tasks[i].own);
    }
    weft_chan_free(popular.shared);
    free(popular.tasks);
}

static void popular_measure(struct scale_sample *sample)
{
    scale_run(sample->workers, popular_main, sample);
}

const struct scale_figure scale_popular = {
    .name = "popular",
    .question = "a channel that many wait on in vain?",
    .size_of = "tasks at the most",
    .size = 10000,
    .size_min = 1000,
    .size_max = 1000000,
    .measure = popular_measure,
};
